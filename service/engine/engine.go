// Package engine is the one place where decisions meet the machine. Engine
// feeds what happens to the pure packages and hands what they decide to the
// Operator, which acts; what came of it returns as the next input.
//
// One goroutine, the one in Run, owns all state: the machine, the monitor, the
// board. Everyone else sends it inputs or reads an immutable snapshot. Nothing
// in the loop waits for the system, the network or the disk, and nothing in it
// decides anything about health or order.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/service/brain"
	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// ErrStopped says that the engine has ended, or is about to.
var ErrStopped = errors.New("the service is stopping")

// Hands carry out what was decided. Operator is the real one.
type Hands interface {
	// Do takes an action and returns at once. Its outcome arrives on Reports.
	Do(failover.Action)
	// Interrupt gives up the tunnel action under way, and those that wait; they
	// report their failure.
	Interrupt()
	// Reports brings outcomes, and faults nobody asked for.
	Reports() <-chan failover.Input
	// Watch makes Activity signal once when the active device next sends.
	Watch()
	// Activity signals that the active device sent something after Watch.
	Activity() <-chan struct{}
	// Measured signals that Look has a round trip to tell that it had not before.
	Measured() <-chan struct{}
	// Look reads the counters of the active device.
	Look() (Reading, error)
	// Ask asks the active device, as the health rules want it. The answers are
	// told by its counters; a size that does not pass, by News.
	Ask(health.Ask)
	// LookAround looks at everything around the active member, or the one that
	// could not be started, and brings exactly one Examined.
	LookAround(Facts)
	// Acquaintance knocks at the server of the active member, which works, so that
	// its silence says something later.
	Acquaintance()
	// Seek looks the active member's endpoint up anew and moves to where its
	// server answers. It brings Sought where that is elsewhere.
	Seek()
	// News brings what came of Ask, LookAround and Seek.
	News() <-chan News
	// Configure brings the policy that new devices follow.
	Configure(failover.Policy)
	// Guard puts a set of the guard in force, in order with the tunnel actions: no
	// later one begins before. It brings exactly one Guarded.
	Guard(guardset.Set)
	// Settle frees memory that a load has left behind.
	Settle()
}

// Reading is one look at the active device.
type Reading struct {
	Counters tunnel.Counters
	Endpoint string        // the address in use; "": none
	RTT      time.Duration // of its last answered probe; 0: not measured
}

// News is what a look around brought, Examined, Sought or Sized; or Guarded.
type News interface{ news() }

type (
	// Examined is what was seen around the tunnel.
	Examined struct{ Evidence diagnose.Evidence }
	// Sought says that the member's server answers at another address than before.
	Sought struct {
		ID       tunnel.Name
		From, To string
	}
	// Sized says which size of packets passes, of an interface that had Was.
	Sized struct {
		ID          tunnel.Name
		Was, Passes int
	}
)

func (Examined) news() {}
func (Sought) news()   {}
func (Sized) news()    {}

// Journal keeps the history. No method ever blocks.
type Journal interface {
	Append([]event.Event)
	AddSample(Sample)
	// SaveNotice keeps the newest word on a notice.
	SaveNotice(event.Notice)
	// Health says why what it is given is not kept. Nil: it is.
	Health() error
}

// Sample is what the active tunnel carried since the sample before.
type Sample struct {
	At               time.Time
	Tunnel           tunnel.Name
	RxBytes, TxBytes uint64
	RTT              time.Duration // 0: not measured
	Verdict          health.Verdict
	Overall          status.Overall
}

