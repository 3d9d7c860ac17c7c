package wg

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// crossing is the traffic of a port, with the packets that cross it given one
// by one.
type crossing struct {
	traffic
	arrived uint64
}

func (c *crossing) out(packets ...[]byte) {
	for _, p := range packets {
		c.leave([][]byte{p}, []int{len(p)}, 0, c.arrived)
	}
}

func (c *crossing) in(p []byte) (evidence, bool) {
	c.arrived++
	var in inner
	in.parse(p, true)
	return c.come(&in, p, sinceBegan())
}

const ack = flagACK

func outTCP(seq uint32, flags uint8, payload int) []byte {
	return ipv4(protoTCP, clientAddr, serverAddr, 0, tcpPacket(999, 80, seq, 0, flags, payload))
}

func inTCP(acked uint32) []byte {
	return ipv4(protoTCP, serverAddr, clientAddr, 0, tcpPacket(80, 999, 0, acked, ack, 0))
}

func TestAcknowledgementsProveRoundTrips(t *testing.T) {
	for _, tt := range []struct {
		name          string
		out           [][]byte
		acked         uint32
		proven, timed bool
	}{
		{"data", [][]byte{outTCP(100, ack, 10)}, 110, true, true},
		{"SYN", [][]byte{outTCP(100, flagSYN, 0)}, 101, true, true},
		{"data and end", [][]byte{outTCP(100, ack|flagFIN, 10)}, 111, true, true},
		{"more than was sampled", [][]byte{outTCP(100, ack, 10), outTCP(110, ack, 10)}, 120, true, true},
		{"around zero", [][]byte{outTCP(0xfffffff8, ack, 10)}, 2, true, true},
		{"not all of it", [][]byte{outTCP(100, ack, 10)}, 105, false, false},
		{"sent again", [][]byte{outTCP(100, ack, 10), outTCP(100, ack, 10)}, 110, true, false},
		{"nothing was sent", [][]byte{outTCP(100, ack, 0)}, 100, false, false},
		{"another connection by the same ports", [][]byte{outTCP(1<<31, ack, 10), outTCP(5, flagSYN, 0)}, 6, true, true},
	} {
		var c crossing
		c.out(tt.out...)
		proof, proven := c.in(inTCP(tt.acked))
		if proven != tt.proven || (proof.rtt > 0) != tt.timed || proven && proof.from != serverAddr {
			t.Errorf("%s: got %+v, %v", tt.name, proof, proven)
		}
		if _, again := c.in(inTCP(tt.acked)); again {
			t.Errorf("%s: the same acknowledgement proves twice", tt.name)
		}
		if open := c.openFlows.Load(); tt.proven && open != 0 {
			t.Errorf("%s: %d connections are open", tt.name, open)
		}
	}
}

func TestRepliesProveRoundTrips(t *testing.T) {
	request := func(id, seq uint16) []byte { return ipv4(protoICMP, clientAddr, serverAddr, 0, icmpEcho(8, id, seq)) }
	reply := func(from netip.Addr, id, seq uint16) []byte {
		return ipv4(protoICMP, from, clientAddr, 0, icmpEcho(0, id, seq))
	}
	query := func(id uint16) []byte {
		return ipv4(protoUDP, clientAddr, serverAddr, 0, udpPacket(999, 53, dnsMessage(id, false)))
	}
	answer := func(id uint16) []byte {
		return ipv4(protoUDP, serverAddr, clientAddr, 0, udpPacket(53, 999, dnsMessage(id, true)))
	}
	for _, tt := range []struct {
		name          string
		out           [][]byte
		in            []byte
		proven, timed bool
	}{
		{"echo", [][]byte{request(1, 2)}, reply(serverAddr, 1, 2), true, true},
		{"echo of another number", [][]byte{request(1, 2)}, reply(serverAddr, 1, 3), false, false},
		{"echo of another process", [][]byte{request(1, 2)}, reply(serverAddr, 2, 2), false, false},
		{"echo of another machine", [][]byte{request(1, 2)}, reply(serverAddr.Next().Next(), 1, 2), false, false},
		{"echo that was sent twice", [][]byte{request(1, 2), request(1, 2)}, reply(serverAddr, 1, 2), true, false},
		{"DNS", [][]byte{query(7)}, answer(7), true, false},
		{"DNS of another number", [][]byte{query(7)}, answer(8), false, false},
		{"nothing was asked", nil, answer(8), false, false},
	} {
		var c crossing
		c.out(tt.out...)
		proof, proven := c.in(tt.in)
		if proven != tt.proven || (proof.rtt > 0) != tt.timed || proven && proof.from != serverAddr {
			t.Errorf("%s: got %+v, %v", tt.name, proof, proven)
		}
		if _, again := c.in(tt.in); again {
			t.Errorf("%s: the same reply proves twice", tt.name)
		}
	}
}

