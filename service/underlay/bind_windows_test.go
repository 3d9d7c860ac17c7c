package underlay

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/windows"
)

func openUDP(t *testing.T, v6 bool) socket {
	t.Helper()
	family := windows.AF_INET
	if v6 {
		family = windows.AF_INET6
	}
	s, err := windows.WSASocket(int32(family), windows.SOCK_DGRAM, windows.IPPROTO_UDP, nil, 0, 0)
	if err != nil {
		t.Skip("needs sockets:", err)
	}
	t.Cleanup(func() { _ = windows.Closesocket(s) })
	return socket(s)
}

// boundTo asks the system which interface a socket is bound to.
func boundTo(t *testing.T, s socket, v6 bool) int {
	t.Helper()
	level := windows.IPPROTO_IP
	if v6 {
		level = windows.IPPROTO_IPV6
	}
	n, err := windows.GetsockoptInt(windows.Handle(s), level, unicastIF)
	if err != nil {
		t.Fatal(err)
	}
	if v6 {
		return n
	}
	var turned [4]byte
	binary.NativeEndian.PutUint32(turned[:], uint32(n))
	return int(binary.BigEndian.Uint32(turned[:]))
}

// needsBindV6 leaves out Wine, which takes the index for IPv6 in the byte order
// of the network too, unlike Windows.
func needsBindV6(t *testing.T) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("needs Windows: Wine reads the index in another byte order")
	}
}
