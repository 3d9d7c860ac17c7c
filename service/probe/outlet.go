package probe

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"

	"holdfast/service/underlay"
)

// outlet opens the sockets of this package: each leads outside the tunnel, to
// exactly one address, which the guard lets pass while the socket is open.
type outlet struct {
	mark   uint32
	ours   func(iface string) bool
	permit func(network string, to netip.AddrPort) (done func())
}

// newOutlet returns an outlet. ours nil: no interface is; permit nil: there is no guard.
func newOutlet(mark uint32, ours func(string) bool, permit func(string, netip.AddrPort) func()) outlet {
	if ours == nil {
		ours = underlay.None
	}
	if permit == nil {
		permit = func(string, netip.AddrPort) func() { return func() {} }
	}
	return outlet{mark: mark, ours: ours, permit: permit}
}

// dial opens a socket that fails everything when ctx ends. release closes it.
// network is one of package net; the port says nothing where it is one of IP.
func (o outlet) dial(ctx context.Context, network string, to netip.AddrPort) (c net.Conn, release func(), err error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	kind, address := network[:3], to.String()
	if strings.HasPrefix(network, "ip") {
		kind, address = "icmp", to.Addr().String()
	}
	return o.open(ctx, kind, to, func() (net.Conn, error) {
		d := net.Dialer{Control: o.lead()}
		return d.DialContext(ctx, network, address)
	})
}

// lead is what has a socket pass below the tunnel. Without a mark it is nil.
func (o outlet) lead() func(network, address string, c syscall.RawConn) error {
	return underlay.Lead(o.mark, o.ours)
}

// open is dial for a socket that connect opens, of the guard's kind "udp", "tcp"
// or "icmp".
func (o outlet) open(ctx context.Context, kind string, to netip.AddrPort, connect func() (net.Conn, error)) (net.Conn, func(), error) {
	done := o.pass(kind, to)
	c, err := connect()
	if err != nil {
		done()
		return nil, nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		// What a closed connection still had to say would leave unpermitted.
		_ = tcp.SetLinger(0)
	}
	end := sync.OnceFunc(func() {
		_ = c.Close()
		done()
	})
	stop := context.AfterFunc(ctx, end)
	return c, func() {
		stop()
		end()
	}, nil
}

// pass has the guard let pass what goes to an address. To the guard it has no zone.
func (o outlet) pass(kind string, to netip.AddrPort) (done func()) {
	return o.permit(kind, netip.AddrPortFrom(to.Addr().WithZone(""), to.Port()))
}