func TestUnansweredRequestsExpire(t *testing.T) {
	var c crossing
	for i := range uint16(maxRequests + 5) { // the last ones find no room
		c.out(ipv4(protoICMP, clientAddr, serverAddr, 0, icmpEcho(8, 1, i)))
	}
	var lost []netip.Addr
	take := func(to netip.Addr) { lost = append(lost, to) }
	if c.expire(sinceBegan(), take); len(lost) != 0 {
		t.Errorf("got %d lost at once", len(lost))
	}
	if c.expire(sinceBegan()+int64(requestTime), take); len(lost) != maxRequests || lost[0] != serverAddr {
		t.Errorf("got %d lost after %v", len(lost), requestTime)
	}
	if c.openRequests.Load() != 0 {
		t.Errorf("%d are still open", c.openRequests.Load())
	}
	c.out(ipv4(protoUDP, clientAddr, serverAddr, 0, udpPacket(999, 53, dnsMessage(7, false))))
	if c.expire(sinceBegan()+int64(requestTime), take); len(lost) != maxRequests || c.openRequests.Load() != 0 {
		t.Errorf("a resolver's silence counts as loss: %d", len(lost))
	}
}

func TestLargeSegmentsThatAreSentAgain(t *testing.T) {
	const large = 1400
	var c crossing
	c.out(outTCP(100, ack, large), outTCP(100+large, ack, large))
	c.out(outTCP(100, ack, large))
	if got := c.largeLost.Load(); got != 0 {
		t.Errorf("got %d lost for their size while nothing came at all", got)
	}
	c.in(inTCP(100)) // something small came
	c.out(outTCP(100, ack, large), outTCP(100, ack, large))
	if got := c.largeLost.Load(); got != 2 {
		t.Errorf("got %d lost for their size, want 2", got)
	}
	c.out(outTCP(100, ack, 500))
	c.in(inTCP(600))
	if got := c.largeLost.Load(); got != 2 {
		t.Errorf("got %d lost for their size after a small segment", got)
	}
	c.in(inTCP(100 + 2*large))
	if open := c.openFlows.Load(); open != 0 {
		t.Errorf("%d connections wait for something", open)
	}
}

func TestWaitingCountsFlowsThatBegan(t *testing.T) {
	var c crossing
	began := sinceBegan()
	c.out(outTCP(1, ack, 0), ipv4(253, clientAddr, serverAddr, 0, make([]byte, 20)))
	if c.waitingAt.Load() != 0 {
		t.Error("something waits that wants no answer")
	}
	c.out(outTCP(1, ack, 10)) // an old flow waits, none began
	if at := c.waitingAt.Load(); at < began || c.waitingFlows.Load() != 0 {
		t.Errorf("got %d flows, since %d", c.waitingFlows.Load(), at)
	}
	since := c.waitingAt.Load()
	for i := range uint32(5) {
		c.out(outTCP(100, flagSYN, 0), outTCP(100, flagSYN, 0), ipv4(protoICMP, clientAddr, serverAddr, 0, icmpEcho(8, 7, uint16(i))))
	}
	for port := range uint16(3) {
		c.out(ipv4(protoUDP, clientAddr, serverAddr, 0, udpPacket(2000+port, 53, dnsMessage(1, false))),
			ipv4(protoUDP, clientAddr, serverAddr, 0, udpPacket(3000+port, 443, []byte{0xc0, 0})))
	}
	if got := c.waitingFlows.Load(); got != 1+1+3+3 || c.waitingAt.Load() != since {
		t.Errorf("got %d flows", got)
	}
	for port := range uint16(100) {
		c.out(ipv4(protoTCP, clientAddr, serverAddr, 0, tcpPacket(4000+port, 80, 1, 0, flagSYN, 0)))
	}
	if got := c.waitingFlows.Load(); got != maxBegun {
		t.Errorf("got %d flows, want no more than %d", got, maxBegun)
	}
	c.waitingAt.Store(0) // as when something came
	c.out(outTCP(100, flagSYN, 0))
	if got := c.waitingFlows.Load(); got != 1 {
		t.Errorf("got %d flows after an answer, want 1", got)
	}
}

