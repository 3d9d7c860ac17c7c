package daemon

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/tun"

	"holdfast/service/engine"
	"holdfast/service/netcfg"
	"holdfast/service/userspace"
)

// ErrNoTunnel says that no tunnel is up to go through.
var ErrNoTunnel = errors.New("no tunnel is up")

// Inside is the way into the tunnel for this process. The interface behind it
// comes and goes with the tunnel.
type Inside struct {
	iface atomic.Pointer[userspace.Interface]
}

// open makes a new interface, as wg asks for one.
func (i *Inside) open(_ string, mtu int) (tun.Device, error) {
	iface, err := userspace.New(mtu)
	if err != nil {
		return nil, err
	}
	i.iface.Store(iface)
	return iface, nil
}

// DialContext opens a connection through the tunnel. ErrNoTunnel, or the
// connection's error.
func (i *Inside) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	iface := i.iface.Load()
	if iface == nil {
		return nil, ErrNoTunnel
	}
	return iface.DialContext(ctx, network, addr)
}

// Ping sends one echo request through the tunnel and waits for its reply.
// ErrNoTunnel, or ctx's error.
func (i *Inside) Ping(ctx context.Context, addr netip.Addr) (time.Duration, error) {
	iface := i.iface.Load()
	if iface == nil {
		return 0, ErrNoTunnel
	}
	return iface.Ping(ctx, addr)
}

// inner sets the interface inside this process to what a member wants.
type inner struct {
	resolver
	inside *Inside
}

// Apply sets addresses, MTU and resolvers. Routes need no setting: everything
// that goes through the interface goes into the tunnel.
func (n *inner) Apply(_ context.Context, spec engine.NetSpec) error {
	iface := n.inside.iface.Load()
	if iface == nil {
		return ErrNoTunnel
	}
	iface.SetDNS(spec.DNS)
	return errors.Join(iface.SetMTU(spec.MTU), iface.SetAddresses(spec.Addresses))
}

// Seal is Clear: nothing of the system is in the way of what the interface loses.
func (n *inner) Seal(ctx context.Context, _ []netip.Prefix) error { return n.Clear(ctx) }

// Clear forgets the interface, which its device closes.
func (n *inner) Clear(context.Context) error {
	n.inside.iface.Store(nil)
	return nil
}

// Recover has nothing to do: what was inside a killed process is gone.
func (n *inner) Recover(context.Context) error { return nil }

// Claim takes nothing: the interface is this process's own.
func (n *inner) Claim() (func(), error) { return func() {}, nil }

// Keep has nothing to do: nobody else reaches what is inside.
func (n *inner) Keep(context.Context) error { return nil }

// Changes never tells of anything.
func (n *inner) Changes() <-chan netcfg.Change { return nil }
