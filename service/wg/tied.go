package wg

import (
	"net/netip"
	"sync"
	"time"

	"golang.zx2c4.com/wireguard/conn"
)

const (
	// maxWays bounds the destinations whose interfaces are kept.
	maxWays = 64
	// wayAgain is when the way to a destination is asked for again that had none,
	// or by which nothing could be sent. A change of the routes has all asked for
	// at once.
	wayAgain = time.Second
)

// unbound is in the place of an index: by which interface a socket sends is not known.
const unbound = -1

// tied is the UDP side of a device on a system without marks. Before anything
// leaves, it binds the socket to the interface that leads to the destination below
// the tunnel; where none does, sending fails. So nothing of ours is ever led into
// the tunnel, whatever its routes are, nor sent by an interface that has gone.
//
// Destinations are few: the endpoints of one device. Which interface leads to each
// is kept until the routes change, so that most datagrams cost no more than a look.
type tied struct {
	conn.Bind
	socket conn.BindSocketToInterface
	// way returns the index of the interface that leads to an address; 0: the
	// address is of the machine itself.
	way func(to netip.Addr) (index int, err error)

	// mu is held for reading while something is sent, and else while a socket is
	// bound, so that it is not bound to another interface meanwhile.
	mu    sync.RWMutex
	ways  map[netip.Addr]found
	bound [2]int // of IPv4 and IPv6
}

// found is what the way to a destination came to.
type found struct {
	index int
	err   error
	at    int64 // when it was asked for, since began
}

// newTied ties the sockets of inner, which must let itself be bound.
func newTied(inner conn.Bind, socket conn.BindSocketToInterface, way func(netip.Addr) (int, error)) *tied {
	return &tied{Bind: inner, socket: socket, way: way, ways: map[netip.Addr]found{}, bound: [2]int{unbound, unbound}}
}

// Open opens sockets that are not bound yet.
func (t *tied) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.ways)
	t.bound = [2]int{unbound, unbound}
	return t.Bind.Open(port)
}

// forget has the way to each destination asked for anew.
func (t *tied) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.ways)
}

// Send binds the socket where that is needed, and sends.
func (t *tied) Send(bufs [][]byte, ep conn.Endpoint) error {
	to := destination(ep).Addr()
	if to.IsLinkLocalUnicast() {
		to = addressOf(ep).Addr() // which has the zone, on every system
	}
	t.mu.RLock()
	f, known := t.ways[to]
	if known && f.err == nil && f.index == t.bound[family(to)] {
		err := t.Bind.Send(bufs, ep)
		t.mu.RUnlock()
		if err != nil {
			t.doubt(to, f)
		}
		return err
	}
	t.mu.RUnlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.leadLocked(to); err != nil {
		return err
	}
	return t.Bind.Send(bufs, ep)
}

// doubt has a way asked for again by which nothing could be sent, now and then.
func (t *tied) doubt(to netip.Addr, f found) {
	if sinceBegan()-f.at < int64(wayAgain) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ways, to)
}

// leadLocked binds the socket to the interface that leads to a destination.
func (t *tied) leadLocked(to netip.Addr) error {
	now := sinceBegan()
	f, known := t.ways[to]
	if !known || f.err != nil && now-f.at >= int64(wayAgain) {
		index, err := t.way(to)
		f = found{index: index, err: err, at: now}
	}
	is := family(to)
	if f.err == nil && f.index != t.bound[is] {
		t.bound[is] = f.index
		if f.err = t.bind(to, f.index); f.err != nil {
			t.bound[is] = unbound
		}
	}
	if len(t.ways) >= maxWays {
		clear(t.ways)
	}
	t.ways[to] = f
	return f.err
}

func (t *tied) bind(to netip.Addr, index int) error {
	if family(to) == 0 {
		return t.socket.BindSocketToInterface4(uint32(index), false)
	}
	return t.socket.BindSocketToInterface6(uint32(index), false)
}

// family is 0 for what the socket of IPv4 sends, and 1 for the other one.
func family(to netip.Addr) int {
	if to.Is4() {
		return 0
	}
	return 1
}

// Reroute has every device look anew for the interface that leads to its server,
// before it sends again. It is the answer to every change of the system's routes,
// addresses and interfaces, costs nothing until then, and is of no importance on
// Linux, where a mark decides for each datagram.
func (d *Devices) Reroute() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.members {
		if m.tied != nil {
			m.tied.forget()
		}
	}
}
