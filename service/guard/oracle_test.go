package guard

import (
	"net/netip"
	"slices"
	"time"

	"pgregory.net/rapid"

	"holdfast/service/guardset"
)

// way is how a packet comes by.
type way string

const (
	leaves   way = "leaves"
	arrives  way = "arrives"
	forwards way = "is forwarded"
)

// traffic is one packet in the model, the first of what it is of.
type traffic struct {
	way
	loopback bool
	// from and into say that it comes by the tunnel's interface, or goes there.
	from, into bool
	src, dst   netip.Addr
	protocol   byte
	sport      uint16
	dport      uint16
	kind       byte // of ICMP
	ours       bool // of a socket of our user and program
}

// system is what the oracle has to know of a packet filter.
type system struct {
	// accepts says that what arrives is asked for like what leaves: what is let in
	// is let out again.
	accepts bool
	// apart says that what is forwarded is asked for by its addresses alone.
	apart bool
}

var (
	windowsSystem = system{accepts: true, apart: true}
	darwinSystem  = system{}
)

// lets is what a set means, said once more and not after the rules: whether the
// packet passes.
func (s system) lets(m meant, t traffic) bool {
	own := slices.Contains(m.set.Own, t.src) && t.way != arrives || slices.Contains(m.set.Own, t.dst) && t.way == arrives
	switch {
	case !m.set.Shut(), m.paused > 0, t.loopback, t.into, t.from && t.way == arrives:
		return true
	case own:
		return false
	case s.apart && t.way == forwards:
		return t.from && within(t.dst, lanRanges4, lanRanges6) || !keeps(m.set, t.dst)
	case t.way == arrives:
		return !s.accepts || s.link(t) || s.oursAnswered(m, t) || s.open(m.set, t.src, t.protocol, t.sport)
	}
	return s.link(t) || s.oursAsks(m, t) || s.open(m.set, t.dst, t.protocol, t.dport)
}

// link says that a link needs it.
func (s system) link(t traffic) bool {
	here, there, server := t.sport, t.dport, t.dst
	if t.way == arrives {
		here, there, server = t.dport, t.sport, t.src
	}
	v6 := server.Is6()
	switch {
	case t.protocol == 17 && !v6:
		return here == 68 && there == 67 && within(server, dhcpServers4)
	case t.protocol == 17:
		return here == 546 && there == 547 && within(server, dhcpServers6)
	case t.protocol == 58 && v6:
		return t.kind == 135 || t.kind == 136 || t.kind == 133 && t.way != arrives || t.kind == 134 && t.way == arrives
	}
	return false
}

func (s system) oursAsks(m meant, t traffic) bool {
	if m.set.Kind != guardset.Held {
		return false
	}
	for _, p := range m.permits {
		echo := t.protocol == 1 && t.kind == 8 && t.dst.Is4() || t.protocol == 58 && t.kind == 128 && t.dst.Is6()
		switch {
		case p.to.Addr() != t.dst:
		case p.protocol == 1 && echo:
			return true
		case p.protocol != 1 && p.protocol == t.protocol && p.to.Port() == t.dport && t.ours:
			return true
		}
	}
	return false
}

func (s system) oursAnswered(m meant, t traffic) bool {
	return m.set.Kind == guardset.Held && t.ours && slices.Contains(m.permits, permit{17, netip.AddrPortFrom(t.src, t.sport)}) && t.protocol == 17
}

// open says that the set leaves the other side open to everybody.
func (s system) open(set guardset.Set, other netip.Addr, protocol byte, port uint16) bool {
	if !keeps(set, other) {
		return true
	}
	everything := set.Kind == guardset.Blocked || slices.ContainsFunc(set.Carry, func(p netip.Prefix) bool {
		return p.Bits() == 0 && p.Addr().Is4() == other.Is4()
	})
	dns := (protocol == 6 || protocol == 17) && (port == 53 || port == 853)
	return everything && set.LAN && !dns && within(other, lanRanges4, lanRanges6)
}

func keeps(set guardset.Set, a netip.Addr) bool {
	return set.Kind == guardset.Blocked || within(a, set.Carry)
}

func within(a netip.Addr, lists ...[]netip.Prefix) bool {
	return slices.ContainsFunc(slices.Concat(lists...), func(p netip.Prefix) bool { return p.Contains(a) })
}

