package lab

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// symptoms say for each fault what a client with a live session sees of it, and
// what it needs to see none of it any more.
var symptoms = map[Fault]func(t *testing.T, s *Server, c *client){
	BlackHole:     silent,
	BlackHoleUp:   silentIn(Up, DropDead),
	BlackHoleDown: silentIn(Down, DropDead),
	Refused:       refuses,
	Revoked:       refusesKey,
	WrongPSK:      answersWithoutProof,
	ForwardingOff: forwardsNothing,
	ExitOff:       answersItselfOnly,
	Restart:       forgetsSessions,
	Overload:      asksForCookie,
	KeyShared:     losesAnswers,
	Latency:       takes(2 * faultLatency),
	Jitter:        takesUpTo(2 * faultJitter),
	Reorder:       reorders,
	Loss:          losesSome(DropLoss),
	LossUp:        losesSome(DropLoss),
	LossDown:      losesSome(DropLoss),
	Bursts:        vanishesForAWhile,
	Slow:          isSlow,
	MTU:           losesLarge,
	Rebind:        comesFromAnotherPort,
}

func TestEveryFaultHasASymptomAndHeals(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{Seed: 1})
	for _, f := range Faults() {
		s := addServer(t, l, "f-"+nameOf(f.Key), ServerOptions{Preshared: true})
		t.Run(string(f.Key), func(t *testing.T) {
			t.Parallel()
			c := newClient(t, s.ClientConfig())
			c.mustPing(t, innerAddr)
			mustBreak(t, s, f.Key)
			mustBreak(t, s, f.Key)
			if got := slices.Contains(s.Broken(), f.Key); got == f.Momentary {
				t.Errorf("got broken %v, want %v", got, !f.Momentary)
			}
			symptoms[f.Key](t, s, c)
			mustHeal(t, s)
			if len(s.Broken()) != 0 {
				t.Errorf("got %v after everything was healed", s.Broken())
			}
			// An overloaded server needs a second to recover; a client of its own
			// accord tries again after five.
			eventually(t, 5*time.Second, "the tunnel works again", func() bool {
				c.reconnect(t)
				_, err := c.ping(innerAddr, 64, 500*time.Millisecond)
				return err == nil
			})
			c.mustPing(t, worldAddr)
			c.mustEcho(t, 1<<16)
		})
	}
}

func nameOf(f Fault) tunnel.Name { return tunnel.Name(f) }

func silent(t *testing.T, s *Server, c *client) {
	c.mustLosePing(t, innerAddr)
	if n := s.Path().Counters().Up.Dropped[DropDead]; n == 0 {
		t.Error("nothing was counted as dropped")
	}
}

func silentIn(way Direction, why Drop) func(t *testing.T, s *Server, c *client) {
	return func(t *testing.T, s *Server, c *client) {
		c.mustLosePing(t, innerAddr)
		n := s.Path().Counters()
		lost, passed := n.Up, n.Down
		if way == Down {
			lost, passed = n.Down, n.Up
		}
		if lost.Dropped[why] == 0 || passed.Lost() != 0 {
			t.Errorf("got %v lost up and %v down", n.Up.Dropped, n.Down.Dropped)
		}
	}
}

func refuses(t *testing.T, s *Server, c *client) {
	c.mustLosePing(t, innerAddr)
	probe, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(s.Endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	if _, err := probe.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := probe.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := probe.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want port unreachable", err)
	}
	if taken, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(s.Endpoint())); err == nil {
		_ = taken.Close()
		t.Error("the port of a refusing path could be taken by another")
	}
}

func refusesKey(t *testing.T, s *Server, c *client) {
	c.mustLosePing(t, innerAddr)
	c.reconnect(t)
	c.mustLosePing(t, innerAddr)
	n := s.Path().Counters()
	if n.Up.Types[Initiation] < 2 || n.Down.Types[Response] != 1 {
		t.Errorf("got %d initiations and %d responses, want at least 2 and 1", n.Up.Types[Initiation], n.Down.Types[Response])
	}
}

func answersWithoutProof(t *testing.T, s *Server, c *client) {
	c.mustLosePing(t, innerAddr)
	c.reconnect(t)
	c.mustLosePing(t, innerAddr)
	n := s.Path().Counters()
	if n.Down.Types[Response] < 2 || n.Up.Types[Data] != 2 {
		t.Errorf("got %d responses and %d data packets, want at least 2 and the 2 from before", n.Down.Types[Response], n.Up.Types[Data])
	}
}

func forwardsNothing(t *testing.T, s *Server, c *client) {
	c.mustLosePing(t, innerAddr)
	c.mustLosePing(t, worldAddr)
	before := s.Path().Counters().Down.Types[Response]
	c.reconnect(t)
	c.mustLosePing(t, innerAddr)
	if after := s.Path().Counters().Down.Types[Response]; after != before+1 {
		t.Errorf("got %d handshake answers, want one", after-before)
	}
	if s.InnerDropped() == 0 {
		t.Error("no inner packet was counted as dropped")
	}
}

