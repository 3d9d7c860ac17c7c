package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/service/event"
)

// fault is one way in which the active member breaks, and what is promised of
// the time until pings flow through the other.
type fault struct {
	name     string
	settings []string
	prepare  func(w *world, s *service) // before the tunnel is up
	settle   time.Duration              // how long it works first
	ready    func(w *world, g *pinger)  // nil: until pings flow
	breaks   func(w *world)
	median   time.Duration
	p99      time.Duration
	bound    string // what nothing could be faster than
}

// mute keeps a server from answering pings inside the tunnel; what else it does
// goes on.
func (s *server) mute() {
	s.w.sh(s.ns, "nft", "add table ip mute; add chain ip mute i { type filter hook input priority 0; }; add rule ip mute i iifname "+s.iface+" icmp type echo-request drop")
}

// forwardNothing has the server drop everything that comes out of the tunnel.
func (s *server) forwardNothing() {
	s.w.sh(s.ns, "nft", "add table ip off; add chain ip off i { type filter hook prerouting priority -300; }; add rule ip off i iifname "+s.iface+" drop")
}

// noExit has the server answer by itself, and nothing behind it.
func (s *server) noExit() {
	s.w.sh(s.ns, "nft", "add table ip off; add chain ip off i { type filter hook prerouting priority -300; }; add rule ip off i iifname "+s.iface+" ip daddr "+target+" drop")
}

// lose drops a share of all UDP each way, in percent.
func (w *world) lose(percent int) {
	w.sh(w.router, "nft", fmt.Sprintf("add table ip loss; add chain ip loss f { type filter hook forward priority 5; }; add rule ip loss f meta l4proto udp numgen random mod 100 < %d drop", percent))
}

// stream has the server send data down the tunnel that nobody asked for.
func (s *server) stream() {
	s.w.start(s.ns, nil, "bash", "-c", "exec 3>/dev/udp/10.9.0.2/9; while :; do echo data >&3; sleep 0.02; done")
}

var faults = []fault{
	{name: "blackhole", settings: []string{"profile=balanced"}, settle: 3 * time.Second,
		breaks: func(w *world) { w.servers[0].drop() },
		median: 3500 * time.Millisecond, p99: 6 * time.Second, bound: "2 s: a gap of that length must not move it"},
	{name: "killed", settings: []string{"profile=balanced"}, settle: 3 * time.Second,
		breaks: func(w *world) { w.servers[0].configure("replace_peers=true\n") },
		median: 3500 * time.Millisecond, p99: 6 * time.Second, bound: "2 s"},
	{name: "no responder", settings: []string{"profile=balanced"}, settle: 5 * time.Second,
		prepare: func(w *world, _ *service) { w.servers[0].mute() },
		ready:   func(*world, *pinger) {},
		breaks:  func(w *world) { w.servers[0].drop() },
		median:  5 * time.Second, p99: 8 * time.Second, bound: "2 s"},
	{name: "loss 10 %", settings: []string{"profile=balanced"}, settle: 15 * time.Second,
		prepare: func(w *world, _ *service) { w.lose(10) },
		breaks:  func(w *world) { w.servers[0].drop() },
		median:  4500 * time.Millisecond, p99: 8 * time.Second, bound: "2 s"},
	{name: "upload only", settings: []string{"profile=balanced"}, settle: 5 * time.Second,
		ready:  func(w *world, g *pinger) { w.flowing(g, 10*time.Second); w.servers[0].stream() },
		breaks: func(w *world) { w.servers[0].dropTo() },
		median: 5 * time.Second, p99: 11 * time.Second, bound: "2 s"},
	{name: "forwarding off", settings: []string{"profile=balanced"}, settle: 5 * time.Second,
		breaks: func(w *world) { w.servers[0].forwardNothing() },
		median: 4 * time.Second, p99: 8 * time.Second, bound: "2 s, and a session's round trip"},
	{name: "no exit", settings: []string{"profile=balanced"}, settle: 5 * time.Second,
		breaks: func(w *world) { w.servers[0].noExit() },
		median: 4 * time.Second, p99: 8 * time.Second, bound: "2 s, and a proof through another member"},
	{name: "fast and warm", settings: []string{"profile=fast", "standby=warm"}, settle: 5 * time.Second,
		breaks: func(w *world) { w.servers[0].drop() },
		median: 1500 * time.Millisecond, p99: 2500 * time.Millisecond, bound: "1 s"},
}

// repeats is how often each fault is measured.
func repeats() int {
	if soak() {
		return 50
	}
	return 3
}

// TestDetect breaks the active member in every way and measures until the first
// ping is answered through the other.
func TestDetect(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var took []time.Duration
			t.Cleanup(func() { f.judge(t, took) })
			for i := range repeats() {
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					t.Parallel()
					d := f.measure(t, i)
					mu.Lock()
					defer mu.Unlock()
					took = append(took, d)
				})
			}
		})
	}
}

// measure breaks one member once.
func (f *fault) measure(t *testing.T, i int) time.Duration {
	w := newWorld(t, "a", "b")
	s := w.service()
	s.group(w.servers)
	s.cli(append([]string{"settings", "set"}, f.settings...)...)
	if f.prepare != nil {
		f.prepare(w, s)
	}
	s.cli("up", "g")
	g := w.ping(50 * time.Millisecond)
	if f.ready != nil {
		f.ready(w, g)
	} else {
		w.flowing(g, 10*time.Second)
	}
	w.rest(f.settle + time.Duration(i)*370*time.Millisecond%time.Second)
	if got := s.active(); got != "a" {
		t.Fatalf("active is %q before anything broke: %+v", got, s.events(event.VerdictChanged, event.FailedOver))
	}
	breaks := time.Now()
	f.breaks(w)
	broken := time.Now().Add(200 * time.Millisecond) // what was under way has come
	w.until("pings through the other member", f.p99+20*time.Second, func() bool { return s.active() == "b" && !g.first(broken).IsZero() })
	took := g.first(broken).Sub(breaks)
	moves := s.switches()
	if len(moves) != 1 || moves[0].Kind != event.FailedOver || moves[0].From != "a" || moves[0].To != "b" {
		t.Errorf("switches = %+v, want one from a to b", moves)
	}
	t.Logf("%s: %v; %s", f.name, took.Round(10*time.Millisecond), lastEvidence(s))
	return took
}

// lastEvidence is what the last verdict rests on.
func lastEvidence(s *service) string {
	all := s.events(event.VerdictChanged)
	for _, e := range slices.Backward(all) {
		if e.To == "unhealthy" {
			return string(e.Cause) + ": " + e.Evidence
		}
	}
	return "no verdict"
}

// judge compares what was measured with what is promised. Of three runs the
// longest stands for the 99th percentile, which is harder than it.
func (f *fault) judge(t *testing.T, took []time.Duration) {
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	median, p99 := took[len(took)/2], took[int(math.Ceil(0.99*float64(len(took))))-1]
	t.Logf("%s: median %v, p99 %v of %d runs, range %v to %v; promised %v and %v; bound %s", f.name, median.Round(10*time.Millisecond),
		p99.Round(10*time.Millisecond), len(took), took[0].Round(10*time.Millisecond), took[len(took)-1].Round(10*time.Millisecond), f.median, f.p99, f.bound)
	if median > f.median || p99 > f.p99 {
		t.Errorf("%s: median %v and p99 %v, promised %v and %v", f.name, median, p99, f.median, f.p99)
	}
}
