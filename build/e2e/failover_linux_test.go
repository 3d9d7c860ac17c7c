package e2e

import (
	"fmt"
	"testing"
	"time"

	"holdfast/service/event"
)

// runs is how often a measured failover is repeated.
func runs() int {
	if soak() {
		return 10
	}
	return 3
}

// TestFailover drops the UDP to the active member and measures until pings
// flow through the other, for the profile classic and for shortened waits.
func TestFailover(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		settings []string
		oneWay   bool // only what goes to the server is dropped
		min, max time.Duration
	}{
		{"classic", []string{"profile=classic"}, false, 30 * time.Second, 41 * time.Second},
		{"short", []string{"profile=classic", "health_check_interval=1s", "traffic_timeout=5s"}, false, 5 * time.Second, 7 * time.Second},
		{"oneway", []string{"profile=classic"}, true, 30 * time.Second, 41 * time.Second},
	} {
		for i := range runs() {
			t.Run(fmt.Sprintf("%s/%d", c.name, i), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, "a", "b")
				s := w.service()
				s.group(w.servers)
				s.cli(append([]string{"settings", "set"}, c.settings...)...)
				s.cli("up", "g")
				g := w.ping(200 * time.Millisecond)
				w.flowing(g, 10*time.Second)
				if got := s.active(); got != "a" {
					t.Fatalf("active is %q, want the primary", got)
				}
				// The drop falls anywhere between two checks.
				w.rest(time.Duration(i) * 3700 * time.Millisecond % (10 * time.Second))

				if c.oneWay {
					w.servers[0].dropTo()
				} else {
					w.servers[0].drop()
				}
				dropped := time.Now()
				w.until("a switch", c.max+15*time.Second, func() bool { return !g.first(dropped.Add(time.Second)).IsZero() })
				took := g.first(dropped.Add(time.Second)).Sub(dropped)
				t.Logf("%s: pings flow again after %v", c.name, took.Round(10*time.Millisecond))
				if took < c.min || took > c.max {
					t.Errorf("pings flowed again after %v, want %v to %v", took, c.min, c.max)
				}
				if got := s.active(); got != "b" {
					t.Errorf("active is %q, want the fallback", got)
				}
				moves := s.switches()
				if len(moves) != 1 || moves[0].Kind != event.FailedOver || moves[0].From != "a" || moves[0].To != "b" {
					t.Errorf("switches = %+v, want one from a to b", moves)
				}
				if soak() {
					w.rest(60 * time.Second)
					if n := len(s.switches()); n != 1 {
						t.Errorf("%d switches within the hold, want 1", n)
					}
				}
			})
		}
	}
}

// TestFailback lets the primary die and return. Asking it beside live traffic
// loses nothing, and the move back at most one ping.
func TestFailback(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "profile=classic", "health_check_interval=1s", "traffic_timeout=5s", "minimum_hold=5s",
		"failback_probe_interval=3s", "failback_stability=10s", "failback_when=at_once")
	s.cli("up", "g")
	g := w.ping(50 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	w.servers[0].drop()
	w.until("the failover", 20*time.Second, func() bool { return s.active() == "b" })
	w.flowing(g, 5*time.Second)
	w.rest(time.Second)
	from := time.Now()
	w.rest(8 * time.Second) // the dead primary is asked meanwhile
	w.heal()
	w.until("the failback", 60*time.Second, func() bool { return s.active() == "a" })
	w.flowing(g, 5*time.Second)
	w.rest(time.Second)
	lost := g.lost(from, time.Now())
	t.Logf("lost %d pings of %d a second over probing and the move back", lost, 20)
	if lost < 0 || lost > 1 {
		t.Errorf("lost %d pings, want at most 1", lost)
	}
	if moves := s.switches(); len(moves) != 2 || moves[1].Kind != event.FailedBack {
		t.Errorf("switches = %+v, want one each way", moves)
	}
}

// TestIdle leaves healthy tunnels alone, with and without keepalive: nothing
// may happen.
func TestIdle(t *testing.T) {
	t.Parallel()
	long := 40 * time.Second
	if soak() {
		long = 10 * time.Minute
	}
	for _, keepalive := range []int{0, 5, 9, 25} {
		t.Run(fmt.Sprintf("keepalive=%d", keepalive), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a", "b")
			s := w.service()
			s.group(w.servers, fmt.Sprintf("PersistentKeepalive = %d", keepalive))
			s.cli("settings", "set", "profile=classic")
			s.cli("up", "g")
			w.rest(12 * time.Second) // until the verdict has settled
			before := s.events()
			w.rest(long)
			after := s.events()
			if len(after) != len(before) {
				t.Errorf("an idle tunnel made events: %+v", after[len(before):])
			}
			if got := s.active(); got != "a" {
				t.Errorf("active is %q, want the primary", got)
			}
		})
	}
}

// TestOneWay sends UDP that nobody answers through a healthy tunnel.
func TestOneWay(t *testing.T) {
	t.Parallel()
	long := 45 * time.Second
	if soak() {
		long = 5 * time.Minute
	}
	w := newWorld(t, "a", "b")
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "profile=classic")
	s.cli("up", "g")
	// An ICMP error would be an answer: the server must stay silent.
	w.sh(w.servers[0].ns, "nft", "add table ip q; add chain ip q o { type filter hook output priority 0; }; add rule ip q o icmp type destination-unreachable drop")
	w.start(w.client, nil, "bash", "-c", "exec 3>/dev/udp/"+target+"/9; while :; do echo x >&3; sleep 0.1; done")
	w.rest(long)
	if moves := s.switches(); len(moves) != 0 {
		t.Errorf("a one-way upload caused %+v", moves)
	}
	for _, e := range s.events(event.VerdictChanged) {
		if e.To == "unhealthy" {
			t.Errorf("a one-way upload was judged %+v", e)
		}
	}
	if n := s.status().Active.TxBytes; n < 10_000 {
		t.Errorf("only %d bytes were sent; the upload did not run", n)
	}
}

// TestOffline takes the client's link away. Nothing may switch or storm; one
// notice says why, and service is back at once when the link is.
func TestOffline(t *testing.T) {
	t.Parallel()
	long := 45 * time.Second
	if soak() {
		long = 2 * time.Minute
	}
	w := newWorld(t, "a", "b")
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "profile=classic")
	s.cli("up", "g")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	w.sh("", "ip", "-n", w.client, "link", "set", "eth0", "down")
	w.rest(long)
	if st := s.status(); string(st.Overall) != "offline" || len(st.Notices) != 1 {
		t.Errorf("overall %q with notices %+v, want offline with one", st.Overall, st.Notices)
	}
	w.sh("", "ip", "-n", w.client, "link", "set", "eth0", "up")
	w.sh("", "ip", "-n", w.client, "route", "add", "default", "via", "10.200.0.1")
	back := time.Now()
	w.flowing(g, 10*time.Second)
	took := g.first(back).Sub(back)
	t.Logf("pings flow %v after the link's return", took.Round(10*time.Millisecond))
	if took > 2*time.Second {
		t.Errorf("pings flowed %v after the link's return, want 2s at most", took)
	}
	w.rest(3 * time.Second)
	if moves := s.switches(); len(moves) != 0 {
		t.Errorf("an outage of the network caused %+v", moves)
	}
	if n := len(s.events(event.Restarted)); n > 4 {
		t.Errorf("%d restarts, want 4 at most", n)
	}
	if n := len(s.events(event.NoticeOpened)); n != 1 {
		t.Errorf("%d notices, want 1", n)
	}
}
