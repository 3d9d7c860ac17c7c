package leak

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Where kinds go that are not told where: the port of no service, and the first
// protocol that RFC 3692 leaves to experiments.
const (
	noPort     = 9999
	experiment = 253
)

// errLater says that a socket could not be opened a moment ago.
var errLater = errors.New("no socket yet")

// deliver sends the packet of a mark.
func (s *sender) deliver(m Mark) error {
	payload := s.payload(m)
	if s.way.way.Send != nil {
		return s.way.way.Send(s.kind, s.to, payload)
	}
	if s.kind == TCP || s.kind == DNSTCP {
		return s.syn(payload)
	}
	if err := s.ready(); err != nil {
		return err
	}
	switch s.kind {
	case ICMP:
		payload = echo(payload, s.v6())
	case Raw:
		if s.v6() && s.seq%4 == 1 {
			// Only the kernel knows which source it would choose now.
			s.source = s.chosen()
		}
		payload = s.header(payload)
	default: // the kernel makes all headers
	}
	return unix.Sendto(s.fd, payload, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, sockaddr(s.to, s.port()))
}

// port is where the packet goes. Raw sockets take none.
func (s *sender) port() uint16 {
	switch {
	case s.kind == ICMP || s.kind == Raw:
		return 0
	case s.way.way.Port != 0:
		return s.way.way.Port
	case s.kind == DNS || s.kind == DNSTCP:
		return 53
	}
	return noPort
}

// payload is the packet above UDP or its like.
func (s *sender) payload(m Mark) []byte {
	size := s.way.way.Size
	if size == 0 {
		size = 4 * markSize
	}
	var head []byte
	if s.kind == DNS {
		// One question for an address, whose name has the mark as its first label.
		head = []byte{byte(m.Seq >> 8), byte(m.Seq), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, markSize}
		size = markSize
	}
	b := make([]byte, len(s.way.way.Prefix)+len(head)+size, len(s.way.way.Prefix)+len(head)+size+8)
	n := copy(b, s.way.way.Prefix)
	n += copy(b[n:], head)
	s.flood.run.fill(b[n:], m)
	if s.kind == DNS {
		b = append(b, 0, 0, 1, 0, 1)
	}
	return b
}

// ready opens the socket where there is none.
func (s *sender) ready() error {
	if s.fd >= 0 {
		return nil
	}
	if time.Now().Before(s.retry) {
		return errLater
	}
	fd, err := s.open(s.types())
	if err != nil {
		s.retry = time.Now().Add(50 * time.Millisecond)
		return err
	}
	s.fd = fd
	return nil
}

// types are the type and the protocol of the socket for the kind.
func (s *sender) types() (kind, proto int) {
	switch {
	case s.kind == TCP || s.kind == DNSTCP:
		return unix.SOCK_STREAM, 0
	case s.kind == ICMP && s.v6():
		return unix.SOCK_RAW, unix.IPPROTO_ICMPV6
	case s.kind == ICMP:
		return unix.SOCK_RAW, unix.IPPROTO_ICMP
	case s.kind == Raw:
		return unix.SOCK_RAW, unix.IPPROTO_RAW
	}
	return unix.SOCK_DGRAM, 0
}

