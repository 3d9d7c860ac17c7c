package guard

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/service/guardset"
)

// answers says how often far saw an answer to what it sent to the host.
func (l *lab) answers(send packet, answer string) int {
	before := l.uplink.seen(answer)
	l.far.do(func() {
		for range burst {
			_ = send.send()
		}
	})
	l.uplink.settle(l.host, "eth0")
	return l.uplink.seen(answer) - before
}

// TestProbes asks for the tunnel's addresses from outside the tunnel
// (CVE-2019-14899), also those that are no more on the computer.
func TestProbes(t *testing.T) {
	l := newLab(t)
	g := l.host.guard()
	cases := []struct {
		name   string
		send   packet
		answer string
	}{
		{name: "tcp", send: packet{kind: "tcp", to: "10.8.0.2:80", from: "192.168.77.1:4000"}, answer: "tcp 192.168.77.1:4000"},
		{name: "udp", send: packet{kind: "udp", to: "10.8.0.2:9"}, answer: "icmp 3 192.168.77.1"},
		{name: "ping", send: packet{kind: "icmp", icmpType: 8, to: "10.8.0.2"}, answer: "icmp 0 192.168.77.1"},
		{name: "ping 6", send: packet{kind: "icmp", icmpType: 128, to: "fd00:8::2"}, answer: "icmp 129 2001:db8:77::1"},
	}
	sets := map[string]guardset.Set{
		// What is outside its destinations could be answered: a split tunnel shows
		// that the probe is dropped on arrival, and not the answer.
		"split": split(), "full+lan": withLAN(full()),
	}
	l.host.sysctl("ipv4/icmp_ratelimit", "0")
	l.far.run("ip route add 10.8.0.2/32 via 192.168.77.2")
	l.far.run("ip -6 route add fd00:8::2/128 via 2001:db8:77::2")
	for _, c := range cases {
		if got := l.answers(c.send, c.answer); got == 0 {
			t.Errorf("open: %s: no answer", c.name)
		}
	}
	for name, s := range sets {
		l.host.set(g, s)
		for _, c := range cases {
			if got := l.answers(c.send, c.answer); got != 0 {
				t.Errorf("%s: %s: %d answers", name, c.name, got)
			}
		}
		l.host.set(g, paused(s, 300))
		for _, c := range cases[2:] {
			if got := l.answers(c.send, c.answer); got == 0 {
				t.Errorf("%s, paused: %s: no answer", name, c.name)
			}
		}
		l.host.set(g, open())
	}
}

// TestARP asks for the tunnel's address on the link, and has the host name it.
func TestARP(t *testing.T) {
	l := newLab(t)
	g := l.host.guard()
	l.far.run("ip addr add 10.8.0.1/24 dev far0") // so that far asks on the link
	asks := packet{kind: "udp", to: "10.8.0.2:9", device: "far0"}
	names := packet{kind: "udp", to: "192.168.77.50:9", from: "10.8.0.2:0", device: "eth0"}
	seeks := packet{kind: "udp", to: "10.8.0.2:9", device: "eth0"}
	try := func() (answers, named, sought int) {
		before := [...]int{l.uplink.seen("arp 10.8.0.2 answers 10.8.0.1"), l.uplink.seen("arp 10.8.0.2 asks for 192.168.77.50"), l.uplink.seen("arp 192.168.77.2 asks for 10.8.0.2")}
		l.far.do(func() { _ = asks.send() })
		l.host.do(func() { _, _ = names.send(), seeks.send() })
		l.uplink.settle(l.host, "eth0")
		_, _ = l.far.try("ip neigh flush dev far0 nud all")
		_, _ = l.host.try("ip neigh flush dev eth0 nud all")
		return l.uplink.seen("arp 10.8.0.2 answers 10.8.0.1") - before[0], l.uplink.seen("arp 10.8.0.2 asks for 192.168.77.50") - before[1], l.uplink.seen("arp 192.168.77.2 asks for 10.8.0.2") - before[2]
	}
	if a, n, _ := try(); a == 0 || n == 0 {
		t.Fatalf("open: %d answers, named %d times", a, n)
	}
	for _, s := range []guardset.Set{full(), split(), withLAN(full())} {
		l.host.set(g, s)
		if a, n, sought := try(); a+n+sought != 0 {
			t.Errorf("%v: %d answers, named %d times, sought %d times", s.Kind, a, n, sought)
		}
	}
	l.host.set(g, paused(split(), 300))
	if a, n, _ := try(); a == 0 || n == 0 {
		t.Errorf("paused: %d answers, named %d times", a, n)
	}
}

// TestOtherRules has another program send packets on another way, after the
// first look at them.
func TestOtherRules(t *testing.T) {
	l := newLab(t)
	g := l.host.guard()
	for _, line := range []string{
		"nft add table ip evil",
		"nft add chain ip evil first { type filter hook output priority -400 ; policy accept ; }",
		"nft add rule ip evil first accept",
		"nft add chain ip evil turn { type nat hook output priority 200 ; }",
		"nft add rule ip evil turn ip daddr 10.99.1.1 dnat to 198.51.100.9",
	} {
		l.host.run(line)
	}
	turned := packet{kind: "udp", to: "10.99.1.1:77"}
	came := func() int {
		before := l.uplink.seen("udp 198.51.100.9:77")
		l.host.do(func() { _ = turned.send() })
		l.uplink.settle(l.host, "eth0")
		return l.uplink.seen("udp 198.51.100.9:77") - before
	}
	if came() == 0 {
		t.Fatal("open: what goes into the tunnel is not turned")
	}
	l.host.set(g, full())
	if got := came(); got != 0 {
		t.Errorf("%d packets were turned away from the tunnel", got)
	}
	l.expect(t, "full", "udp", l.host, packet{kind: "udp", to: "198.51.100.7:9"}, "")
}