func answersItselfOnly(t *testing.T, _ *Server, c *client) {
	c.mustPing(t, innerAddr)
	c.mustPing(t, innerAddr6)
	c.mustLosePing(t, worldAddr)
}

func forgetsSessions(t *testing.T, s *Server, c *client) {
	c.mustLosePing(t, innerAddr)
	if n := s.Path().Counters().Up.Types[Data]; n < 2 {
		t.Errorf("got %d data packets, want one that the server does not know", n)
	}
}

func asksForCookie(t *testing.T, s *Server, c *client) {
	c.mustPing(t, innerAddr) // the session lives on
	eventually(t, 15*time.Second, "a handshake is answered by a cookie", func() bool {
		c.reconnect(t)
		_, _ = c.ping(innerAddr, 64, 100*time.Millisecond)
		return s.Path().Counters().Down.Types[Cookie] > 0
	})
}

func TestAnOverloadedServerTakesAClientThatShowsItsCookie(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{})
	s := addServer(t, l, "busy", ServerOptions{})
	mustBreak(t, s, Overload)
	// The load comes with the first burst, and lapses for a moment now and then.
	var c *client
	var before Counters
	eventually(t, 15*time.Second, "a handshake is answered by a cookie", func() bool {
		c, before = newClient(t, s.ClientConfig()), s.Path().Counters()
		_, err := c.ping(innerAddr, 64, 300*time.Millisecond)
		return err != nil && s.Path().Counters().Down.Types[Cookie] == before.Down.Types[Cookie]+1
	})
	// The client tries again after 5 s, and shows the cookie.
	c.pingUntil(t, innerAddr, 8*time.Second)
	after := s.Path().Counters()
	sent := after.Up.Types[Initiation] - before.Up.Types[Initiation]
	taken := after.Down.Types[Response] - before.Down.Types[Response]
	if sent < 2 || taken < 1 {
		t.Errorf("got %d initiations and %d responses, want at least 2 and 1", sent, taken)
	}
}

func losesAnswers(t *testing.T, s *Server, c *client) {
	eventually(t, 30*time.Second, "the other device takes the answers away", func() bool {
		_, err := c.ping(innerAddr, 64, 50*time.Millisecond)
		return err != nil
	})
	if n := s.Path().Counters().Up.Lost(); n != 0 {
		t.Errorf("the path lost %d datagrams", n)
	}
}

func takes(want time.Duration) func(t *testing.T, s *Server, c *client) {
	return func(t *testing.T, _ *Server, c *client) {
		got, err := c.ping(innerAddr, 64, 4*time.Second)
		if err != nil || got < want || got > want+250*time.Millisecond {
			t.Errorf("got a round trip of %v (%v), want %v", got, err, want)
		}
	}
}

