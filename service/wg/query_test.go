package wg

import (
	"net/netip"
	"testing"

	"holdfast/service/tunnel"
)

// TestResolverThatAnswersNoEcho is asked by DNS instead, by Reach and in rounds.
func TestResolverThatAnswersNoEcho(t *testing.T) {
	l := newLAN(dnsAddr)
	l.resolvers[dnsAddr] = true
	c := inhabited(t, l, l)
	c.knows(t, "a", 1, 1)
	if from, _, err := c.Reach(patient(t), "b", nil); err != nil || from != dnsAddr {
		t.Errorf("got %v, %v", from, err)
	}
	c.knows(t, "b", 1, 1)
	pings := l.count(dnsAddr)
	for _, name := range []tunnel.Name{"a", "b"} {
		for i := range uint64(5) {
			c.portOf(t, name).echo()
			eventually(t, "the resolver answers", func() bool { return c.mustCount(t, name).Path.Beyond.Answered == i+1 })
		}
		if got := c.mustCount(t, name); got.DataSent != 0 || got.DataReceived != 0 || len(c.tun.out) != 0 {
			t.Errorf("queries count as data: %+v", got)
		}
	}
	if l.count(dnsAddr) != pings {
		t.Error("a resolver that answers no echo was sent some")
	}
	l.mu.Lock()
	if got, want := l.queries[0], "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"; got != want {
		t.Errorf("got query %q, want %q", got, want)
	}
	l.mu.Unlock()
	// An application's own query passes, even with the port of ours.
	port := c.portOf(t, "a").queries.port
	c.tun.in <- ipv4(protoUDP, clientAddr, dnsAddr, 0, udpPacket(port, 53, dnsMessage(9, false)))
	eventually(t, "the application gets its answer", func() bool { return len(c.tun.out) == 1 })
	// When it answers echoes again, they are enough.
	l.silence(false, dnsAddr)
	c.mustPing(t, dnsAddr, 1)
	eventually(t, "it is pinged", func() bool { c.portOf(t, "a").echo(); return l.count(dnsAddr) > pings+1 })
}

func TestQueriesAreSound(t *testing.T) {
	q := newQueries()
	for _, addr := range []string{"10.0.0.9", "fd00::9"} {
		dst := netip.MustParseAddr(addr)
		want := stamp{number: 3, purpose: ofRound, slot: 2, at: 9}
		p := q.build(dst.Prev(), dst, want)
		var in inner
		if in.parse(p, false); in.kind != dnsQuery || in.src < firstQueryPort || in.dst != portDNS {
			t.Fatalf("%s: got %+v", addr, in)
		}
		if got := checksum(pseudo(p, in.body-8, protoUDP), p[in.body-8:]); got != 0 {
			t.Errorf("%s: the checksum is wrong: %x", addr, got)
		}
		answer := func(from netip.Addr, id uint16) []byte {
			b := udpPacket(portDNS, q.port, dnsMessage(id, true))
			if from.Is4() {
				return ipv4(protoUDP, from, dst.Prev(), 0, b)
			}
			return ipv6(protoUDP, from, dst.Prev(), b)
		}
		for _, tt := range []struct {
			name string
			p    []byte
			want bool
		}{
			{"another number", answer(dst, in.id+1), false}, {"another machine", answer(dst.Next(), in.id), false},
			{"the answer", answer(dst, in.id), true}, {"the answer again", answer(dst, in.id), false},
		} {
			var got inner
			got.parse(tt.p, true)
			if s, ours := q.answer(&got, tt.p); ours != tt.want || ours && s != want {
				t.Errorf("%s, %s: got %+v, %v", addr, tt.name, s, ours)
			}
		}
	}
	for range 3 * maxQueries {
		q.build(clientAddr, serverAddr, stamp{})
	}
	if got := q.open.Load(); got != maxQueries {
		t.Errorf("got %d open", got)
	}
}
