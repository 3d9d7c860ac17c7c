package lab

import (
	"encoding/binary"
	"slices"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// echoReply turns an ICMP echo request into its reply, in place; false where the
// packet is none. Fragments and packets with options or extension headers are
// none.
func echoReply(packet []byte) bool {
	const (
		protocolICMPv4, echo4, reply4 = 1, 8, 0
		protocolICMPv6, echo6, reply6 = 58, 128, 129
	)
	switch {
	case len(packet) >= 28 && packet[0] == 0x45 && packet[9] == protocolICMPv4 && packet[20] == echo4:
		if binary.BigEndian.Uint16(packet[6:])&0x3fff != 0 {
			return false
		}
		swap(packet[12:16], packet[16:20])
		retype(packet[20:], reply4)
	case len(packet) >= 48 && packet[0]>>4 == 6 && packet[6] == protocolICMPv6 && packet[40] == echo6:
		swap(packet[8:24], packet[24:40])
		retype(packet[40:], reply6)
	default:
		return false
	}
	return true
}

// swap exchanges two addresses, which no checksum notices.
func swap(a, b []byte) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}

// retype changes the type of an ICMP message and its checksum with it
// (RFC 1624, equation 3).
func retype(message []byte, kind byte) {
	sum := uint32(^binary.BigEndian.Uint16(message[2:])) + uint32(^(uint16(message[0]) << 8)) + uint32(kind)<<8
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	message[0] = kind
	binary.BigEndian.PutUint16(message[2:], ^uint16(sum))
}

// answerEcho answers an echo request to an address beyond the server. The stack
// answers only those to addresses of its own.
func (n *inside) answerEcho(packet []byte) bool {
	if slices.Contains(n.addresses, destination(packet)) || !echoReply(packet) {
		return false
	}
	var out stack.PacketBufferList
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
	defer pkt.DecRef()
	out.PushBack(pkt)
	_, _ = n.link.WritePackets(out)
	return true
}