func TestManyConnectionsShareTheTable(t *testing.T) {
	var c crossing
	for round := range 3 {
		for port := range uint16(500) {
			c.out(ipv4(protoTCP, clientAddr, serverAddr, 0, tcpPacket(port, 80, uint32(round*10), 0, ack, 10)))
		}
	}
	if open := c.openFlows.Load(); open > maxFlows || open == 0 {
		t.Errorf("got %d connections, there is room for %d", open, maxFlows)
	}
	for port := range uint16(500) {
		c.in(ipv4(protoTCP, serverAddr, clientAddr, 0, tcpPacket(80, port, 0, 30, ack, 0)))
	}
	if open := c.openFlows.Load(); open != 0 {
		t.Errorf("%d connections are open after everything was acknowledged", open)
	}
}

func TestConfigsTellWhomToAsk(t *testing.T) {
	key := newKey(t)
	for _, tt := range []struct {
		name                 string
		own, allowed, dns    []string
		near, given, refused []string
	}{
		{"a single address", []string{"10.8.0.2/32"}, []string{"0.0.0.0/0"}, []string{"10.8.0.1", "9.9.9.9"},
			[]string{"10.8.0.1"}, []string{"9.9.9.9"}, []string{"10.8.0.2", "fd00::1", "224.0.0.1", "127.0.0.1"}},
		{"a network", []string{"10.8.16.9/20"}, []string{"10.8.16.0/20"}, []string{"10.8.16.53", "1.1.1.1"},
			[]string{"10.8.16.1"}, []string{"10.8.16.53"}, []string{"8.8.8.8"}},
		{"both families", []string{"10.8.0.2/24", "fd00:8::2/64"}, []string{"0.0.0.0/0", "::/0"}, nil,
			[]string{"10.8.0.1", "fd00:8::1"}, nil, nil},
		{"we are the first", []string{"10.8.0.1/24"}, []string{"10.8.0.7/32", "192.168.1.9/32"}, nil,
			[]string{"10.8.0.7"}, nil, []string{"10.8.0.9"}},
		{"IPv6 alone", []string{"fd00:8::2/128"}, []string{"::/0"}, []string{"2620:fe::fe"},
			[]string{"fd00:8::1"}, []string{"2620:fe::fe"}, []string{"9.9.9.9"}},
		{"no address", nil, []string{"0.0.0.0/0"}, []string{"9.9.9.9"}, nil, nil, []string{"10.8.0.1"}},
	} {
		cfg := configFor(key, &server{key: key}, netip.MustParseAddrPort("127.0.0.1:9"))
		cfg.Interface.Addresses, cfg.Interface.DNS, cfg.Peers[0].AllowedIPs = prefixes(tt.own), addrs(tt.dns), prefixes(tt.allowed)
		var r responders
		r.configure(cfg)
		if got := r.given(true); !slices.Equal(got, addrs(tt.near)) {
			t.Errorf("%s: got near %v, want %v", tt.name, got, tt.near)
		}
		if got := r.given(false); !slices.Equal(got, addrs(tt.given)) {
			t.Errorf("%s: got %v of the config, want %v", tt.name, got, tt.given)
		}
		for _, a := range addrs(tt.refused) {
			if r.suggest(a); r.inside.Load().reaches(a) {
				t.Errorf("%s: %v passes for an address inside", tt.name, a)
			}
		}
		if got := len(r.candidates); got != len(tt.near)+len(tt.given) {
			t.Errorf("%s: got %d candidates", tt.name, got)
		}
	}
}

