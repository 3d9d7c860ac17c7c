package guard

import (
	"net/netip"
	"slices"

	"holdfast/service/guardset"
)

// What may leave a link that is shut, on every system. None of it is ever learnt
// from the network, which could claim any range.
var (
	// Where a DHCP server may be: private or link-local, or asked for by all.
	dhcpServers4 = prefixes("255.255.255.255/32", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
	dhcpServers6 = prefixes("fe80::/10", "ff02::1:2/128", "ff05::1:3/128")
	// The private ranges, what is sent to everybody on the link, and SSDP.
	lanRanges4 = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
		"224.0.0.0/24", "239.255.255.250/32", "255.255.255.255/32")
	lanRanges6 = prefixes("fe80::/10", "fc00::/7", "ff02::/16")
	// DNS, and DNS over TLS or QUIC, which the private ranges are not excepted for.
	dnsPorts = []uint16{53, 853}
)

// Ports of DHCP: of the client, and of the server.
const (
	dhcpClient4, dhcpServer4 = 68, 67
	dhcpClient6, dhcpServer6 = 546, 547
)

// Types of ICMP and ICMPv6.
const (
	icmpUnreachable = 3
	icmpTooLarge    = 4 // of those that are unreachable: "fragmentation needed"
	icmpEcho        = 8
	icmpv6TooLarge  = 2
	icmpv6Echo      = 128
	// Those of neighbour discovery, without redirects.
	icmpv6RouterSolicit  = 133
	icmpv6RouterAdvert   = 134
	icmpv6NeighborAsks   = 135
	icmpv6NeighborAnswer = 136
)

// kept is what of one family is kept in.
type kept struct {
	// all says that it is everything, with only the private ranges excepted.
	all bool
	// only are the destinations that are kept in where it is not everything.
	only []netip.Prefix
}

// keptIn divides by family what a set keeps in.
func keptIn(s guardset.Set) (v4, v6 kept) {
	carry := s.Carry
	if s.Kind == guardset.Blocked {
		carry = guardset.Everything().Carry
	}
	for _, p := range carry {
		k := &v6
		if p.Addr().Is4() {
			k = &v4
		}
		if p.Bits() == 0 {
			k.all, k.only = true, nil
		}
		if !k.all {
			k.only = append(k.only, p)
		}
	}
	return v4, v6
}

// ownOf divides by family the tunnel's addresses here.
func ownOf(s guardset.Set) (v4, v6 []netip.Addr) {
	for _, a := range s.Own {
		if a = a.Unmap().WithZone(""); a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	return unique(v4), unique(v6)
}

func unique(list []netip.Addr) []netip.Addr {
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

func prefixes(words ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, w := range words {
		out = append(out, netip.MustParsePrefix(w))
	}
	return out
}
