package netcfg

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// onMacOS is what a Spec means to macOS. Its table holds one route for each
// destination. So what is routed is led into the interface by its two halves, and
// the default route by its four quarters, which leaves room for what refuses
// behind them, and leaves alone the default route of the system, by which sockets
// go that are bound to another interface. Of a single host nothing can be behind.
//
// A route leaves by an address of the interface, so that a family without one
// cannot go into it. What is routed of that family is refused instead. The
// addresses have no network, for which the system would make a route in IPv6.
func onMacOS(s *Spec, id uint64) layout {
	l := layout{names: namesOf(s)}
	if !s.isSeal() {
		l.link = linkOf(s, id)
		for _, a := range addressesOf(s, true) {
			if alone := netip.PrefixFrom(a.Addr(), a.Addr().BitLen()); !slices.Contains(l.addresses, alone) {
				l.addresses = append(l.addresses, alone)
			}
		}
	}
	for _, r := range slices.Concat(s.Routes, networks(s.Addresses)) {
		if from := firstOf(l.addresses, r.Addr().Is4()); from.IsValid() {
			for _, part := range narrower(r) {
				l.addWay(way{dst: part, from: from})
			}
		}
	}
	for _, r := range s.Routes {
		if s.FailClosed || !firstOf(l.addresses, r.Addr().Is4()).IsValid() {
			l.refuse(r)
		}
	}
	if s.FailClosed {
		for _, r := range slices.Concat(networks(s.Addresses), s.Carry) {
			l.refuse(r)
		}
	}
	if s.shuts() {
		l.refuse(netip.PrefixFrom(netip.IPv4Unspecified(), 0))
		l.refuse(netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	}
	return l
}

// refuse adds what refuses a prefix, unless that is led in: what is narrower than
// a way would take from it, and what is as wide as the whole stays behind it.
func (l *layout) refuse(r netip.Prefix) {
	parts := []netip.Prefix{r.Masked()}
	if r.Bits() == 0 {
		parts = halves(r) // the system's own default route stays
	}
	for _, p := range parts {
		within := func(led netip.Prefix) bool { return led.Bits() <= p.Bits() && led.Contains(p.Addr()) }
		if !slices.ContainsFunc(l.through(), within) {
			l.addWay(way{dst: p, refuse: true})
		}
	}
}

// narrower are the parts by which a prefix is led into the interface.
func narrower(r netip.Prefix) []netip.Prefix {
	if r.Bits() > 0 {
		return halves(r.Masked())
	}
	var out []netip.Prefix
	for _, h := range halves(r) {
		out = append(out, halves(h)...)
	}
	return out
}

// halves are the two halves of a prefix, or itself where it is a single address.
func halves(p netip.Prefix) []netip.Prefix {
	if p.IsSingleIP() {
		return []netip.Prefix{p}
	}
	bytes := p.Addr().AsSlice()
	bytes[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	upper, _ := netip.AddrFromSlice(bytes)
	return []netip.Prefix{netip.PrefixFrom(p.Addr(), p.Bits()+1), netip.PrefixFrom(upper, p.Bits()+1)}
}

// networks are those of the addresses that are not alone in theirs.
func networks(addresses []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range addresses {
		if !a.IsSingleIP() {
			out = append(out, a.Masked())
		}
	}
	return out
}

// firstOf is the first address of a family; zero: there is none.
func firstOf(addresses []netip.Prefix, v4 bool) netip.Addr {
	for _, a := range addresses {
		if a.Addr().Is4() == v4 {
			return a.Addr()
		}
	}
	return netip.Addr{}
}

// Flags of a route, from Apple's net/route.h.
const (
	rtfUp        = 0x1
	rtfGateway   = 0x2
	rtfHost      = 0x4
	rtfReject    = 0x8
	rtfLinkInfo  = 0x400
	rtfStatic    = 0x800
	rtfBlackhole = 0x1000
	rtfProto1    = 0x8000 // for programs to mark their own; by it ours is known
	rtfCloned    = 0x20000
	rtfLocal     = 0x200000
	rtfBroadcast = 0x400000
	rtfMulticast = 0x800000
	rtfScoped    = 0x1000000 // for sockets that are bound to its interface only
)

// A routeMessage asks the kernel for one change of its table.
type routeMessage struct {
	flags int
	dst   netip.Prefix
	// gateway is what it leads to; zero: the interface itself.
	gateway netip.Addr
	// from is the address to leave with. Zero: the kernel's choice.
	from netip.Addr
}

// messageOf is the message for a way.
//
// What refuses names this computer as a router. Without one the kernel would take
// the route for one to itself, and hold to it also those sockets that are bound to
// another interface, ours among them (rt_lookup_common in its bsd/net/route.c).
func messageOf(w *way) routeMessage {
	m := routeMessage{flags: rtfUp | rtfStatic | rtfProto1, dst: w.dst, from: w.from}
	if w.dst.IsSingleIP() {
		m.flags |= rtfHost
	}
	if w.refuse {
		m.flags |= rtfGateway | rtfReject
		m.gateway = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if w.dst.Addr().Is6() {
			m.gateway = netip.IPv6Loopback()
		}
	}
	return m
}

// A row is one route of the kernel's table.
type row struct {
	dst   netip.Prefix
	flags int
	iface string
}

// ordinary says that a route is for all sockets, and was not made on the way to
// one destination.
func (r *row) ordinary() bool {
	return r.flags&rtfUp != 0 && r.flags&(rtfScoped|rtfCloned|rtfLinkInfo|rtfLocal|rtfBroadcast|rtfMulticast) == 0
}

// refuses says that the route is one of ours that lead nowhere.
func (r *row) refuses() bool {
	const ours = rtfReject | rtfStatic | rtfProto1
	return r.ordinary() && r.flags&ours == ours
}

// waysAmong are the rows that lead where a layout's ways do: nowhere, as ours, or
// through the interface, whoever made them. A wanted way that refuses counts as
// there where another program has its place: what is there is told if it leads
// around the tunnel, and the way is missing when it goes.
func waysAmong(rows []row, iface string, wanted []way) []way {
	var out []way
	refused := map[netip.Prefix]bool{}
	for _, w := range wanted {
		refused[w.dst] = w.refuse
	}
	for i := range rows {
		switch r := &rows[i]; {
		case r.refuses():
			out = append(out, way{dst: r.dst, refuse: true})
		case r.ordinary() && refused[r.dst]:
			out = append(out, way{dst: r.dst, refuse: true})
		case r.ordinary() && iface != "" && r.iface == iface && r.flags&(rtfReject|rtfBlackhole) == 0:
			out = append(out, way{dst: r.dst})
		}
	}
	return out
}

// othersAmong are the rows that lead out by another interface.
func othersAmong(rows []row, iface string) []foreign {
	var out []foreign
	for i := range rows {
		r := &rows[i]
		if r.ordinary() && r.iface != iface && r.flags&(rtfReject|rtfBlackhole) == 0 {
			out = append(out, foreign{dst: r.dst, by: r.iface, direct: r.flags&rtfGateway == 0})
		}
	}
	return out
}

// scutilSet is what scutil(8) reads to have the resolvers asked. The entry is a
// service without an interface of its own, whose empty domain makes it the first
// of the system's resolvers for every name (configd's dns-configuration.c), before
// those of any network. Search domains are domains that it answers for.
func scutilSet(key string, n *names) string {
	var domains []string
	if n.all || len(n.search) == 0 {
		domains = append(domains, `""`)
	}
	for _, d := range n.search {
		domains = append(domains, strings.TrimSuffix(d, "."))
	}
	return fmt.Sprintf("d.init\nd.add ServerAddresses * %s\nd.add SupplementalMatchDomains * %s\nset %s\nquit\n",
		joined(n.servers, " "), strings.Join(domains, " "), key)
}

// scutilRemove is what scutil(8) reads to forget them.
func scutilRemove(key string) string { return "remove " + key + "\nquit\n" }

// scutilShow is what scutil(8) reads to say what there is.
func scutilShow(key string) string { return "show " + key + "\nquit\n" }
