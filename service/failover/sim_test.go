package failover_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// years is how long the simulation lasts: short in every run, long in a soak
// (go test ./service/failover -run Simulation -v -years 500).
var years = flag.Float64("years", 0.5, "simulated years")

const year = 365 * 24 * time.Hour

// TestSimulation lets random faults happen for years and checks after every
// step what must always hold. Worlds are made from numbers, so that a failure
// names the one to look at.
func TestSimulation(t *testing.T) {
	const each = 30 * 24 * time.Hour
	var sum stats
	worlds := int(*years * float64(year) / float64(each))
	for seed := range worlds {
		w := newWorld(t, uint64(seed))
		w.run(w.now.Add(each))
		sum.add(w.stats)
	}
	t.Logf("%.1f years in %d worlds: %d steps and %d events checked; %d switches (%d failovers, %d failbacks), %d restarts, %d notices",
		float64(worlds)*float64(each)/float64(year), worlds, sum.steps, sum.events, sum.switches, sum.failovers, sum.failbacks,
		sum.restarts, sum.notices)
	t.Logf("at most %d switches in an hour; %d outages that a living member could end, the longest %s",
		sum.busiest, sum.outages, sum.longest.Round(time.Second))
	if sum.failovers == 0 || sum.failbacks == 0 || sum.restarts == 0 {
		t.Error("the worlds were too kind to test anything")
	}
}

func (s *stats) add(o stats) {
	s.steps += o.steps
	s.events += o.events
	s.switches += o.switches
	s.failovers += o.failovers
	s.failbacks += o.failbacks
	s.restarts += o.restarts
	s.outages += o.outages
	s.notices += o.notices
	s.longest = max(s.longest, o.longest)
	s.busiest = max(s.busiest, o.busiest)
}

// newWorld makes a world with its own policy, members and temper.
func newWorld(t failing, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 2))
	p := randomPolicy(r)
	w := &world{Rand: r, t: t, policy: p, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		machine: failover.New(p), twin: failover.New(p), monitor: health.New(p.Limits()),
		board: event.NewBoard(p.MinimumHold), usable: true, told: true, rekeys: r.IntN(2) == 0}
	w.calmAt, w.countAt = w.now, w.now
	for i := range 1 + r.IntN(4) {
		s := &server{alive: true, Member: failover.Member{Name: tunnel.Name(fmt.Sprintf("t%d", i))}}
		s.Site[0] = byte(1 + i)
		if i > 0 && r.IntN(4) == 0 {
			s.Site = w.servers[i-1].Site
		}
		if r.IntN(3) == 0 {
			s.loss = 0.2
		}
		w.servers = append(w.servers, s)
	}
	w.faults()
	w.people()
	w.after(time.Second, func() { w.connect() })
	return w
}

func randomPolicy(r *rand.Rand) failover.Policy {
	p := failover.DefaultPolicy()
	set := func(key string, values ...string) {
		s, _ := failover.Lookup(key)
		if r.IntN(2) == 0 {
			if err := s.Set(&p, values[r.IntN(len(values))]); err != nil {
				panic(err)
			}
		}
	}
	set("profile", "classic", "balanced")
	set("health_check_interval", "1s", "5s")
	set("traffic_timeout", "5s", "10s", "60s")
	set("handshake_timeout", "10s", "60s")
	set("when_exhausted", "stay_blocked", "keep_trying", "disconnect")
	set("minimum_hold", "0", "5s", "120s")
	set("max_cycles", "1", "5")
	set("cooldown", "30s", "10m")
	set("failback_probe_interval", "10s", "60s")
	set("failback_stability", "0", "10s")
	set("failback_when", "at_once", "never", "quiet")
	set("standby", "probe", "warm", "cold")
	if r.IntN(6) == 0 {
		set("on_unhealthy", "restart", "notify", "disconnect")
	}
	return p
}

// faults lets things go wrong, and right again.
func (w *world) faults() {
	for _, s := range w.servers {
		w.flip(6*time.Hour, 10*time.Minute, func(well bool) { s.alive = well })
		w.flip(24*time.Hour, 10*time.Minute, func(well bool) { s.liar = !well })
		w.flip(5*24*time.Hour, 30*time.Minute, func(well bool) { s.broken = !well })
	}
	w.flip(12*time.Hour, 2*time.Minute, func(well bool) {
		w.usable = well
		w.after(w.about(300*time.Millisecond), func() {
			w.told = w.usable
			w.step(failover.Underlay{Usable: w.usable, Cause: tunnel.NoNetwork})
		})
	})
	w.every(12*time.Hour, func() { w.step(failover.NetworkChanged{}) })
	w.every(24*time.Hour, func() {
		slept := w.about(time.Hour)
		w.step(failover.Woke{Slept: slept})
	})
	w.every(72*time.Hour, func() { // the device breaks by itself
		if w.active != nil && w.busy == "" {
			id := w.active.Name
			w.closeAll()
			w.step(failover.Changed{ID: id, State: tunnel.Down, Err: errBroken})
		}
	})
	// An hour now and then in which everything comes and goes.
	w.every(7*24*time.Hour, func() {
		for range 40 {
			w.after(time.Duration(w.IntN(3600))*time.Second, func() {
				s := w.servers[w.IntN(len(w.servers))]
				w.change(func() { s.alive = !s.alive })
			})
		}
	})
}

