package underlay

import (
	"testing"

	"golang.org/x/sys/unix"
)

func openUDP(t *testing.T, v6 bool) socket {
	t.Helper()
	family := unix.AF_INET
	if v6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, unix.IPPROTO_UDP)
	if err != nil {
		t.Skip("needs sockets:", err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return socket(fd)
}

// boundTo asks the system which interface a socket is bound to.
func boundTo(t *testing.T, s socket, v6 bool) int {
	t.Helper()
	level, name := unix.IPPROTO_IP, unix.IP_BOUND_IF
	if v6 {
		level, name = unix.IPPROTO_IPV6, unix.IPV6_BOUND_IF
	}
	n, err := unix.GetsockoptInt(int(s), level, name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func needsBindV6(*testing.T) {}
