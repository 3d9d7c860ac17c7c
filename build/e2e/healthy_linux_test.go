package e2e

import (
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
)

// narrowLink makes the server's way to the client, and back, a link of 2 Mbit/s
// behind a queue of two seconds, as cheap routers have.
func (w *world) narrowLink() {
	w.sh(w.router, "tc", "qdisc", "add", "dev", "s1", "root", "tbf", "rate", "2mbit", "burst", "16kb", "latency", "2s")
	w.sh(w.router, "tc", "qdisc", "add", "dev", "c", "root", "tbf", "rate", "2mbit", "burst", "16kb", "latency", "2s")
}

// oneWay sends UDP up the tunnel that nobody answers, not even with an error.
func (w *world) oneWay(every string) {
	for _, s := range w.servers {
		w.sh(s.ns, "nft", "add table ip q; add chain ip q o { type filter hook output priority 0; }; add rule ip q o icmp type destination-unreachable drop")
	}
	w.start(w.client, nil, "bash", "-c", "exec 3>/dev/udp/"+target+"/9; while :; do echo x >&3; sleep "+every+"; done")
}

// TestHealthyIsLeftAlone runs healthy tunnels under traffic that has deceived
// others. The tunnel must stay where it is and never be called unhealthy.
func TestHealthyIsLeftAlone(t *testing.T) {
	t.Parallel()
	long := 45 * time.Second
	if soak() {
		long = time.Hour
	}
	for _, c := range []struct {
		name string
		peer []string
		path func(w *world)
		flow func(w *world)
	}{
		{name: "idle"},
		{name: "idle, keepalive 5", peer: []string{"PersistentKeepalive = 5"}},
		{name: "idle, keepalive 9", peer: []string{"PersistentKeepalive = 9"}},
		{name: "idle, keepalive 25", peer: []string{"PersistentKeepalive = 25"}},
		{name: "one way up", flow: func(w *world) { w.oneWay("0.05") }},
		{name: "one way up, no responder", path: func(w *world) { w.servers[0].mute() }, flow: func(w *world) { w.oneWay("0.3") }},
		{name: "one way down", flow: func(w *world) { w.servers[0].stream() }},
		{name: "20 percent loss", path: func(w *world) { w.lose(20) }, flow: func(w *world) { w.ping(500 * time.Millisecond) }},
		{name: "20 percent loss, one way up", path: func(w *world) { w.lose(20) }, flow: func(w *world) { w.oneWay("0.2") }},
		{name: "600 ms", path: func(w *world) { w.slow(w.servers[0], "10.200.1.1", 600*time.Millisecond) }, flow: func(w *world) { w.ping(300 * time.Millisecond) }},
		{name: "saturated upload", path: (*world).narrowLink, flow: func(w *world) {
			w.ping(time.Second)
			w.start(w.client, nil, "bash", "-c", "exec 3>/dev/udp/"+target+"/9; x=$(head -c 1300 /dev/zero | tr '\\0' x); while :; do echo $x >&3; sleep 0.003; done")
		}},
		{name: "trickle", flow: func(w *world) { w.ping(20 * time.Second) }},
	} {
		t.Run(strings.NewReplacer(" ", "_", ",", "").Replace(c.name), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a", "b")
			if c.path != nil {
				c.path(w)
			}
			s := w.service()
			s.group(w.servers, c.peer...)
			s.cli("settings", "set", "profile=balanced")
			s.cli("up", "g")
			w.until("the first handshake", 15*time.Second, func() bool {
				a := s.status().Active
				return a != nil && a.LastHandshake != nil
			})
			if c.flow != nil {
				c.flow(w)
			}
			w.rest(long)
			if moves := s.switches(); len(moves) != 0 {
				t.Errorf("a healthy tunnel was left: %+v", moves)
			}
			suspected := 0
			for _, e := range s.events(event.VerdictChanged) {
				switch e.To {
				case "unhealthy":
					t.Errorf("judged %s: %s", e.Cause, e.Evidence)
				case "suspect":
					suspected++
				}
			}
			if n := len(s.events(event.Restarted)); n != 0 {
				t.Errorf("%d restarts", n)
			}
			t.Logf("%s: suspected %d times in %v", c.name, suspected, long)
		})
	}
}