// flip makes something go bad and good again for ever.
func (w *world) flip(good, bad time.Duration, set func(well bool)) {
	w.after(w.about(good), func() {
		w.change(func() { set(false) })
		w.after(w.about(bad), func() {
			w.change(func() { set(true) })
			w.flip(good, bad, set)
		})
	})
}

// change changes the world, and begins a new wait for the bound.
func (w *world) change(do func()) {
	w.count()
	do()
	w.calmAt = w.now
}

// people lets the person use the computer and change their mind.
func (w *world) people() {
	w.flip(20*time.Minute, 40*time.Minute, func(idle bool) {
		w.traffic = !idle
		if w.traffic && w.lookAt.IsZero() {
			w.after(time.Second, w.look)
		}
		w.step(failover.Line{Quiet: w.IntN(2) == 0})
	})
	w.every(24*time.Hour, func() { w.ask(failover.Disconnect{}); w.after(w.about(10*time.Minute), w.connect) })
	w.every(48*time.Hour, w.connect)
	w.every(72*time.Hour, func() { // another target for a while
		w.choose()
		w.ask(failover.Connect{Target: "other", Members: w.members})
		w.after(w.about(time.Hour), w.connect)
	})
	w.every(72*time.Hour, func() { // the group is edited
		w.choose()
		w.ask(failover.Configured{Policy: w.policy, Members: w.members})
	})
	w.every(24*time.Hour, func() { w.ask(failover.Reconnect{}) })
	w.every(24*time.Hour, func() {
		w.ask(failover.SwitchTo{ID: w.servers[w.IntN(len(w.servers))].Name})
	})
	w.every(7*24*time.Hour, func() {
		w.policy.FailbackProbeInterval = time.Duration(10+w.IntN(300)) * time.Second
		w.ask(failover.Configured{Policy: w.policy})
	})
}

func (w *world) ask(in failover.Input) {
	w.change(func() {})
	w.step(in)
}

func (w *world) connect() {
	w.members = nil
	for _, s := range w.servers {
		w.members = append(w.members, s.Member)
	}
	w.ask(failover.Connect{Target: "group", Members: w.members})
}

// choose takes some of the members, in any order.
func (w *world) choose() {
	w.members = nil
	for _, i := range w.Perm(len(w.servers))[:1+w.IntN(len(w.servers))] {
		w.members = append(w.members, w.servers[i].Member)
	}
}

// check holds an answer against what must always be true.
func (w *world) check(was failover.View, in failover.Input, out failover.Output) {
	fail := func(format string, args ...any) {
		w.t.Helper()
		w.t.Fatalf("%s, input %#v, output %+v: %s", w.now.Format(time.StampMilli), in, out, fmt.Sprintf(format, args...))
	}
	if again := w.twin.Step(w.now, in); !reflect.DeepEqual(out, again) {
		fail("the same inputs gave %+v", again)
	}
	if !out.Next.IsZero() && !out.Next.After(w.now) {
		fail("next is not after now")
	}
	view := w.machine.View()
	busy := w.busy != ""
	for _, a := range out.Actions {
		s := w.server(a.ID)
		switch a.Do {
		case failover.Start, failover.Switch, failover.Restart, failover.Stop:
			if busy {
				fail("a second tunnel action")
			}
			busy = true
		default:
		}
		if !view.On && a.Do != failover.Stop && a.Do != failover.Release {
			fail("%s while the wish is off", a.Do)
		}
		if !w.told && (a.Do == failover.Switch || a.Do == failover.Restart || a.Do == failover.Probe) {
			fail("%s while the underlay cannot be used", a.Do)
		}
		w.checkAction(a, s, fail)
	}
	for _, e := range out.Events {
		if !e.At.Equal(w.now) || e.Kind == "" || e.Sentence() == "" {
			fail("event %+v", e)
		}
	}
	sum := status.Sum(status.Wish{On: view.On}, view, status.Guard{})
	if sum == status.Protected && (!view.On || view.Verdict != health.Healthy || view.Active == "") {
		fail("protected without evidence: %+v", view)
	}
	if w.stats.steps > 40_000_000 {
		fail("the machine does not come to rest")
	}
}

// checkAction checks one action against the devices there are.
func (w *world) checkAction(a failover.Action, s *server, fail func(string, ...any)) {
	switch a.Do {
	case failover.Start:
		if w.active != nil {
			fail("start beside %s", w.active.Name)
		}
	case failover.Stop, failover.Restart:
		if w.active != s {
			fail("%s of a member that is not active", a.Do)
		}
	case failover.Switch:
		within := w.active != nil && w.active.Site == s.Site
		if w.active == nil || w.active.Name != a.From || w.active == s {
			fail("switch from a member that is not active")
		}
		if !within && (!s.lastProbe || w.now.Sub(s.answered) > 15*time.Second) {
			fail("switch to an unproven member: answered %s, last probe %v", s.answered, s.lastProbe)
		}
		w.switches = append(w.switches, w.now)
	case failover.Probe:
		if s.asked > 0 {
			fail("asked twice")
		}
		if w.active != nil && w.active.Site == s.Site {
			fail("probe of the active member's site")
		}
		for _, o := range w.servers {
			if o != s && o.asked > 0 && o.Site == s.Site {
				fail("%s and %s are asked at one site", o.Name, s.Name)
			}
		}
	default:
	}
}