func takesUpTo(most time.Duration) func(t *testing.T, s *Server, c *client) {
	return func(t *testing.T, _ *Server, c *client) {
		low, high := time.Hour, time.Duration(0)
		for range 12 {
			got, err := c.ping(innerAddr, 64, 4*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			low, high = min(low, got), max(high, got)
		}
		if high-low < most/8 || high > most+250*time.Millisecond {
			t.Errorf("got round trips from %v to %v, want them spread up to %v", low, high, most)
		}
	}
}

func reorders(t *testing.T, _ *Server, c *client) {
	udp := c.dial(t, "udp", netip.AddrPortFrom(worldAddr, PortEcho))
	const n = 100
	for i := range n {
		if _, err := udp.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	overtaken, last := 0, -1
	buf := make([]byte, 16)
	for range n {
		if _, err := udp.Read(buf); err != nil {
			t.Fatal(err)
		}
		if int(buf[0]) < last {
			overtaken++
		}
		last = max(last, int(buf[0]))
	}
	if overtaken < n/10 {
		t.Errorf("got %d of %d out of order, want about a third", overtaken, n)
	}
}

func losesSome(why Drop) func(t *testing.T, s *Server, c *client) {
	return func(t *testing.T, s *Server, c *client) {
		udp := c.dial(t, "udp", netip.AddrPortFrom(innerAddr, PortEcho))
		eventually(t, 5*time.Second, "a datagram is lost", func() bool {
			if _, err := udp.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			n := s.Path().Counters()
			return n.Up.Dropped[why]+n.Down.Dropped[why] > 0
		})
	}
}

func vanishesForAWhile(t *testing.T, s *Server, c *client) {
	// Gaps ten times as often as the fault has them, so that one comes soon.
	mustHeal(t, s, Bursts)
	s.Path().SetConditions(Both(Link{Burst: Burst{Every: 500 * time.Millisecond, Longest: 400 * time.Millisecond}}))
	eventually(t, 8*time.Second, "a gap comes and goes", func() bool {
		_, err := c.ping(innerAddr, 64, 50*time.Millisecond)
		n := s.Path().Counters()
		return err == nil && n.Up.Dropped[DropBurst]+n.Down.Dropped[DropBurst] > 0
	})
	s.Path().SetConditions(Conditions{})
}

func isSlow(t *testing.T, s *Server, c *client) {
	start := time.Now()
	c.mustEcho(t, 1<<16)
	ideal := time.Duration(float64(1<<16) / faultRate * float64(time.Second))
	if took := time.Since(start); took < ideal || took > 3*time.Second {
		t.Errorf("64 KiB took %v, want at least %v", took, ideal)
	}
	if n := s.Path().Counters().Down.Lost(); n > 20 {
		t.Errorf("the queue lost %d datagrams of a small exchange", n)
	}
}

func losesLarge(t *testing.T, _ *Server, c *client) {
	if _, err := c.ping(innerAddr, 1280-20, time.Second); err != nil {
		t.Errorf("an inner packet of 1280 bytes: %v", err)
	}
	if _, err := c.ping(innerAddr, 1400-20, 300*time.Millisecond); err == nil {
		t.Error("an inner packet of 1400 bytes arrived")
	}
	if err := c.echo(1<<16, 400*time.Millisecond); err == nil {
		t.Error("large TCP segments arrived")
	}
}

func comesFromAnotherPort(t *testing.T, s *Server, c *client) {
	c.mustPing(t, innerAddr)
	before := clientAt(t, s)
	mustBreak(t, s, Rebind)
	c.mustPing(t, innerAddr)
	if after := clientAt(t, s); after == before {
		t.Errorf("the client still comes from %s", after)
	}
}

// clientAt is where the server sees its client.
func clientAt(t *testing.T, s *Server) string {
	t.Helper()
	text, err := s.site.device.IpcGet()
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(text, "endpoint=")
	if !found {
		t.Fatal("the server knows no endpoint of its client")
	}
	at, _, _ := strings.Cut(after, "\n")
	return at
}

func TestFaultsAreDescribed(t *testing.T) {
	t.Parallel()
	seen := map[Fault]bool{}
	for _, f := range Faults() {
		if f.Name == "" || f.What == "" || seen[f.Key] {
			t.Errorf("%q is described badly or twice: %+v", f.Key, f)
		}
		seen[f.Key] = true
		if f.Site != (siteFaults[f.Key] != nil || f.Key == Restart) {
			t.Errorf("%s: got site %v", f.Key, f.Site)
		}
		if symptoms[f.Key] == nil {
			t.Errorf("%s has no test", f.Key)
		}
		if got, err := ParseFault(string(f.Key)); err != nil || got != f.Key {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if len(symptoms) != len(seen) {
		t.Errorf("%d faults are tested and %d described", len(symptoms), len(seen))
	}
}

func TestFaultsOfASiteHoldForAllItsServers(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{})
	a := addServer(t, l, "a", ServerOptions{})
	b := addServer(t, l, "b", ServerOptions{SameSite: "a"})
	mustBreak(t, a, ForwardingOff)
	mustBreak(t, a, BlackHole)
	if got := b.Broken(); !slices.Equal(got, []Fault{ForwardingOff}) {
		t.Errorf("got %v at the second server, want forwarding only", got)
	}
	mustHeal(t, b)
	if got := a.Broken(); !slices.Equal(got, []Fault{BlackHole}) {
		t.Errorf("got %v at the first server, want blackhole only", got)
	}
}

func TestEveryDatagramIsHeardAndCounted(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{Seed: 9})
	s := addServer(t, l, "a", ServerOptions{Path: Both(Link{Loss: 0.1})})
	var heard, lost atomic.Uint64
	s.Path().OnPacket(func(p Packet) {
		heard.Add(1)
		if p.Drop != "" {
			lost.Add(1)
		}
	})
	c := newClient(t, s.ClientConfig())
	c.pingUntil(t, innerAddr, 10*time.Second)
	udp := c.dial(t, "udp", netip.AddrPortFrom(innerAddr, PortEcho))
	for range 100 {
		if _, err := udp.Write(make([]byte, 200)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 3*time.Second, "as many are heard as counted", func() bool {
		n := s.Path().Counters()
		return n.Up.Types[Data] > 100 && heard.Load() == n.Up.Packets+n.Down.Packets && lost.Load() == n.Up.Lost()+n.Down.Lost()
	})
	s.Path().OnPacket(nil)
	before := heard.Load()
	_, _ = c.ping(innerAddr, 64, 100*time.Millisecond)
	if heard.Load() != before {
		t.Error("a hook that was taken away still hears")
	}
}
