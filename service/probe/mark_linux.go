package probe

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// markSocket returns what gives a socket its mark before it is connected, by
// which its route is chosen. It needs CAP_NET_ADMIN; without a mark nothing is done.
func markSocket(mark uint32) func(network, address string, c syscall.RawConn) error {
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
