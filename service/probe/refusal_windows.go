package probe

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// isRefusal knows how Windows tells a UDP socket of an unreachable port.
func isRefusal(err error) bool {
	return errors.Is(err, windows.WSAECONNRESET) || errors.Is(err, windows.ERROR_PORT_UNREACHABLE)
}

// isUnresolved says that a neighbour on the way did not answer.
func isUnresolved(err error) bool {
	return errors.Is(err, windows.WSAEHOSTUNREACH) || errors.Is(err, windows.ERROR_HOST_UNREACHABLE)
}

// watchRefusals returns what takes every refusal for the endpoint's own: this
// system does not tell who refused.
func watchRefusals(c net.Conn, to netip.Addr) func(error) refuser {
	tellRefusals(c)
	return func(err error) refuser {
		if isRefusal(err) {
			return refuser{addr: to, forbids: true}
		}
		return refuser{}
	}
}

// tellRefusals has the system tell a socket of refusals, which package net switches
// off for all of UDP. Where that fails, a refusal is silence.
func tellRefusals(c net.Conn) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		on, told := uint32(1), uint32(0)
		_ = windows.WSAIoctl(windows.Handle(fd), syscall.SIO_UDP_CONNRESET, (*byte)(unsafe.Pointer(&on)), uint32(unsafe.Sizeof(on)),
			nil, 0, &told, nil, 0)
	})
}
