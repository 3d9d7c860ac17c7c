package wg

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
)

const (
	// sparePlaces is how many places beside its peers' a socket may be permitted:
	// the next one of a peer that moves, and two more that are asked where it is.
	sparePlaces = 3
	// placeLife is how long a place stays permitted to which nothing is sent.
	// It is looked at when another one is added: an idle device has no timer.
	placeLife = 3 * time.Minute
)

// errStranger says that a datagram was kept back, since its destination is not
// permitted and must not become so for it.
var errStranger = errors.New("the destination is not permitted")

// permits are the places to which one socket may send, as the guard knows them.
// All that leaves the socket goes through send, which asks the guard before the
// first datagram to a place, and gives the place back when the socket is closed,
// when other places are needed, or when the device is known to have moved away.
// Nothing is under way to a place while it is given back: what leaves, leaves
// while it is permitted.
//
// What may make a place permitted is of our own making, or goes to a peer's
// endpoint, which is the configured one or one that a peer has authenticated:
// handshake messages and data. A cookie reply goes to whoever asks, and so only
// to where something else may go.
//
// nil is no guard: everything leaves.
type permits struct {
	ask func(network string, to netip.AddrPort) (done func())

	// all is replaced and never changed, so that send need not wait.
	all atomic.Pointer[[]*permit]

	mu   sync.Mutex // held while all is replaced, and while the guard is asked
	most int
	open bool // the socket is
}

// permit is that of one place. Whoever sends there holds it for reading, and only
// ever tries to: one that was given back stays locked for good.
type permit struct {
	sync.RWMutex
	to     netip.AddrPort
	done   func()
	used   atomic.Bool // since it was last looked at
	usedAt int64       // when that was. Protected by permits.mu
}

// newPermits returns the permits of a device with so many peers.
func newPermits(ask func(string, netip.AddrPort) func(), peers int) *permits {
	if ask == nil {
		return nil
	}
	p := &permits{ask: ask, most: peers + sparePlaces}
	p.all.Store(&[]*permit{})
	return p
}

// send sends by the socket b what may leave. errStranger: it may not.
func (p *permits) send(b conn.Bind, bufs [][]byte, ep conn.Endpoint) error {
	if p == nil {
		return b.Send(bufs, ep)
	}
	at, err := p.enter(bare(destination(ep)), bufs)
	if err != nil {
		return err
	}
	defer at.RUnlock()
	return b.Send(bufs, ep)
}

// enter returns the permit of a destination, held for reading.
func (p *permits) enter(to netip.AddrPort, bufs [][]byte) (*permit, error) {
	for _, at := range *p.all.Load() {
		if at.to == to && at.TryRLock() {
			if !at.used.Load() {
				at.used.Store(true)
			}
			return at, nil
		}
	}
	if !to.IsValid() || slices.ContainsFunc(bufs, isForStrangers) {
		return nil, errStranger
	}
	return p.add(to)
}

// isForStrangers says that a datagram may be for somebody who has not been
// authenticated.
func isForStrangers(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	switch b[0] {
	case device.MessageInitiationType, device.MessageResponseType, device.MessageTransportType:
		return false
	default:
		return true
	}
}

// add has the guard permit a destination. The permit is held for reading.
func (p *permits) add(to netip.AddrPort) (*permit, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.open {
		return nil, net.ErrClosed
	}
	for _, at := range *p.all.Load() {
		if at.to == to && at.TryRLock() {
			return at, nil // another was quicker
		}
	}
	now := sinceBegan()
	all := p.makeRoomLocked(now)
	if len(all) >= p.most {
		return nil, errStranger // something is on its way to each of them
	}
	at := &permit{to: to, done: p.ask("udp", to), usedAt: now}
	at.RLock()
	all = append(all, at)
	p.all.Store(&all)
	return at, nil
}

// makeRoomLocked gives back the places that have not been used for placeLife
// and, where there is no room for one more, the one that has not been for the
// longest time. It returns a copy of the others, the oldest first. p.mu is held.
func (p *permits) makeRoomLocked(now int64) []*permit {
	all := slices.Clone(*p.all.Load())
	for _, at := range all {
		if at.used.Swap(false) {
			at.usedAt = now
		}
	}
	slices.SortStableFunc(all, func(a, b *permit) int { return cmp.Compare(a.usedAt, b.usedAt) })
	kept := make([]*permit, 0, p.most)
	for i, at := range all {
		isIdle := now-at.usedAt >= int64(placeLife)
		isFull := len(kept)+len(all[i:]) >= p.most
		if !isIdle && !isFull || !at.giveBack() {
			kept = append(kept, at)
		}
	}
	p.all.Store(&kept)
	return slices.Clone(kept)
}

// giveBack ends the permit, unless something is on its way there at this moment.
func (at *permit) giveBack() bool {
	if !at.TryLock() {
		return false
	}
	at.done()
	return true
}

// keep gives back all places but these, which are those of so many peers.
func (p *permits) keep(to []netip.AddrPort, peers int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = peers + sparePlaces
	kept := slices.DeleteFunc(slices.Clone(*p.all.Load()), func(at *permit) bool {
		isKept := slices.ContainsFunc(to, func(a netip.AddrPort) bool { return bare(a) == at.to })
		return !isKept && at.giveBack()
	})
	p.all.Store(&kept)
}

// opening is called before the socket is opened.
func (p *permits) opening() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = true
}

// closed gives all places back. The socket must be closed, so that what is on
// its way to it ends.
func (p *permits) closed() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = false
	for _, at := range *p.all.Load() {
		at.Lock()
		at.done()
	}
	p.all.Store(&[]*permit{})
}

// bare is a destination as the guard knows it: without a zone, and IPv4 as itself.
func bare(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// addressOf is where an endpoint of any kind of socket leads.
func addressOf(ep conn.Endpoint) netip.AddrPort {
	if std, ok := ep.(*conn.StdNetEndpoint); ok {
		return std.AddrPort
	}
	at, _ := netip.ParseAddrPort(ep.DstToString())
	return at
}
