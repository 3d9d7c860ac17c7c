// Package brain is the whole of what decides: it joins the monitor, which
// judges the active member by its counters, the machine, which chooses what to
// do, and what an examination found around the tunnel.
//
// It is told what happens by Step, Look, Examined, Sought and Sized, one at a
// time, and answers with what is to be done, asked and recorded. It does no
// I/O, starts no goroutine and never reads the clock; the same calls at the same
// moments give the same answers. The engine carries them out in the real world,
// the simulator in a modelled one.
package brain

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// Brain holds what is known and wanted. Make it with New. It is not safe for
// concurrent use.
type Brain struct {
	policy  failover.Policy
	machine *failover.Machine
	monitor *health.Monitor
	meter   meter

	judged health.Assessment // what the monitor concluded last
	told   failover.Judged   // what the machine was told last; zero: nothing of this device
	seen   tunnel.Counters   // what the monitor saw last
	rung   failover.Rung     // of the last restart
	lossy  bool              // it was told that the line loses packets
	narrow map[tunnel.Name]int

	lookAt time.Time // when to look at the counters; zero: not before activity
	tickAt time.Time // when the machine wants a Tick; zero: never

	link  failover.Underlay // the network below, as the system tells
	below tunnel.Cause      // what was found to stand behind it; "": nothing
	doubt doubt

	episode    episode
	acquainted bool        // the server was knocked at, in this network
	left       tunnel.Name // the member that the last failover left; "": the last move was none
}

// Output is what follows from one call: what to do, what to ask and what to
// write down, in this order.
type Output struct {
	Actions []failover.Action
	// Ask is what to ask of the active member's device.
	Ask health.Ask
	// Examine wants the surroundings of the tunnel looked at. Exactly one Examined
	// must follow.
	Examine bool
	// Seek wants the active member's endpoint looked up anew and its server asked
	// at every address. Sought follows, if it has moved.
	Seek bool
	// Acquaint wants the server of the active member knocked at, while it works.
	Acquaint bool
	Events   []event.Event
	// Ended says that the policy has ended the wish.
	Ended bool
}

// New makes a brain that wants no tunnel, on a network that can be used. p must
// be made from failover.DefaultPolicy.
func New(p failover.Policy) *Brain {
	return &Brain{
		policy:  p,
		machine: failover.New(p),
		monitor: health.New(p.Limits()),
		judged:  health.Assessment{Verdict: health.Unknown},
		narrow:  map[tunnel.Name]int{},
		link:    failover.Underlay{Usable: true},
	}
}

// View is what the machine shows of itself.
func (b *Brain) View() failover.View { return b.machine.View() }

// Judged is what the monitor concluded last.
func (b *Brain) Judged() health.Assessment { return b.judged }

// Link is the network below, as the system tells.
func (b *Brain) Link() failover.Underlay { return b.link }

// Before are the counters of when the active member last showed that it works.
func (b *Brain) Before() tunnel.Counters { return b.episode.from }

// DoubtedSince is when the present doubt began. Zero: there is none.
func (b *Brain) DoubtedSince() time.Time { return b.doubt.began }

// Sighted says that the endpoint's addresses have been sought in this doubt.
func (b *Brain) Sighted() bool { return b.doubt.open && b.doubt.sought }

// LookAt is when Look must be called. Zero: not before the active device sends.
func (b *Brain) LookAt() time.Time { return b.lookAt }

// TickAt is when Step must be called with a Tick. Zero: not at all.
func (b *Brain) TickAt() time.Time { return sooner(b.tickAt, b.doubt.at()) }

// Configure takes a changed policy. The machine must be told by Step as well.
func (b *Brain) Configure(p failover.Policy) {
	b.policy = p
	b.monitor.Limit(p.Limits())
}

// Step takes an input for the machine.
func (b *Brain) Step(now time.Time, in failover.Input) Output {
	o := Output{}
	switch in := in.(type) {
	case failover.Connect:
		if !b.machine.View().On {
			b.clear(&o, now) // nobody has looked since
		}
	case failover.Underlay:
		if in == b.link {
			b.wonder(&o, now)
			return o // no news, and what was found below says more
		}
		b.link, b.below = in, ""
		b.disturbed(now)
	case failover.NetworkChanged, failover.Woke:
		b.clear(&o, now) // it was another network's
		b.disturbed(now)
	case failover.Probed:
		if in.Answered {
			b.clear(&o, now)
			b.hurry(now)
		}
	}
	b.step(&o, now, in)
	switch in := in.(type) {
	case failover.Probed:
		if in.Data == failover.Carries {
			b.contrast(now)
		}
	case failover.Connect, failover.Configured:
		b.lookNow(now) // the limits may be others, and nobody looks while nothing is wished for
	}
	b.wonder(&o, now)
	return o
}

