package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// stand is what the operator knows of one member. A device that is neither
// active, nor wanted, nor being asked has no reason to be.
type stand struct {
	running *tunnel.Config // the config that its device runs with; nil: it has none
	wanted  bool           // a probe was asked for, and no release since
	asks    int            // how many wait for its answer
	leftAt  time.Time      // when it was last the active one; zero: never
	rtt     time.Duration  // of its last answer; 0: not measured
	sized   bool           // it is known which packets pass
	passes  int            // the largest packet that is known to pass, in bytes; 0: what is wanted
}

// standLocked finds what is known of a member. mu is held.
func (o *Operator) standLocked(id tunnel.Name) *stand {
	s := o.stands[id]
	if s == nil {
		s = &stand{}
		o.stands[id] = s
	}
	return s
}

// runs is the config that a member's device runs with. Nil: it has no device.
func (o *Operator) runs(id tunnel.Name) *tunnel.Config {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.stands[id]; s != nil {
		return s.running
	}
	return nil
}

// probe asks a member that is not active for a handshake, and, where it is
// wanted, to prove that it carries data; it reports once what came of it.
func (o *Operator) probe(session context.Context, id tunnel.Name, data bool) {
	ctx, cancel := context.WithTimeout(session, answerWithin)
	defer cancel()
	in := failover.Probed{ID: id}
	in.RTT, in.Err = o.askAnd(ctx, id, func() {
		if data {
			in.Data = o.prove(session, id)
		}
	})
	in.Answered, in.Endpoint = in.Err == nil, o.whereabouts(id)
	o.report(in)
}

// proveWithin is how long a responder may take to answer through a standby.
const proveWithin = 1500 * time.Millisecond

// prove asks, through a standby that has a session, what has answered behind
// the active member's server, and behind its own before.
func (o *Operator) prove(session context.Context, id tunnel.Name) failover.Proof {
	ctx, cancel := context.WithTimeout(session, proveWithin)
	defer cancel()
	_, _, err := o.devices.Reach(ctx, id, o.devices.Responders(o.currently()))
	switch {
	case err == nil:
		return failover.Carries
	case errors.Is(err, ErrUntestable):
		return failover.Untestable
	default:
		return failover.Mute
	}
}

// ask starts a standby device where there is none, and probes it. One that
// nobody wants ends with the last answer.
func (o *Operator) ask(ctx context.Context, id tunnel.Name) (time.Duration, error) {
	return o.askAnd(ctx, id, func() {})
}

// askAnd asks, and calls also while the device of a member that answered is
// sure to be there.
func (o *Operator) askAnd(ctx context.Context, id tunnel.Name, also func()) (time.Duration, error) {
	o.mu.Lock()
	o.standLocked(id).asks++
	o.mu.Unlock()
	rtt, err := o.askStanding(ctx, id)
	if err == nil {
		also()
	}
	o.mu.Lock()
	s := o.standLocked(id)
	s.asks--
	if err == nil {
		s.rtt = rtt
	}
	o.mu.Unlock()
	o.drop(id)
	return rtt, err
}

func (o *Operator) askStanding(ctx context.Context, id tunnel.Name) (time.Duration, error) {
	cfg, err := o.config(id)
	if err != nil {
		return 0, err
	}
	if err := o.standby(ctx, id, cfg); err != nil {
		return 0, err
	}
	return o.devices.Probe(ctx, id)
}

// standby makes sure that a member has a device, as a standby unless it is the
// active one.
func (o *Operator) standby(ctx context.Context, id tunnel.Name, cfg *tunnel.Config) error {
	defer o.sites.lock(cfg.Site())()
	o.house.RLock()
	defer o.house.RUnlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("start %s: %w", id, err) // everything was closed meanwhile
	}
	if id == o.currently() {
		return nil
	}
	return o.stand(ctx, id, cfg)
}

