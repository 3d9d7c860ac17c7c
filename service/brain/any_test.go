package brain

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// bounds of what is said.
const (
	longestEvidence = 1200
	asksAMinute     = 700 // at most every 100 ms
)

// fuzz drives a brain, and its twin, and checks after every call what must hold
// whatever comes.
type fuzz struct {
	*Brain
	t     *testing.T
	r     *rand.Rand
	twin  *Brain
	board *event.Board
	log   []string
	now   time.Time

	ids      int64
	waiting  failover.Action
	probes   []failover.Action
	under    time.Time // when the examination under way began; zero: none is
	about    tunnel.Name
	link     bool
	told     map[string]bool // notices that the brain opened and did not clear
	asked    []time.Time
	examined int
	sought   int
}

var fuzzNames = []tunnel.Name{"nl", "de", "fr"}

func newFuzz(t *testing.T, seed uint64) *fuzz {
	r := rand.New(rand.NewPCG(seed, 1))
	p := anyPolicy(r)
	return &fuzz{Brain: New(p), twin: New(p), board: event.NewBoard(p.MinimumHold), t: t, r: r, now: start, link: true,
		told: map[string]bool{}}
}

func anyPolicy(r *rand.Rand) failover.Policy {
	p := failover.DefaultPolicy()
	for _, s := range failover.Settings() {
		if len(s.Choices) > 1 && r.IntN(3) == 0 {
			if err := s.Set(&p, s.Choices[r.IntN(len(s.Choices))]); err != nil {
				panic(err)
			}
		}
	}
	return p
}

func (f *fuzz) fatalf(format string, args ...any) {
	f.t.Helper()
	for _, l := range f.log[max(0, len(f.log)-60):] {
		f.t.Log(l)
	}
	f.t.Fatalf(format, args...)
}

// call makes a call of both, and checks the answer.
func (f *fuzz) call(what string, do func(b *Brain) Output) Output {
	f.t.Helper()
	o, other := do(f.Brain), do(f.twin)
	if what != "look" && what != "tick" || len(o.Actions)+len(o.Events) > 0 || o.Ask.Any() || o.Examine || o.Seek {
		f.log = append(f.log, fmt.Sprintf("%8.3f %s, ask %+v, examine %v, seek %v", f.now.Sub(start).Seconds(), what, o.Ask, o.Examine, o.Seek))
	}
	if !reflect.DeepEqual(o, other) {
		f.fatalf("%+v and %+v from the same inputs", o, other)
	}
	if at := f.TickAt(); !at.IsZero() && !at.After(f.now) {
		f.fatalf("a tick is wanted at %s, which has passed at %s", at.Sub(start), f.now.Sub(start))
	}
	f.check(o)
	for _, a := range o.Actions {
		f.log = append(f.log, fmt.Sprintf("         → %s %s %s %s", a.Do, a.From, a.ID, a.Rung))
	}
	for _, e := range o.Events {
		f.log = append(f.log, fmt.Sprintf("         ! %s %s %s→%s %s %s", e.Kind, e.Tunnel, e.From, e.To, e.Cause, e.Evidence))
	}
	f.record(o.Events)
	return o
}

func (f *fuzz) check(o Output) {
	view := f.View()
	for _, a := range o.Actions {
		switch {
		case !view.On && a.Do != failover.Stop && a.Do != failover.Release:
			f.fatalf("%+v while nothing is wished for", a)
		case a.Do == failover.Probe:
			f.probes = append(f.probes, a)
		case a.Do == failover.Release:
		case f.waiting.Do != "":
			f.fatalf("%+v while %+v is under way", a, f.waiting)
		default:
			f.waiting = a
		}
	}
	if o.Ask.Any() {
		if !f.link || view.State != tunnel.Up {
			f.fatalf("asks %+v, link %v, state %s", o.Ask, f.link, view.State)
		}
		f.asked = append(f.asked, f.now)
		f.asked = slices.DeleteFunc(f.asked, func(t time.Time) bool { return f.now.Sub(t) > time.Minute })
		if len(f.asked) > asksAMinute {
			f.fatalf("%d questions in a minute", len(f.asked))
		}
	}
	if o.Examine {
		if !f.under.IsZero() && f.now.Sub(f.under) < examineLost {
			f.fatalf("another examination, one is under way since %s", f.under.Sub(start))
		}
		if !f.link || !view.On {
			f.fatalf("examines, link %v, on %v", f.link, view.On)
		}
		f.under, f.about = f.now, view.Active
		f.examined++
	}
	if o.Seek {
		f.sought++
		if !f.link || view.State != tunnel.Up {
			f.fatalf("seeks, link %v, state %s", f.link, view.State)
		}
	}
}

