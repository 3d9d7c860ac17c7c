package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/service/failover"
	"holdfast/service/guardset"
)

// shut is a tunnel action of the operator's own: it puts a set of the guard in
// force, in order with the others.
const shut failover.Verb = "shut"

// guardWithin bounds one change of the guard, retries included.
const guardWithin = 5 * time.Second

// EquipGuard gives the operator its guard. It must be called before Guard is.
func (o *Operator) EquipGuard(g Guard) { o.guard = g }

// Guard puts a set of the guard in force; see Hands.
func (o *Operator) Guard(s guardset.Set) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.enqueueLocked(&task{Action: failover.Action{Do: shut}, set: s})
}

// setGuard carries out a shut. It is not given up for what comes after it. What
// shuts is done by the guard first and then by the routes; what opens, too: until
// the routes are gone as well, traffic has nowhere to go.
func (o *Operator) setGuard(s guardset.Set) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), guardWithin)
	defer cancel()
	err := o.guard.Set(ctx, s)
	o.mu.Lock()
	o.set, o.unset = s, err
	o.mu.Unlock()
	if err != nil {
		o.log.Error("set the guard", "kind", string(s.Kind), "err", err)
	}
	o.tell(Guarded{Set: s, Err: errors.Join(err, o.arrange(ctx))})
}

// guarded makes sure that the set that was asked for last is in force: no tunnel
// starts before.
func (o *Operator) guarded(ctx context.Context) error {
	o.mu.Lock()
	s, unset := o.set, o.unset
	o.mu.Unlock()
	if unset == nil {
		return nil
	}
	err := o.guard.Set(ctx, s)
	o.mu.Lock()
	o.unset = err
	o.mu.Unlock()
	told := err
	if err == nil {
		told = o.arrange(ctx)
	}
	o.tell(Guarded{Set: s, Err: told})
	if err != nil {
		return fmt.Errorf("set the guard: %w", err)
	}
	return nil
}

// closed says that the routes are to keep in what the guard does: the second layer.
func closed(s guardset.Set) bool { return s.Shut() && s.Paused == 0 }

// arrange has the system's side follow the guard. Where it does not, what is to be
// kept in has one layer less, or what is to pass has nowhere to go.
func (o *Operator) arrange(ctx context.Context) error {
	o.mu.Lock()
	active, set, sealed := o.active, o.set, o.sealed
	o.mu.Unlock()
	cfg := o.runs(active)
	var err error
	switch {
	case active != "" && cfg != nil:
		err = o.network.Apply(ctx, o.spec(cfg))
	case closed(set) || sealed:
		err = o.vacate(ctx)
	}
	if err != nil {
		o.log.Error("keep in by routes what the guard keeps in", "err", err)
		return fmt.Errorf("have the routes follow the guard: %w", err)
	}
	return nil
}

// vacate undoes the system's side, but for what keeps in what the guard carries.
func (o *Operator) vacate(ctx context.Context) error {
	o.mu.Lock()
	set := o.set
	o.mu.Unlock()
	if !closed(set) {
		err := o.network.Clear(ctx)
		o.isSealed(err != nil)
		return err
	}
	o.isSealed(true)
	return o.network.Seal(ctx, set.Carry)
}

func (o *Operator) isSealed(sealed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sealed = sealed
}
