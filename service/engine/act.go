package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// act carries out one tunnel action within its bound and reports the outcome.
func (o *Operator) act(t *task) {
	ctx, cancel := context.WithTimeout(t.ctx, actWithin)
	defer t.giveUp()
	defer cancel()
	if t.Do == narrow {
		o.setSize(ctx, t.ID, t.size)
		return
	}
	if t.Do == shut {
		o.setGuard(t.set)
		return
	}
	began := time.Now()
	in := o.carryOut(ctx, t)
	o.log.Debug("carried out", "do", string(t.Do), "tunnel", string(t.ID), "took", time.Since(began))
	o.report(in)
}

// carryOut does one tunnel action and returns what came of it. A member whose
// start or restart failed leaves nothing behind.
func (o *Operator) carryOut(ctx context.Context, t *task) failover.Input {
	var err error
	switch t.Do {
	case failover.Start:
		err = o.start(ctx, t.ID)
	case failover.Restart:
		err = o.restart(ctx, t.ID, t.Rung)
	case failover.Switch:
		err = o.switchTo(ctx, t.Action)
		if err != nil {
			o.drop(t.ID) // a standby that nobody asked for
		}
		return failover.Switched{From: t.From, To: t.ID, Err: t.why(ctx, err)}
	default:
		return failover.Changed{ID: t.ID, State: tunnel.Down, Err: o.closeAll()}
	}
	if err != nil {
		return failover.Changed{ID: t.ID, State: tunnel.Down, Err: errors.Join(t.why(ctx, err), o.closeAll())}
	}
	return failover.Changed{ID: t.ID, State: tunnel.Up}
}

// Why an action ended early, in words for a person.
var (
	errGivenUp = errors.New("given up, because something else was asked for")
	errTooLong = errors.New("it took longer than " + actWithin.String())
)

// why words the error of an action that was ended early.
func (t *task) why(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case t.ctx.Err() != nil && errors.Is(err, context.Canceled):
		return errGivenUp
	case ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded):
		return errTooLong
	}
	return err
}

// start makes id the active member where there is none.
func (o *Operator) start(ctx context.Context, id tunnel.Name) error {
	cfg, err := o.config(id)
	if err != nil {
		return err
	}
	o.network.Remember(cfg.Interface.DNS...)
	defer o.sites.lock(cfg.Site())()
	o.house.RLock()
	defer o.house.RUnlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("start %s: %w", id, err)
	}
	return o.bringUp(ctx, id, cfg)
}

// bringUp starts a device for id and makes it active. The caller holds the
// site's lock and the house.
func (o *Operator) bringUp(ctx context.Context, id tunnel.Name, cfg *tunnel.Config) error {
	if err := o.guarded(ctx); err != nil {
		return err
	}
	if err := o.stand(ctx, id, cfg); err != nil {
		return err
	}
	if err := o.network.Apply(ctx, o.spec(cfg)); err != nil {
		return fmt.Errorf("set up network: %w", err)
	}
	if err := o.devices.Promote(id); err != nil {
		return fmt.Errorf("promote %s: %w", id, err)
	}
	o.became(id)
	o.measure(id)
	return nil
}

// became notes that id is the active member.
func (o *Operator) became(id tunnel.Name) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.active != "" && o.active != id {
		o.standLocked(o.active).leftAt = time.Now()
	}
	o.active = id
}

// measure asks the device that was just started for a round trip, beside
// everything else: its time and the first handshake are then known, also where
// nothing is sent. The answer to the device's own first initiation will do.
func (o *Operator) measure(id tunnel.Name) {
	o.mu.Lock()
	session := o.session
	o.mu.Unlock()
	o.wg.Go(func() {
		ctx, cancel := context.WithTimeout(session, answerWithin)
		defer cancel()
		rtt, err := o.devices.Probe(ctx, id)
		if err != nil {
			return // whether it works the counters tell
		}
		o.mu.Lock()
		o.standLocked(id).rtt = rtt
		o.mu.Unlock()
		signal(o.measured)
	})
}

