package agent

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// pcbList is macOS's list of sockets: a head, a socket of ours, one of somebody
// else's, and an end like the head.
func pcbList(sockets ...[]byte) []byte {
	list := make([]byte, pcbHead)
	binary.NativeEndian.PutUint32(list, pcbHead)
	for _, s := range sockets {
		list = append(list, s...)
	}
	return append(list, list[:pcbHead]...)
}

// pcbSocket is the records of one socket, as XNU gives them out.
func pcbSocket(local, remote netip.AddrPort, uid uint32) []byte {
	record := func(size int, kind uint32) []byte {
		r := make([]byte, (size+7)&^7)
		binary.NativeEndian.PutUint32(r, uint32(size))
		binary.NativeEndian.PutUint32(r[4:], kind)
		return r
	}
	address, owner := record(104, kindAddress), record(104, kindSocket)
	binary.BigEndian.PutUint16(address[pcbRemotePort:], remote.Port())
	binary.BigEndian.PutUint16(address[pcbLocalPort:], local.Port())
	if local.Addr().Is4() {
		address[pcbVersion] = pcbIPv4
		copy(address[pcbRemote+12:], remote.Addr().AsSlice())
		copy(address[pcbLocal+12:], local.Addr().AsSlice())
	} else {
		address[pcbVersion] = 0x2
		copy(address[pcbRemote:], remote.Addr().AsSlice())
		copy(address[pcbLocal:], local.Addr().AsSlice())
	}
	binary.NativeEndian.PutUint32(owner[socketUID:], uid)
	all := append(address, owner...)
	for _, other := range []uint32{0x002, 0x004, 0x008, 0x020} { // buffers, figures, TCP
		all = append(all, record(60, other)...)
	}
	return all
}

// TestPCBOwner reads a list made after XNU's headers. It shows that the reading
// fits them, not that a Mac's list does.
func TestPCBOwner(t *testing.T) {
	ours, theirs := netip.MustParseAddrPort("127.0.0.1:7433"), netip.MustParseAddrPort("127.0.0.1:50000")
	ours6, theirs6 := netip.MustParseAddrPort("[::1]:7433"), netip.MustParseAddrPort("[::1]:50000")
	list := pcbList(pcbSocket(ours, theirs, 501), pcbSocket(theirs, ours, 502), pcbSocket(theirs6, ours6, 503))
	for _, c := range []struct {
		local, remote netip.AddrPort
		uid           uint32
		ok            bool
	}{
		{ours, theirs, 501, true},
		{theirs, ours, 502, true},
		{theirs6, ours6, 503, true},
		{ours6, theirs6, 0, false},
		{netip.MustParseAddrPort("127.0.0.2:50000"), ours, 0, false},
		{netip.MustParseAddrPort("127.0.0.1:50001"), ours, 0, false},
	} {
		if uid, ok := pcbOwner(list, c.local, c.remote); uid != c.uid || ok != c.ok {
			t.Errorf("%s to %s: got %d, %v", c.local, c.remote, uid, ok)
		}
	}
}

// FuzzPCBOwner: whatever the system gives out, it is read without harm.
func FuzzPCBOwner(f *testing.F) {
	ours, theirs := netip.MustParseAddrPort("127.0.0.1:7433"), netip.MustParseAddrPort("127.0.0.1:50000")
	f.Add(pcbList(pcbSocket(theirs, ours, 501)))
	f.Add([]byte{})
	f.Add(make([]byte, 40))
	f.Fuzz(func(_ *testing.T, list []byte) { pcbOwner(list, theirs, ours) })
}
