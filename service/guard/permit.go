package guard

import (
	"net/netip"
	"sync"

	"holdfast/service/guardset"
)

// Protocols of the IP header, as IANA numbers them.
const (
	protocolICMP   = 1
	protocolTCP    = 6
	protocolUDP    = 17
	protocolICMPv6 = 58
)

// permit is an exception for our own packets.
type permit struct {
	// protocol is that of the IP header; protocolICMP is an echo, of either family.
	protocol byte
	to       netip.AddrPort
}

// permits counts how often each is held.
type permits map[permit]int

func (p permits) list() []permit {
	out := make([]permit, 0, len(p))
	for k := range p {
		out = append(out, k)
	}
	return out
}

// newPermit returns false for what cannot be permitted.
func newPermit(network string, to netip.AddrPort) (permit, bool) {
	to = netip.AddrPortFrom(to.Addr().Unmap().WithZone(""), to.Port())
	p := permit{to: to}
	switch network {
	case "udp", "udp4", "udp6":
		p.protocol = protocolUDP
	case "tcp", "tcp4", "tcp6":
		p.protocol = protocolTCP
	case "icmp":
		p.protocol, p.to = protocolICMP, netip.AddrPortFrom(to.Addr(), 0)
		return p, to.Addr().IsValid()
	default:
		return p, false
	}
	return p, to.Addr().IsValid() && to.Port() != 0
}

// Permit lets our own packets with the mark go to exactly this address until
// done is called, which may be called more than once. network is udp, tcp, or
// icmp for echo requests, whose port is ignored. The same address may be
// permitted several times.
//
// It holds while a Held set is in force: otherwise nothing is let through, or
// everything is, and the permit comes into force with the next Held set if it
// is still held then. What cannot be permitted stays kept in; the log says why.
func (g *Guard) Permit(network string, to netip.AddrPort) (done func()) {
	p, ok := newPermit(network, to)
	if !ok {
		g.Log.Warn("what is no address cannot be permitted", "network", network, "to", to)
		return func() {}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.permits[p] == 0 {
		if len(g.permits) >= MaxPermits {
			g.Log.Warn("too many addresses are permitted: one more is refused", "network", network, "to", to)
			return func() {}
		}
		g.exceptLocked(p, true)
	}
	g.permits[p]++
	return sync.OnceFunc(func() { g.revoke(p) })
}

func (g *Guard) revoke(p permit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.permits[p]--; g.permits[p] == 0 {
		delete(g.permits, p)
		g.exceptLocked(p, false)
	}
}

// exceptLocked puts a permit in force, or takes it away, where one can be. mu
// must be held. What another program has changed about it is told by Watch.
func (g *Guard) exceptLocked(p permit, add bool) {
	if g.kernel == nil || g.set.Kind != guardset.Held {
		return
	}
	if err := g.kernel.except(p, add); err != nil {
		g.Log.Warn("an exception for our own packets cannot be changed", "to", p.to, "err", err)
	}
}