// switchTo makes to the active member in place of from. The system's side is
// changed first, so that nothing ever leaves with the wrong address. On any
// error from is the active member as before.
func (o *Operator) switchTo(ctx context.Context, a failover.Action) error {
	from, to := a.From, a.ID
	cfg, err := o.config(to)
	if err != nil {
		return err
	}
	was := o.runs(from)
	if was == nil || o.currently() != from {
		return fmt.Errorf("switch from %s: %w", from, errNoActive)
	}
	defer o.sites.lock(cfg.Site())()
	o.house.RLock()
	defer o.house.RUnlock()
	change := func() error { return o.promote(ctx, to, cfg) }
	if was.Site() == cfg.Site() {
		if a.IfSilent {
			if err := o.compare(ctx, from, to, cfg); err != nil {
				return err
			}
		}
		change = func() error { return o.move(ctx, from, to, cfg) }
	} else if err := o.stand(ctx, to, cfg); err != nil {
		return err
	}
	if err = o.network.Apply(ctx, o.spec(cfg)); err != nil {
		err = fmt.Errorf("set up network: %w", err)
	} else {
		err = change()
	}
	if err == nil {
		return nil
	}
	back, cancel := o.afterwards()
	defer cancel()
	if undo := o.network.Apply(back, o.spec(was)); undo != nil {
		err = errors.Join(err, fmt.Errorf("put network back: %w", undo))
	}
	return err
}

// promote makes a standby the active member.
func (o *Operator) promote(ctx context.Context, to tunnel.Name, cfg *tunnel.Config) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("promote %s: %w", to, err)
	}
	if err := o.devices.Promote(to); err != nil {
		return fmt.Errorf("promote %s: %w", to, err)
	}
	o.became(to)
	return nil
}

// compare asks at the endpoints of both members of a site, and fails unless only
// that of to answers.
func (o *Operator) compare(ctx context.Context, from, to tunnel.Name, cfg *tunnel.Config) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if err := o.devices.Compare(ctx, from, cfg); err != nil {
		return fmt.Errorf("move to %s: %w", to, err)
	}
	return nil
}

// move takes the live device to the endpoint of another member of its site.
func (o *Operator) move(ctx context.Context, from, to tunnel.Name, cfg *tunnel.Config) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	rtt, err := o.devices.Move(ctx, from, to, cfg)
	if err != nil {
		return fmt.Errorf("move to %s: %w", to, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.standLocked(from).running = nil
	s := o.standLocked(to)
	s.running, s.rtt, o.active = cfg, rtt, to
	return nil
}

// restart rebuilds the active member as far as the rung says. Whatever made it
// necessary may have changed the system's side as well, so that is set anew.
func (o *Operator) restart(ctx context.Context, id tunnel.Name, rung failover.Rung) error {
	was := o.runs(id)
	if was == nil || o.currently() != id {
		return o.start(ctx, id)
	}
	cfg, err := o.config(id)
	if err != nil {
		o.log.Warn("the config is gone, the device goes on with what it has", "tunnel", string(id), "err", err)
		cfg = was
	}
	o.network.Remember(cfg.Interface.DNS...)
	o.mu.Lock()
	o.standLocked(id).sized, o.standLocked(id).passes = false, 0 // another network may let more pass, or less
	o.mu.Unlock()
	switch rung {
	case failover.Rebind:
		o.reapply(ctx, was)
		return o.orRenew(ctx, id, cfg, o.devices.Rebind(id))
	case failover.Rotate:
		o.reapply(ctx, was)
		return o.orRenew(ctx, id, cfg, o.devices.Rotate(ctx, id))
	case failover.Renew:
		return o.renew(ctx, id, cfg)
	default:
		if err := o.closeAll(); err != nil {
			o.log.Warn("close before reopening", "err", err)
		}
		return o.start(ctx, id)
	}
}

// reapply sets the system's side anew where others have changed it. What it
// cannot do now a later rung does from the ground.
func (o *Operator) reapply(ctx context.Context, cfg *tunnel.Config) {
	if err := o.network.Apply(ctx, o.spec(cfg)); err != nil {
		o.log.Warn("set up network anew", "err", err)
	}
}

// orRenew goes a rung higher where a lower one failed: the interface stays, and
// with it all that leads traffic into it.
func (o *Operator) orRenew(ctx context.Context, id tunnel.Name, cfg *tunnel.Config, failed error) error {
	if failed == nil || ctx.Err() != nil {
		return failed
	}
	o.log.Warn("the device cannot go on and is replaced", "tunnel", string(id), "err", failed)
	return o.renew(ctx, id, cfg)
}

// renew replaces the active device by a new one on the same interface.
func (o *Operator) renew(ctx context.Context, id tunnel.Name, cfg *tunnel.Config) error {
	defer o.sites.lock(cfg.Site())()
	o.house.RLock()
	defer o.house.RUnlock()
	if err := o.halt(id); err != nil {
		return err
	}
	return o.bringUp(ctx, id, cfg)
}

// clearWithin bounds the undoing of what was set up, which goes on when
// everything else has been given up.
const clearWithin = 4 * time.Second

// afterwards is a context for undoing: it outlives the operator's.
func (o *Operator) afterwards() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(o.ctx), clearWithin)
}

