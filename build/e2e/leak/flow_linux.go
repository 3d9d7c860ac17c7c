package leak

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Flow is a TCP connection and a connected UDP socket to the same host. What is
// sent on them belongs to connections that the system has long known.
type Flow struct {
	tcp      *net.TCPConn
	udp      *net.UDPConn
	from, to netip.AddrPort // of the TCP connection
	raw      int
}

// Dial makes a flow from an address of the uplink, in the network namespace of
// the calling thread. At to somebody listens for TCP.
func Dial(from netip.Addr, to netip.AddrPort) (*Flow, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := d.Dial("tcp", to.String())
	if err != nil {
		return nil, fmt.Errorf("open flow: %w", err)
	}
	f := &Flow{tcp: conn.(*net.TCPConn), to: to, raw: -1}
	f.from = f.tcp.LocalAddr().(*net.TCPAddr).AddrPort()
	f.udp, err = net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), net.UDPAddrFromAddrPort(to))
	if err == nil {
		family := unix.AF_INET
		if from.Is6() {
			family = unix.AF_INET6
		}
		f.raw, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open flow: %w", err)
	}
	return f, nil
}

// Close ends the flow, without a word to the other end.
func (f *Flow) Close() {
	_ = f.tcp.SetLinger(0)
	_ = f.tcp.Close()
	if f.udp != nil {
		_ = f.udp.Close()
	}
	if f.raw >= 0 {
		_ = unix.Close(f.raw)
	}
}

// Send sends a payload. Over TCP it goes by a segment beside the connection,
// since what the connection itself cannot send now it would send much later;
// with it a byte is written to the connection, so that it too keeps trying.
func (f *Flow) Send(k Kind, payload []byte) error {
	if k == UDP {
		_, err := f.udp.Write(payload)
		return err
	}
	if err := f.push(); err != nil {
		return err
	}
	return unix.Sendto(f.raw, f.segment(payload), unix.MSG_DONTWAIT, sockaddr(f.to.Addr(), 0))
}

// push writes a byte to the connection, unless it is full.
func (f *Flow) push() (err error) {
	c, err := f.tcp.SyscallConn()
	if err != nil {
		return fmt.Errorf("write to flow: %w", err)
	}
	control := c.Control(func(fd uintptr) { err = unix.Sendto(int(fd), []byte{0}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil) })
	if errors.Is(err, unix.EAGAIN) {
		err = nil
	}
	return errors.Join(control, err)
}

// segment is a segment of the connection, with the headers of IP and TCP.
func (f *Flow) segment(payload []byte) []byte {
	t := make([]byte, 20, 20+len(payload))
	binary.BigEndian.PutUint16(t, f.from.Port())
	binary.BigEndian.PutUint16(t[2:], f.to.Port())
	t[12], t[13] = 5<<4, 0x18 // its length, PSH and ACK
	binary.BigEndian.PutUint16(t[14:], 512)
	t = append(t, payload...)
	from, to := f.from.Addr().AsSlice(), f.to.Addr().AsSlice()
	sum := add(0, from)
	sum = add(sum, to) + protoTCP + uint32(len(t))
	binary.BigEndian.PutUint16(t[16:], fold(add(sum, t)))
	return append(ipHeader(f.from.Addr(), f.to.Addr(), protoTCP, len(t)), t...)
}

// add adds words of 16 bits to a checksum.
func add(sum uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

// fold makes a checksum of a sum.
func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
