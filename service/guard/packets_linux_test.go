package guard

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"holdfast/service/guardset"
)

// states are the sets that each packet is sent under. In the first nothing is
// kept in: there each has to pass, so that it is known to be seen.
var states = []struct {
	name string
	set  guardset.Set
}{
	{"open", open()}, {"full", full()}, {"full+lan", withLAN(full())}, {"split", split()}, {"split+lan", withLAN(split())},
	{"blocked", blocked()}, {"blocked+lan", withLAN(blocked())}, {"paused", paused(full(), 300)}, {"open", open()},
}

const (
	always = "open full full+lan split split+lan blocked blocked+lan paused"
	rest   = "open split split+lan paused" // what no split tunnel carries
	lanToo = rest + " full+lan blocked+lan"
	held   = rest + " full full+lan" // what is permitted
	apart  = "open paused"
	// What a split tunnel carries is private here, and so of the private ranges of a full one.
	carried = apart + " full+lan blocked+lan"
)

// TestPackets sends packets of every kind under every set.
func TestPackets(t *testing.T) {
	l := newLab(t)
	g := l.host.guard()
	defer g.Permit("udp", netip.MustParseAddrPort("[::ffff:203.0.113.5]:51820"))()
	defer g.Permit("tcp", netip.MustParseAddrPort("203.0.113.5:443"))()
	defer g.Permit("icmp", netip.MustParseAddrPort("203.0.113.5:9"))()
	defer g.Permit("udp", netip.MustParseAddrPort("[2001:db8:5::5]:51820"))()
	defer g.Permit("icmp", netip.MustParseAddrPort("[2001:db8:5::5]:0"))()
	defer g.Permit("udp", netip.MustParseAddrPort("10.20.0.9:51820"))()
	cases := []struct {
		name   string
		packet packet
		passes string
	}{
		{"udp", packet{kind: "udp", to: "198.51.100.7:9"}, rest},
		{"udp 6", packet{kind: "udp", to: "[2001:db8:9::7]:9"}, rest},
		{"tcp", packet{kind: "tcp", to: "198.51.100.7:80"}, rest},
		{"tcp 6", packet{kind: "tcp", to: "[2001:db8:9::7]:80"}, rest},
		{"ping", packet{kind: "icmp", icmpType: 8, to: "198.51.100.7"}, rest},
		{"ping 6", packet{kind: "icmp", icmpType: 128, to: "2001:db8:9::7"}, rest},
		{"raw", packet{kind: "raw", to: "198.51.100.7"}, rest},
		{"raw 6", packet{kind: "raw", to: "2001:db8:9::7"}, rest},
		{"own header", packet{kind: "header", to: "198.51.100.7"}, rest},
		{"bound to the uplink", packet{kind: "udp", to: "198.51.100.7:10", device: "eth0"}, rest},
		{"bound to the uplink, 6", packet{kind: "udp", to: "[2001:db8:9::7]:10", device: "eth0"}, rest},
		{"bound to the uplink's address", packet{kind: "tcp", to: "198.51.100.7:81", from: "192.168.77.2:0"}, rest},
		{"bound to the tunnel's address", packet{kind: "udp", to: "198.51.100.7:11", from: "10.8.0.2:0"}, apart},
		{"bound to the tunnel's address, 6", packet{kind: "udp", to: "[2001:db8:9::7]:11", from: "[fd00:8::2]:0"}, apart},
		{"marked, without a permit", packet{kind: "udp", to: "198.51.100.7:12", mark: testMark}, rest},
		{"dns", packet{kind: "udp", to: "198.51.100.7:53"}, rest},

		{"carried", packet{kind: "udp", to: "10.20.0.9:9"}, carried},
		{"carried, in the last of ranges that touch", packet{kind: "udp", to: "10.21.127.255:9"}, carried},
		{"not carried any more", packet{kind: "udp", to: "10.21.128.0:9"}, lanToo},
		{"not yet carried", packet{kind: "udp", to: "10.19.255.255:9"}, lanToo},
		{"carried 6", packet{kind: "udp", to: "[fd00:20::9]:9"}, carried},
		{"carried, marked", packet{kind: "udp", to: "10.20.0.9:51821", mark: testMark}, carried},

		{"permit", packet{kind: "udp", to: "203.0.113.5:51820", mark: testMark}, held},
		{"permit 6", packet{kind: "udp", to: "[2001:db8:5::5]:51820", mark: testMark}, held},
		{"permit tcp", packet{kind: "tcp", to: "203.0.113.5:443", mark: testMark}, held},
		{"permit ping", packet{kind: "icmp", icmpType: 8, to: "203.0.113.5", mark: testMark}, held},
		{"permit ping 6", packet{kind: "icmp", icmpType: 128, to: "2001:db8:5::5", mark: testMark}, held},
		{"permit of what is carried", packet{kind: "udp", to: "10.20.0.9:51820", mark: testMark}, carried + " full split split+lan"},
		{"permit, without mark", packet{kind: "udp", to: "203.0.113.5:51820"}, rest},
		{"permit, with the tunnel's address", packet{kind: "udp", to: "203.0.113.5:51820", mark: testMark, from: "10.8.0.2:0"}, apart},
		{"permit, with the tunnel's address, 6", packet{kind: "udp", to: "[2001:db8:5::5]:51820", mark: testMark, from: "[fd00:8::2]:0"}, apart},
		{"permit, another mark", packet{kind: "udp", to: "203.0.113.5:51820", mark: testMark + 1}, rest},
		{"permit, another user", packet{kind: "udp", to: "203.0.113.5:51820", mark: testMark, uid: 1234}, rest},
		{"permit, another port", packet{kind: "udp", to: "203.0.113.5:51821", mark: testMark}, rest},
		{"permit, another address", packet{kind: "udp", to: "203.0.113.6:51820", mark: testMark}, rest},
		{"permit, tcp for udp", packet{kind: "tcp", to: "203.0.113.5:51820", mark: testMark}, rest},
		{"permit, udp for tcp", packet{kind: "udp", to: "203.0.113.5:443", mark: testMark}, rest},
		{"permit ping, no request", packet{kind: "icmp", icmpType: 13, to: "203.0.113.5", mark: testMark}, rest},
		{"permit ping, udp", packet{kind: "udp", to: "203.0.113.5:9", mark: testMark}, rest},

		{"lan", packet{kind: "udp", to: "192.168.77.9:9"}, lanToo},
		{"lan tcp", packet{kind: "tcp", to: "192.168.77.1:631"}, lanToo},
		{"lan ping", packet{kind: "icmp", icmpType: 8, to: "192.168.77.1"}, lanToo},
		{"lan 6", packet{kind: "icmp", icmpType: 128, to: "fe80::9"}, lanToo},
		{"mdns", packet{kind: "udp", to: "224.0.0.251:5353", device: "eth0"}, lanToo},
		{"mdns 6", packet{kind: "udp", to: "[ff02::fb]:5353", device: "eth0"}, lanToo},
		{"ssdp", packet{kind: "udp", to: "239.255.255.250:1900", device: "eth0"}, lanToo},
		{"other multicast", packet{kind: "udp", to: "239.1.1.1:1900", device: "eth0"}, rest},
		{"lan dns", packet{kind: "udp", to: "192.168.77.1:53"}, rest},
		{"lan dns, tcp", packet{kind: "tcp", to: "192.168.77.1:53"}, rest},
		{"lan dns, tls", packet{kind: "tcp", to: "192.168.77.1:853"}, rest},
		{"lan dns, quic", packet{kind: "udp", to: "192.168.77.1:853"}, rest},
		{"a public address on the link", packet{kind: "udp", to: "[2001:db8:77::1]:9"}, rest},

		{"dhcp", packet{kind: "udp", to: "255.255.255.255:67", from: "0.0.0.0:68", device: "eth0"}, always},
		{"dhcp, of a private server", packet{kind: "udp", to: "192.168.77.1:67", from: "0.0.0.0:68"}, always},
		{"dhcp, of a public server", packet{kind: "udp", to: "198.51.100.7:67", from: "0.0.0.0:68"}, rest},
		{"dhcp, from another port", packet{kind: "udp", to: "255.255.255.255:67", from: "0.0.0.0:69", device: "eth0"}, lanToo},
		{"dhcp 6", packet{kind: "udp", to: "[ff02::1:2]:547", from: "[::]:546", device: "eth0"}, always},
		{"dhcp 6, of a public server", packet{kind: "udp", to: "[2001:db8:9::7]:547", from: "[::]:546"}, rest},
		{"solicit routers", packet{kind: "icmp", icmpType: 133, to: "ff02::2", device: "eth0"}, always},
		{"solicit a neighbour", packet{kind: "icmp", icmpType: 135, to: "ff02::1:ff00:9", device: "eth0"}, always},
		{"advertise a neighbour", packet{kind: "icmp", icmpType: 136, to: "ff02::1", device: "eth0"}, always},
		{"redirect", packet{kind: "icmp", icmpType: 137, to: "ff02::1", device: "eth0"}, lanToo},
		{"advertise a router", packet{kind: "icmp", icmpType: 134, to: "ff02::1", device: "eth0"}, lanToo},
	}
	for _, s := range states {
		l.host.set(g, s.set)
		for _, c := range cases {
			l.expect(t, s.name, c.name, l.host, c.packet, c.passes)
		}
		l.expect(t, s.name, "forwarded", l.container, packet{kind: "udp", to: "198.51.100.8:9"}, rest)
		l.expect(t, s.name, "forwarded 6", l.container, packet{kind: "tcp", to: "[2001:db8:9::8]:9"}, rest)
		l.expect(t, s.name, "forwarded, marked", l.container, packet{kind: "udp", to: "203.0.113.5:51820", mark: testMark}, rest)
		l.expect(t, s.name, "forwarded, as dhcp", l.container, packet{kind: "udp", to: "10.1.2.3:67", from: "0.0.0.0:68"}, lanToo)
		l.expect(t, s.name, "forwarded to the lan", l.container, packet{kind: "udp", to: "192.168.77.9:10"}, lanToo)
		l.expectTunnel(t, s.name)
	}
	if got := l.host.rules(); got != "" {
		t.Error("left:", got)
	}
}

