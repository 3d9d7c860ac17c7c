package underlay

import (
	"encoding/binary"

	"golang.org/x/sys/windows"
)

// unicastIF is IP_UNICAST_IF and IPV6_UNICAST_IF, which have the same number.
const unicastIF = 31

// Bind has a socket send by one interface. Index 0: by any. IPv4 takes the index
// in the byte order of the network, IPv6 in that of the machine.
func Bind(fd uintptr, index int, v6 bool) error {
	if v6 {
		return windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IPV6, unicastIF, index)
	}
	var turned [4]byte
	binary.BigEndian.PutUint32(turned[:], uint32(index))
	return windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IP, unicastIF, int(int32(binary.NativeEndian.Uint32(turned[:]))))
}
