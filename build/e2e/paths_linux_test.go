package e2e

import (
	"fmt"
	"testing"
	"time"

	"holdfast/service/event"
)

// TestFailoverOverPaths measures the failover of the profile classic as it is
// by default, over paths with a delay, with seldom and frequent traffic, and
// with settings that change while the tunnel is up.
func TestFailoverOverPaths(t *testing.T) {
	t.Parallel()
	if !soak() {
		t.Skip("takes minutes: HOLDFAST_SOAK is not set")
	}
	for _, c := range []struct {
		every, rtt time.Duration
		late       bool // the settings are changed while it is up
		min, max   time.Duration
	}{
		{time.Second, 0, false, 30 * time.Second, 41 * time.Second},
		{time.Second, 50 * time.Millisecond, false, 30 * time.Second, 41 * time.Second},
		{200 * time.Millisecond, 200 * time.Millisecond, false, 30 * time.Second, 41 * time.Second},
		{time.Second, 200 * time.Millisecond, true, 30 * time.Second, 41 * time.Second},
		{20 * time.Millisecond, 100 * time.Millisecond, true, 30 * time.Second, 41 * time.Second},
		{5 * time.Second, 100 * time.Millisecond, false, 30 * time.Second, 46 * time.Second}, // a ping may be 5 s late
		{time.Second, 100 * time.Millisecond, false, 5 * time.Second, 7 * time.Second},
		{200 * time.Millisecond, 200 * time.Millisecond, true, 5 * time.Second, 7 * time.Second},
	} {
		t.Run(fmt.Sprintf("every=%v,rtt=%v,late=%v,max=%v", c.every, c.rtt, c.late, c.max), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a", "b")
			if c.rtt > 0 {
				w.slow(w.servers[0], "10.200.1.1", c.rtt)
				w.slow(w.servers[1], "10.200.2.1", c.rtt)
			}
			s := w.service()
			s.group(w.servers)
			settings := []string{"settings", "set", "profile=classic"}
			if c.max < 10*time.Second {
				settings = append(settings, "health_check_interval=1s", "traffic_timeout=5s")
			}
			if !c.late {
				s.cli(settings...)
			}
			s.cli("up", "g")
			g := w.ping(c.every)
			w.flowing(g, 10*time.Second)
			if c.late {
				s.cli(settings...)
			}
			w.rest(12 * time.Second)
			w.sh(w.router, "nft", "add table ip cut; add chain ip cut p { type filter hook prerouting priority 0; }; add rule ip cut p iifname c ip daddr "+w.servers[0].addr+" udp dport 51820 drop")
			dropped := time.Now()
			sent := dropped.Add(c.rtt + 100*time.Millisecond)
			w.until("pings by the other member", c.max+15*time.Second, func() bool { return !g.first(sent).IsZero() })
			took := g.first(sent).Sub(dropped)
			t.Logf("pings flow again after %v", took.Round(10*time.Millisecond))
			if took < c.min || took > c.max {
				t.Errorf("pings flowed again after %v, want %v to %v", took, c.min, c.max)
			}
			w.rest(60 * time.Second)
			if n := len(s.switches()); n != 1 {
				t.Errorf("%d switches, want 1", n)
			}
		})
	}
}

// TestOfflineWays takes the network away in every way it can go.
func TestOfflineWays(t *testing.T) {
	t.Parallel()
	long := 12 * time.Second
	if soak() {
		long = 2 * time.Minute
	}
	for _, c := range []struct {
		name       string
		gone, back func(*world)
	}{
		{"carrier",
			func(w *world) { w.sh("", "ip", "-n", w.router, "link", "set", "c", "down") },
			func(w *world) { w.sh("", "ip", "-n", w.router, "link", "set", "c", "up") }},
		{"default route",
			func(w *world) { w.sh("", "ip", "-n", w.client, "route", "del", "default") },
			func(w *world) { w.sh("", "ip", "-n", w.client, "route", "add", "default", "via", "10.200.0.1") }},
		{"address",
			func(w *world) { w.sh("", "ip", "-n", w.client, "addr", "flush", "dev", "eth0") },
			func(w *world) {
				w.sh("", "ip", "-n", w.client, "addr", "add", "10.200.0.2/24", "dev", "eth0")
				w.sh("", "ip", "-n", w.client, "route", "add", "default", "via", "10.200.0.1")
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a", "b")
			s := w.service()
			s.group(w.servers)
			s.cli("settings", "set", "profile=classic", "health_check_interval=1s", "traffic_timeout=3s")
			s.cli("up", "g")
			g := w.ping(100 * time.Millisecond)
			w.flowing(g, 10*time.Second)
			c.gone(w)
			w.rest(long)
			st := s.status()
			t.Logf("meanwhile it is %s", st.Overall)
			c.back(w)
			back := time.Now()
			w.flowing(g, 15*time.Second)
			took := g.first(back).Sub(back)
			t.Logf("pings flow %v after the return", took.Round(10*time.Millisecond))
			if took > 2*time.Second {
				t.Errorf("pings flowed %v after the return, want 2s at most", took)
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
		})
	}
}
