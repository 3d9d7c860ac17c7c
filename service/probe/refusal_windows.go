package probe

import (
	"errors"
	"net"
	"net/netip"

	"golang.org/x/sys/windows"
)

// isRefusal knows how Windows tells a UDP socket of an unreachable port.
func isRefusal(err error) bool { return errors.Is(err, windows.WSAECONNRESET) }

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
