package agent

import (
	"encoding/binary"
	"net/netip"
)

// The list of TCP sockets that macOS gives out as net.inet.tcp.pcblist_n: records
// that each begin with their length and kind, and are padded to eight bytes. One
// socket is a record of its addresses followed by one of its owner, and others.
// The places are those of struct xinpcb_n and struct xsocket_n in XNU's
// bsd/netinet/in_pcb.h and bsd/sys/socketvar.h, packed to four bytes.
const (
	pcbHead = 24 // struct xinpgen, before the first record and after the last

	kindSocket  = 0x001
	kindAddress = 0x010

	pcbRemotePort, pcbLocalPort = 16, 18
	pcbVersion, pcbIPv4         = 44, 0x1
	pcbRemote, pcbLocal         = 48, 64 // 16 bytes each; IPv4 is in the last four
	pcbMin                      = 80

	socketUID = 64
	socketMin = 68
)

// pcbOwner finds the uid of the socket whose own address is local and whose other
// end is remote. False: the list has no such socket, or is not understood.
func pcbOwner(list []byte, local, remote netip.AddrPort) (uid uint32, ok bool) {
	matches := false
	for rest := list[min(pcbHead, len(list)):]; len(rest) >= 8; {
		size := int(binary.NativeEndian.Uint32(rest))
		if size <= pcbHead || size > len(rest) {
			return 0, false
		}
		record := rest[:size]
		switch binary.NativeEndian.Uint32(record[4:]) {
		case kindAddress:
			matches = size >= pcbMin && pcbIs(record, local, remote)
		case kindSocket:
			if matches && size >= socketMin {
				return binary.NativeEndian.Uint32(record[socketUID:]), true
			}
		}
		rest = rest[min((size+7)&^7, len(rest)):]
	}
	return 0, false
}

// pcbIs compares both ends of a record. Ports and addresses are in network order.
func pcbIs(record []byte, local, remote netip.AddrPort) bool {
	if binary.BigEndian.Uint16(record[pcbLocalPort:]) != local.Port() ||
		binary.BigEndian.Uint16(record[pcbRemotePort:]) != remote.Port() {
		return false
	}
	address := func(at int) netip.Addr {
		if record[pcbVersion]&pcbIPv4 != 0 {
			return netip.AddrFrom4([4]byte(record[at+12 : at+16]))
		}
		return netip.AddrFrom16([16]byte(record[at : at+16]))
	}
	return address(pcbLocal) == local.Addr() && address(pcbRemote) == remote.Addr()
}
