package wg

import "syscall"

// lead has a socket pass below the tunnel; see underlay.Lead. nil: it does not.
type lead = func(network, address string, c syscall.RawConn) error

// isOurs says that an interface is the one that was opened last. It is asked
// from any goroutine.
func (d *Devices) isOurs(name string) bool {
	own := d.own.Load()
	return own != nil && *own == name
}