// TestInside lets the answers from the tunnel to a container through.
func TestInside(t *testing.T) {
	l := newLab(t)
	g := l.host.guard()
	inside := l.container.capture("eth0", unix.PACKET_HOST)
	end := newSpace(t)
	l.link(l.host, "hf1", end, "end1")
	l.host.run("ip link set hf0 down")
	l.host.run("ip link set hf0 name old0")
	l.host.run("ip link set hf1 down")
	l.host.run("ip link set hf1 name hf0")
	l.host.run("ip link set hf0 up")
	l.host.run("ip addr add 10.8.0.2/24 dev hf0")
	end.run("ip addr add 10.8.0.1/24 dev end1")
	end.run("ip route add default via 10.8.0.2")
	p := packet{kind: "udp", to: "172.17.0.2:99"}
	answered := func() int {
		before := inside.seen(p.words())
		end.do(func() { _ = p.send() })
		inside.settle(l.host, "box0")
		return inside.seen(p.words()) - before
	}
	outside := func() int {
		n, _ := l.passes(end, packet{kind: "udp", to: "198.51.100.7:98"})
		return n
	}
	if answered() == 0 || outside() == 0 {
		t.Fatal("open: what comes out of the tunnel is not forwarded")
	}
	l.host.set(g, full())
	if answered() == 0 {
		t.Error("full: the container gets no answer")
	}
	if got := outside(); got != 0 {
		t.Errorf("full: %d packets out of the tunnel went on to the internet", got)
	}
}

// TestPauseEnds ends a pause without the process that began it.
func TestPauseEnds(t *testing.T) {
	l := newLab(t)
	g := l.host.guard()
	p := packet{kind: "udp", to: "198.51.100.7:9"}
	l.host.set(g, full())
	l.expect(t, "full", "udp", l.host, p, "")
	l.host.set(g, paused(full(), 1))
	l.expect(t, "paused", "udp", l.host, p, "paused")
	g.Close()
	began := time.Now()
	eventually(t, "the pause ends", func() bool {
		n, _ := l.passes(l.host, p)
		return n == 0
	})
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("a pause of a second took %v", took)
	}

	// A pause that is ended, or begun anew.
	next := l.host.guard()
	l.host.set(next, paused(full(), 300))
	l.expect(t, "paused", "udp", l.host, p, "paused")
	l.host.set(next, full())
	l.expect(t, "full", "udp", l.host, p, "")
	l.host.set(next, paused(full(), 1))
	l.host.set(next, paused(full(), 300))
	l.expect(t, "paused", "udp", l.host, p, "paused")
	left := next.State().Set.Paused
	if left != 300 {
		t.Errorf("paused for %d s", left)
	}
}

// TestHeldLater puts permits in force that were held before the set.
func TestHeldLater(t *testing.T) {
	l := newLab(t)
	g := l.host.guard()
	p := packet{kind: "udp", to: "203.0.113.5:51820", mark: testMark}
	first := g.Permit("udp", netip.MustParseAddrPort(p.to))
	l.host.set(g, blocked())
	l.expect(t, "blocked", "permit", l.host, p, "")
	second := g.Permit("udp", netip.MustParseAddrPort(p.to))
	l.expect(t, "blocked", "permit", l.host, p, "")
	l.host.set(g, full())
	l.expect(t, "full", "permit", l.host, p, "full")
	first()
	first()
	l.expect(t, "full", "one is left", l.host, p, "full")
	second()
	l.expect(t, "full", "none is left", l.host, p, "")
	third := g.Permit("udp", netip.MustParseAddrPort(p.to))
	l.expect(t, "full", "again", l.host, p, "full")
	l.host.set(g, blocked())
	l.expect(t, "blocked", "permit", l.host, p, "")
	third()
	l.host.set(g, full())
	l.expect(t, "full", "given back while blocked", l.host, p, "")
}

// TestBoundOfPermits refuses one more than there may be.
func TestBoundOfPermits(t *testing.T) {
	l := newLab(t)
	g := l.host.guard()
	l.host.set(g, full())
	to := func(n int) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr("203.0.113.5"), uint16(1000+n))
	}
	var done []func()
	for n := range MaxPermits {
		done = append(done, g.Permit("udp", to(n)))
	}
	g.Permit("udp", to(MaxPermits))()
	refused := g.Permit("udp", to(MaxPermits))
	p := packet{kind: "udp", to: to(MaxPermits).String(), mark: testMark}
	l.expect(t, "full", "one too many", l.host, p, "")
	p.to = to(0).String()
	l.expect(t, "full", "the oldest", l.host, p, "full")
	refused()
	done[1]()
	g.Permit("udp", to(MaxPermits))
	p.to = to(MaxPermits).String()
	l.expect(t, "full", "where there is room again", l.host, p, "full")
	for _, bad := range []struct {
		network string
		to      netip.AddrPort
	}{{"udp", netip.AddrPort{}}, {"tcp", netip.AddrPortFrom(to(0).Addr(), 0)}, {"sctp", to(0)}, {"icmp", netip.AddrPort{}}} {
		g.Permit(bad.network, bad.to)()
	}
	if got := g.State().Permits; got != MaxPermits {
		t.Errorf("%d permits, want %d", got, MaxPermits)
	}
}
