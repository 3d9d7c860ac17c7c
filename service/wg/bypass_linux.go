package wg

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// bypass marks a socket so that the routes of the tunnel do not apply to it.
// Mark 0: no mark.
func bypass(mark uint32) func(network, address string, c syscall.RawConn) error {
	if mark == 0 {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if ctl := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, int(mark))
		}); ctl != nil {
			return ctl
		}
		return err
	}
}