// open opens a socket as the way has it.
func (s *sender) open(kind, proto int) (fd int, err error) {
	w := s.way.way
	family := unix.AF_INET
	if s.v6() {
		family = unix.AF_INET6
	}
	if w.UID != 0 {
		// The rules see who opened the socket. The thread keeps its other rights.
		_, _, _ = unix.RawSyscall(unix.SYS_SETFSUID, uintptr(w.UID), 0, 0)
		defer func() { _, _, _ = unix.RawSyscall(unix.SYS_SETFSUID, 0, 0, 0) }()
	}
	fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return -1, fmt.Errorf("open socket: %w", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	// Threes: level, option, value.
	options := []int{unix.SOL_SOCKET, unix.SO_BROADCAST, 1, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1}
	if w.Mark != 0 {
		options = append(options, unix.SOL_SOCKET, unix.SO_MARK, int(w.Mark))
	}
	if kind == unix.SOCK_DGRAM && !s.v6() {
		options = append(options, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
	}
	from := netip.IPv4Unspecified()
	if s.v6() {
		from = netip.IPv6Unspecified()
	}
	for _, a := range w.From {
		if a.Is6() == s.v6() {
			from = a
		}
	}
	if !from.IsUnspecified() {
		options = append(options, s.anySource()...)
	}
	for ; len(options) > 0; options = options[3:] {
		if err = unix.SetsockoptInt(fd, options[0], options[1], options[2]); err != nil {
			return -1, fmt.Errorf("set option %d of socket: %w", options[1], err)
		}
	}
	if w.Device != "" {
		if err = unix.BindToDevice(fd, w.Device); err != nil {
			return -1, fmt.Errorf("bind to %s: %w", w.Device, err)
		}
	}
	if !from.IsUnspecified() || w.SourcePort != 0 && kind != unix.SOCK_RAW {
		port := w.SourcePort
		if kind == unix.SOCK_RAW {
			port = 0
		}
		if err = unix.Bind(fd, sockaddr(from, port)); err != nil {
			return -1, fmt.Errorf("bind to %v: %w", from, err)
		}
	}
	return fd, nil
}

// anySource lets a socket have a source that is not the system's, as threes of
// an option.
func (s *sender) anySource() []int {
	if s.v6() {
		return []int{unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT, 1}
	}
	return []int{unix.IPPROTO_IP, unix.IP_TRANSPARENT, 1}
}

// syn sends a SYN that carries the payload, and forgets the connection. The
// namespace's net.ipv4.tcp_fastopen must be 5.
func (s *sender) syn(payload []byte) error {
	if time.Now().Before(s.retry) {
		return errLater
	}
	fd, err := s.open(s.types())
	if err != nil {
		s.retry = time.Now().Add(50 * time.Millisecond)
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	return unix.Sendto(fd, payload, unix.MSG_FASTOPEN|unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, sockaddr(s.to, s.port()))
}

// chosen is the source that the kernel would give a packet.
func (s *sender) chosen() netip.Addr {
	fd, err := s.open(unix.SOCK_DGRAM, 0)
	if err != nil {
		return netip.Addr{}
	}
	defer func() { _ = unix.Close(fd) }()
	if unix.Connect(fd, sockaddr(s.to, noPort)) != nil {
		return netip.Addr{}
	}
	sa, err := unix.Getsockname(fd)
	if a, ok := sa.(*unix.SockaddrInet6); err == nil && ok {
		return netip.AddrFrom16(a.Addr)
	}
	return netip.Addr{}
}

// header puts an IP header of our own before the payload.
func (s *sender) header(payload []byte) []byte {
	from := s.source
	for _, a := range s.way.way.From {
		if a.Is6() == s.v6() {
			from = a
		}
	}
	proto := s.way.way.Protocol
	if proto == 0 {
		proto = experiment
	}
	return append(ipHeader(from, s.to, proto, len(payload)), payload...)
}

// echo is an echo request. The kernel makes the checksum of ICMPv6.
func echo(payload []byte, v6 bool) []byte {
	b := make([]byte, 8, 8+len(payload))
	b[0] = 8
	if v6 {
		b[0] = 128
	}
	b = append(b, payload...)
	if !v6 {
		binary.BigEndian.PutUint16(b[2:], fold(add(0, b)))
	}
	return b
}

func sockaddr(a netip.Addr, port uint16) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4(), Port: int(port)}
	}
	sa := &unix.SockaddrInet6{Addr: a.As16(), Port: int(port)}
	if zone := a.Zone(); zone != "" {
		// Asked anew each time: an interface that came again has another number.
		if i, err := net.InterfaceByName(zone); err == nil {
			sa.ZoneId = uint32(i.Index)
		}
	}
	return sa
}
