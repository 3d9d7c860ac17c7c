package engine

import (
	"context"
	"errors"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// Guarded says what came of putting a set of the guard in force.
type Guarded struct {
	Set guardset.Set
	Err error // why it is not in force, or not known to be; nil: it was read back
}

func (Guarded) news() {}

// watchman is what the engine knows of the guard. The zero value has none yet.
type watchman struct {
	unknown bool // there was a wish, and it cannot be read
	leave   guardset.Leave
	pauseTo time.Time // when a pause ends; zero: there is none

	wanted  guardset.Set // as it was handed over last; zero: none was, or it is to be again
	inForce guardset.Set // as it was read back last
	failed  error        // why wanted is not in force; nil: it is, or will be
	// broken is why what another program changed is not put back, and blind why
	// nobody would notice. nil: it is, and somebody does.
	broken, blind error

	failures int       // of sets, one after the other
	retryAt  time.Time // when a set that failed is handed over again; zero: none did

	scope guardset.Scope
	of    scopeKey // what scope was worked out for
}

// trouble is why the rules may not be as they are wanted. nil: they are.
func (w *watchman) trouble() error { return errors.Join(w.failed, w.broken, w.blind) }

// tellTrouble opens the notice that fits what is wrong with the guard, or none. What
// cannot be opened keeps in too much, and protects nobody less.
func (e *Engine) tellTrouble(now time.Time) {
	failed, stuck := e.watchman.trouble(), error(nil)
	if e.watchman.wanted.Kind == guardset.Open {
		failed, stuck = nil, failed
	}
	e.note(now, event.CodeGuardFailed, failed)
	e.note(now, event.CodeGuardStuck, stuck)
}

// anew has a set that failed handed over again at once: a person waits for it.
func (w *watchman) anew() {
	if w.failed != nil {
		w.wanted = guardset.Set{}
	}
}

// How long after a failure a set is handed over again, doubled with each one.
const (
	guardRetry    = time.Second
	guardRetryMax = time.Minute
)

type scopeKey struct{ target, active tunnel.Name }

// guard hands over the set that now is wanted, where it is another one. It comes
// before the actions of the same moment: what shuts is done before a tunnel starts,
// and what opens is only wanted when none is left.
func (e *Engine) guard(now time.Time) {
	if !e.opt.Guarded {
		return
	}
	e.handOver(guardset.For(e.situation(now)))
}

// leaveGuard is guard for a service that ends, and closes its tunnel in any case:
// what nobody wishes for any more must not keep traffic in when nobody is left who
// could be asked.
func (e *Engine) leaveGuard(now time.Time) {
	if !e.opt.Guarded {
		return
	}
	e.watchman.anew()
	s := e.situation(now)
	s.State = tunnel.Down
	e.handOver(guardset.For(s))
}

// handOver hands a set over, where it is another one.
func (e *Engine) handOver(set guardset.Set) {
	w := &e.watchman
	same := set
	if w.wanted.Paused > 0 && set.Paused > 0 {
		same.Paused = w.wanted.Paused // it runs already
	}
	if same.Equal(w.wanted) {
		return
	}
	w.wanted, w.retryAt = set, time.Time{}
	e.opt.Hands.Guard(set)
}

// situation is what the guard's set follows from.
func (e *Engine) situation(now time.Time) guardset.Situation {
	view, w := e.brain.View(), &e.watchman
	s := guardset.Situation{
		Mode: e.opt.Policy.Guard, LAN: e.opt.Policy.AllowLAN, Wish: guardset.WishOf(e.wish.On, w.unknown), State: view.State, Leave: w.leave,
	}
	if w.leave == guardset.Paused {
		s.PauseFor = int(w.pauseTo.Sub(now).Round(time.Second).Seconds())
	}
	if key := (scopeKey{e.wish.Target, view.Active}); w.of != key && (e.wish.On || view.Active != "") {
		w.scope, w.of = e.opt.Scope(key.target, key.active), key
	}
	s.Scope = w.scope
	return s
}

// guarded takes what came of a set.
func (e *Engine) guarded(now time.Time, n Guarded) {
	w := &e.watchman
	was := w.inForce
	w.failed = n.Err
	switch {
	case n.Err == nil:
		w.inForce, w.failures, w.retryAt, w.broken = n.Set, 0, time.Time{}, nil
		if from, to := setWord(was), setWord(n.Set); from != to {
			e.record(now, event.Event{Kind: event.GuardChanged, From: from, To: to, Evidence: w.why()})
		}
	case n.Set.Equal(w.wanted):
		w.retryAt = now.Add(min(guardRetry<<min(w.failures, 10), guardRetryMax))
		w.failures++
	}
	e.tellTrouble(now)
	e.publish(now)
}

// retryGuard hands a set over again that could not be put in force: one that shuts
// leaves traffic unprotected until it is, and one that opens, a person locked in.
func (e *Engine) retryGuard(now time.Time) {
	e.watchman.retryAt, e.watchman.wanted = time.Time{}, guardset.Set{}
	e.guard(now)
}

// sleptInPause has the pause end when it was to, by the clock on the wall: the
// time that the computer slept counts, which no timer sees.
func (e *Engine) sleptInPause(now time.Time, slept time.Duration) {
	w := &e.watchman
	if w.leave != guardset.Paused {
		return
	}
	w.pauseTo = now.Add(w.pauseTo.Sub(now) - slept)
	w.wanted = guardset.Set{} // the kernel's timer has slept as well
	e.guard(now)
}

// setWord is the word for a set in events.
func setWord(s guardset.Set) string {
	switch {
	case s.Paused > 0:
		return string(guardset.Paused)
	case s.Kind == "":
		return string(guardset.Open)
	}
	return string(s.Kind)
}

// why says in an event whose word a set follows, where it is not the wish's.
func (w *watchman) why() string {
	switch w.leave {
	case guardset.Released:
		return "Released on request, until the wish changes."
	case guardset.Paused:
		return "Paused on request, until " + w.pauseTo.UTC().Format(time.RFC3339) + "."
	default:
		return ""
	}
}

// drawGuard shows the guard.
func (e *Engine) drawGuard(view failover.View) status.Guard {
	if !e.opt.Guarded {
		return status.Guard{Mode: failover.GuardOff}
	}
	w := &e.watchman
	g := status.Guard{
		Mode:     e.opt.Policy.Guard,
		Verified: w.trouble() == nil && w.wanted.Kind != "" && w.inForce.Equal(w.wanted) && e.opt.Policy.Guard != failover.GuardOff,
		Released: w.leave == guardset.Released,
	}
	carried := view.State == tunnel.Up && view.Verdict != health.Unhealthy
	g.Blocking = w.inForce.Shut() && w.inForce.Paused == 0 && !carried
	if w.leave == guardset.Paused {
		at := w.pauseTo.UTC()
		g.PausedUntil = &at
	}
	return g
}

// Release opens the guard until the wish changes, or Shut is called.
func (e *Engine) Release(ctx context.Context) error {
	return e.within(ctx, func(now time.Time) {
		e.endPause(now)
		e.watchman.leave = guardset.Released
		e.watchman.anew()
		e.guard(now)
		e.publish(now)
	})
}

// Pause closes the tunnel and lets everything pass for a while, after which all
// is as it was. The wish on the disk stays: a service that starts meanwhile shuts
// the guard.
func (e *Engine) Pause(ctx context.Context, d time.Duration) error {
	return e.within(ctx, func(now time.Time) {
		w := &e.watchman
		w.leave, w.pauseTo = guardset.Paused, now.Add(d)
		w.wanted.Paused = 0 // one that runs already begins anew
		if e.brain.View().On {
			e.opt.Hands.Interrupt()
			e.quietly(now, failover.Disconnect{})
		}
		e.guard(now)
		e.publish(now)
	})
}

// Shut ends a release or a pause.
func (e *Engine) Shut(ctx context.Context) error {
	return e.within(ctx, func(now time.Time) {
		e.endPause(now)
		e.watchman.leave = guardset.NoLeave
		e.watchman.anew()
		e.guard(now)
		e.publish(now)
	})
}

// takeWord notes that the person said something new: what was let out for now, and
// what was not known of the wish, is over. It says whether there was a pause.
func (e *Engine) takeWord(now time.Time) (paused bool) {
	w := &e.watchman
	paused = w.leave == guardset.Paused
	w.unknown, w.leave, w.pauseTo = false, guardset.NoLeave, time.Time{}
	w.anew()
	e.note(now, event.CodeGuardDisturbed, nil)
	return paused
}

// endPause returns to what was wished for, where there is a pause.
func (e *Engine) endPause(now time.Time) {
	w := &e.watchman
	if w.leave != guardset.Paused {
		return
	}
	w.leave, w.pauseTo = guardset.NoLeave, time.Time{}
	e.guard(now)
	if !e.wish.On {
		return
	}
	members, err := e.opt.Members(e.wish.Target)
	e.note(now, event.CodeTargetGone, err)
	if err == nil {
		e.quietly(now, failover.Connect{Target: e.wish.Target, Members: members})
	}
}

// quietly feeds the machine a wish that is not the person's: it is not told.
func (e *Engine) quietly(now time.Time, in failover.Input) {
	out := e.brain.Step(now, in)
	out.Events = withoutWishes(out.Events)
	e.settle(now)
	e.carryOut(now, out)
}

func withoutWishes(events []event.Event) (rest []event.Event) {
	for _, ev := range events {
		if ev.Kind != event.WishChanged {
			rest = append(rest, ev)
		}
	}
	return rest
}

// Note opens a notice about what is around the tunnel, or clears it where err is
// nil; its words are the evidence.
func (e *Engine) Note(ctx context.Context, code event.Code, err error) error {
	return e.within(ctx, func(now time.Time) { e.note(now, code, err) })
}

// Disturbed tells that another program changed the guard's rules, and who. err
// says why they could not be put back; nil: they are whole.
func (e *Engine) Disturbed(ctx context.Context, what string, err error) error {
	return e.within(ctx, func(now time.Time) {
		w := &e.watchman
		w.broken = err
		word := setWord(w.inForce)
		e.record(now, event.Event{Kind: event.GuardChanged, From: word, To: word, Evidence: what})
		e.note(now, event.CodeGuardDisturbed, errText(what))
		e.tellTrouble(now)
	})
}

// Unwatched tells why nobody would notice another program's change of the guard's
// rules. nil: somebody does again.
func (e *Engine) Unwatched(ctx context.Context, err error) error {
	return e.within(ctx, func(now time.Time) {
		e.watchman.blind = err
		e.tellTrouble(now)
		e.publish(now)
	})
}

// errText is plain words where an error is asked for.
type errText string

func (t errText) Error() string { return string(t) }
