package e2e

import (
	"cmp"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

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

// overfill is a shell loop that sends 3.5 Mbit/s from fd 3, more than a narrow link carries.
const overfill = "x=$(head -c 1300 /dev/zero | tr '\\0' x); while :; do echo $x >&3; sleep 0.003; done"

// trickle has an application ask a resolver inside the tunnel now and then, and
// do nothing else.
func (w *world) trickle(every time.Duration) {
	w.t.Helper()
	n := &nameServer{names: map[string]netip.Addr{"example.net.": netip.MustParseAddr("192.0.2.1")}}
	var resolver net.PacketConn
	w.inNamespace(w.servers[0].ns, func() (err error) {
		resolver, err = net.ListenPacket("udp4", target+":53")
		return err
	})
	var client net.Conn
	w.inNamespace(w.client, func() (err error) {
		client, err = net.Dial("udp4", target+":53")
		return err
	})
	question := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true}, Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName("example.net."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
	packet, err := question.Pack()
	if err != nil {
		w.t.Fatal(err)
	}
	tick := time.NewTicker(every)
	var running sync.WaitGroup
	running.Go(func() { n.serve(resolver) })
	running.Go(func() {
		for {
			_, _ = client.Write(packet)
			select {
			case <-tick.C:
			case <-w.t.Context().Done():
				return
			}
		}
	})
	w.t.Cleanup(func() {
		tick.Stop()
		client.Close()
		resolver.Close()
		running.Wait()
		if n.questions() == 0 {
			w.t.Error("the resolver was never asked")
		}
	})
}

// TestHealthyIsLeftAlone runs healthy tunnels under traffic that has deceived
// others. The tunnel must stay where it is and never be called unhealthy, and no
// third party hear of it.
func TestHealthyIsLeftAlone(t *testing.T) {
	t.Parallel()
	long := 45 * time.Second
	if soak() {
		long = time.Hour
		if d, err := time.ParseDuration(os.Getenv("HOLDFAST_SOAK")); err == nil {
			long = d
		}
	}
	for _, c := range []struct {
		name    string
		profile string // "": balanced
		peer    []string
		path    func(w *world)
		flow    func(w *world)
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
			w.start(w.client, nil, "bash", "-c", "exec 3>/dev/udp/"+target+"/9; "+overfill)
		}},
		{name: "saturated download", path: (*world).narrowLink, flow: func(w *world) {
			w.ping(time.Second)
			w.start(w.servers[0].ns, nil, "bash", "-c", "exec 3>/dev/udp/10.9.0.2/9; "+overfill)
		}},
		{name: "trickle", flow: func(w *world) { w.trickle(20 * time.Second) }},
		{name: "20 percent loss, trickle", path: func(w *world) { w.lose(20) }, flow: func(w *world) { w.trickle(7 * time.Second) }},
		{name: "20 percent loss, fast", profile: "fast", path: func(w *world) { w.lose(20) }, flow: func(w *world) { w.ping(500 * time.Millisecond) }},
		{name: "600 ms, fast", profile: "fast", path: func(w *world) { w.slow(w.servers[0], "10.200.1.1", 600*time.Millisecond) },
			flow: func(w *world) { w.ping(300 * time.Millisecond) }},
	} {
		t.Run(strings.NewReplacer(" ", "_", ",", "").Replace(c.name), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a", "b")
			if c.path != nil {
				c.path(w)
			}
			pages := w.internet()
			s := w.service()
			s.group(w.servers, c.peer...)
			s.cli("settings", "set", "profile="+cmp.Or(c.profile, "balanced"), "check_pages=http://"+pageAddr+"/generate_204")
			s.cli("up", "g")
			w.until("the first handshake", 15*time.Second, func() bool {
				a := s.status().Active
				return a != nil && a.LastHandshake != nil
			})
			if c.flow != nil {
				c.flow(w)
			}
			from := time.Now()
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
					t.Logf("%s: suspected after %v: %s: %s", c.name, e.At.Sub(from).Round(time.Second), e.Cause, e.Evidence)
				}
			}
			if n := len(s.events(event.Restarted)); n != 0 {
				t.Errorf("%d restarts", n)
			}
			if n := pages.questions(); n != 0 {
				t.Errorf("third parties were asked %d times", n)
			}
			t.Logf("%s: suspected %d times in %v", c.name, suspected, long)
		})
	}
}
