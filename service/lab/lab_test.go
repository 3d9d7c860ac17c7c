package lab

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/service/tunnel"
)

func TestEverythingInsideAnswers(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{})
	s := addServer(t, l, "berlin", ServerOptions{Preshared: true, Keepalive: 25})
	c := newClient(t, s.ClientConfig())
	for _, a := range []netip.Addr{innerAddr, innerAddr6, worldAddr, netip.MustParseAddr("2001:db8::7")} {
		c.mustPing(t, a)
	}
	c.mustEcho(t, 1<<20)

	web := c.dial(t, "tcp", netip.AddrPortFrom(worldAddr, PortHTTP))
	r := bufio.NewReader(web)
	for range 2 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://example/generate_204", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if err := request.Write(web); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(r, request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusNoContent || answer.Header.Get(ServerHeader) != "berlin" {
			t.Errorf("got %s from %q, want 204 from berlin", answer.Status, answer.Header.Get(ServerHeader))
		}
	}

	name := dnsmessage.MustNewName("example.org.")
	query, err := (&dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 77},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	dns := c.dial(t, "udp", netip.AddrPortFrom(innerAddr, PortDNS))
	if _, err := dns.Write(query); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 512)
	n, err := dns.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(buf[:n]); err != nil || m.ID != 77 || len(m.Answers) != 1 {
		t.Errorf("got answer %+v (%v), want one for query 77", m, err)
	}

	udp := c.dial(t, "udp", netip.AddrPortFrom(worldAddr, PortEcho))
	if _, err := udp.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if n, err := udp.Read(buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("got %q (%v), want hello", buf[:n], err)
	}

	stream := c.dial(t, "tcp", netip.AddrPortFrom(worldAddr, PortStream))
	var total int
	for big := make([]byte, 1<<16); total < 1<<20; {
		n, err := stream.Read(big)
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if _, err := c.net.DialContext(t.Context(), "tcp", netip.AddrPortFrom(worldAddr, 81).String()); err == nil {
		t.Error("a port without a service took a connection")
	}

	got := s.Path().Counters()
	if got.Up.Types[Initiation] != 1 || got.Down.Types[Response] != 1 {
		t.Errorf("got %d initiations and %d responses, want 1 and 1", got.Up.Types[Initiation], got.Down.Types[Response])
	}
	if got.Up.Lost()+got.Down.Lost() != 0 {
		t.Errorf("a perfect path lost %v up and %v down", got.Up.Dropped, got.Down.Dropped)
	}
}

func TestAClientMovesBetweenServersAndKeepsItsConnection(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{})
	a := addServer(t, l, "a", ServerOptions{})
	b := addServer(t, l, "b", ServerOptions{SameSite: "a"})
	other := addServer(t, l, "other", ServerOptions{})
	if a.ClientConfig().Site() != b.ClientConfig().Site() {
		t.Error("the endpoints of one site have different sites")
	}
	if a.ClientConfig().Site() == other.ClientConfig().Site() {
		t.Error("different servers have the same site")
	}
	if a.Endpoint() == b.Endpoint() {
		t.Error("both endpoints are the same")
	}
	c := newClient(t, a.ClientConfig())
	c.mustPing(t, innerAddr)
	if err := a.Break(BlackHole); err != nil {
		t.Fatal(err)
	}
	c.mustLosePing(t, innerAddr)
	peer := c.config.Peers[0].PublicKey.Hex()
	if err := c.device.IpcSet("public_key=" + peer + "\nupdate_only=true\nendpoint=" + b.Endpoint().String() + "\n"); err != nil {
		t.Fatal(err)
	}
	c.mustPing(t, innerAddr)
	if n := b.Path().Counters().Up.Types[Initiation]; n != 0 {
		t.Errorf("moving within the site took %d handshakes, want none", n)
	}
}

func TestConfigsAreOrdinary(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{})
	s := addServer(t, l, "x", ServerOptions{
		Client: []netip.Prefix{netip.MustParsePrefix("10.9.0.2/32")}, Inner: []netip.Addr{netip.MustParseAddr("10.9.0.1")},
		Preshared: true, Keepalive: 7, MTU: 1380,
	})
	c := s.ClientConfig()
	p := c.Peers[0]
	if c.Interface.MTU != 1380 || p.Keepalive != 7 || p.PresharedKey.IsZero() || p.Endpoint.String() != s.Endpoint().String() {
		t.Errorf("the config does not say what the options asked for: %+v", c)
	}
	read, err := tunnel.Parse([]byte(c.Render()))
	if err != nil || read.Render() != c.Render() || read.Site() != c.Site() {
		t.Fatalf("the config does not read back as it was written: %v", err)
	}
	newClient(t, read).mustPing(t, netip.MustParseAddr("10.9.0.1"))
}

