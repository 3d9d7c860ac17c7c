package failover_test

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

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
		if !w.told {
			w.checkOffline(a, in, fail)
		}
		w.checkAction(a, s, fail)
		if a.Do == failover.Switch {
			w.checkSwitch(a, was, view, fail)
		}
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

// checkOffline: while the underlay cannot be used nothing is tried but the start
// that the person asked for. Where it leads nowhere members may be asked, seldom,
// and the other ways to the active one's server tried.
func (w *world) checkOffline(a failover.Action, in failover.Input, fail func(string, ...any)) {
	s := w.server(a.ID)
	_, wished := in.(failover.Connect)
	seldom := w.below != "" && (s.askedAt.IsZero() || w.now.Sub(s.askedAt) >= 30*time.Second)
	switch {
	case a.IfSilent && w.below != "":
	case a.Do == failover.Switch || a.Do == failover.Restart,
		a.Do == failover.Probe && !seldom:
		fail("%s while the underlay cannot be used", a.Do)
	case a.Do == failover.Start && !wished:
		if changed, is := in.(failover.Changed); !is || changed.Err != nil {
			fail("another start while the underlay cannot be used")
		}
	default:
	}
}

// checkSwitch checks the grounds of a move to another site that nobody asked for.
func (w *world) checkSwitch(a failover.Action, was, now failover.View, fail func(string, ...any)) {
	from, to := w.active, w.server(a.ID)
	if from.Site == to.Site || now.Pinned == a.ID {
		return
	}
	recent := w.now.Sub(to.dataAt) <= 15*time.Second
	if now.Verdict != health.Unhealthy {
		if !recent || to.data == failover.Mute {
			fail("failback without a data proof: %q at %s", to.data, to.dataAt)
		}
		if now.Members[w.place(now, a.ID)].HeldUntil.After(w.now) {
			fail("failback to a member that is held")
		}
		return
	}
	if now.Cause == tunnel.ForwardsNothing && (!recent || to.data == failover.Mute) {
		fail("a liar is left without a data proof: %q at %s", to.data, to.dataAt)
	}
	// What a gap of the link silenced is not left: that server was well all along.
	confirms := w.policy.Limits().SuspectAfter > 0
	if confirms && w.traffic && !from.wellAt.IsZero() && w.now.Sub(from.wellAt) > 15*time.Second {
		fail("switch away from a server that is well since %s", from.wellAt)
	}
}

func (w *world) place(v failover.View, id tunnel.Name) int {
	return slices.IndexFunc(v.Members, func(m failover.MemberView) bool { return m.Name == id })
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
		case event.Code(tunnel.NoNetwork), event.Code(tunnel.SignIn), event.Code(tunnel.NoInternet):
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
	unseen := w.active != nil && w.active.alive && w.active.liar && w.policy.Profile == failover.Classic
	if unseen || w.carries() || !w.wish || !w.link() || !w.told || !w.traffic || w.policy.OnUnhealthy != failover.ToFailover {
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
	for _, t := range []time.Time{view.Since, w.busyAt, w.upAt} {
		if t.After(since) {
			since = t
		}
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