// Few addresses and ports, so that what is drawn meets.
var (
	modelAddrs = func() (out []netip.Addr) {
		for _, s := range []string{
			"10.0.0.1", "10.8.0.2", "10.200.1.1", "100.64.0.1", "172.16.0.9", "192.168.1.1", "192.168.1.255", "169.254.0.7", "224.0.0.251",
			"239.255.255.250", "255.255.255.255", "192.0.2.1", "198.51.100.9", "203.0.113.9", "8.8.8.8", "0.0.0.1",
			"fe80::1", "fd00:8::2", "fd01::1", "ff02::1:2", "ff02::2", "ff05::1:3", "2001:db8::1", "2001:db8:1::1", "2606:4700::1111", "::2",
		} {
			out = append(out, netip.MustParseAddr(s))
		}
		return out
	}()
	modelPorts = []uint16{53, 67, 68, 123, 443, 546, 547, 853, 51820, 60000}
	modelCarry = prefixes("10.0.0.0/8", "192.0.2.0/24", "198.51.100.9/32", "128.0.0.0/1", "8.0.0.0/6", "fd00::/8", "2001:db8::/33", "2000::/3", "fe80::1/128")
)

func drawMeant(t *rapid.T) meant {
	m := meant{set: guardset.Set{
		Kind: rapid.SampledFrom([]guardset.Kind{guardset.Open, guardset.Blocked, guardset.Held, guardset.Held, guardset.Held}).Draw(t, "set"),
	}}
	if m.set.Shut() {
		switch rapid.IntRange(0, 4).Draw(t, "carry") {
		case 0, 1:
			m.set.Carry = guardset.Everything().Carry
		case 2:
			m.set.Carry = guardset.Everything().Carry[rapid.IntRange(0, 1).Draw(t, "family"):][:1]
		default:
			m.set.Carry = slices.SortedFunc(slices.Values(rapid.SliceOfNDistinct(rapid.SampledFrom(modelCarry), 0, 5, rapid.ID).Draw(t, "only")), netip.Prefix.Compare)
		}
		m.set.Own = rapid.SliceOfNDistinct(rapid.SampledFrom(modelAddrs), 0, 3, rapid.ID).Draw(t, "own")
		m.set.LAN = rapid.Bool().Draw(t, "lan")
		if rapid.IntRange(0, 5).Draw(t, "pause") == 0 {
			m.set.Paused, m.paused = 60, time.Minute
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, "permits") {
		p := permit{rapid.SampledFrom([]byte{1, 6, 17}).Draw(t, "protocol"), netip.AddrPortFrom(drawAddr(t), rapid.SampledFrom(modelPorts).Draw(t, "port"))}
		if p.protocol == 1 {
			p.to = netip.AddrPortFrom(p.to.Addr(), 0)
		}
		if !slices.Contains(m.permits, p) {
			m.permits = append(m.permits, p)
		}
	}
	return m
}

func drawAddr(t *rapid.T) netip.Addr { return rapid.SampledFrom(modelAddrs).Draw(t, "address") }

// packets is how many are asked for with each set that is drawn.
const packets = 50

func drawTraffic(t *rapid.T) traffic {
	x := traffic{
		way: rapid.SampledFrom([]way{leaves, leaves, arrives, forwards}).Draw(t, "way"),
		src: drawAddr(t), protocol: rapid.SampledFrom([]byte{1, 6, 17, 17, 58, 253}).Draw(t, "of"),
		loopback: rapid.IntRange(0, 9).Draw(t, "loopback") == 0,
		ours:     rapid.Bool().Draw(t, "ours"),
	}
	family := slices.IndexFunc(modelAddrs, netip.Addr.Is6)
	same := modelAddrs[:family]
	if x.src.Is6() {
		same = modelAddrs[family:]
	}
	x.dst = rapid.SampledFrom(same).Draw(t, "to")
	switch x.protocol {
	case 1, 58:
		x.kind = rapid.SampledFrom([]byte{0, 3, 8, 128, 129, 133, 134, 135, 136, 137}).Draw(t, "kind")
	case 6, 17:
		x.sport, x.dport = rapid.SampledFrom(modelPorts).Draw(t, "sport"), rapid.SampledFrom(modelPorts).Draw(t, "dport")
	}
	tunnel := rapid.IntRange(0, 3).Draw(t, "tunnel") == 0 && !x.loopback
	x.into, x.from = tunnel && x.way != arrives, tunnel && x.way == arrives
	if x.way == forwards {
		x.ours, x.loopback = false, false
		x.from = !x.into && rapid.IntRange(0, 2).Draw(t, "from the tunnel") == 0
	}
	return x
}