// Options is what an engine is made of. All fields are needed but Underlay,
// Stale and what is said to be.
type Options struct {
	Policy  failover.Policy
	Hands   Hands
	Journal Journal
	// SaveWish puts the wish on disk before it is acted on.
	SaveWish func(status.Wish) error
	// Members resolves a target; its error is the caller's to word.
	Members func(target tunnel.Name) ([]failover.Member, error)
	// Underlay brings failover.Underlay, NetworkChanged and Woke. Nil: the
	// network is taken to be usable. Closed: to be as was told last.
	Underlay <-chan failover.Input
	// Guarded says that there is a guard. It then needs Scope: what the members of
	// a target carry, together with a tunnel that is active beside them ("": none).
	Guarded bool
	Scope   func(target, active tunnel.Name) guardset.Scope
	// WishUnknown says that there was a wish, and that it cannot be read.
	WishUnknown bool
	// FirstEventID is the ID of the first event to be written.
	FirstEventID int64
	// Stale are the notices that an earlier run left open. They are cleared
	// first: what is still true will be told anew.
	Stale []event.Notice
	Log   *slog.Logger
}

// Engine drives one machine. Make it with New, then Run it once.
type Engine struct {
	opt      Options
	requests chan request
	done     chan struct{} // closed when the end begins
	snapshot atomic.Pointer[status.Status]
	audience audience

	// wishing is held while a wish is saved and taken in: what is on disk is
	// what was asked for last. saving counts those who do so on their own.
	wishing chan struct{}
	saving  sync.WaitGroup

	// The rest belongs to the goroutine in Run.
	watchman  watchman
	brain     *brain.Brain
	answers   answers
	board     *event.Board
	shown     map[int64]event.Notice // the open notices as they were saved
	endpoint  string                 // of the active device, as it was read last
	rtt       time.Duration          // its round trip; 0: not measured
	wish      status.Wish
	nextID    int64
	last      *status.LastSwitch
	noted     map[event.Code]bool
	lookedFor time.Time          // when the doubt began that was last examined
	seen      *diagnose.Evidence // what the last examination saw; nil: there was none
	seenAt    time.Time
	boardAt   time.Time    // when the board wants to be asked; zero: never
	downFor   tunnel.Cause // why nothing starts, as it was told; "": it was not
	renewedAt time.Time    // when a dead session was replaced, as it was told
}

// request is work for the goroutine in Run.
type request struct {
	do   func(now time.Time)
	done chan struct{}
}

// New makes an engine. wish is what was last saved; Run begins by following it.
func New(opt Options, wish status.Wish) *Engine {
	e := &Engine{
		opt:      opt,
		requests: make(chan request),
		done:     make(chan struct{}),
		wishing:  make(chan struct{}, 1),
		brain:    brain.New(opt.Policy),
		answers:  answers{},
		board:    event.NewBoard(opt.Policy.MinimumHold),
		shown:    map[int64]event.Notice{},
		noted:    map[event.Code]bool{},
		wish:     wish,
		nextID:   opt.FirstEventID,
	}
	e.watchman.unknown = opt.WishUnknown
	e.opt.Hands.Configure(opt.Policy)
	e.publish(time.Now())
	return e
}

// Run serves until ctx ends, then closes the tunnel and returns, within
// shutdownWithin. It keeps the wish: a service that is stopped comes back as
// it was. Its error is nil.
func (e *Engine) Run(ctx context.Context) error {
	e.begin(time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		e.arm(timer)
		select {
		case <-ctx.Done():
			e.shutdown()
			return nil
		case r := <-e.requests:
			r.do(time.Now())
			close(r.done)
		case in := <-e.opt.Hands.Reports():
			e.step(time.Now(), in)
		case n := <-e.opt.Hands.News():
			e.hear(time.Now(), n)
		case in, open := <-e.opt.Underlay:
			if !open {
				e.opt.Underlay = nil
				continue
			}
			e.step(time.Now(), in)
		case <-e.opt.Hands.Activity():
			e.look(time.Now())
		case <-e.opt.Hands.Measured():
			e.look(time.Now())
		case <-timer.C:
			e.due(time.Now())
		}
	}
}

// begin tidies up the board of an earlier run and follows the wish.
func (e *Engine) begin(now time.Time) {
	events := []event.Event{{Kind: event.ServiceStarted}}
	for _, n := range e.opt.Stale {
		events = append(events, event.Event{Kind: event.NoticeCleared, Tunnel: n.Tunnel, From: string(n.Code)})
		n.ClearedAt = now.UTC()
		e.opt.Journal.SaveNotice(n)
	}
	e.record(now, events...)
	e.guard(now)
	if e.wish.On {
		e.resume(now, e.opt.Members)
	}
}

