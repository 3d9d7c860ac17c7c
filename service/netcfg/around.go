package netcfg

import (
	"fmt"
	"net/netip"
	"slices"
)

// The largest networks that are taken for an interface's own. What a DHCP server
// hands out may be larger, and take traffic from the tunnel.
const (
	largestOwn4 = 8
	largestOwn6 = 32
)

// foreign is a route that another program, or the system, has made.
type foreign struct {
	dst netip.Prefix
	by  string // the name of the interface by which it leaves
	// direct says that it needs no router.
	direct bool
	// metric is what the system compares of routes to the same destination; the
	// lower one wins.
	metric uint32
}

// detour is the sentence by which a route is told that leads around the tunnel.
func (f *foreign) detour() string {
	return fmt.Sprintf("A route to %v by %s leads around the tunnel.", f.dst, f.by)
}

// onLink says that the route leads to neighbours only: it needs no router, and is
// within one of the networks of its interface's own addresses, or the link's or this
// computer's alone.
func (f *foreign) onLink(own []netip.Prefix) bool {
	if a := f.dst.Addr(); a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsLoopback() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return true
	}
	return f.direct && slices.ContainsFunc(own, func(n netip.Prefix) bool {
		least := largestOwn4
		if n.Addr().Is6() {
			least = largestOwn6
		}
		return n.Bits() >= least && n.Bits() <= f.dst.Bits() && n.Contains(f.dst.Addr())
	})
}

// takes says that the route takes something from one of ours, whose destinations
// and metric are given, where the system follows the narrowest route: it is
// within one of them, or to the same destination and not worse.
func (f *foreign) takes(ours []netip.Prefix, metric uint32) bool {
	return slices.ContainsFunc(ours, func(p netip.Prefix) bool {
		if f.dst.Bits() == p.Bits() {
			return f.dst == p && f.metric <= metric
		}
		return f.dst.Bits() > p.Bits() && p.Contains(f.dst.Addr())
	})
}

// detoursAmong are the sentences for the routes that lead around ours, sorted. own
// are the networks of each interface's addresses.
func detoursAmong(routes []foreign, ours []netip.Prefix, metric uint32, own map[string][]netip.Prefix) (found []string) {
	for i := range routes {
		if f := &routes[i]; !f.onLink(own[f.by]) && f.takes(ours, metric) {
			found = append(found, f.detour())
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
