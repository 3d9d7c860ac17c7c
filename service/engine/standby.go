package engine

import (
	"context"
	"sync"
	"time"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// probe asks a member that is not active for a handshake and reports whether
// it answered. A member that is being asked already is not asked twice: the
// answer that comes serves both.
func (o *Operator) probe(id tunnel.Name) {
	ctx, cancel := context.WithTimeout(o.ctx, answerWithin)
	defer cancel()
	o.mu.Lock()
	if _, asked := o.probing[id]; asked {
		o.mu.Unlock()
		return
	}
	o.probing[id] = cancel
	o.mu.Unlock()

	rtt, err := o.ask(ctx, id)
	o.mu.Lock()
	delete(o.probing, id)
	if err == nil {
		o.rtts[id] = rtt
	}
	o.mu.Unlock()
	o.report(failover.Probed{ID: id, Answered: err == nil, RTT: rtt, Err: err})
}

// ask starts a standby device where there is none, and probes it.
func (o *Operator) ask(ctx context.Context, id tunnel.Name) (time.Duration, error) {
	cfg, err := o.config(id)
	if err != nil {
		return 0, err
	}
	unlock := o.devicesOf.lock(id)
	err = o.stand(ctx, id, cfg)
	unlock()
	if err != nil {
		return 0, err
	}
	return o.devices.Probe(ctx, id)
}

// release ends a standby device, after the packets that may still come to one
// that was active a moment ago.
func (o *Operator) release(id tunnel.Name) {
	o.mu.Lock()
	wait := lingerFor - time.Since(o.leftAt[id])
	o.mu.Unlock()
	if wait > 0 {
		linger := time.NewTimer(wait)
		defer linger.Stop()
		select {
		case <-linger.C:
		case <-o.ctx.Done():
			return
		}
	}
	o.drop(id)
}

// drop ends the device of a member unless it is, or has become, the active
// one's or is being asked.
func (o *Operator) drop(id tunnel.Name) {
	defer o.devicesOf.lock(id)()
	o.mu.Lock()
	_, asked := o.probing[id]
	keep := id == o.active || asked || !o.running[id]
	if !keep {
		delete(o.running, id)
	}
	o.mu.Unlock()
	if keep {
		return
	}
	if err := o.devices.Stop(id); err != nil {
		o.log.Warn("stop standby", "tunnel", string(id), "err", err)
	}
}

// keyed is a lock for each member, made when first asked for. The zero value
// is ready.
type keyed struct {
	mu    sync.Mutex
	locks map[tunnel.Name]*sync.Mutex
}

// lock takes the member's lock and returns what gives it back.
func (k *keyed) lock(id tunnel.Name) (unlock func()) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[tunnel.Name]*sync.Mutex{}
	}
	l := k.locks[id]
	if l == nil {
		l = &sync.Mutex{}
		k.locks[id] = l
	}
	k.mu.Unlock()
	l.Lock()
	return l.Unlock
}
