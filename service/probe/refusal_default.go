//go:build !linux && !windows

package probe

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

func isRefusal(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// watchRefusals returns what takes every refusal for the endpoint's own: this
// system does not tell who refused.
func watchRefusals(_ net.Conn, to netip.Addr) func(error) netip.Addr {
	return func(err error) netip.Addr {
		if isRefusal(err) {
			return to
		}
		return netip.Addr{}
	}
}
