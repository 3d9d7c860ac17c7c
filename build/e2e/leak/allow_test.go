package leak

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// frame makes a packet above IP, as it is captured.
func frame(from, to string, proto uint8, above ...byte) Packet {
	a, b := netip.MustParseAddr(from), netip.MustParseAddr(to)
	h := ipHeader(a, b, proto, len(above))
	ether := uint16(etherIPv4)
	if b.Is6() {
		ether, h[7] = etherIPv6, 255
	}
	return Parse(ether, append(h, above...))
}

// datagram makes a packet of UDP.
func datagram(from, to string, payload ...byte) Packet {
	a, b := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	h := binary.BigEndian.AppendUint16(nil, a.Port())
	h = binary.BigEndian.AppendUint16(h, b.Port())
	h = binary.BigEndian.AppendUint16(h, uint16(8+len(payload)))
	return frame(a.Addr().String(), b.Addr().String(), protoUDP, append(append(h, 0, 0), payload...)...)
}

// about makes an ARP question from an address about another.
func about(from, target string) Packet {
	b := make([]byte, 28)
	copy(b[14:], netip.MustParseAddr(from).AsSlice())
	copy(b[24:], netip.MustParseAddr(target).AsSlice())
	return Parse(etherARP, b)
}

// solicits makes a neighbour solicitation for an address.
func solicits(target string) Packet {
	return frame("fe80::1", "ff02::1:ff00:1", protoICMPv6, append([]byte{135, 0, 0, 0, 0, 0, 0, 0}, netip.MustParseAddr(target).AsSlice()...)...)
}

// far says that a packet has come from farther than the link.
func far(p Packet) Packet {
	p.Hops = 64
	return p
}

// later says that a packet is a fragment that is not the first.
func later(p Packet) Packet {
	p.Later = true
	return p
}

func TestAllowed(t *testing.T) {
	a := Allowed{
		Endpoints: []netip.AddrPort{netip.MustParseAddrPort("10.200.1.2:51820")},
		Asked: []Question{{"icmp", netip.MustParseAddrPort("10.200.0.1:0"), 0}, {"tcp", netip.MustParseAddrPort("10.0.0.1:80"), 0},
			{"udp", netip.MustParseAddrPort("10.200.0.53:53"), 0}, {"udp", netip.MustParseAddrPort("10.200.1.2:51820"), 2}},
		Own: []netip.Addr{netip.MustParseAddr("10.9.0.2"), netip.MustParseAddr("fd09::2")},
	}
	echo := []byte{8, 0, 0, 0, 0, 0, 0, 0}
	for name, c := range map[string]struct {
		p    Packet
		want bool
	}{
		"an initiation":                      {datagram("10.200.0.2:4000", "10.200.1.2:51820", 1, 0, 0, 0, 9), true},
		"data":                               {datagram("10.200.0.2:4000", "10.200.1.2:51820", 4, 0, 0, 0, 9), true},
		"no message of WireGuard":            {datagram("10.200.0.2:4000", "10.200.1.2:51820", 5, 0, 0, 0, 9), false},
		"text to the endpoint":               {datagram("10.200.0.2:4000", "10.200.1.2:51820", 'a', 'b', 'c', 'd'), false},
		"a knock at the endpoint":            {datagram("10.200.0.2:4000", "10.200.1.2:51820", 0, 0), true},
		"more than a knock":                  {datagram("10.200.0.2:4000", "10.200.1.2:51820", 0, 0, 0), false},
		"data to another port":               {datagram("10.200.0.2:4000", "10.200.1.2:51821", 4, 0, 0, 0, 9), false},
		"data to another host":               {datagram("10.200.0.2:4000", "10.200.2.2:51820", 4, 0, 0, 0, 9), false},
		"data from the tunnel's address":     {datagram("10.9.0.2:4000", "10.200.1.2:51820", 4, 0, 0, 0, 9), false},
		"a later fragment to the endpoint":   {later(datagram("10.200.0.2:4000", "10.200.1.2:51820", 4, 0, 0, 0)), false},
		"a question to the resolver":         {datagram("10.200.0.2:4000", "10.200.0.53:53", 1), true},
		"a question to another":              {datagram("10.200.0.2:4000", "10.200.0.54:53", 1), false},
		"TCP to a page":                      {frame("10.200.0.2", "10.0.0.1", protoTCP, 1, 1, 0, 80, 0, 0, 0, 0), true},
		"TCP elsewhere":                      {frame("10.200.0.2", "10.0.0.1", protoTCP, 1, 1, 0, 81, 0, 0, 0, 0), false},
		"an echo to the router":              {frame("10.200.0.2", "10.200.0.1", protoICMP, echo...), true},
		"an echo to another":                 {frame("10.200.0.2", "10.200.0.7", protoICMP, echo...), false},
		"an answer to the router's echo":     {frame("10.200.0.2", "10.200.0.1", protoICMP, 0, 0, 0, 0, 0, 0, 0, 0), false},
		"an error to the router":             {frame("10.200.0.2", "10.200.0.1", protoICMP, 3, 3, 0, 0, 0, 0, 0, 0), false},
		"DHCP":                               {datagram("0.0.0.0:68", "255.255.255.255:67", 1), true},
		"DHCP to the router":                 {datagram("10.200.0.2:68", "10.200.0.1:67", 1), true},
		"DHCP to a public host":              {datagram("10.200.0.2:68", "203.0.113.10:67", 1), false},
		"DHCP from another port":             {datagram("10.200.0.2:69", "255.255.255.255:67", 1), false},
		"DHCPv6":                             {datagram("[fe80::1]:546", "[ff02::1:2]:547", 1), true},
		"DHCPv6 to a public host":            {datagram("[fe80::1]:546", "[2001:db8::1]:547", 1), false},
		"a neighbour is asked for":           {solicits("fe80::7"), true},
		"a neighbour farther than the link":  {far(solicits("fe80::7")), false},
		"the tunnel's address is asked for":  {solicits("fd09::2"), false},
		"a router is asked for":              {frame("fe80::1", "ff02::2", protoICMPv6, 133, 0, 0, 0, 0, 0, 0, 0), true},
		"an advertisement of a router":       {frame("fe80::1", "ff02::1", protoICMPv6, 134, 0, 0, 0, 0, 0, 0, 0), false},
		"a redirect":                         {frame("fe80::1", "fe80::2", protoICMPv6, 137, 0, 0, 0, 0, 0, 0, 0), false},
		"a report of listeners":              {frame("fe80::1", "ff02::16", 0, 58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0), false},
		"ARP":                                {about("10.200.0.2", "10.200.0.1"), true},
		"ARP about the tunnel's address":     {about("10.200.0.2", "10.9.0.2"), false},
		"ARP that tells the tunnel's":        {about("10.9.0.2", "10.200.0.1"), false},
		"another protocol":                   {frame("10.200.0.2", "10.200.1.2", 253, 1, 2, 3, 4, 5, 6, 7, 8), false},
		"half a header":                      {Parse(etherIPv4, []byte{0x45, 0, 0}), false},
		"a frame of no protocol that is IP":  {Parse(0x88cc, []byte{1, 2, 3}), false},
		"an echo to the router that is IPv6": {frame("fe80::1", "fe80::2", protoICMPv6, 128, 0, 0, 0, 0, 0, 0, 0), false},
	} {
		if got := a.Lets(&c.p); got != c.want {
			t.Errorf("%s (%v): allowed %t, want %t", name, &c.p, got, c.want)
		}
	}
}
