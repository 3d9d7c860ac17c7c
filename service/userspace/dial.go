package userspace

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
)

// ErrNoDNS says that a name was to be resolved and no DNS server is set.
var ErrNoDNS = errors.New("the interface has no DNS server")

// DialContext opens a connection through the interface. network is "tcp" or
// "udp", with an optional 4 or 6; addr is host:port, and the host an address or
// a name, which is asked from the interface's DNS servers. Addresses are tried
// in the order of the answer. Errors: *net.OpError; ErrNoDNS inside.
func (i *Interface) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	targets, err := i.targets(ctx, network, addr)
	last := err
	for _, target := range targets {
		c, err := i.dial(ctx, network, target)
		if err == nil {
			return c, nil
		}
		last = err
	}
	if _, ok := errors.AsType[*net.OpError](last); ok {
		return nil, last
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: last}
}

// targets are the addresses that addr stands for and network allows; with no
// error there is at least one.
func (i *Interface) targets(ctx context.Context, network, addr string) ([]netip.AddrPort, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, &net.AddrError{Err: "the port must be a number", Addr: addr}
	}
	addrs, err := i.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var targets []netip.AddrPort
	for _, a := range addrs {
		a = a.Unmap()
		if strings.HasSuffix(network, "4") && !a.Is4() || strings.HasSuffix(network, "6") && a.Is4() {
			continue
		}
		targets = append(targets, netip.AddrPortFrom(a, uint16(port)))
	}
	if len(targets) == 0 {
		return nil, &net.AddrError{Err: "no suitable address", Addr: addr}
	}
	return targets, nil
}

func (i *Interface) dial(ctx context.Context, network string, target netip.AddrPort) (net.Conn, error) {
	to, protocol := fullAddr(target)
	switch network {
	case "tcp", "tcp4", "tcp6":
		c, err := gonet.DialContextTCP(ctx, i.stack, to, protocol)
		if err != nil {
			return nil, err
		}
		return c, nil
	case "udp", "udp4", "udp6":
		c, err := gonet.DialUDP(i.stack, nil, &to, protocol)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	return nil, net.UnknownNetworkError(network)
}

// lookup resolves a host through the interface; an address stands for itself.
func (i *Interface) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	i.mu.Lock()
	servers := i.dns
	i.mu.Unlock()
	if len(servers) == 0 {
		return nil, fmt.Errorf("resolve %s: %w", host, ErrNoDNS)
	}
	var next atomic.Uint32 // it asks for both families at once
	resolver := net.Resolver{
		PreferGo: true,
		// The address is that of a server of the system, which is not asked.
		// Each attempt asks the next server of ours.
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			turn := int(next.Add(1)-1) % len(servers)
			server := netip.AddrPortFrom(servers[turn], 53)
			return i.dial(ctx, network, server)
		},
	}
	// The dot keeps the system's search domains out.
	return resolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(host, ".")+".")
}

// ListenTCP accepts connections at an address of the interface; an unspecified
// address stands for all of its family, port 0 for any free one.
func (i *Interface) ListenTCP(at netip.AddrPort) (net.Listener, error) {
	full, protocol := fullAddr(at)
	l, err := gonet.ListenTCP(i.stack, full, protocol)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// ListenUDP receives datagrams at an address of the interface; an unspecified
// address stands for all of its family, port 0 for any free one.
func (i *Interface) ListenUDP(at netip.AddrPort) (net.PacketConn, error) {
	full, protocol := fullAddr(at)
	c, err := gonet.DialUDP(i.stack, &full, nil, protocol)
	if err != nil {
		return nil, err
	}
	return c, nil
}
