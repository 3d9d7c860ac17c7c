package probe

import (
	"errors"
	"net"
	"net/netip"

	"golang.org/x/sys/windows"
)

// isRefusal knows how Windows tells a UDP socket of an unreachable port.
func isRefusal(err error) bool { return errors.Is(err, windows.WSAECONNRESET) }

// isUnresolved says that a neighbour on the way did not answer.
func isUnresolved(err error) bool {
	return errors.Is(err, windows.WSAEHOSTUNREACH)
}

// watchRefusals returns what takes every refusal for the endpoint's own: this
// system does not tell who refused.
func watchRefusals(_ net.Conn, to netip.Addr) func(error) refuser {
	return func(err error) refuser {
		if isRefusal(err) {
			return refuser{addr: to, forbids: true}
		}
		return refuser{}
	}
}