func TestNetworkOffRefusesEveryPathAndIsTold(t *testing.T) {
	t.Parallel()
	var told []bool
	l := newTestLab(t, Options{OnNetwork: func(up bool) { told = append(told, up) }})
	a, b := addServer(t, l, "a", ServerOptions{}), addServer(t, l, "b", ServerOptions{})
	ca, cb := newClient(t, a.ClientConfig()), newClient(t, b.ClientConfig())
	ca.mustPing(t, innerAddr)
	cb.mustPing(t, innerAddr)
	l.SetNetwork(false)
	l.SetNetwork(false)
	ca.mustLosePing(t, innerAddr)
	cb.mustLosePing(t, innerAddr)
	late := addServer(t, l, "late", ServerOptions{})
	cl := newClient(t, late.ClientConfig())
	cl.mustLosePing(t, innerAddr)
	l.SetNetwork(true)
	ca.mustPing(t, innerAddr)
	cb.mustPing(t, innerAddr)
	cl.reconnect(t)
	cl.mustPing(t, innerAddr)
	if len(told) != 2 || told[0] || !told[1] {
		t.Errorf("told %v, want [false true]", told)
	}
}

func TestNetworkOffAndRefusedHealInAnyOrder(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{})
	s := addServer(t, l, "a", ServerOptions{})
	c := newClient(t, s.ClientConfig())
	mustBreak(t, s, Refused)
	l.SetNetwork(false)
	mustHeal(t, s, Refused)
	c.mustLosePing(t, innerAddr)
	mustBreak(t, s, Refused)
	l.SetNetwork(true)
	c.mustLosePing(t, innerAddr)
	if err := l.Heal(); err != nil {
		t.Fatal(err)
	}
	c.reconnect(t)
	c.mustPing(t, innerAddr)
}

func TestNamesAndKeysThatAreNotThere(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{})
	s := addServer(t, l, "a", ServerOptions{})
	if _, err := l.AddServer("a", ServerOptions{}); err == nil {
		t.Error("a name was given twice")
	}
	if _, err := l.AddServer("b", ServerOptions{SameSite: "zz"}); !errors.Is(err, ErrNoSuchServer) {
		t.Errorf("got %v, want ErrNoSuchServer", err)
	}
	if err := s.Break("nonsense"); !errors.Is(err, ErrNoSuchFault) {
		t.Errorf("got %v, want ErrNoSuchFault", err)
	}
	if err := s.Heal("nonsense"); !errors.Is(err, ErrNoSuchFault) {
		t.Errorf("got %v, want ErrNoSuchFault", err)
	}
	if l.Server("a") != s || l.Server("zz") != nil || len(l.Servers()) != 1 {
		t.Error("the servers cannot be found by name")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddServer("c", ServerOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if err := s.Break(Restart); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// It does not run in parallel: it counts the goroutines of the process.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		closeUnderLoad(t)
	}
	eventually(t, 5*time.Second, "the goroutines of the lab end", func() bool { return runtime.NumGoroutine() <= before })
}

func closeUnderLoad(t *testing.T) {
	t.Run("lab", func(t *testing.T) {
		l := New(Options{})
		s := addServer(t, l, "a", ServerOptions{Path: Both(Link{Latency: 5 * time.Millisecond})})
		c := newClient(t, s.ClientConfig())
		for _, port := range []uint16{PortStream, PortEcho, PortDiscard} {
			n := c.dial(t, "tcp", netip.AddrPortFrom(worldAddr, port))
			if _, err := n.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range Faults() {
			mustBreak(t, s, f.Key)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func mustBreak(t testing.TB, s *Server, f Fault) {
	t.Helper()
	if err := s.Break(f); err != nil {
		t.Fatal(err)
	}
}

func mustHeal(t testing.TB, s *Server, which ...Fault) {
	t.Helper()
	if err := s.Heal(which...); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsMayBeSwitchedFromEverywhereAtOnce(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{Seed: 5})
	a := addServer(t, l, "a", ServerOptions{Preshared: true})
	b := addServer(t, l, "b", ServerOptions{SameSite: "a"})
	c := newClient(t, a.ClientConfig())
	end := time.Now().Add(1500 * time.Millisecond)
	var running sync.WaitGroup
	for i := range uint64(4) {
		running.Go(func() {
			random := rand.New(rand.NewPCG(5, i))
			for time.Now().Before(end) {
				s := []*Server{a, b}[random.IntN(2)]
				f := faults[random.IntN(len(faults))].Key
				switch random.IntN(8) {
				case 0, 1, 2:
					_ = s.Break(f)
				case 3, 4:
					_ = s.Heal(f)
				case 5:
					l.SetNetwork(random.IntN(2) == 0)
				case 6:
					s.Path().SetConditions(Both(Link{Loss: random.Float64()}))
				default:
					_, _ = s.Broken(), s.Path().Counters()
				}
				_, _ = c.ping(innerAddr, 64, 5*time.Millisecond)
			}
		})
	}
	running.Wait()
	if err := l.Heal(); err != nil {
		t.Fatal(err)
	}
	for _, s := range l.Servers() {
		s.Path().SetConditions(Conditions{})
		if len(s.Broken()) != 0 {
			t.Errorf("%s is still broken: %v", s.Name(), s.Broken())
		}
	}
	eventually(t, 5*time.Second, "the tunnel works again", func() bool {
		c.reconnect(t)
		_, err := c.ping(innerAddr, 64, 500*time.Millisecond)
		return err == nil
	})
	c.mustEcho(t, 1<<16)
}
