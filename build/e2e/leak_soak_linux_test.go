package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// nothing fails the test where packets of a cell left beside the tunnel, or
// anything without a mark since near was last asked.
func (l *laboratory) nothing(cell uint16, what string) figures {
	l.t.Helper()
	f := l.figures(nil, cell)
	if f.leaked() > 0 {
		l.t.Errorf("%s: of %d packets %d left beside the tunnel; %s; the first: %s", what, f.tried, f.leaked(), l.breakdown(cell), l.near.Sample(cell))
	}
	if n, some := l.near.Strays(); n > 0 {
		l.t.Errorf("%s: %d packets without a mark left that may not: %q", what, n, some[:min(6, len(some))])
	}
	if f.tried == 0 {
		l.t.Errorf("%s: nothing was sent", what)
	}
	return f
}

// TestLeakSwitches moves between two members, over and over, under the flood.
func TestLeakSwitches(t *testing.T) {
	switches := 60
	if soak() {
		switches = 3000
	}
	l := newLaboratory(t)
	l.pour(floodRate)
	l.control(time.Second)
	l.begin("guard=auto", "standby=warm")
	l.near.Strays()
	l.near.Hold(l.allowed(&state{}))
	cell := l.enter()
	began := time.Now()
	var took []time.Duration
	for i := range switches {
		to := tunnel.Name("ba"[i%2 : i%2+1])
		from := time.Now()
		l.moveTo(to)
		took = append(took, time.Since(from))
	}
	long := time.Since(began)
	l.leave()
	f := l.nothing(cell, "switching")
	routed := l.figures(by(0), cell)
	slices.Sort(took)
	text := fmt.Sprintf("%d switches between two members in %v (median %v, longest %v) under %.0f packets/s: %s packets, **%d left beside the tunnel**; of %s routed ones %s arrived inside.",
		switches, long.Round(time.Millisecond), took[len(took)/2].Round(100*time.Microsecond), took[len(took)-1].Round(100*time.Microsecond),
		float64(f.tried)/long.Seconds(), thousands(f.tried), f.leaked(), thousands(routed.tried), thousands(routed.inside))
	t.Log(text)
	found(10, "- %s", text)
	if routed.inside < routed.tried/2 {
		t.Errorf("of %d packets to a public host %d arrived inside the tunnel, want most", routed.tried, routed.inside)
	}
	l.near.Hold(nil)
	l.s.cli("settings", "set", "guard=off")
	l.s.cli("down")
	l.control(time.Second)
	l.complete()
}

// moveTo makes a member active, and waits until it is.
func (l *laboratory) moveTo(to tunnel.Name) {
	l.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if _, err := l.api().SwitchTo(l.t.Context(), to); err != nil {
			l.rest(10 * time.Millisecond)
			continue
		}
		for again := time.Now().Add(2 * time.Second); time.Now().Before(again); l.rest(500 * time.Microsecond) {
			if st, err := l.api().Status(l.t.Context()); err == nil && st.Active != nil && st.Active.Tunnel == to {
				return
			}
		}
	}
	l.t.Fatalf("%s does not become active", to)
}

// moment is one at which the service is killed.
type moment struct {
	name   string
	before func(l *laboratory) // brings it about
	killed func(l *laboratory) // what happens while it is dead. nil: nothing
	later  func(l *laboratory) // undoes before, once it is back. nil: nothing is to be undone
}

func moments() []moment {
	ask := func(do func(context.Context, *laboratory) error) func(*laboratory) {
		return func(l *laboratory) { _ = do(l.t.Context(), l) }
	}
	return []moment{
		{name: "connected", before: func(*laboratory) {}},
		{name: "switching", before: ask(func(ctx context.Context, l *laboratory) error {
			to := tunnel.Name("b")
			if st, err := l.api().Status(ctx); err == nil && st.Active != nil && st.Active.Tunnel == to {
				to = "a"
			}
			_, err := l.api().SwitchTo(ctx, to)
			return err
		})},
		{name: "restarting", before: ask(func(ctx context.Context, l *laboratory) error { _, err := l.api().Reconnect(ctx); return err })},
		{name: "failing over", before: func(l *laboratory) { l.dropActive(); l.rest(2500 * time.Millisecond) }, killed: func(l *laboratory) { l.heal() }},
		{name: "all servers silent", before: func(l *laboratory) { l.silence(); l.rest(300 * time.Millisecond) }, killed: func(l *laboratory) { l.heal() }},
		{name: "starting", before: func(l *laboratory) { l.s.kill(); l.s.exec() }},
		{name: "the wish changes", before: ask(func(ctx context.Context, l *laboratory) error { _, err := l.api().Connect(ctx, "a"); return err }),
			later: func(l *laboratory) { l.s.cli("up", "g") }},
		{name: "settings change", before: ask(func(ctx context.Context, l *laboratory) error {
			_, err := l.api().SetSettings(ctx, map[string]string{"allow_lan": "false", "restart_attempts": "4"})
			return err
		})},
		{name: "the rules are flushed", before: func(l *laboratory) { inClient("nft flush ruleset")(l); l.masquerade() }},
		{name: "the interface is deleted", before: inClient("ip link del holdfast0")},
	}
}

