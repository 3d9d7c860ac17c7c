package wg

import (
	"errors"
	"slices"

	"golang.org/x/sys/windows"
	"golang.zx2c4.com/wireguard/conn"
)

// systemBind is registered I/O, or plain sockets where the system has not that.
// Both let themselves be bound.
func systemBind() (conn.Bind, conn.BindSocketToInterface) {
	if ring, ok := conn.NewDefaultBind().(*conn.WinRingBind); ok {
		return steady{Bind: ring, passes: isOfSent}, ring
	}
	std := conn.NewStdNetBind().(*conn.StdNetBind)
	return steady{Bind: std, passes: isOfSent}, std
}

// ofSent are the errors of receiving by which Windows hands on what ICMP said of a
// datagram that was sent, as a socket and as the system below it call them.
var ofSent = []error{
	windows.WSAECONNRESET, windows.WSAENETRESET, windows.WSAECONNREFUSED, windows.WSAENETUNREACH, windows.WSAEHOSTUNREACH,
	windows.ERROR_PORT_UNREACHABLE, windows.ERROR_HOST_UNREACHABLE, windows.ERROR_NETWORK_UNREACHABLE, windows.ERROR_PROTOCOL_UNREACHABLE,
}

func isOfSent(err error) bool {
	return slices.ContainsFunc(ofSent, func(known error) bool { return errors.Is(err, known) })
}
