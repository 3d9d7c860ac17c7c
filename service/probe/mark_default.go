//go:build !linux

package probe

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// markSocket returns what binds a socket to the underlay before it is
// connected: only Linux has marks, which say the same. Where there is no
// underlay of the socket's family it follows the system's routes. Without a
// mark nothing is done.
func markSocket(mark uint32) func(network, address string, c syscall.RawConn) error {
	if mark == 0 {
		return nil
	}
	return func(network, address string, c syscall.RawConn) error {
		if to, err := netip.ParseAddrPort(address); err == nil && to.Addr().IsLoopback() {
			return nil
		}
		list, err := exits(func(string) bool { return false })
		if err != nil {
			return err
		}
		v6 := strings.HasSuffix(network, "6")
		for _, e := range list {
			if e.v6 != v6 {
				continue
			}
			var bound error
			if err := c.Control(func(fd uintptr) { bound = bindTo(fd, e.index, v6) }); err != nil {
				return fmt.Errorf("bind socket to %s: %w", e.iface, err)
			}
			if bound != nil {
				return fmt.Errorf("bind socket to %s: %w", e.iface, bound)
			}
			return nil
		}
		return nil
	}
}