// record numbers events and gives them to a board, as the engine does.
func (f *fuzz) record(events []event.Event) {
	for i := range events {
		e := &events[i]
		f.ids++
		e.ID = f.ids
		if e.Kind == "" || !e.At.Equal(f.now) || len(e.Evidence) > longestEvidence || e.Sentence() == "" {
			f.fatalf("the event %+v", *e)
		}
		if e.Kind == event.VerdictChanged && !slices.Contains([]health.Verdict{health.Unknown, health.Idle, health.Healthy, health.Suspect, health.Unhealthy}, health.Verdict(e.To)) {
			f.fatalf("the verdict %+v", *e)
		}
		if e.DowntimeMs < 0 || e.DowntimeMs > f.now.Sub(start).Milliseconds() {
			f.fatalf("the downtime of %+v", *e)
		}
	}
	notices := f.board.Take(f.now, events)
	for i := range notices {
		f.ids++
		notices[i].ID = f.ids
	}
	if at := f.board.Next(); !at.IsZero() && !at.After(f.now) {
		f.board.Take(f.now, nil)
		if at := f.board.Next(); !at.IsZero() && !at.After(f.now) {
			f.fatalf("the board wants to be asked at %s, which has passed at %s", at.Sub(start), f.now.Sub(start))
		}
	}
	if view := f.View(); view.Active != "" && view.State == tunnel.Up {
		for _, n := range f.board.Open() {
			if n.Tunnel != "" && n.Tunnel != view.Active && n.Code != event.Code(event.WishChanged) {
				f.fatalf("a notice about %s while %s is active: %+v", n.Tunnel, view.Active, n)
			}
		}
	}
}

