package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/service/brain"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// ErrWishNotKept says that a wish was taken in and could not be written to the
// disk: it holds until the service ends. A notice says so as well.
var ErrWishNotKept = errors.New("the wish cannot be kept on the disk")

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
// the wish is on disk and taken in; what comes of it is told by events. A disk
// that refuses keeps nobody from being connected: it is done all the same, with
// ErrWishNotKept. An unknown target is the error of Options.Members.
func (e *Engine) Connect(ctx context.Context, target tunnel.Name) error {
	members, err := e.opt.Members(target)
	if err != nil {
		return err
	}
	return e.want(ctx, func(status.Wish) status.Wish { return status.Wish{On: true, Target: target} },
		failover.Connect{Target: target, Members: members})
}

// Disconnect wishes for no tunnel. The target is remembered. ErrWishNotKept, as
// for Connect.
func (e *Engine) Disconnect(ctx context.Context) error {
	return e.want(ctx, func(w status.Wish) status.Wish { return status.Wish{Target: w.Target} }, failover.Disconnect{})
}

// want saves a wish and then feeds it to the machine, in one order for all.
// Once it is being saved it is followed to the end, whatever becomes of ctx.
func (e *Engine) want(ctx context.Context, change func(status.Wish) status.Wish, in failover.Input) error {
	select {
	case e.wishing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.done:
		return ErrStopped
	}
	defer func() { <-e.wishing }()
	w := change(e.Status().Wish)
	saved := e.opt.SaveWish(w)
	err := e.within(context.WithoutCancel(ctx), func(now time.Time) {
		view := e.brain.View()
		// What is being started for another wish need not be waited for.
		if !w.On || w.Target != e.wish.Target && view.State == tunnel.Starting {
			e.opt.Hands.Interrupt()
		}
		paused := e.takeWord(now)
		if paused && !w.On {
			e.record(now, event.Event{Kind: event.WishChanged, From: string(e.wish.Target), To: string(status.Off)})
		}
		e.wish = w
		e.note(now, event.CodeTargetGone, nil)
		e.step(now, in)
		e.note(now, event.CodeWishNotKept, saved)
	})
	if err == nil && saved != nil {
		return fmt.Errorf("%w: %w", ErrWishNotKept, saved)
	}
	return err
}

// Reconnect rebuilds the active member now.
func (e *Engine) Reconnect(ctx context.Context) error { return e.feed(ctx, failover.Reconnect{}) }

// SwitchTo moves to a member of the target once it has answered.
func (e *Engine) SwitchTo(ctx context.Context, id tunnel.Name) error {
	return e.feed(ctx, failover.SwitchTo{ID: id})
}

func (e *Engine) feed(ctx context.Context, in failover.Input) error {
	return e.within(ctx, func(now time.Time) {
		e.endPause(now)
		e.step(now, in)
	})
}

// Record writes down events that happened outside the tunnel: a changed
// config, a refused caller.
func (e *Engine) Record(ctx context.Context, events ...event.Event) error {
	return e.within(ctx, func(now time.Time) { e.record(now, events...) })
}

// Acknowledge marks an open notice as seen, also in the history. False: there
// is none with this ID.
func (e *Engine) Acknowledge(ctx context.Context, id int64) (found bool, err error) {
	err = e.within(ctx, func(now time.Time) {
		if found = e.board.Ack(id); found {
			e.keepNotices(now)
			e.publish(now)
		}
	})
	return found, err
}

// Alive says whether the loop answers before ctx ends.
func (e *Engine) Alive(ctx context.Context) bool {
	return e.within(ctx, func(time.Time) {}) == nil
}

// Configure brings a changed policy, and the members of the current target as
// they are now configured. changed names the tunnel whose config was rewritten,
// or "" for none: an active one is rebuilt from it. A target that is gone stays
// wished for, and what is active goes on; when it comes back it is followed.
func (e *Engine) Configure(ctx context.Context, p failover.Policy, changed tunnel.Name) error {
	// The configuration may be slow to read: a file is being written.
	target := e.Status().Wish.Target
	members, missing := e.opt.Members(target)
	return e.within(ctx, func(now time.Time) {
		e.tellConfigured(now, p, changed)
		e.opt.Policy = p
		e.opt.Hands.Configure(p)
		e.brain.Configure(p)
		e.board.Hold(p.MinimumHold)
		if e.wish.Target != target {
			members, missing = nil, nil // a wish that came meanwhile has brought its own
		}
		if e.wish.On {
			e.note(now, event.CodeTargetGone, missing)
		}
		e.watchman.of = scopeKey{} // the members' configs may be others
		if e.wish.On && e.watchman.leave != guardset.Paused && !e.brain.View().On && missing == nil && members != nil {
			e.step(now, failover.Connect{Target: target, Members: members})
		}
		if missing != nil {
			members = nil
		}
		e.step(now, failover.Configured{Policy: p, Members: members})
		if changed != "" && e.brain.View().Active == changed {
			e.step(now, failover.Reconnect{})
		}
	})
}

// tellConfigured records what has changed: the settings, or the tunnels.
func (e *Engine) tellConfigured(now time.Time, p failover.Policy, changed tunnel.Name) {
	kind := event.ConfigChanged
	if p != e.opt.Policy {
		kind = event.SettingsChanged
	}
	e.record(now, event.Event{Kind: kind, Tunnel: changed})
}

// freshEnough is how old figures may be for Refresh to leave them: a little
// less than the time between two samples, so that whoever asks at that rhythm
// finds new ones each time.
const freshEnough = brain.SampleEvery * 9 / 10

// Refresh reads the figures of the active member now, for a caller who wants
// them fresh from a tunnel that is idle, or from one that has just come up. It
// is cheap and may be called often: those who watch for changes are not woken.
func (e *Engine) Refresh(ctx context.Context) error {
	return e.within(ctx, func(now time.Time) {
		if f := e.brain.Figures(now); now.Sub(f.At) < freshEnough && !f.Counters.LastHandshake.IsZero() {
			return
		}
		view := e.brain.View()
		if view.Active == "" || view.State != tunnel.Up {
			return
		}
		if r, err := e.opt.Hands.Look(); err == nil {
			e.take(r)
			e.brain.Refresh(now, r.Counters)
			e.redraw(now)
		}
	})
}
