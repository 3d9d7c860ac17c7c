package engine

import (
	"context"
	"fmt"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// within runs do on the loop's goroutine and waits for it.
func (e *Engine) within(ctx context.Context, do func(now time.Time)) error {
	r := request{do, make(chan struct{})}
	select {
	case e.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.done:
		return ErrStopped
	}
	<-r.done
	return nil
}

// Connect wishes for a target: a group's name or a tunnel's. It returns when
// the wish is on disk and taken in; what comes of it is told by events.
// An unknown target is the error of Options.Members.
func (e *Engine) Connect(ctx context.Context, target tunnel.Name) error {
	members, err := e.opt.Members(target)
	if err != nil {
		return err
	}
	return e.want(ctx, status.Wish{On: true, Target: target}, failover.Connect{Target: target, Members: members})
}

// Disconnect wishes for no tunnel. The target is remembered.
func (e *Engine) Disconnect(ctx context.Context) error {
	err := e.want(ctx, status.Wish{On: false, Target: e.Status().Wish.Target}, failover.Disconnect{})
	return err
}

// want saves a wish and then feeds it to the machine, in one order for all.
func (e *Engine) want(ctx context.Context, w status.Wish, in failover.Input) error {
	e.wishing.Lock()
	defer e.wishing.Unlock()
	if err := e.opt.SaveWish(w); err != nil {
		return fmt.Errorf("save wish: %w", err)
	}
	if !w.On {
		e.opt.Hands.Interrupt()
	}
	return e.within(ctx, func(now time.Time) {
		e.wish = w
		e.step(now, in)
	})
}

// Reconnect rebuilds the active member now.
func (e *Engine) Reconnect(ctx context.Context) error { return e.feed(ctx, failover.Reconnect{}) }

// SwitchTo moves to a member of the target once it has answered.
func (e *Engine) SwitchTo(ctx context.Context, id tunnel.Name) error {
	return e.feed(ctx, failover.SwitchTo{ID: id})
}

func (e *Engine) feed(ctx context.Context, in failover.Input) error {
	return e.within(ctx, func(now time.Time) { e.step(now, in) })
}

// Record writes down events that happened outside the tunnel: a changed
// config, a refused caller.
func (e *Engine) Record(ctx context.Context, events ...event.Event) error {
	return e.within(ctx, func(now time.Time) { e.record(now, events...) })
}

// Acknowledge marks an open notice as seen. False: there is none with this ID.
func (e *Engine) Acknowledge(ctx context.Context, id int64) (found bool, err error) {
	err = e.within(ctx, func(now time.Time) {
		if found = e.board.Ack(id); found {
			e.publish(now)
		}
	})
	return found, err
}

// Configure brings a changed policy, and the members of the current target as
// they are now configured. changed names the tunnel whose config was rewritten,
// or "" for none: an active one is rebuilt from it.
func (e *Engine) Configure(ctx context.Context, p failover.Policy, changed tunnel.Name) error {
	return e.within(ctx, func(now time.Time) {
		kind := event.ConfigChanged
		if p != e.opt.Policy {
			kind = event.SettingsChanged
		}
		e.record(now, event.Event{Kind: kind, Tunnel: changed})
		e.opt.Policy = p
		e.opt.Hands.Configure(p)
		e.monitor.Limit(p.Limits())
		e.board.Hold(p.MinimumHold)
		var members []failover.Member
		if e.wish.Target != "" {
			var err error
			if members, err = e.opt.Members(e.wish.Target); err != nil {
				e.opt.Log.Warn("the target is gone", "tunnel", string(e.wish.Target), "err", err)
			}
		}
		e.step(now, failover.Configured{Policy: p, Members: members})
		if changed != "" && e.machine.View().Active == changed {
			e.step(now, failover.Reconnect{})
		}
		if changed != "" && e.isMember(changed) && e.machine.View().Active != changed {
			e.opt.Hands.Do(failover.Action{Do: failover.Release, ID: changed})
		}
	})
}

// Refresh reads the figures of the active member now, for a caller who wants
// them fresh from a tunnel that is idle. It is cheap and may be called often.
func (e *Engine) Refresh(ctx context.Context) error {
	return e.within(ctx, func(now time.Time) {
		if now.Sub(e.meter.at) < sampleEvery {
			return
		}
		view := e.machine.View()
		if view.Active == "" || view.State != tunnel.Up {
			return
		}
		if r, err := e.opt.Hands.Look(); err == nil {
			e.meter.take(now, r)
			e.publish(now)
		}
	})
}