// stand makes sure that id has a device with this config, and opens the
// interface for it. The caller holds the site's lock and the house.
func (o *Operator) stand(ctx context.Context, id tunnel.Name, cfg *tunnel.Config) error {
	for _, other := range o.inTheWay(id, cfg) {
		if err := o.halt(other); err != nil {
			return err
		}
	}
	if err := o.open(cfg); err != nil {
		return err
	}
	o.mu.Lock()
	keepalive := o.policy.KeepaliveOverride
	o.mu.Unlock()
	if err := o.devices.Start(ctx, id, cfg, keepalive); err != nil {
		return fmt.Errorf("start %s: %w", id, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.standLocked(id).running = cfg
	return nil
}

// inTheWay lists the devices that must end before id's can start: its own with
// another config, and those at its site that have no reason to be any more.
func (o *Operator) inTheWay(id tunnel.Name, cfg *tunnel.Config) []tunnel.Name {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []tunnel.Name
	for other, s := range o.stands {
		switch {
		case s.running == nil:
		case other == id && !reflect.DeepEqual(s.running, cfg),
			other != id && s.running.Site() == cfg.Site() && o.idleLocked(other):
			list = append(list, other)
		}
	}
	return list
}

// idleLocked says that a device has no reason to be. mu is held.
func (o *Operator) idleLocked(id tunnel.Name) bool {
	s := o.standLocked(id)
	return s.running != nil && !s.wanted && s.asks == 0 && id != o.active
}

// open opens the interface unless it is open. The caller holds the house.
func (o *Operator) open(cfg *tunnel.Config) error {
	o.opening.Lock()
	defer o.opening.Unlock()
	o.mu.Lock()
	open, mtu := o.iface != "", o.mtuLocked(cfg)
	o.mu.Unlock()
	if open {
		return nil
	}
	name, err := o.devices.Open(mtu)
	if err != nil {
		return fmt.Errorf("open interface: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.iface = name
	return nil
}

// halt ends a member's device, if it has one. The caller holds the site's lock
// and the house.
func (o *Operator) halt(id tunnel.Name) error {
	o.mu.Lock()
	s := o.standLocked(id)
	none := s.running == nil
	s.running = nil
	o.mu.Unlock()
	if none {
		return nil
	}
	if err := o.devices.Stop(id); err != nil {
		return fmt.Errorf("stop %s: %w", id, err)
	}
	return nil
}

// release ends a standby device, after the packets that may still come to one
// that was active a moment ago.
func (o *Operator) release(session context.Context, id tunnel.Name) {
	o.mu.Lock()
	wait := lingerFor - time.Since(o.standLocked(id).leftAt)
	o.mu.Unlock()
	if wait > 0 {
		linger := time.NewTimer(wait)
		defer linger.Stop()
		select {
		case <-linger.C:
		case <-session.Done():
			return
		}
	}
	o.drop(id)
}

// drop ends the device of a member that has no reason to be, and closes the
// interface when the last device behind it is gone.
func (o *Operator) drop(id tunnel.Name) {
	o.dropDevice(id)
	// Whoever else is in the house drops what they leave behind in their turn.
	if !o.house.TryLock() {
		return
	}
	defer o.house.Unlock()
	o.mu.Lock()
	vacant := o.iface != "" && o.active == ""
	for _, s := range o.stands {
		vacant = vacant && s.running == nil
	}
	o.mu.Unlock()
	if !vacant {
		return
	}
	if err := o.devices.Close(); err != nil {
		o.log.Warn("close the empty interface", "err", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.iface = ""
}

func (o *Operator) dropDevice(id tunnel.Name) {
	cfg := o.runs(id)
	if cfg == nil {
		return
	}
	defer o.sites.lock(cfg.Site())()
	o.house.RLock()
	defer o.house.RUnlock()
	o.mu.Lock()
	idle := o.idleLocked(id)
	o.mu.Unlock()
	if !idle {
		return
	}
	if err := o.halt(id); err != nil {
		o.log.Warn("stop standby", "tunnel", string(id), "err", err)
	}
}

// keyed is a lock for each site, made when first asked for. The zero value is
// ready.
type keyed struct {
	mu    sync.Mutex
	locks map[tunnel.Site]*sync.Mutex
}

// lock takes the site's lock and returns what gives it back.
func (k *keyed) lock(site tunnel.Site) (unlock func()) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[tunnel.Site]*sync.Mutex{}
	}
	l := k.locks[site]
	if l == nil {
		l = &sync.Mutex{}
		k.locks[site] = l
	}
	k.mu.Unlock()
	l.Lock()
	return l.Unlock
}
