package wg

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.zx2c4.com/wireguard/conn"
)

// destination is where an endpoint leads. The zero value: not known. The usual
// kind on this system tells its port only in a text, and this is asked for every
// datagram; but it is a SOCKADDR_INET, which the system takes as it is.
func destination(ep conn.Endpoint) netip.AddrPort {
	ring, ok := ep.(*conn.WinRingEndpoint)
	if !ok {
		return addressOf(ep)
	}
	head := (*[4]byte)(unsafe.Pointer(ring)) // the family and the port
	return netip.AddrPortFrom(ring.DstIP(), binary.BigEndian.Uint16(head[2:]))
}
