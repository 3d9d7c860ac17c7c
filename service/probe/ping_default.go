//go:build !linux && !windows

package probe

import (
	"errors"
	"net"
	"net/netip"
)

// openPing fails: the service may open a raw socket on this system, or nothing.
func openPing(netip.Addr, uint32) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}
