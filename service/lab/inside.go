package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"

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
	nic = 1
	// insideQueue is how many packets wait for the device before one is lost.
	insideQueue = 1024
)

// inside is what lies beyond the tunnel: a network stack that answers at the
// server's inner addresses and, as the internet would, at every other address.
// It outlives the devices that carry it.
//
// The wireguard-go module has such a stack too, but closing it races with
// packets that are still on their way out and panics; a server here is closed
// and restarted under load.
type inside struct {
	name      string
	mtu       int
	addresses []netip.Addr
	stack     *stack.Stack
	link      *channel.Endpoint
	serving   sync.WaitGroup

	// deaf drops every packet, exitless those that are not for the server.
	deaf, exitless atomic.Bool
	dropped        atomic.Uint64

	mu     sync.Mutex // protects what follows
	conns  map[net.Conn]bool
	closed bool
}

func newInside(name string, addresses []netip.Addr, mtu int) (*inside, error) {
	n := &inside{
		name:      name,
		mtu:       mtu,
		addresses: addresses,
		link:      channel.New(insideQueue, uint32(mtu), ""),
		conns:     map[net.Conn]bool{},
		stack: stack.New(stack.Options{
			NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
		}),
	}
	if err := n.configure(); err != nil {
		n.stack.Destroy()
		return nil, err
	}
	n.serve()
	return n, nil
}

func (n *inside) configure() error {
	sack := tcpip.TCPSACKEnabled(true)
	if err := n.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &sack); err != nil {
		return fmt.Errorf("configure inner stack: %s", err)
	}
	if err := n.stack.CreateNIC(nic, n.link); err != nil {
		return fmt.Errorf("configure inner stack: %s", err)
	}
	for _, a := range n.addresses {
		protocol := ipv4.ProtocolNumber
		if a.Is6() {
			protocol = ipv6.ProtocolNumber
		}
		address := tcpip.ProtocolAddress{Protocol: protocol, AddressWithPrefix: tcpip.AddrFromSlice(a.AsSlice()).WithPrefix()}
		if err := n.stack.AddProtocolAddress(nic, address, stack.AddressProperties{}); err != nil {
			return fmt.Errorf("add inner address %s: %s", a, err)
		}
	}
	// Promiscuous and spoofing: packets to any address are taken in, and answered
	// from that address.
	if err := n.stack.SetPromiscuousMode(nic, true); err != nil {
		return fmt.Errorf("configure inner stack: %s", err)
	}
	if err := n.stack.SetSpoofing(nic, true); err != nil {
		return fmt.Errorf("configure inner stack: %s", err)
	}
	n.stack.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: nic},
		{Destination: header.IPv6EmptySubnet, NIC: nic},
	})
	return nil
}

// lets says whether a packet from a client may come in.
func (n *inside) lets(packet []byte) bool {
	if n.deaf.Load() {
		return false
	}
	if !n.exitless.Load() {
		return true
	}
	return slices.Contains(n.addresses, destination(packet))
}

func destination(packet []byte) netip.Addr {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		return netip.AddrFrom4([4]byte(packet[16:20]))
	case len(packet) >= 40 && packet[0]>>4 == 6:
		return netip.AddrFrom16([16]byte(packet[24:40]))
	}
	return netip.Addr{}
}

// close ends the stack, its services and every connection.
func (n *inside) close() {
	n.mu.Lock()
	n.closed = true
	for c := range n.conns {
		_ = c.Close()
	}
	n.mu.Unlock()
	n.stack.Close()
	n.serving.Wait()
	n.stack.Wait()
	n.link.Close()
}

// port is one device's end of the inside; each device has one of its own.
type port struct {
	inside *inside
	ctx    context.Context
	cancel context.CancelFunc
	events chan tun.Event
	once   sync.Once
}

func (n *inside) attach() *port {
	ctx, cancel := context.WithCancel(context.Background())
	p := &port{inside: n, ctx: ctx, cancel: cancel, events: make(chan tun.Event, 1)}
	p.events <- tun.EventUp
	return p
}

// Read waits for a packet from the stack.
func (p *port) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	for {
		packet := p.inside.link.ReadContext(p.ctx)
		if packet == nil {
			return 0, os.ErrClosed
		}
		n := 0
		for ; packet != nil; packet = p.inside.link.Read() {
			view := packet.ToView()
			packet.DecRef()
			if p.inside.deaf.Load() {
				p.inside.dropped.Add(1)
			} else {
				sizes[n] = copy(bufs[n][offset:], view.AsSlice())
				n++
			}
			view.Release()
			if n == len(bufs) {
				break
			}
		}
		if n > 0 {
			return n, nil
		}
	}
}

// Write gives decrypted packets to the stack.
func (p *port) Write(bufs [][]byte, offset int) (int, error) {
	for _, b := range bufs {
		packet := b[offset:]
		if len(packet) == 0 || p.ctx.Err() != nil {
			continue
		}
		if !p.inside.lets(packet) {
			p.inside.dropped.Add(1)
			continue
		}
		if p.inside.answerEcho(packet) {
			continue
		}
		protocol := header.IPv4ProtocolNumber
		if packet[0]>>4 == 6 {
			protocol = header.IPv6ProtocolNumber
		}
		pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
		p.inside.link.InjectInbound(protocol, pkt)
		pkt.DecRef()
	}
	return len(bufs), nil
}

// Close detaches the device; the stack lives on.
func (p *port) Close() error {
	p.once.Do(func() {
		p.cancel()
		close(p.events)
	})
	return nil
}

func (p *port) File() *os.File           { return nil }
func (p *port) MTU() (int, error)        { return p.inside.mtu, nil }
func (p *port) Name() (string, error)    { return p.inside.name, nil }
func (p *port) Events() <-chan tun.Event { return p.events }
func (p *port) BatchSize() int           { return bindBatch }
