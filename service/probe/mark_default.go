//go:build !linux

package probe

import "syscall"

// markSocket returns nil: only Linux has marks. On this system a lookup follows
// the system's routes, also into a tunnel.
func markSocket(uint32) func(network, address string, c syscall.RawConn) error { return nil }
