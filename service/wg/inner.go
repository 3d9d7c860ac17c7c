package wg

import (
	"encoding/binary"
	"net/netip"
)

// kind is what an inner packet is, as far as this package needs to know.
type kind uint8

const (
	other kind = iota
	echoRequest
	echoReply
	dnsQuery
	dnsReply
	tcpSegment
	quicInitial
	undelivered // a packet of ICMP that quotes another which went no further
)

const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58

	portDNS   = 53
	portHTTPS = 443

	flagFIN = 1 << 0
	flagSYN = 1 << 1
	flagACK = 1 << 4
)

// inner is what the headers of one packet inside the tunnel say. Which fields
// are set depends on the kind.
type inner struct {
	kind     kind
	v6       bool
	flags    uint8  // of TCP
	id       uint16 // of an echo or a DNS message
	src, dst uint16 // ports
	seq, ack uint32 // of TCP; of an echo
	payload  int    // of TCP, in bytes
	size     int    // of the whole packet, as its header says
	body     int    // where the ICMP or UDP header ends
}

// parse reads the headers of p. It allocates nothing and trusts nothing: what
// is cut off, a later fragment or unknown is other. from is whether p came out
// of the tunnel, which tells DNS queries from replies by their port.
func (in *inner) parse(p []byte, from bool) {
	in.kind = other
	if len(p) < 20 {
		return
	}
	var proto uint8
	var head int
	switch p[0] >> 4 {
	case 4:
		head = int(p[0]&15) * 4
		in.size = int(binary.BigEndian.Uint16(p[2:]))
		// A fragment that is not the first has no ports.
		if head < 20 || in.size < head || p[6]&0x1f|p[7] != 0 {
			return
		}
		proto, in.v6 = p[9], false
	case 6:
		if len(p) < 40 {
			return
		}
		head = 40
		in.size = head + int(binary.BigEndian.Uint16(p[4:]))
		proto, in.v6 = p[6], true
	default:
		return
	}
	if in.size > len(p) || in.size < head+8 {
		return
	}
	l4 := p[head:in.size]
	switch {
	case proto == protoTCP:
		in.tcp(l4)
	case proto == protoUDP:
		in.udp(l4, head, from)
	case proto == protoICMP && !in.v6, proto == protoICMPv6 && in.v6:
		in.icmp(l4, head)
	}
}

// isTCP is what parse finds out first, alone.
func isTCP(p []byte) bool {
	return len(p) >= 20 && (p[0]>>4 == 4 && p[9] == protoTCP || p[0]>>4 == 6 && p[6] == protoTCP)
}

func (in *inner) tcp(b []byte) {
	if len(b) < 20 {
		return
	}
	head := int(b[12]>>4) * 4
	if head < 20 || head > len(b) {
		return
	}
	in.src, in.dst = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	in.seq, in.ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	in.flags = b[13]
	in.payload = len(b) - head
	in.kind = tcpSegment
}

func (in *inner) udp(b []byte, head int, from bool) {
	in.src, in.dst = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	in.body = head + 8
	switch {
	case len(b) >= 8+12 && !from && in.dst == portDNS && b[10]&0x80 == 0:
		in.kind, in.id = dnsQuery, binary.BigEndian.Uint16(b[8:])
	case len(b) >= 8+12 && from && in.src == portDNS && b[10]&0x80 != 0:
		in.kind, in.id = dnsReply, binary.BigEndian.Uint16(b[8:])
	case len(b) > 8 && !from && in.dst == portHTTPS && b[8]&0xc0 == 0xc0:
		in.kind = quicInitial
	}
}

func (in *inner) icmp(b []byte, head int) {
	in.id, in.seq = binary.BigEndian.Uint16(b[4:]), uint32(binary.BigEndian.Uint16(b[6:]))
	in.src, in.dst = in.id, in.id // what tells flows apart
	in.body = head + 8
	switch {
	case b[0] == 8 && !in.v6, b[0] == 128 && in.v6:
		in.kind = echoRequest
	case b[0] == 0 && !in.v6, b[0] == 129 && in.v6:
		in.kind = echoReply
	case (b[0] == 3 || b[0] == 11 || b[0] == 12) && !in.v6, b[0] >= 1 && b[0] <= 4 && in.v6:
		in.kind = undelivered
	}
}

