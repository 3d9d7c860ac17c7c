package underlay

import "golang.org/x/sys/unix"

// Bind has a socket send, and hear, by one interface. Index 0: by any.
func Bind(fd uintptr, index int, v6 bool) error {
	if v6 {
		return unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_BOUND_IF, index)
	}
	return unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BOUND_IF, index)
}
