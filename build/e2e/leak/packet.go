package leak

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Numbers of Ethernet and IP that no constant of the standard library names.
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoFrag6  = 44
	protoICMPv6 = 58
)

// Packet is what a capture understands of a frame. Fields that the frame does
// not have are zero.
type Packet struct {
	Ether    uint16 // the protocol of the frame
	Proto    uint8  // of IP
	From, To netip.Addr
	Sport    uint16
	Dport    uint16
	Hops     uint8 // TTL or hop limit
	ICMPType uint8
	Later    bool       // a fragment that is not the first
	Target   netip.Addr // of ARP and neighbour discovery: who is asked for or told of
	Payload  []byte     // above UDP; for all else, above IP
}

// Parse reads a frame without its link header.
func Parse(ether uint16, b []byte) Packet {
	p := Packet{Ether: ether, Payload: b}
	switch ether {
	case etherIPv4:
		p.ipv4(b)
	case etherIPv6:
		p.ipv6(b)
	case etherARP:
		if len(b) >= 28 {
			p.From, _ = netip.AddrFromSlice(b[14:18])
			p.Target, _ = netip.AddrFromSlice(b[24:28])
		}
	}
	return p
}

func (p *Packet) ipv4(b []byte) {
	if len(b) < 20 || len(b) < int(b[0]&15)*4 {
		return
	}
	p.From, _ = netip.AddrFromSlice(b[12:16])
	p.To, _ = netip.AddrFromSlice(b[16:20])
	p.Hops, p.Proto = b[8], b[9]
	p.Later = binary.BigEndian.Uint16(b[6:])&0x1fff != 0
	p.above(b[int(b[0]&15)*4:])
}

func (p *Packet) ipv6(b []byte) {
	if len(b) < 40 {
		return
	}
	p.From, _ = netip.AddrFromSlice(b[8:24])
	p.To, _ = netip.AddrFromSlice(b[24:40])
	p.Hops, p.Proto = b[7], b[6]
	b = b[40:]
	// Hop-by-hop options come before what multicast listeners report.
	for p.Proto == 0 && len(b) >= 8 && len(b) >= 8*(int(b[1])+1) {
		p.Proto, b = b[0], b[8*(int(b[1])+1):]
	}
	if p.Proto == protoFrag6 && len(b) >= 8 {
		p.Proto, p.Later = b[0], binary.BigEndian.Uint16(b[2:])>>3 != 0
		b = b[8:]
	}
	p.above(b)
}

// above reads what IP carries.
func (p *Packet) above(b []byte) {
	p.Payload = b
	if p.Later {
		return
	}
	switch {
	case (p.Proto == protoUDP || p.Proto == protoTCP) && len(b) >= 8:
		p.Sport, p.Dport = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if p.Proto == protoUDP {
			p.Payload = b[8:]
		}
	case (p.Proto == protoICMP || p.Proto == protoICMPv6) && len(b) >= 8:
		p.ICMPType = b[0]
		if p.Proto == protoICMPv6 && (b[0] == 135 || b[0] == 136) && len(b) >= 24 {
			p.Target, _ = netip.AddrFromSlice(b[8:24])
		}
	}
}

// String is the packet in a line, for a person who wants to know what leaked.
func (p *Packet) String() string {
	switch {
	case p.Ether == etherARP:
		return fmt.Sprintf("ARP from %v about %v", p.From, p.Target)
	case p.Ether != etherIPv4 && p.Ether != etherIPv6:
		return fmt.Sprintf("a frame of protocol %#04x, %d bytes: %x", p.Ether, len(p.Payload), p.Payload[:min(len(p.Payload), 32)])
	case p.Later:
		return fmt.Sprintf("%v > %v protocol %d, a later fragment", p.From, p.To, p.Proto)
	case p.Proto == protoUDP:
		return fmt.Sprintf("UDP %v > %v, %d bytes: %x", netip.AddrPortFrom(p.From, p.Sport), netip.AddrPortFrom(p.To, p.Dport),
			len(p.Payload), p.Payload[:min(len(p.Payload), 32)])
	case p.Proto == protoTCP:
		return fmt.Sprintf("TCP %v > %v: %x", netip.AddrPortFrom(p.From, p.Sport), netip.AddrPortFrom(p.To, p.Dport), p.Payload[:min(len(p.Payload), 20)])
	case p.Proto == protoICMP || p.Proto == protoICMPv6:
		return fmt.Sprintf("ICMP type %d %v > %v: %x", p.ICMPType, p.From, p.To, p.Payload[:min(len(p.Payload), 32)])
	}
	return fmt.Sprintf("protocol %d %v > %v: %x", p.Proto, p.From, p.To, p.Payload[:min(len(p.Payload), 32)])
}

// ipHeader is the header of a packet. The kernel fills in the checksum of IPv4,
// and a source of IPv4 that is not given.
func ipHeader(from, to netip.Addr, proto uint8, length int) []byte {
	if to.Is6() {
		h := make([]byte, 40, 40+length)
		h[0] = 6 << 4
		binary.BigEndian.PutUint16(h[4:], uint16(length))
		h[6], h[7] = proto, 64
		if from.IsValid() {
			copy(h[8:], from.AsSlice())
		}
		copy(h[24:], to.AsSlice())
		return h
	}
	h := make([]byte, 20, 20+length)
	h[0] = 4<<4 | 5
	binary.BigEndian.PutUint16(h[2:], uint16(20+length))
	h[8], h[9] = 64, proto
	if from.IsValid() {
		copy(h[12:], from.AsSlice())
	}
	copy(h[16:], to.AsSlice())
	return h
}
