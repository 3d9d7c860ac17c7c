package wg

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"

	"holdfast/service/tunnel"
)

// maxFound bounds the names whose addresses are kept.
const maxFound = 256

// resolve finds the endpoint of every peer. avoid is an address not to use
// where the name has another; the zero value avoids none. The first peer with
// an endpoint must resolve (*ResolveError); another one that does not is left
// without, since one bad name must not take the whole tunnel down.
func (d *Devices) resolve(ctx context.Context, cfg *tunnel.Config, avoid netip.Addr) ([]netip.AddrPort, error) {
	found := make([]netip.AddrPort, len(cfg.Peers))
	first := true
	for i := range cfg.Peers {
		ep := cfg.Peers[i].Endpoint
		if ep.IsZero() {
			continue
		}
		addr, err := d.resolveOne(ctx, ep, avoid)
		if err != nil && first {
			return nil, err
		}
		if err != nil {
			d.log.Warn("a further peer has no address", "host", ep.Host, "err", err)
		}
		found[i] = addr
		first = false
	}
	return found, nil
}

func (d *Devices) resolveOne(ctx context.Context, ep tunnel.Endpoint, avoid netip.Addr) (netip.AddrPort, error) {
	if addr, ok := ep.Addr(); ok {
		return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
	}
	addrs, err := d.lookUp(ctx, ep.Host)
	if err != nil {
		return netip.AddrPort{}, &ResolveError{Host: ep.Host, Err: err}
	}
	addr, ok := choose(addrs, avoid, d.leads)
	if !ok {
		return netip.AddrPort{}, &ResolveError{Host: ep.Host}
	}
	return netip.AddrPortFrom(addr, ep.Port), nil
}

// lookUp resolves a name and keeps the answer.
func (d *Devices) lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs, err := d.opts.Resolve(ctx, host)
	if err == nil && len(addrs) > 0 {
		d.foundMu.Lock()
		defer d.foundMu.Unlock()
		if len(d.found) >= maxFound {
			clear(d.found)
		}
		d.found[host] = slices.Clone(addrs)
	}
	return addrs, err
}

// lastFound is the last good answer for a name of a device.
func (d *Devices) lastFound(host string) []netip.Addr {
	d.foundMu.Lock()
	defer d.foundMu.Unlock()
	return d.found[host]
}

// choose takes the first address that has a route outside the tunnel, one that
// is not avoid before avoid itself. Where none has a route (the network is
// down) it takes an IPv4 address first: that is what comes back most often.
func choose(addrs []netip.Addr, avoid netip.Addr, leads func(to netip.Addr) bool) (netip.Addr, bool) {
	if len(addrs) == 0 {
		return netip.Addr{}, false
	}
	order := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		order = append(order, a.Unmap())
	}
	slices.SortStableFunc(order, func(a, b netip.Addr) int { return rank(a, avoid) - rank(b, avoid) })
	for _, a := range order {
		if leads(a) {
			return a, true
		}
	}
	if i := slices.IndexFunc(order, netip.Addr.Is4); i >= 0 {
		return order[i], true
	}
	return order[0], true
}

func rank(a, avoid netip.Addr) int {
	if a == avoid {
		return 1
	}
	return 0
}

// hasRoute asks the system for a route to a, by connecting a UDP socket that
// bypasses the tunnel. Nothing is sent.
func hasRoute(a netip.Addr, l lead) bool {
	dialer := net.Dialer{Control: l}
	// The port is of no importance for the route.
	c, err := dialer.Dial("udp", netip.AddrPortFrom(a, 9).String())
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// lookup is the resolver used where Options name none.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		// Its text has the resolver's address in it.
		return nil, errors.New(dns.Err)
	}
	return addrs, err
}
