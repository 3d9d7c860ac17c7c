// Package userspace is a network interface inside this process: a TCP/IP stack
// of its own in place of the system's. A WireGuard device reads and writes it
// like any other interface, and this process opens connections through it; no
// other program can, and nothing of the system is changed, so no privileges are
// needed. Addresses, MTU and DNS servers may change while it runs.
//
// It never opens a socket of the system and never decides what goes through it.
package userspace

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/tun"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

const (
	// nic is the stack's only interface.
	nic tcpip.NICID = 1
	// queueLength is how many packets wait for the device; more are dropped, as
	// an interface of the system would.
	queueLength = 1024
)

// The range of an MTU.
const (
	// MinMTU is the least that a host must take by IPv4, MaxMTU the most that a
	// packet can hold. IPv6 needs 1280 and is not sent below it.
	MinMTU = 576
	MaxMTU = 65535
)

// Interface is the interface and its stack. It is a tun.Device for the device
// on one side; its other methods are for this process on the other side. All
// methods may be called from any goroutine.
type Interface struct {
	stack  *stack.Stack
	link   *channel.Endpoint
	notify *channel.NotificationHandle
	events chan tun.Event
	mtu    atomic.Int32

	queued      chan struct{} // cap 1: there may be something to read
	interrupted chan struct{} // cap 1
	closed      chan struct{}
	closeOnce   sync.Once

	mu        sync.Mutex // protects what follows, and events while it is open
	isClosed  bool
	addresses map[netip.Addr]struct{}
	dns       []netip.Addr
}

var _ tun.Device = (*Interface)(nil)

// New makes an interface without addresses. mtu is MinMTU to MaxMTU.
func New(mtu int) (*Interface, error) {
	if mtu < MinMTU || mtu > MaxMTU {
		return nil, fmt.Errorf("MTU %d is not between %d and %d", mtu, MinMTU, MaxMTU)
	}
	i := &Interface{
		stack: stack.New(stack.Options{
			NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
			HandleLocal:        true, // what is sent to an own address comes back
		}),
		link:        channel.New(queueLength, uint32(mtu), ""),
		events:      make(chan tun.Event, 4),
		queued:      make(chan struct{}, 1),
		interrupted: make(chan struct{}, 1),
		closed:      make(chan struct{}),
		addresses:   map[netip.Addr]struct{}{},
	}
	i.mtu.Store(int32(mtu))
	i.notify = i.link.AddNotify(queueNotice(i.queued))
	if err := i.start(); err != nil {
		i.stack.Destroy()
		return nil, err
	}
	i.events <- tun.EventUp
	return i, nil
}

func (i *Interface) start() error {
	// Without selective acknowledgements a lossy path is very slow; the stack
	// leaves them off unless told.
	sack := tcpip.TCPSACKEnabled(true)
	if err := i.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &sack); err != nil {
		return fmt.Errorf("enable TCP SACK: %s", err)
	}
	if err := i.stack.CreateNIC(nic, i.link); err != nil {
		return fmt.Errorf("create interface: %s", err)
	}
	i.stack.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: nic},
		{Destination: header.IPv6EmptySubnet, NIC: nic},
	})
	return nil
}

// queueNotice tells a reader that the stack has queued a packet.
type queueNotice chan struct{}

// WriteNotify is called by the stack's sender, which must not wait.
func (n queueNotice) WriteNotify() {
	select {
	case n <- struct{}{}:
	default:
	}
}

// Read takes the packets that the stack wants sent. It blocks until there is
// one, Interrupt is called (os.ErrDeadlineExceeded) or the interface is closed
// (os.ErrClosed).
func (i *Interface) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	for {
		n := 0
		for n < len(bufs) {
			pkt := i.link.Read()
			if pkt == nil {
				break
			}
			sizes[n] = copyPacket(bufs[n][offset:], pkt)
			pkt.DecRef()
			n++
		}
		if n > 0 {
			return n, nil
		}
		select {
		case <-i.queued:
		case <-i.interrupted:
			return 0, os.ErrDeadlineExceeded
		case <-i.closed:
			return 0, os.ErrClosed
		}
	}
}

func copyPacket(to []byte, pkt *stack.PacketBuffer) int {
	n := 0
	for _, part := range pkt.AsSlices() {
		n += copy(to[n:], part)
	}
	return n
}

// Interrupt makes the present Read, or else the next one that would block,
// return os.ErrDeadlineExceeded.
func (i *Interface) Interrupt() {
	select {
	case i.interrupted <- struct{}{}:
	default:
	}
}

// Write delivers packets to the stack. Anything that is not an IP packet is an error.
func (i *Interface) Write(bufs [][]byte, offset int) (int, error) {
	select {
	case <-i.closed:
		return 0, os.ErrClosed
	default:
	}
	for n, buf := range bufs {
		packet := buf[offset:]
		if len(packet) == 0 {
			continue
		}
		var protocol tcpip.NetworkProtocolNumber
		switch packet[0] >> 4 {
		case 4:
			protocol = ipv4.ProtocolNumber
		case 6:
			protocol = ipv6.ProtocolNumber
		default:
			return n, syscall.EAFNOSUPPORT
		}
		pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
		i.link.InjectInbound(protocol, pkt)
		pkt.DecRef()
	}
	return len(bufs), nil
}

// Close ends every connection and the interface.
func (i *Interface) Close() error {
	i.closeOnce.Do(func() {
		i.mu.Lock()
		i.isClosed = true
		close(i.events)
		i.mu.Unlock()
		close(i.closed)
		i.link.RemoveNotify(i.notify)
		i.stack.Destroy()
		i.link.Close()
		i.link.Drain()
	})
	return nil
}

// MTU is the present MTU in bytes.
func (i *Interface) MTU() (int, error) { return int(i.mtu.Load()), nil }

// SetMTU changes the MTU, from MinMTU to MaxMTU. New connections use it at
// once, existing ones for what they send from now on.
func (i *Interface) SetMTU(mtu int) error {
	if mtu < MinMTU || mtu > MaxMTU {
		return fmt.Errorf("MTU %d is not between %d and %d", mtu, MinMTU, MaxMTU)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.isClosed {
		return os.ErrClosed
	}
	if err := i.stack.SetNICMTU(nic, uint32(mtu)); err != nil {
		return fmt.Errorf("set MTU: %s", err)
	}
	if i.mtu.Swap(int32(mtu)) == int32(mtu) {
		return nil
	}
	select {
	case i.events <- tun.EventMTUUpdate:
	default: // one is waiting, and MTU tells the latest
	}
	return nil
}

// Name is the same for every interface of this kind: the system knows none.
func (i *Interface) Name() (string, error) { return "userspace", nil }

// File is nil: there is none.
func (i *Interface) File() *os.File { return nil }

// Events tells once that the interface is up, and of changes of the MTU.
func (i *Interface) Events() <-chan tun.Event { return i.events }

// BatchSize is how many packets one Read may take.
func (i *Interface) BatchSize() int { return conn.IdealBatchSize }
