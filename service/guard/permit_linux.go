package guard

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/service/guardset"
)

// permit is an exception for our own packets.
type permit struct {
	protocol byte // unix.IPPROTO_*
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
		p.protocol = unix.IPPROTO_UDP
	case "tcp", "tcp4", "tcp6":
		p.protocol = unix.IPPROTO_TCP
	case "icmp":
		p.protocol, p.to = unix.IPPROTO_ICMP, netip.AddrPortFrom(to.Addr(), 0)
		return p, to.Addr().IsValid()
	default:
		return p, false
	}
	return p, to.Addr().IsValid() && to.Port() != 0
}

// element is the set that a permit is in, and its element there.
func (p permit) element() (name string, e element) {
	addr := string(p.to.Addr().AsSlice())
	switch v4 := p.to.Addr().Is4(); {
	case p.protocol == unix.IPPROTO_ICMP && v4:
		return setPing4, element{key: addr}
	case p.protocol == unix.IPPROTO_ICMP:
		return setPing6, element{key: addr}
	case v4:
		return setPass4, element{key: addr + protoPort(p.protocol, p.to.Port())}
	default:
		return setPass6, element{key: addr + protoPort(p.protocol, p.to.Port())}
	}
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
		g.exceptLocked(unix.NFT_MSG_NEWSETELEM, p)
	}
	g.permits[p]++
	return sync.OnceFunc(func() { g.revoke(p) })
}

func (g *Guard) revoke(p permit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.permits[p]--; g.permits[p] == 0 {
		delete(g.permits, p)
		g.exceptLocked(unix.NFT_MSG_DELSETELEM, p)
	}
}

// exceptLocked adds or deletes the element of a permit where one can be in
// force. mu must be held. An element that another program has added or deleted
// already is told by Watch.
func (g *Guard) exceptLocked(kind uint16, p permit) {
	if g.kernel == nil || g.set.Kind != guardset.Held {
		return
	}
	name, e := p.element()
	w := writer{family: unix.NFPROTO_INET}
	w.change(kind, &set{name: name}, map[element]time.Duration{e: 0})
	if err := g.kernel.writer.commit(0, w.batch); err != nil {
		g.Log.Warn("an exception for our own packets cannot be changed", "to", p.to, "err", explainRefusal(err))
	}
}
