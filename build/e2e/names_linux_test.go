package e2e

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers in the router's namespace, at the client's gateway.
type nameServer struct {
	mu    sync.Mutex
	names map[string]netip.Addr
	asked int
}

// set gives a name an address; the zero Addr takes it away.
func (n *nameServer) set(name string, a netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name+"."] = a
}

func (n *nameServer) questions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

// names starts a name server until the test ends.
func (w *world) names() *nameServer {
	w.t.Helper()
	var c net.PacketConn
	w.inNamespace(w.router, func() (err error) {
		c, err = net.ListenPacket("udp4", "10.200.0.1:53")
		return err
	})
	n := &nameServer{names: map[string]netip.Addr{}}
	var serving sync.WaitGroup
	serving.Go(func() { n.serve(c) })
	w.t.Cleanup(func() {
		c.Close()
		serving.Wait()
	})
	return n
}

// serve answers what is asked until the socket is closed.
func (n *nameServer) serve(c net.PacketConn) {
	b := make([]byte, 1500)
	for {
		size, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(b[:size]) != nil || len(m.Questions) != 1 {
			continue
		}
		if answer, err := n.answer(m).Pack(); err == nil {
			_, _ = c.WriteTo(answer, from)
		}
	}
}

func (n *nameServer) answer(m dnsmessage.Message) *dnsmessage.Message {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	q := m.Questions[0]
	out := &dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	a := n.names[strings.ToLower(q.Name.String())]
	switch {
	case !a.IsValid():
		out.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		out.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.AResource{A: a.As4()},
		}}
	}
	return out
}

// TestEndpointByName reaches a server by a name that does not resolve at first
// and changes its address later. Its look-ups never go through the tunnel,
// which has a resolver of its own that does not exist.
func TestEndpointByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	w.resolvConf("nameserver 10.200.0.1\n")
	n := w.names()
	s := w.service()
	a, b := w.servers[0], w.servers[1]
	// b is the same server at its new address.
	b.configure("private_key=" + a.key.RevealHex() + "\nreplace_peers=true\npublic_key=" + a.client.Public().Hex() + "\nallowed_ip=10.9.0.2/32\n")
	s.importText("a", strings.NewReplacer(a.addr, "vpn.test.example", "[Peer]", "DNS = 10.99.99.99\n[Peer]").Replace(a.conf()))
	s.cli("settings", "set", "profile=classic", "health_check_interval=1s", "traffic_timeout=5s")
	if code := s.exit("up", "a", "--wait=3s"); code != 6 {
		t.Errorf("up to a name that nobody knows exits with %d, want 6", code)
	}
	if got := s.cli("history"); !strings.Contains(got, "vpn.test.example") {
		t.Errorf("the history does not say which name is not known:\n%s", got)
	}
	n.set("vpn.test.example", netip.MustParseAddr(a.addr))
	// Until then the guard leaves ping no way at all, and it gives up.
	w.until("the tunnel to its name", 40*time.Second, func() bool { got := s.status().Active; return got != nil && got.LastHandshake != nil })
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	asked := n.questions()
	a.drop()
	n.set("vpn.test.example", netip.MustParseAddr(b.addr))
	moved := time.Now()
	w.until("pings by the new address", 60*time.Second, func() bool { return !g.first(moved.Add(time.Second)).IsZero() })
	t.Logf("pings flow by the new address %v after it changed", g.first(moved.Add(time.Second)).Sub(moved).Round(100*time.Millisecond))
	if n.questions() == asked {
		t.Error("the name was not looked up again")
	}
	if got := s.status().Active; got == nil || !strings.HasPrefix(got.Endpoint, b.addr+":") {
		t.Errorf("active is %+v, want the endpoint %s", got, b.addr)
	}
}

// TestEndpointByNameOfALocalResolver reaches a server by a name that only a
// program on this computer can look up, which the guard keeps in as everybody.
func TestEndpointByNameOfALocalResolver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	w.resolvConf("nameserver 127.0.0.1\n")
	n, a := w.names(), w.servers[0]
	n.set("vpn.test.example", netip.MustParseAddr(a.addr))
	w.forward("127.0.0.1:53", "10.200.0.1:53")
	s := w.service()
	s.importText("a", strings.NewReplacer(a.addr, "vpn.test.example").Replace(a.conf()))
	if code := s.exit("up", "a", "--wait=15s"); code != 0 {
		t.Errorf("up exits with %d, want 0", code)
	}
}

// forward passes questions on in the client's namespace, as dnsmasq does.
func (w *world) forward(at, upstream string) {
	w.t.Helper()
	var c, up net.PacketConn
	w.inNamespace(w.client, func() (err error) {
		if c, err = net.ListenPacket("udp4", at); err == nil {
			up, err = net.ListenPacket("udp4", ":0")
		}
		return err
	})
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(upstream))
	var serving sync.WaitGroup
	serving.Go(func() {
		b := make([]byte, 1500)
		for {
			size, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if _, err := up.WriteTo(b[:size], to); err != nil {
				continue // it is kept in
			}
			_ = up.SetReadDeadline(time.Now().Add(time.Second))
			if size, _, err = up.ReadFrom(b); err == nil {
				_, _ = c.WriteTo(b[:size], from)
			}
		}
	})
	w.t.Cleanup(func() {
		c.Close()
		up.Close()
		serving.Wait()
	})
}
