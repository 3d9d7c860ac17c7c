package underlay

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Lead returns what marks a socket before it is connected, so that the routes of
// the tunnel do not apply to it. It needs CAP_NET_ADMIN. Mark 0: nil, nothing is
// done. ours is of no importance on this system.
func Lead(mark uint32, _ func(name string) bool) func(network, address string, c syscall.RawConn) error {
	if mark == 0 {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var set error
		err := c.Control(func(fd uintptr) {
			set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, int(mark))
		})
		if err == nil {
			err = set
		}
		if err != nil {
			return fmt.Errorf("mark socket: %w", err)
		}
		return nil
	}
}