// step feeds the machine and collects its answer.
func (b *Brain) step(o *Output, now time.Time, in failover.Input) {
	was := b.machine.View()
	out := b.machine.Step(now, in)
	b.tickAt = out.Next
	is := b.machine.View()
	_, asked := in.(failover.Disconnect)
	o.Ended = o.Ended || was.On && !asked && !is.On
	b.follow(now, was, is, in)
	for _, a := range out.Actions {
		if a.Do == failover.Restart {
			b.rung = a.Rung
		}
	}
	o.Actions = append(o.Actions, out.Actions...)
	o.Events = append(o.Events, out.Events...)
	for _, e := range out.Events {
		switch e.Kind {
		case event.UnderlayChanged, event.FailedOver, event.FailedBack, event.WishChanged:
			// What was said of the line ended with it, without a word from here.
			b.lossy = false
			clear(b.narrow)
		default:
		}
		switch e.Kind {
		case event.FailedOver:
			b.left = tunnel.Name(e.From)
		case event.FailedBack, event.WishChanged:
			b.left = ""
		default:
		}
	}
}

// underlay is the network below as all that is known of it says.
func (b *Brain) underlay() failover.Underlay {
	if b.link.Usable && b.below != "" {
		return failover.Underlay{Cause: b.below}
	}
	return b.link
}

// follow makes the monitor forget its waits when what it watches is no longer
// what it was: another member, a rebuilt device, or none.
func (b *Brain) follow(now time.Time, was, is failover.View, in failover.Input) {
	changed, reports := in.(failover.Changed)
	switch {
	case is.State != tunnel.Up:
		if was.State == tunnel.Up {
			b.unwatch()
		}
		switch {
		case !reports || changed.State != tunnel.Down:
		case changed.Err != nil:
			b.doubt.begin(now) // unless one is open: what could not be started is tried again
		default:
			b.doubt.end()
		}
	case was.State != tunnel.Up || was.Active != is.Active:
		b.doubt.end()
		b.monitor = health.New(b.policy.Limits())
		b.watchAnew(now)
	case reports && changed.ID == is.Active && changed.State == tunnel.Up && changed.Err == nil:
		anew := b.rung >= failover.Renew
		if anew {
			b.doubt.end()
		}
		b.monitor.Rebuilt(now, anew)
		b.watchAnew(now)
	}
}

// hurry has the active member asked at once where it is unhealthy and another one
// answers: only what it leaves unanswered after that tells the two apart.
func (b *Brain) hurry(now time.Time) {
	if b.machine.View().Verdict == health.Unhealthy || b.judged.Verdict == health.Unhealthy {
		b.monitor.Hurry(now)
		b.lookNow(now)
	}
}

// lookNow has the active device looked at at once, if there is one.
func (b *Brain) lookNow(now time.Time) {
	if b.machine.View().State == tunnel.Up {
		b.lookAt = now
	}
}

// clear takes back what was found to stand below the tunnel.
func (b *Brain) clear(o *Output, now time.Time) {
	if b.below != "" {
		b.below = ""
		b.step(o, now, b.underlay())
	}
}

// disturbed forgets what was seen over another network, or before a sleep. The
// promised look is forgotten with it, and what it finds is told in any case: the
// machine takes back what it believed, and has not heard everything.
func (b *Brain) disturbed(now time.Time) {
	b.monitor.Reset(now)
	b.doubt.end()
	b.acquainted = false
	b.judged, b.told = health.Assessment{}, failover.Judged{}
	b.lookNow(now)
}

// watchAnew begins to watch the device that has just become the active one, or
// was rebuilt.
func (b *Brain) watchAnew(now time.Time) {
	b.judged, b.told = health.Assessment{Verdict: health.Unknown}, failover.Judged{Verdict: health.Unknown}
	b.meter.restart()
	b.episode, b.acquainted = episode{}, false
	b.lookAt = now
}

// unwatch ends the watch: no device is active.
func (b *Brain) unwatch() {
	b.lookAt = time.Time{}
	b.judged, b.told = health.Assessment{Verdict: health.Unknown}, failover.Judged{Verdict: health.Unknown}
	b.meter.restart()
	b.episode = episode{}
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
