package netcfg

import (
	"net/netip"
	"slices"
)

// A layout is what a Spec means to a system that has one table of routes, where
// the narrowest one wins: what is to be set, added and asked.
type layout struct {
	link      link
	addresses []netip.Prefix
	ways      []way
	names     names
}

// link is how an interface is set. The zero value is that of no interface.
type link struct {
	iface string
	id    uint64 // what tells it from one that had its name before
	mtu   int    // 0: as it is
	// whole4 and whole6 say that all traffic of the family goes through it.
	whole4, whole6 bool
}

// A way is a route: through the layout's interface, or nowhere.
type way struct {
	dst    netip.Prefix
	refuse bool
	// from is the address of ours that packets leave with. Zero: the system's choice.
	from netip.Addr
}

// names says by whom names are looked up.
type names struct {
	iface   string
	servers []netip.Addr // none: the system's own are asked
	search  []string
	// all says that nobody else is asked for anything. Else the servers are
	// asked for the search domains, and, where there are none, beside others.
	all bool
	// left says that it is what a process before has left, of which no more is known.
	left bool
}

func (n *names) none() bool { return len(n.servers) == 0 && !n.left }

func sameNames(a, b *names) bool {
	return a.iface == b.iface && a.all == b.all && a.left == b.left &&
		slices.Equal(a.servers, b.servers) && slices.Equal(a.search, b.search)
}

// namesOf is whom a Spec has asked.
func namesOf(s *Spec) names {
	if len(s.DNS) == 0 {
		return names{}
	}
	return names{iface: s.Interface, servers: s.DNS, search: s.Search, all: s.FullTunnelV4() || s.FullTunnelV6()}
}

// linkOf is how a Spec has its interface set, which is told by an id.
func linkOf(s *Spec, id uint64) link {
	return link{iface: s.Interface, id: id, mtu: s.MTU, whole4: s.FullTunnelV4(), whole6: s.FullTunnelV6()}
}

// addressesOf are those of a Spec, each once, without IPv6 where the interface
// can carry none.
func addressesOf(s *Spec, v6 bool) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range s.Addresses {
		if (v6 || a.Addr().Is4()) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// through are the destinations of the ways that lead somewhere.
func (l *layout) through() []netip.Prefix { return l.destinations(false) }

func (l *layout) destinations(refuse bool) []netip.Prefix {
	var out []netip.Prefix
	for _, w := range l.ways {
		if w.refuse == refuse {
			out = append(out, w.dst)
		}
	}
	return out
}

// led are all destinations that the layout has a say in.
func (l *layout) led() []netip.Prefix { return slices.Concat(l.through(), l.destinations(true)) }

// addWay adds a way, unless there is one to the same destination.
func (l *layout) addWay(w way) {
	if l.wayTo(w.dst) == nil {
		l.ways = append(l.ways, w)
	}
}

func (l *layout) wayTo(dst netip.Prefix) *way {
	for i := range l.ways {
		if l.ways[i].dst == dst {
			return &l.ways[i]
		}
	}
	return nil
}

// without is the layout when its interface is gone, and all that goes with it.
func (l *layout) without() layout {
	var out layout
	for _, w := range l.ways {
		if w.refuse {
			out.ways = append(out.ways, w)
		}
	}
	return out
}

// among is the part of the layout that was found in the tables. Of an interface
// that is another one by now nothing is.
func (l *layout) among(found *layout) layout {
	out := layout{names: l.names}
	if l.link.iface == found.link.iface && l.link.id == found.link.id {
		out.link = l.link
		if l.link.mtu != 0 {
			out.link.mtu = found.link.mtu
		}
	}
	for _, a := range l.addresses {
		if slices.Contains(found.addresses, a) {
			out.addresses = append(out.addresses, a)
		}
	}
	for _, w := range l.ways {
		if found.hasWay(w) {
			out.ways = append(out.ways, w)
		}
	}
	return out
}

// networkOf says that the system makes a route for r because of one of the
// addresses. It makes none for an IPv4 address that is alone in its network.
func networkOf(addresses []netip.Prefix, r netip.Prefix) bool {
	for _, a := range addresses {
		net := a.Masked()
		alone := a.Addr().Is4() && a.Bits() == 32 || r.Bits() == 0
		if !alone && net.Bits() <= r.Bits() && net.Contains(r.Addr()) {
			return true
		}
	}
	return false
}

// maskOf is the mask of a prefix, as an address.
func maskOf(p netip.Prefix) netip.Addr {
	bytes := make([]byte, p.Addr().BitLen()/8)
	for i := range p.Bits() {
		bytes[i/8] |= 0x80 >> (i % 8)
	}
	mask, _ := netip.AddrFromSlice(bytes)
	return mask
}