// pass lets time pass, and what is due be done. counters are those of the
// active device at a moment.
func (f *fuzz) pass(long time.Duration, counters func() tunnel.Counters) {
	f.t.Helper()
	spins := 0
	for end := f.now.Add(long); f.now.Before(end); {
		next := end
		for _, at := range []time.Time{f.LookAt(), f.TickAt(), f.board.Next()} {
			if !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		if next.After(f.now) {
			f.now, spins = next, 0
		} else if spins++; spins > 20 {
			f.fatalf("it spins: look at %s, tick at %s, board at %s, now %s", f.LookAt().Sub(start), f.TickAt().Sub(start),
				f.board.Next().Sub(start), f.now.Sub(start))
		}
		if at := f.board.Next(); !at.IsZero() && !at.After(f.now) {
			f.record(nil)
		}
		if at := f.TickAt(); !at.IsZero() && !at.After(f.now) {
			f.call("tick", func(b *Brain) Output { return b.Step(f.now, failover.Tick{}) })
		}
		if at := f.LookAt(); !at.IsZero() && !at.After(f.now) {
			c := counters()
			f.call("look", func(b *Brain) Output { return b.Look(f.now, c) })
			if at := f.LookAt(); !at.IsZero() && !at.After(f.now) {
				f.fatalf("a look is wanted at %s, right after one at %s", at.Sub(start), f.now.Sub(start))
			}
		}
	}
}

func (f *fuzz) step(in failover.Input) {
	f.t.Helper()
	what := fmt.Sprintf("%T %+v", in, in)
	if c, ok := in.(failover.Configured); ok {
		what = fmt.Sprintf("configured %s %s %v", c.Policy.Profile, c.Policy.OnUnhealthy, c.Members)
	}
	f.call(what, func(b *Brain) Output { return b.Step(f.now, in) })
}

// found ends the examination under way.
func (f *fuzz) found(x diagnose.Finding) {
	f.under = time.Time{}
	if about := f.about; about != "" && f.View().Active != "" && about != f.View().Active {
		f.call(fmt.Sprintf("examined %s, which was left: %+v", about, x), func(b *Brain) Output { return b.ExaminedLeft(f.now, about, x) })
		return
	}
	f.call(fmt.Sprintf("examined %+v", x), func(b *Brain) Output { return b.Examined(f.now, x) })
}

func (f *fuzz) anyFinding() diagnose.Finding {
	return []diagnose.Finding{
		{}, {Cause: tunnel.KeyOrServer, Evidence: "Silence."}, {Cause: tunnel.PSKMismatch, Certain: true, Evidence: "It does not fit."},
		{Cause: tunnel.SignIn, Underlay: true}, {Cause: tunnel.NoInternet, Underlay: true}, {Cause: tunnel.NoNetwork, Underlay: true},
		{Cause: tunnel.ServerDown},
	}[f.r.IntN(7)]
}

// report ends the tunnel action under way.
func (f *fuzz) report(err error) {
	a := f.waiting
	f.waiting = failover.Action{}
	switch {
	case a.Do == "":
	case a.Do == failover.Switch:
		f.step(failover.Switched{From: a.From, To: a.ID, Err: err})
	case a.Do == failover.Stop || err != nil:
		f.step(failover.Changed{ID: a.ID, State: tunnel.Down, Err: err})
	default:
		f.step(failover.Changed{ID: a.ID, State: tunnel.Up})
	}
}

func (f *fuzz) members() []failover.Member {
	list := make([]failover.Member, f.r.IntN(len(fuzzNames)+1))
	for i := range list {
		list[i] = failover.Member{Name: fuzzNames[i], Site: tunnel.Site{byte(f.r.IntN(3))}}
	}
	return list
}

// anything is an input that need not fit.
func (f *fuzz) anything() failover.Input {
	r := f.r
	id := fuzzNames[r.IntN(len(fuzzNames))]
	var err error
	if r.IntN(3) == 0 {
		err = errors.New("no")
	}
	state := []tunnel.State{tunnel.Down, tunnel.Starting, tunnel.Up, tunnel.Stopping}[r.IntN(4)]
	below := []tunnel.Cause{"", tunnel.NoNetwork, tunnel.SignIn, tunnel.NoInternet}[r.IntN(4)]
	data := []failover.Proof{"", failover.Carries, failover.Mute, failover.Untestable}[r.IntN(4)]
	switch r.IntN(13) {
	case 0, 1:
		return failover.Connect{Target: []tunnel.Name{"home", "nl"}[r.IntN(2)], Members: f.members()}
	case 2:
		return failover.Disconnect{}
	case 3:
		return failover.Reconnect{}
	case 4:
		return failover.SwitchTo{ID: id}
	case 5:
		return failover.Configured{Policy: f.policy, Members: f.members()}
	case 6:
		return failover.Changed{ID: id, State: state, Err: err}
	case 7:
		return failover.Switched{From: id, To: fuzzNames[0], Err: err}
	case 8, 9:
		return failover.Probed{ID: id, Answered: err == nil, Data: data}
	case 10:
		f.link = r.IntN(2) == 0
		if f.link {
			below = ""
		}
		return failover.Underlay{Usable: f.link, Cause: below}
	case 11:
		return failover.NetworkChanged{}
	default:
		return failover.Woke{Slept: time.Duration(r.IntN(400)) * time.Second}
	}
}

// fits says that an input does not answer what is under way in its place.
func (f *fuzz) fits(in failover.Input) bool {
	switch in := in.(type) {
	case failover.Changed:
		return in.ID != f.waiting.ID || f.waiting.Do == failover.Switch
	case failover.Switched:
		return f.waiting.Do != failover.Switch || in.To != f.waiting.ID
	default:
		return true
	}
}

// scramble moves counters, mostly forwards, in ways that need not make sense.
func (f *fuzz) scramble(c *tunnel.Counters) {
	r := f.r
	up := func(n *uint64) {
		if r.IntN(3) == 0 {
			*n += uint64(r.IntN(2000))
		}
	}
	for _, n := range []*uint64{&c.RxBytes, &c.TxBytes, &c.DataSent, &c.DataReceived, &c.Initiations, &c.Path.Cookies, &c.Path.BadResponses,
		&c.Path.PeerInitiations, &c.Path.Refused, &c.Path.LargeLost, &c.Path.Asked.Sent, &c.Path.Asked.Answered, &c.Path.Near.Sent,
		&c.Path.Near.Answered, &c.Path.Beyond.Sent, &c.Path.Beyond.Answered} {
		up(n)
	}
	at := func(t *time.Time) {
		switch r.IntN(6) {
		case 0:
			*t = time.Time{}
		case 1:
			*t = laterOf(start, f.now.Add(-time.Duration(r.IntN(40000))*time.Millisecond))
		case 2:
			*t = f.now
		}
	}
	for _, t := range []*time.Time{&c.LastHandshake, &c.UnansweredSince, &c.InitiatingSince, &c.LastReceived, &c.Path.RoundTripAt,
		&c.Path.WaitingSince, &c.Path.Asked.AnsweredAt, &c.Path.Near.AnsweredAt, &c.Path.Beyond.AnsweredAt} {
		at(t)
	}
	if r.IntN(10) == 0 {
		*c = tunnel.Counters{}
	}
	c.Path.Askable, c.Path.Near.Known, c.Path.Beyond.Known, c.Path.WaitingFlows = r.IntN(4) > 0, r.IntN(2), r.IntN(3), r.IntN(12)
	c.Path.RTT, c.Path.RTTVar = time.Duration(r.IntN(900))*time.Millisecond, time.Duration(r.IntN(300))*time.Millisecond
	c.Path.Loss, c.Path.LossOf = r.Float64(), r.IntN(64)
}

// calm lets all be well for so long: whoever is asked answers, and data flows
// both ways where busy.
func (f *fuzz) calm(long time.Duration, c *tunnel.Counters, busy bool) {
	f.t.Helper()
	for end := f.now.Add(long); f.now.Before(end); {
		f.report(nil)
		if !f.under.IsZero() {
			f.found(diagnose.Finding{})
		}
		probes := f.probes
		f.probes = nil
		for _, a := range probes {
			f.step(failover.Probed{ID: a.ID, Answered: true, RTT: 10 * time.Millisecond, Data: failover.Carries})
		}
		f.pass(time.Second, func() tunnel.Counters {
			if busy {
				c.DataSent, c.DataReceived = c.DataSent+1, c.DataReceived+1
				c.RxBytes, c.TxBytes = c.RxBytes+100, c.TxBytes+100
				c.LastReceived, c.Path.RoundTripAt = f.now, f.now
			}
			return *c
		})
	}
}

// settles has all be well, and says that a brain comes to rest, whatever it has
// been through.
func (f *fuzz) settles() {
	f.t.Helper()
	f.link = true
	f.step(failover.Underlay{Usable: true})
	var members []failover.Member
	for i, id := range fuzzNames {
		members = append(members, failover.Member{Name: id, Site: tunnel.Site{byte(i + 1)}})
	}
	f.report(nil)
	f.step(failover.Connect{Target: "all", Members: members})
	c := tunnel.Counters{RxBytes: 92, TxBytes: 148, Initiations: 1, LastHandshake: f.now}
	c.Path.Askable, c.Path.RTT = true, 10*time.Millisecond
	f.calm(50*time.Minute, &c, true)
	if v := f.View(); v.Verdict != health.Healthy || !v.Usable || v.State != tunnel.Up || f.doubt.open || len(f.board.Open()) > 0 {
		f.fatalf("all is well, and: %+v, doubt %+v, open %+v", v, f.doubt, f.board.Open())
	}
	f.calm(time.Minute, &c, false)
	did := f.examined + f.sought
	f.asked = nil
	f.calm(3*time.Minute, &c, false)
	idle := f.View().Verdict == health.Idle && f.LookAt().IsZero() && f.examined+f.sought == did && len(f.asked) == 0
	if beats := f.policy.Limits().Heartbeat > 0; !idle && !beats {
		f.fatalf("nothing is sent, and: %s, look at %v, %d examinations and seeks, %d asks", f.View().Verdict, f.LookAt(), f.examined+f.sought-did, len(f.asked))
	}
}

// Whatever comes, in whatever order: a brain never panics, never wants to be
// called in the past, looks around once at a time, asks nothing without a link,
// does nothing while nothing is wished for, tells what a board can show, and
// says the same again when it is told the same. When all is well it comes to rest.
func TestAnything(t *testing.T) {
	for seed := range uint64(40) {
		f := newFuzz(t, seed)
		f.log = append(f.log, fmt.Sprint("seed ", seed))
		var c tunnel.Counters
		for range 120 {
			f.pass(time.Duration(f.r.IntN(8000))*time.Millisecond, func() tunnel.Counters { f.scramble(&c); return c })
			switch f.r.IntN(8) {
			case 0, 1, 2:
				var err error
				if f.r.IntN(4) == 0 {
					err = errors.New("no")
				}
				f.report(err)
			case 3:
				if !f.under.IsZero() {
					f.found(f.anyFinding())
				}
			case 4:
				x := f.anyFinding()
				f.call("reconsidered", func(b *Brain) Output { return b.Reconsidered(f.now, x) })
			case 5:
				id := fuzzNames[f.r.IntN(len(fuzzNames))]
				was, passes := 1420, []int{1280, 1400, 1420}[f.r.IntN(3)]
				f.call(fmt.Sprint("sized ", id, passes), func(b *Brain) Output { return b.Sized(f.now, id, was, passes) })
				f.call("sought", func(b *Brain) Output { return b.Sought(f.now, id, "192.0.2.1:1", "192.0.2.2:1") })
			case 6:
				p := anyPolicy(f.r)
				f.Configure(p)
				f.twin.Configure(p)
				f.step(failover.Configured{Policy: p})
			default:
				if in := f.anything(); f.fits(in) {
					f.step(in)
				}
			}
		}
		f.settles()
	}
}