// checkNotices: nothing is told about a tunnel while it is off, or works.
func (w *world) checkNotices() {
	view := w.machine.View()
	well := view.Verdict == health.Healthy || view.Verdict == health.Idle
	for _, n := range w.board.Open() {
		switch n.Code {
		case event.Code(event.WishChanged):
			if view.On {
				w.t.Fatalf("%s: notice %+v while on", w.now, n)
			}
		case event.Code(event.FailedOver):
			if !view.On {
				w.t.Fatalf("%s: notice %+v while off", w.now, n)
			}
		case event.Code(tunnel.NoNetwork):
			if view.Usable || !view.On {
				w.t.Fatalf("%s: notice %+v with a network", w.now, n)
			}
		default:
			if !view.On || !view.Usable || (well && view.State == tunnel.Up) {
				w.t.Fatalf("%s: notice %+v, view %+v", w.now, n, view)
			}
		}
	}
	if n := len(w.board.Open()); n > 2 {
		w.t.Fatalf("%s: %d notices: %+v", w.now, n, w.board.Open())
	}
}

// checkWorld checks what must be true of the world as a whole.
func (w *world) checkWorld() {
	w.checkSwitches()
	// A server that answers every handshake and carries nothing looks alive to
	// the traffic rule, which takes the handshakes for answers.
	unseen := w.active != nil && w.active.alive && w.active.liar
	if unseen || w.carries() || !w.wish || !w.usable || !w.told || !w.traffic || w.policy.OnUnhealthy != failover.ToFailover {
		w.outageEnded()
		return
	}
	w.checkTruth()
	if !w.endable() {
		w.outageEnded()
		return
	}
	since := w.calmAt
	if w.goodAt.After(since) {
		since = w.goodAt
	}
	lasted := w.now.Sub(since)
	w.out = true
	w.stats.longest = max(w.stats.longest, lasted)
	if lasted > w.bound() {
		w.t.Fatalf("%s: without service for %s though a member lives, the bound is %s: %+v",
			w.now, lasted, w.bound(), w.machine.View())
	}
}

func (w *world) outageEnded() {
	if w.out && w.carries() {
		w.stats.outages++
	}
	w.out = false
	w.calmAt = w.now
}

// endable says that a member lives that could end the outage.
func (w *world) endable() bool {
	if w.policy.WhenExhausted == failover.StayBlocked && w.active == nil {
		return false // what could not be started stays so, as the policy says
	}
	for _, m := range w.members {
		if s := w.server(m.Name); s.alive && !s.liar && !s.broken && s.loss == 0 {
			return true
		}
	}
	return false
}

// bound is how long an outage may last that a living member could end: the time
// to a verdict about every member that only seems to live, with the holds
// between, a cooldown, and the longest wait before a silent member is asked or
// a refused one is tried again.
func (w *world) bound() time.Duration {
	p := w.policy
	verdict := max(p.TrafficTimeout, p.HandshakeTimeout) + 2*p.HealthCheckInterval + 5*time.Second
	n := time.Duration(len(w.servers) + 1)
	return n*(verdict+p.MinimumHold+10*time.Second) + p.Cooldown + 6*time.Minute
}

// checkTruth: a tunnel that carries nothing is not called protected for long.
func (w *world) checkTruth() {
	view := w.machine.View()
	if status.Sum(status.Wish{On: view.On}, view, status.Guard{}) != status.Protected {
		return
	}
	since := w.calmAt
	if w.goodAt.After(since) {
		since = w.goodAt
	}
	if since.Before(view.Since) {
		since = view.Since
	}
	if told := w.now.Sub(since); told > 3*w.policy.HealthCheckInterval+25*time.Second {
		w.t.Fatalf("%s: protected for %s though nothing is carried: %+v", w.now, told, view)
	}
}

// checkSwitches bounds the switches in any hour.
func (w *world) checkSwitches() {
	for len(w.switches) > 0 && w.now.Sub(w.switches[0]) > time.Hour {
		w.switches = w.switches[1:]
	}
	w.stats.busiest = max(w.stats.busiest, len(w.switches))
	p, n := w.policy, len(w.servers)
	stable := max(p.MinimumHold, p.TrafficTimeout, 2*p.HealthCheckInterval)
	// Between two cooldowns every member may be left max_cycles times; a switch
	// to a member that then stays well for a while starts the count anew.
	most := 2*int(time.Hour/(stable+p.TrafficTimeout)) + (1+int(time.Hour/(p.Cooldown)))*p.MaxCycles*n
	if len(w.switches) > most {
		w.t.Fatalf("%s: %d switches within an hour, at most %d are expected", w.now, len(w.switches), most)
	}
}