// dropActive has the active server not be heard any more.
func (l *laboratory) dropActive() {
	active := l.s.active()
	for _, srv := range l.servers {
		if srv.name == active {
			srv.drop()
		}
	}
}

// restartAfter is how long the service manager waits before it starts the
// service again: RestartSec of the unit.
const restartAfter = time.Second

// patience is how long a killed service may take to carry again: 3 s on a machine
// that has nothing else to do, and more where more is asked of it than it has.
func patience(t *testing.T) time.Duration {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	var load float64
	if _, err := fmt.Sscan(string(text), &load); err != nil {
		t.Fatalf("read %q: %v", text, err)
	}
	return restartAfter + time.Duration(2*float64(time.Second)*max(1, load/float64(runtime.NumCPU())))
}

// TestLeakKills kills the service with SIGKILL in all states, at random moments,
// under the flood. Nothing leaves, it is back soon, and what anyone had been
// shown of the history is there.
func TestLeakKills(t *testing.T) {
	kills := 20
	if soak() {
		kills = 500
	}
	l := newLaboratory(t)
	l.pour(floodRate)
	l.control(time.Second)
	l.begin("guard=auto", "profile=fast")
	l.near.Hold(l.allowed(&state{}))
	rng := rand.New(rand.NewPCG(1, 2))
	shown := map[int64]event.Event{}
	var took []time.Duration
	total, leaked, gone, worst := 0, 0, 0, ""
	ever := map[int64]bool{}
	all := moments()
	for i := range kills {
		m := all[i%len(all)]
		l.near.Strays()
		cell := l.enter()
		l.show(shown)
		m.before(l)
		l.rest(time.Duration(rng.IntN(80)) * time.Millisecond)
		l.s.kill()
		killed := time.Now()
		if m.killed != nil {
			m.killed(l)
		}
		l.rest(restartAfter)
		l.s.exec()
		l.until("pings to be answered again", 20*time.Second, func() bool { return !l.pings.first(killed.Add(100 * time.Millisecond)).IsZero() })
		d := l.pings.first(killed.Add(100 * time.Millisecond)).Sub(killed)
		took = append(took, d)
		if d >= slices.Max(took) {
			worst = m.name
		}
		if most := patience(t); d > most {
			t.Errorf("kill %d, %s: the tunnel carries again after %v, want %v at most", i, m.name, d.Round(time.Millisecond), most.Round(100*time.Millisecond))
		}
		for id := range shown {
			ever[id] = true
		}
		gone += l.lost(shown, fmt.Sprintf("kill %d, %s", i, m.name))
		if m.later != nil {
			m.later(l)
		}
		l.leave()
		f := l.nothing(cell, fmt.Sprintf("kill %d, %s", i, m.name))
		total, leaked = total+f.tried, leaked+f.leaked()
	}
	slices.Sort(took)
	text := fmt.Sprintf("%d times SIGKILL, in %d states at random moments, under the flood: %s packets, **%d left beside the tunnel**. The tunnel carries again after %v in the median and %v at most (%s), of which %v are what systemd waits (RestartSec). Of %s events that had been shown %d were lost.",
		kills, len(all), thousands(total), leaked, took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), worst, restartAfter,
		thousands(len(ever)), gone)
	t.Log(text)
	found(20, "- %s", text)
	l.near.Hold(nil)
	l.s.cli("settings", "set", "guard=off")
	l.s.cli("down")
	l.control(time.Second)
	l.complete()
}

// show asks for the latest events, as a person's window does.
func (l *laboratory) show(shown map[int64]event.Event) {
	l.t.Helper()
	h, err := l.api().History(l.t.Context(), api.EventQuery{Limit: 200})
	if err != nil {
		l.t.Errorf("read the history: %v", err)
	}
	for _, e := range h.Events {
		shown[e.ID] = e.Event
	}
}

// lost fails the test where an event that had been shown is not there any more.
func (l *laboratory) lost(shown map[int64]event.Event, when string) (n int) {
	l.t.Helper()
	have := map[int64]bool{}
	l.until("the history", 10*time.Second, func() bool {
		h, err := l.api().History(l.t.Context(), api.EventQuery{Limit: api.MaxPage})
		for _, e := range h.Events {
			have[e.ID] = true
		}
		return err == nil
	})
	oldest := int64(1 << 62)
	for id := range have {
		oldest = min(oldest, id)
	}
	for id, e := range shown {
		switch {
		case id < oldest: // it was there when it was last on a page
			delete(shown, id)
		case !have[id]:
			l.t.Errorf("%s: event %+v, which had been shown, is lost", when, e)
			n++
		}
	}
	return n
}

// exec starts the program, and does not wait.
func (s *service) exec() {
	s.w.t.Helper()
	s.p = s.w.start(s.w.client, nil, programs.holdfastd, "run", "--config-dir", s.config, "--state-dir", s.state, "--socket", s.socket)
}
