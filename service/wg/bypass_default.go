//go:build !linux

package wg

import "syscall"

// bypass leaves the socket as it is: this system has no marks, and sockets are
// not yet bound to the underlay's interface here.
func bypass(uint32) func(network, address string, c syscall.RawConn) error { return nil }
