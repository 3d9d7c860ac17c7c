package failover_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// years is how long the simulation lasts: short in every run, long in a soak
// (go test ./service/failover -run Simulation -v -years 500).
var years = flag.Float64("years", 0.35, "simulated years")

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
		machine: failover.New(p), twin: failover.New(p), monitor: health.New(traffic(p.Limits())),
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
		s.dumb, s.wellAt = r.IntN(4) == 0, w.now
		w.servers = append(w.servers, s)
	}
	w.faults()
	w.people()
	w.after(time.Second, func() { w.connect() })
	return w
}

// traffic are the limits of the rules on traffic and handshakes alone.
func traffic(l health.Limits) health.Limits {
	l.SuspectAfter, l.Heartbeat = 0, 0
	return l
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
	set("profile", "classic", "patient", "fast")
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
			w.told, w.below = w.usable, ""
			w.step(failover.Underlay{Usable: w.usable, Cause: tunnel.NoNetwork})
		})
	})
	w.every(3*time.Hour, func() { // the link is gone for a moment, and now and then for long
		lasts := w.about(3 * time.Second)
		if w.IntN(10) == 0 {
			lasts = w.about(5 * time.Minute)
		}
		w.change(func() { w.gap = true })
		w.after(lasts, func() {
			w.change(func() { w.gap = false })
			w.after(100*time.Millisecond, w.look)
		})
	})
	w.flip(24*time.Hour, 5*time.Minute, func(well bool) { // it leads to a page, or nowhere
		w.nowhere = ""
		if !well {
			w.nowhere = []tunnel.Cause{tunnel.SignIn, tunnel.NoInternet}[w.IntN(2)]
		}
		w.after(w.about(5*time.Second), w.examine)
	})
	w.every(time.Hour, w.examine)
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

// examine finds out where the network leads, and goes on until it is the
// internet.
func (w *world) examine() {
	switch {
	case !w.usable || w.gap:
		return
	case w.nowhere == "":
		w.somewhere()
		return
	case w.below != w.nowhere:
		w.below, w.told = w.nowhere, false
		w.step(failover.Underlay{Cause: w.nowhere})
	}
	w.after(time.Minute, w.examine)
}

// change changes the world, and begins a new wait for the bound.
func (w *world) change(do func()) {
	w.count()
	do()
	w.calmAt = w.now
	for _, s := range w.servers {
		switch well := s.alive && !s.liar; {
		case !well:
			s.wellAt = time.Time{}
		case s.wellAt.IsZero():
			s.wellAt = w.now
		}
	}
}

// people lets the person use the computer and change their mind.
func (w *world) people() {
	w.flip(20*time.Minute, 40*time.Minute, func(idle bool) {
		w.traffic, w.busyAt = !idle, w.now
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
