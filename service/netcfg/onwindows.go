package netcfg

import (
	"net/netip"
	"strings"
)

// onWindows is what a Spec means to Windows. There a route always leads into an
// interface, and goes with it: nothing refuses what the interface lost, nor what
// is carried but not routed. The guard's rules alone keep that in.
func onWindows(s *Spec, id uint64, v6 bool) layout {
	if s.isSeal() {
		return layout{}
	}
	l := layout{link: linkOf(s, id), addresses: addressesOf(s, v6), names: namesOf(s)}
	if !v6 {
		l.names.servers = withoutV6(l.names.servers)
	}
	for _, r := range s.Routes {
		if r = r.Masked(); (v6 || r.Addr().Is4()) && !networkOf(l.addresses, r) {
			l.addWay(way{dst: r})
		}
	}
	return l
}

// withoutV6 are those of resolvers that an interface without IPv6 can ask. Where
// there are none they all stay: without any the system's own would be asked.
func withoutV6(servers []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range servers {
		if a.Is4() {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return servers
	}
	return out
}

// policyNames are the names for which Windows asks nobody but the tunnel's
// resolvers, as its name resolution policy writes them: "." is all of them, and
// ".example.com" a domain with all that is in it. None: the resolvers are asked
// beside those of other interfaces.
func policyNames(n *names) []string {
	switch {
	case len(n.servers) == 0:
		return nil
	case n.all:
		return []string{"."}
	}
	var out []string
	for _, domain := range n.search {
		out = append(out, "."+strings.TrimSuffix(domain, "."))
	}
	return out
}

// policyServers are the resolvers as the name resolution policy writes them.
func policyServers(n *names) string { return joined(n.servers, "; ") }

func joined(addrs []netip.Addr, between string) string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.WithZone("").String())
	}
	return strings.Join(out, between)
}
