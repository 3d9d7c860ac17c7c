package probe

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// isUnresolved says that a neighbour on the way did not answer.
func isUnresolved(err error) bool { return errors.Is(err, unix.EHOSTUNREACH) }

// watchRefusals has the system keep who refused what a connected UDP socket
// sends. The function it returns tells who is behind an error of the socket.
func watchRefusals(c net.Conn, to netip.Addr) func(error) refuser {
	nobody := func(error) refuser { return refuser{} }
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
	return func(cause error) refuser {
		no := syscall.Errno(0)
		if !errors.As(cause, &no) {
			return refuser{}
		}
		var by refuser
		_ = raw.Control(func(fd uintptr) { by = offender(int(fd), no) })
		return by
	}
}

// offender empties a socket's queue of errors and returns who sent the last
// one of a number.
func offender(fd int, no syscall.Errno) refuser {
	var by refuser
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
			if r, errno := readOffender(m); r.addr.IsValid() && errno == no {
				by = r
			}
		}
	}
}

// sizeofExtendedErr is the length of struct sock_extended_err, which the
// address of who sent the error follows.
const sizeofExtendedErr = 16

// The types of "destination unreachable", and of its codes those that say that
// somebody does not want the packet, not that the way ends.
const (
	unreachable4, unreachable6 = 3, 1
)

var (
	forbids4 = []byte{2, 3, 9, 10, 13} // protocol, port, network, host, and packet forbidden
	forbids6 = []byte{1, 4, 5, 6}      // forbidden, port, source address, route
)

// readOffender reads what the system kept of an error that came from outside.
func readOffender(m unix.SocketControlMessage) (refuser, syscall.Errno) {
	is4 := m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_RECVERR
	is6 := m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_RECVERR
	if !is4 && !is6 || len(m.Data) < sizeofExtendedErr+8 {
		return refuser{}, 0
	}
	no := syscall.Errno(binary.NativeEndian.Uint32(m.Data))
	origin, kind, code := m.Data[4], m.Data[5], m.Data[6]
	addr := m.Data[sizeofExtendedErr:]
	switch family := binary.NativeEndian.Uint16(addr); {
	case origin == unix.SO_EE_ORIGIN_ICMP && family == unix.AF_INET:
		return refuser{
			addr:    netip.AddrFrom4([4]byte(addr[4:8])),
			forbids: kind == unreachable4 && slices.Contains(forbids4, code),
		}, no
	case origin == unix.SO_EE_ORIGIN_ICMP6 && family == unix.AF_INET6 && len(addr) >= 24:
		return refuser{
			addr:    netip.AddrFrom16([16]byte(addr[8:24])).Unmap(),
			forbids: kind == unreachable6 && slices.Contains(forbids6, code),
		}, no
	default:
		return refuser{}, 0
	}
}