// resume brings the wished target to the machine. A target that is gone stays
// wished for.
func (e *Engine) resume(now time.Time, resolve func(tunnel.Name) ([]failover.Member, error)) {
	members, err := resolve(e.wish.Target)
	e.note(now, event.CodeTargetGone, err)
	if err == nil {
		e.step(now, failover.Connect{Target: e.wish.Target, Members: members})
	}
}

// arm sets the one timer to the earliest of what is waited for. With nothing
// to wait for it stays stopped: an idle tunnel wakes nobody.
func (e *Engine) arm(timer *time.Timer) {
	timer.Stop()
	var at time.Time
	for _, t := range []time.Time{e.brain.LookAt(), e.brain.TickAt(), e.boardAt, e.watchman.pauseTo, e.watchman.retryAt} {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if !at.IsZero() {
		timer.Reset(time.Until(at))
	}
}

// due does what the timer was set for.
func (e *Engine) due(now time.Time) {
	if !e.boardAt.IsZero() && !now.Before(e.boardAt) {
		e.boardAt = time.Time{}
		e.record(now)
	}
	if at := e.watchman.pauseTo; !at.IsZero() && !now.Before(at) {
		e.endPause(now)
		e.publish(now)
	}
	if at := e.watchman.retryAt; !at.IsZero() && !now.Before(at) {
		e.retryGuard(now)
	}
	if at := e.brain.TickAt(); !at.IsZero() && !now.Before(at) {
		e.step(now, failover.Tick{})
	}
	if at := e.brain.LookAt(); !at.IsZero() && !now.Before(at) {
		e.look(now)
	}
}

// step hands one input to the brain and its answer to the hands.
func (e *Engine) step(now time.Time, in failover.Input) {
	p, probed := in.(failover.Probed)
	if probed {
		e.answers.take(now, p)
	}
	if woke, ok := in.(failover.Woke); ok {
		e.sleptInPause(now, woke.Slept)
	}
	out := e.brain.Step(now, in)
	e.settle(now)
	e.carryOut(now, out)
	if probed {
		e.reconsider(now)
	}
}

// hear hands the brain what a look around brought.
func (e *Engine) hear(now time.Time, n News) {
	switch n := n.(type) {
	case Examined:
		e.examined(now, n.Evidence)
	case Sought:
		if n.ID == e.brain.View().Active {
			e.endpoint = n.To
		}
		e.carryOut(now, e.brain.Sought(now, n.ID, n.From, n.To))
	case Sized:
		e.carryOut(now, e.brain.Sized(now, n.ID, n.Was, n.Passes))
	case Guarded:
		e.guarded(now, n)
	}
}

// carryOut does what was decided, and writes it down.
func (e *Engine) carryOut(now time.Time, out brain.Output) {
	if out.Ended {
		e.wish.On = false
	}
	e.guard(now)
	for _, a := range out.Actions {
		e.opt.Log.Debug("action", "do", string(a.Do), "tunnel", string(a.ID), "rung", int(a.Rung))
		e.opt.Hands.Do(a)
	}
	if out.Ask.Any() {
		e.opt.Hands.Ask(out.Ask)
	}
	e.record(now, out.Events...)
	if out.Ended {
		e.saving.Go(e.keepWish)
	}
	if out.Seek {
		e.opt.Hands.Seek()
	}
	if out.Acquaint {
		e.opt.Hands.Acquaintance()
	}
	if out.Examine {
		e.lookedFor = e.brain.DoubtedSince()
		e.opt.Hands.LookAround(e.facts())
	}
}

// keepWish saves the wish where it was not a person who changed it.
func (e *Engine) keepWish() {
	e.wishing <- struct{}{}
	defer func() { <-e.wishing }()
	err := e.opt.SaveWish(e.Status().Wish)
	if err != nil {
		e.opt.Log.Error("save wish", "err", err)
	}
	_ = e.within(context.Background(), func(now time.Time) { e.note(now, event.CodeWishNotKept, err) })
}