func (l *lab) expect(t *testing.T, state, name string, from *space, p packet, passes string) {
	t.Helper()
	got, err := l.passes(from, p)
	if shouldPass(passes, state) {
		if got < burst {
			t.Errorf("%s: %s: %d of %d came: %v", state, name, got, burst, err)
		}
	} else if got > 0 {
		t.Errorf("%s: %s: %d came", state, name, got)
	}
}

// expectTunnel sends what goes into the tunnel, by which it does not leave.
func (l *lab) expectTunnel(t *testing.T, state string) {
	t.Helper()
	passes := always
	p := packet{kind: "udp", to: "10.99.1.1:53", device: "hf0"}
	for name, from := range map[string]*space{"into the tunnel": l.host, "forwarded into the tunnel": l.container} {
		if from != l.host {
			p = packet{kind: "udp", to: "10.99.1.2:53"}
		}
		before := l.tunnel.seen(p.words())
		from.do(func() {
			for range burst {
				_ = p.send()
			}
		})
		l.tunnel.settle(l.host, "hf0")
		if got := l.tunnel.seen(p.words()) - before; shouldPass(passes, state) != (got == burst) || got != 0 && got != burst {
			t.Errorf("%s: %s: %d of %d came", state, name, got, burst)
		}
	}
}

func shouldPass(passes, state string) bool {
	return slices.Contains(strings.Fields(passes), state)
}