// closeAll undoes everything: probes, the system's side, devices, interface.
// It is called from the goroutine in work only, which must not hold the house.
func (o *Operator) closeAll() error {
	o.mu.Lock()
	o.endSession() // whoever is in the house leaves it
	o.active = ""
	o.mu.Unlock()
	o.house.Lock()
	defer o.house.Unlock()
	ctx, cancel := o.afterwards()
	defer cancel()
	var err error
	if e := o.vacate(ctx); e != nil {
		err = fmt.Errorf("clear network: %w", e)
	}
	if e := o.devices.Close(); e != nil {
		err = errors.Join(err, fmt.Errorf("close interface: %w", e))
	}
	o.forgetFaults()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.iface = ""
	o.session, o.endSession = context.WithCancel(o.ctx)
	for id, s := range o.stands {
		if s.asks == 0 {
			delete(o.stands, id)
			continue
		}
		*s = stand{wanted: s.wanted, asks: s.asks}
	}
	return err
}

// forgetFaults drops the faults of an interface that is closed now.
func (o *Operator) forgetFaults() {
	for {
		select {
		case <-o.devices.Faults():
		default:
			return
		}
	}
}

// fault tidies up after an interface that broke by itself.
func (o *Operator) fault(f Fault) {
	o.mu.Lock()
	id, open := o.active, o.iface != ""
	o.mu.Unlock()
	if !open || f.Stale != nil && f.Stale() {
		return // it was closed meanwhile, by us
	}
	o.log.Warn("the interface broke", "tunnel", string(id), "err", f.Err)
	err := errors.Join(f.Err, o.closeAll())
	if id != "" {
		o.report(failover.Changed{ID: id, State: tunnel.Down, Err: err})
	}
}

// spec says what the system is to be set to for a config.
func (o *Operator) spec(cfg *tunnel.Config) NetSpec {
	o.mu.Lock()
	defer o.mu.Unlock()
	return NetSpec{Interface: o.iface, MTU: o.mtuLocked(cfg), Addresses: cfg.Interface.Addresses, Routes: cfg.Routes(),
		DNS: cfg.Interface.DNS, Search: cfg.Interface.Search, FailClosed: closed(o.set), Carry: o.set.Carry}
}

// mtuLocked is the MTU for a config: what is wanted, or what is known to pass
// where that is less. mu is held.
func (o *Operator) mtuLocked(cfg *tunnel.Config) int {
	want := o.wantedMTULocked(cfg)
	for _, s := range o.stands {
		if s.running == cfg && s.passes != 0 {
			return min(want, s.passes)
		}
	}
	return want
}

// wantedMTULocked is the MTU that the config asks for, else the policy. mu is held.
func (o *Operator) wantedMTULocked(cfg *tunnel.Config) int {
	if mtu := cfg.MTU(); mtu != 0 {
		return mtu
	}
	return o.policy.MTU
}
