package probe

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

func isRefusal(err error) bool { return errors.Is(err, unix.ECONNREFUSED) }

// watchRefusals has the system keep who refused what a connected UDP socket
// sends. The function it returns names who is behind an error of the socket;
// the zero value: nobody but this system.
func watchRefusals(c net.Conn, to netip.Addr) func(error) netip.Addr {
	nobody := func(error) netip.Addr { return netip.Addr{} }
	udp, ok := c.(*net.UDPConn)
	if !ok {
		return nobody
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return nobody
	}
	level, name := unix.SOL_IP, unix.IP_RECVERR
	if to.Is6() {
		level, name = unix.SOL_IPV6, unix.IPV6_RECVERR
	}
	err = raw.Control(func(fd uintptr) {
		// Without it errors still come, only unsigned.
		_ = unix.SetsockoptInt(int(fd), level, name, 1)
	})
	if err != nil {
		return nobody
	}
	return func(cause error) netip.Addr {
		no := syscall.Errno(0)
		if !errors.As(cause, &no) {
			return netip.Addr{}
		}
		var by netip.Addr
		_ = raw.Control(func(fd uintptr) { by = offender(int(fd), no) })
		return by
	}
}

// offender empties a socket's queue of errors and returns who sent the last
// one of a number.
func offender(fd int, no syscall.Errno) netip.Addr {
	var by netip.Addr
	data, control := make([]byte, 64), make([]byte, 512)
	for {
		_, n, _, _, err := unix.Recvmsg(fd, data, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			return by
		}
		messages, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil {
			return by
		}
		for _, m := range messages {
			if a, errno := readOffender(m); a.IsValid() && errno == no {
				by = a
			}
		}
	}
}

// sizeofExtendedErr is the length of struct sock_extended_err, which the
// address of who sent the error follows.
const sizeofExtendedErr = 16

// readOffender reads what the system kept of an error that came from outside.
func readOffender(m unix.SocketControlMessage) (netip.Addr, syscall.Errno) {
	is4 := m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_RECVERR
	is6 := m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_RECVERR
	if !is4 && !is6 || len(m.Data) < sizeofExtendedErr+8 {
		return netip.Addr{}, 0
	}
	no := syscall.Errno(binary.NativeEndian.Uint32(m.Data))
	origin := m.Data[4]
	addr := m.Data[sizeofExtendedErr:]
	switch family := binary.NativeEndian.Uint16(addr); {
	case origin == unix.SO_EE_ORIGIN_ICMP && family == unix.AF_INET:
		return netip.AddrFrom4([4]byte(addr[4:8])), no
	case origin == unix.SO_EE_ORIGIN_ICMP6 && family == unix.AF_INET6 && len(addr) >= 24:
		return netip.AddrFrom16([16]byte(addr[8:24])).Unmap(), no
	default:
		return netip.Addr{}, 0
	}
}
