//go:build !windows

package wg

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.zx2c4.com/wireguard/conn"
)

const (
	// socketBuffer is what a socket may hold, in bytes: what arrives at 1 Gbit/s
	// in some 60 ms. The system gives less where it is set so.
	socketBuffer = 7 << 20
	// portTries is how often another port is tried that is free in both families.
	portTries = 100
)

// udpBind is a plain pair of UDP sockets, which can be bound to an interface; the
// usual one of wireguard-go cannot, but on Windows.
type udpBind struct {
	// bindTo binds a socket to the interface of an index.
	bindTo func(fd uintptr, index int, v6 bool) error

	mu     sync.RWMutex
	v4, v6 *net.UDPConn // nil: the machine has not the family, or it is closed
}

var (
	_ conn.Bind                  = (*udpBind)(nil)
	_ conn.BindSocketToInterface = (*udpBind)(nil)
)

// Open opens a socket of each family on the same port. 0: any.
func (b *udpBind) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.v4 != nil || b.v6 != nil {
		return nil, 0, conn.ErrBindAlreadyOpen
	}
	var err error
	for range portTries {
		if err = b.openLocked(port); port != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	if err != nil {
		return nil, 0, err
	}
	var fns []conn.ReceiveFunc
	for _, c := range []*net.UDPConn{b.v4, b.v6} {
		if c != nil {
			port = c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
			fns = append(fns, receiveFrom(c))
		}
	}
	if len(fns) == 0 {
		return nil, 0, syscall.EAFNOSUPPORT
	}
	return fns, port, nil
}

// openLocked opens both or none. A family that the machine has not is left out.
func (b *udpBind) openLocked(port uint16) (err error) {
	v4, err := listenUDP("udp4", port)
	if err != nil {
		return err
	}
	if v4 != nil {
		port = v4.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	}
	v6, err := listenUDP("udp6", port)
	if err != nil {
		if v4 != nil {
			_ = v4.Close()
		}
		return err
	}
	b.v4, b.v6 = v4, v6
	return nil
}

// listenUDP returns nil where the machine has not the family.
func listenUDP(network string, port uint16) (*net.UDPConn, error) {
	c, err := net.ListenUDP(network, &net.UDPAddr{Port: int(port)})
	if errors.Is(err, syscall.EAFNOSUPPORT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_ = c.SetReadBuffer(socketBuffer) // what the system gives is enough to work
	_ = c.SetWriteBuffer(socketBuffer)
	return c, nil
}

func receiveFrom(c *net.UDPConn) conn.ReceiveFunc {
	return func(bufs [][]byte, sizes []int, eps []conn.Endpoint) (int, error) {
		n, from, err := c.ReadFromUDPAddrPort(bufs[0])
		if err != nil {
			return 0, err
		}
		sizes[0] = n
		eps[0] = &conn.StdNetEndpoint{AddrPort: netip.AddrPortFrom(from.Addr().Unmap(), from.Port())}
		return 1, nil
	}
}

// Send sends by the socket of the destination's family.
func (b *udpBind) Send(bufs [][]byte, ep conn.Endpoint) error {
	to := addressOf(ep)
	b.mu.RLock()
	c, closed := b.socketLocked(!to.Addr().Is4()), b.v4 == nil && b.v6 == nil
	b.mu.RUnlock()
	switch {
	case closed:
		return net.ErrClosed
	case c == nil:
		return syscall.EAFNOSUPPORT
	}
	for _, p := range bufs {
		if _, err := c.WriteToUDPAddrPort(p, to); err != nil {
			return err
		}
	}
	return nil
}

// socketLocked returns nil where there is none. b.mu is held.
func (b *udpBind) socketLocked(v6 bool) *net.UDPConn {
	if v6 {
		return b.v6
	}
	return b.v4
}

// Close closes the sockets, and ends what waits for datagrams.
func (b *udpBind) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	for _, c := range []*net.UDPConn{b.v4, b.v6} {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	b.v4, b.v6 = nil, nil
	return err
}

// BindSocketToInterface4 binds the socket of IPv4 to the interface of an index. 0:
// to none. What a black hole would swallow is not sent to begin with: see tied.
func (b *udpBind) BindSocketToInterface4(index uint32, _ bool) error { return b.bind(index, false) }

// BindSocketToInterface6 binds that of IPv6.
func (b *udpBind) BindSocketToInterface6(index uint32, _ bool) error { return b.bind(index, true) }

func (b *udpBind) bind(index uint32, v6 bool) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	c := b.socketLocked(v6)
	if c == nil {
		return net.ErrClosed
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var bound error
	err = raw.Control(func(fd uintptr) { bound = b.bindTo(fd, int(index), v6) })
	return errors.Join(err, bound)
}

// ParseEndpoint reads an address and a port.
func (b *udpBind) ParseEndpoint(s string) (conn.Endpoint, error) {
	at, err := netip.ParseAddrPort(s)
	if err != nil {
		return nil, err
	}
	return &conn.StdNetEndpoint{AddrPort: at}, nil
}

// SetMark does nothing: where this is used there are no marks.
func (b *udpBind) SetMark(uint32) error { return nil }

// BatchSize is one datagram at a time.
func (b *udpBind) BatchSize() int { return 1 }