func prefixes(texts []string) (out []netip.Prefix) {
	for _, s := range texts {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func addrs(texts []string) (out []netip.Addr) {
	for _, s := range texts {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// wellKnown are responders of a member whose config names 10.8.0.1 and 9.9.9.9.
func wellKnown(t *testing.T) *responders {
	t.Helper()
	key := newKey(t)
	cfg := configFor(key, &server{key: key}, netip.MustParseAddrPort("127.0.0.1:9"))
	cfg.Interface.DNS = addrs([]string{"9.9.9.9"})
	var r responders
	r.configure(cfg)
	return &r
}

func isKnown(r *responders, a netip.Addr) bool {
	known, _ := r.way(a)
	return known
}

func TestCandidatesAreTriedThreeTimes(t *testing.T) {
	r := wellKnown(t)
	public, private := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("10.9.0.4")
	r.suggest(public)
	r.suggest(private)
	r.suggest(private)
	tried := map[netip.Addr]int{}
	var order []netip.Addr
	for range 3 * maxTries { // a stranger is never tried
		a, _ := r.next()
		if !a.IsValid() {
			t.Fatalf("got none after %v", tried)
		}
		if tried[a]++; tried[a] == 1 {
			order = append(order, a)
		}
	}
	if a, more := r.next(); a.IsValid() || more {
		t.Errorf("%v was tried too often", a)
	}
	if want := addrs([]string{"10.8.0.1", "9.9.9.9", "10.9.0.4"}); !slices.Equal(order, want) {
		t.Errorf("got %v tried, want %v", order, want)
	}
	for a, n := range tried {
		if n != maxTries {
			t.Errorf("%v was tried %d times", a, n)
		}
	}
	r.suggest(public)
	if a, _ := r.next(); a.IsValid() {
		t.Errorf("%v is tried again", a)
	}
	r.answered(public, time.Millisecond, false) // to an application, later on
	if !slices.Equal(r.best(false, 9), []netip.Addr{public}) {
		t.Error("what answers is not known")
	}
}

func TestRespondersAreBounded(t *testing.T) {
	r := wellKnown(t)
	first := netip.MustParseAddr("10.8.0.1")
	r.answered(first, 0, false)
	for a, n := netip.MustParseAddr("10.20.0.1"), 0; n < 100; a, n = a.Next(), n+1 {
		r.answered(a, time.Duration(n)*time.Millisecond, false)
		r.suggest(a.Next())
	}
	if near, beyond := r.count(); near != 1 || beyond != maxResponders-1 || len(r.candidates) > maxCandidates {
		t.Errorf("got %d near, %d beyond, %d candidates", near, beyond, len(r.candidates))
	}
	if a, _ := r.next(); a != netip.MustParseAddr("9.9.9.9") {
		t.Errorf("got %v tried, though enough are known", a)
	}
	silent := r.best(false, 1)[0]
	for n := range maxSilent - 1 {
		if usual := r.wasSilent(silent); usual != (n < maxTries-1) {
			t.Errorf("silent %d times: got usual %v", n+1, usual)
		}
	}
	if r.best(false, 1)[0] == silent || !isKnown(r, silent) {
		t.Error("who is silent must come after those who answer")
	}
	r.wasSilent(silent)
	if isKnown(r, silent) {
		t.Errorf("silent %d times, and still known", maxSilent)
	}
	key := newKey(t)
	other := configFor(key, &server{key: key}, netip.MustParseAddrPort("127.0.0.1:9"))
	other.Peers[0].AllowedIPs = prefixes([]string{"10.8.0.0/16"})
	r.configure(other)
	if near, beyond := r.count(); near != 1 || beyond != 0 {
		t.Errorf("got %d near and %d beyond that are inside the new config", near, beyond)
	}
}

func TestStrangers(t *testing.T) {
	for a, want := range map[string]bool{
		"10.1.2.3": false, "192.168.7.1": false, "100.64.0.9": false, "169.254.1.1": false, "fd00::1": false, "fe80::1": false,
		"9.9.9.9": true, "203.0.113.9": true, "2606:4700::1111": true, "100.128.0.1": true,
	} {
		if got := isStranger(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s is a stranger: %v, want %v", a, got, want)
		}
	}
}
