package leak

import (
	"net/netip"
	"slices"
)

// Allowed is what may leave an uplink beside nothing at all. The zero value
// allows DHCP and the finding of neighbours.
type Allowed struct {
	// Endpoints may be sent messages of WireGuard.
	Endpoints []netip.AddrPort
	// Asked may be sent the service's own questions, which a test expects and
	// names: "udp" and "tcp" to a port, "icmp" an echo.
	Asked []Question
	// Own are the tunnel's addresses here, which no neighbour may be told of.
	Own []netip.Addr
}

// Question is one that the service may ask beside the tunnel.
type Question struct {
	Network string // udp, tcp or icmp
	To      netip.AddrPort
	// Most is how many bytes a datagram may carry. 0: any number.
	Most int
}

// asks says that one of the questions is what a packet asks.
func (a *Allowed) asks(network string, p *Packet, port uint16) bool {
	to := netip.AddrPortFrom(p.To, port)
	return slices.ContainsFunc(a.Asked, func(q Question) bool {
		return q.Network == network && q.To == to && (q.Most == 0 || len(p.Payload) <= q.Most)
	})
}

// Lets says whether a packet without a mark may leave.
func (a *Allowed) Lets(p *Packet) bool {
	switch {
	case slices.Contains(a.Own, p.From), slices.Contains(a.Own, p.Target):
		return false
	case p.Ether == etherARP:
		return true
	case p.Ether != etherIPv4 && p.Ether != etherIPv6, p.Later:
		return false
	}
	switch p.Proto {
	case protoUDP:
		return a.letsUDP(p)
	case protoTCP:
		return a.asks("tcp", p, p.Dport)
	case protoICMP:
		return p.ICMPType == 8 && a.asks("icmp", p, 0)
	case protoICMPv6:
		return p.ICMPType >= 133 && p.ICMPType <= 136 && p.ICMPType != 134 && p.Hops == 255 ||
			p.ICMPType == 128 && a.asks("icmp", p, 0)
	}
	return false
}

func (a *Allowed) letsUDP(p *Packet) bool {
	// A message of WireGuard: its type, and three zeros.
	message := len(p.Payload) >= 4 && p.Payload[0] >= 1 && p.Payload[0] <= 4 && p.Payload[1]|p.Payload[2]|p.Payload[3] == 0
	return message && slices.Contains(a.Endpoints, netip.AddrPortFrom(p.To, p.Dport)) || a.asks("udp", p, p.Dport) || isDHCP(p)
}

// isDHCP says that a client asks for an address: the ports alone are not
// enough, a public server must not be reached by them.
func isDHCP(p *Packet) bool {
	if p.Ether == etherIPv4 {
		return p.Sport == 68 && p.Dport == 67 &&
			(p.To == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || p.To.IsPrivate() || p.To.IsLinkLocalUnicast() || sharedSpace.Contains(p.To))
	}
	return p.Sport == 546 && p.Dport == 547 && (p.To.IsLinkLocalUnicast() || p.To.IsLinkLocalMulticast())
}

// sharedSpace is what providers number their customers' routers from (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