// quoted is what an undelivered packet says of the one that went no further: its
// protocol, and at least the first eight bytes after its header. proto 0: it
// quotes too little.
func quoted(in *inner, p []byte) (proto uint8, rest []byte) {
	q := p[in.body:in.size]
	head := 40
	switch {
	case in.v6 && len(q) >= head && q[0]>>4 == 6:
		proto = q[6]
	case !in.v6 && len(q) >= 20 && q[0]>>4 == 4:
		proto, head = q[9], int(q[0]&15)*4
	default:
		return 0, nil
	}
	if head < 20 || len(q) < head+8 {
		return 0, nil
	}
	return proto, q[head:]
}

// wantsAnswer says that whoever sent the packet waits for something to come back.
func (in *inner) wantsAnswer() bool {
	switch in.kind {
	case echoRequest, dnsQuery, quicInitial:
		return true
	case tcpSegment:
		return in.payload > 0 || in.flags&flagSYN != 0
	default:
		return false
	}
}

// begins says that the packet may be the first of a flow.
func (in *inner) begins() bool {
	switch in.kind {
	case echoRequest, dnsQuery, quicInitial:
		return true
	case tcpSegment:
		return in.flags&(flagSYN|flagACK) == flagSYN
	default:
		return false
	}
}

// addresses are those of a packet that parse has read. An IPv6 address that
// wraps an IPv4 one stays what it is.
func (in *inner) addresses(p []byte) (src, dst netip.Addr) {
	if in.v6 {
		return netip.AddrFrom16([16]byte(p[8:24])), netip.AddrFrom16([16]byte(p[24:40]))
	}
	return netip.AddrFrom4([4]byte(p[12:16])), netip.AddrFrom4([4]byte(p[16:20]))
}

// flowKey names a flow: its ports and the far address, folded where it is an
// IPv6 one. Both directions have the same. It is never 0.
func (in *inner) flowKey(p []byte, from bool) uint64 {
	at, near, far := 16, in.src, in.dst
	if from {
		at, near, far = 12, in.dst, in.src
	}
	var addr uint32
	if in.v6 {
		at = (at-12)*4 + 8
		hi, lo := binary.BigEndian.Uint64(p[at:]), binary.BigEndian.Uint64(p[at+8:])
		mixed := (hi ^ lo*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
		addr = uint32(mixed >> 32)
	} else {
		addr = binary.BigEndian.Uint32(p[at:])
	}
	key := uint64(near)<<48 | uint64(far)<<32 | uint64(addr)
	if key == 0 {
		key = 1
	}
	return key
}

// header makes the IP header of a packet with room for length bytes after it,
// and says where they begin. src and dst must be of one family. The packet is
// never fragmented on its way.
func header(src, dst netip.Addr, proto uint8, length int) (p []byte, head int) {
	if dst.Is4() {
		p = make([]byte, 20+length)
		p[0], p[6], p[8], p[9] = 0x45, 0x40, 64, proto
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
		copy(p[12:], src.AsSlice())
		copy(p[16:], dst.AsSlice())
		binary.BigEndian.PutUint16(p[10:], checksum(0, p[:20]))
		return p, 20
	}
	p = make([]byte, 40+length)
	p[0], p[6], p[7] = 0x60, proto, 64
	binary.BigEndian.PutUint16(p[4:], uint16(length))
	copy(p[8:], src.AsSlice())
	copy(p[24:], dst.AsSlice())
	return p, 40
}

// pseudo is the sum over what a transport's checksum covers of the header:
// addresses, length and protocol.
func pseudo(p []byte, head int, proto uint8) uint32 {
	addresses := p[8:head] // of IPv6
	if head == 20 {
		addresses = p[12:20]
	}
	return uint32(^checksum(0, addresses)) + uint32(len(p)-head) + uint32(proto)
}

// checksum is that of the Internet over b, beginning with the sum of what went before.
func checksum(sum uint32, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
