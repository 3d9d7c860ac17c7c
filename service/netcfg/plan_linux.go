package netcfg

import (
	"net/netip"
	"slices"
)

// A route is one entry of a routing table. The interface is the plan's, unless
// nothing is reached by it.
type route struct {
	dst         netip.Prefix
	table       int // 0: main
	unreachable bool
}

// A rule is one of those that a full tunnel needs in its family. First, the main
// table decides whatever it knows better than by a route that is passed over
// (suppress). Then everything that does not carry the mark goes to our table.
// Where that fails closed, what the table does not decide is refused: it may have
// been flushed, and IPv6 passes over its unreachable route for a socket that is
// bound to another interface.
type rule struct {
	v6       bool
	suppress bool
	refuse   bool
	mark     uint32 // 0 with suppress
}

// Routes of the main table whose prefixes have so many bits at most are passed
// over for a full tunnel: its default route, and what means the same, such as
// half the internet, by which a network can lead traffic around a tunnel (DHCP
// option 121), or 2000::/3. Private networks have more: 10.0.0.0/8, fc00::/7.
const passedOver4, passedOver6 = 7, 6

func passedOver(v6 bool) int {
	if v6 {
		return passedOver6
	}
	return passedOver4
}

// A plan is what a Spec means in the kernel's tables.
type plan struct {
	addresses []netip.Prefix
	routes    []route
	rules     []rule
}

// newPlan works out the tables for a Spec, without its IPv6 parts where the
// interface can carry none (v6). IPv6 that is refused and not carried needs
// only a kernel that has it (kernel6). Like wg-quick it leaves out the routes
// which the kernel makes by itself for the network of an address.
func newPlan(s Spec, table int, v6, kernel6 bool) plan {
	var p plan
	usable := func(a netip.Prefix) bool { return v6 || a.Addr().Is4() }
	for _, a := range s.Addresses {
		if usable(a) && !slices.Contains(p.addresses, a) {
			p.addresses = append(p.addresses, a)
		}
	}
	if s.FullTunnelV4() || s.shuts() {
		p.lead(false, &s)
	}
	if s.FullTunnelV6() && v6 || s.shuts() && kernel6 {
		p.lead(true, &s)
	}
	for _, r := range s.Routes {
		r = r.Masked()
		switch {
		case !usable(r):
		case r.Bits() == 0, p.leads(r.Addr().Is6()) && r.Bits() <= passedOver(r.Addr().Is6()):
			p.addRoute(route{dst: r, table: table})
		case !networkOf(p.addresses, r):
			p.addRoute(route{dst: r})
		}
	}
	if s.FailClosed {
		p.shut(&s, table, kernel6)
	}
	return p
}

// shut adds the unreachable routes: they count when those into the interface
// are gone. Each is where its twin is, the whole of a family in our table.
func (p *plan) shut(s *Spec, table int, kernel6 bool) {
	unreachable := func(dst netip.Prefix, table int) {
		if dst.Addr().Is4() || kernel6 {
			p.addRoute(route{dst: dst, table: table, unreachable: true})
		}
	}
	for _, r := range slices.Concat(s.Routes, s.Carry) {
		v6 := r.Addr().Is6()
		if r.Bits() > 0 && (!p.leads(v6) || r.Bits() > passedOver(v6)) {
			unreachable(r.Masked(), 0)
		}
	}
	if s.shuts() {
		unreachable(netip.PrefixFrom(netip.IPv4Unspecified(), 0), table)
		unreachable(netip.PrefixFrom(netip.IPv6Unspecified(), 0), table)
	}
}

// reject is the part of the plan that needs no interface.
func (p *plan) reject() plan {
	out := plan{rules: p.rules}
	for _, r := range p.routes {
		if r.unreachable {
			out.addRoute(r)
		}
	}
	return out
}

func (p *plan) lead(v6 bool, s *Spec) {
	p.rules = append(p.rules, rule{v6: v6, mark: s.Mark}, rule{v6: v6, suppress: true})
	if s.shuts() {
		p.rules = append(p.rules, rule{v6: v6, refuse: true, mark: s.Mark})
	}
}

func (p *plan) addRoute(r route) {
	if !slices.Contains(p.routes, r) {
		p.routes = append(p.routes, r)
	}
}

// leads says that a family's traffic is led by our rules.
func (p *plan) leads(v6 bool) bool {
	return slices.ContainsFunc(p.rules, func(r rule) bool { return r.v6 == v6 })
}

// carries says that all of IPv4 which is led by our rules has a way to go.
func (p *plan) carries() bool {
	var ways []netip.Prefix
	for _, r := range p.routes {
		if r.table != 0 && !r.unreachable {
			ways = append(ways, r.dst)
		}
	}
	return isWhole(ways, true)
}
