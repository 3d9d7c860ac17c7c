package lab

import (
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/service/tunnel"
)

const (
	// reopenWithin is how long a healed path tries to get its port back.
	reopenWithin = time.Second
	// datagramMost is the largest UDP payload there is.
	datagramMost = 1 << 16
)

// loopback is where everything in a lab listens.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// loopbackAny is a port there that the system chooses.
var loopbackAny = netip.AddrPortFrom(loopback, 0)

// Path is the way between clients and one server: a UDP relay on 127.0.0.1 that
// gives each client address a port of its own towards the server, as NAT does.
type Path struct {
	log      *slog.Logger
	endpoint netip.AddrPort
	server   netip.AddrPort
	began    time.Time
	tally    tally
	hook     atomic.Pointer[func(Packet)]
	delays   *scheduler
	running  sync.WaitGroup // every goroutine of the path

	deciding sync.Mutex // protects hops
	hops     [2]*hop

	mu       sync.Mutex // protects what follows
	base     Conditions
	broken   []Fault
	network  bool
	listener *net.UDPConn // nil: the path refuses
	holder   *net.UDPConn // keeps the port while it does
	flows    map[netip.AddrPort]*flow
	closed   bool
}

func openPath(name tunnel.Name, server netip.AddrPort, base Conditions, seed uint64, log *slog.Logger) (*Path, error) {
	listener, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopbackAny))
	if err != nil {
		return nil, fmt.Errorf("open path: %w", err)
	}
	stream := fnv.New64a()
	_, _ = stream.Write([]byte(name))
	p := &Path{
		log:      log,
		endpoint: listener.LocalAddr().(*net.UDPAddr).AddrPort(),
		server:   server,
		began:    time.Now(),
		hops:     [2]*hop{newHop(seed, stream.Sum64()), newHop(seed, stream.Sum64()+1)},
		base:     base,
		network:  true,
		flows:    map[netip.AddrPort]*flow{},
	}
	p.delays = newScheduler(p.now, func(d delayed) { d.to.send(d.way, *d.data) })
	p.running.Go(p.delays.run)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.applyLocked()
	p.listenLocked(listener)
	return p, nil
}

// Endpoint is the address that clients use. It never changes.
func (p *Path) Endpoint() netip.AddrPort { return p.endpoint }

// Counters are what the path has counted since it began.
func (p *Path) Counters() Counters { return p.tally.counters() }

// OnPacket sets the function that hears of every datagram that comes to the
// path, lost or not; nil: none. It runs in the relay's goroutines, more than
// one at once, and holds the datagram up.
func (p *Path) OnPacket(hear func(Packet)) {
	if hear == nil {
		p.hook.Store(nil)
		return
	}
	p.hook.Store(&hear)
}

// Conditions are what the path does to datagrams when no fault is on.
func (p *Path) Conditions() Conditions {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.base
}

// SetConditions changes them from now on. Datagrams under way stay under way.
func (p *Path) SetConditions(c Conditions) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.base = c
	p.applyLocked()
}

func (p *Path) now() time.Duration { return time.Since(p.began) }

// set switches the faults of the path; those that are not its own it ignores.
func (p *Path) set(broken []Fault) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = slices.Clone(broken)
	p.applyLocked()
	return p.openOrCloseLocked()
}

func (p *Path) setNetwork(up bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network = up
	if err := p.openOrCloseLocked(); err != nil {
		p.log.Error("path did not come back", "err", err)
	}
}

func (p *Path) applyLocked() {
	c := p.base.with(p.broken)
	p.deciding.Lock()
	defer p.deciding.Unlock()
	now := p.now()
	p.hops[Up].set(now, c.Up)
	p.hops[Down].set(now, c.Down)
}

// openOrCloseLocked makes the relay's socket exist or not, as it should.
func (p *Path) openOrCloseLocked() error {
	want := p.network && !slices.Contains(p.broken, Refused) && !p.closed
	switch {
	case want && p.listener == nil:
		return p.reopenLocked()
	case !want && p.listener != nil:
		p.refuseLocked()
	}
	return nil
}

// refuseLocked closes the socket, so that the system answers with port
// unreachable. A socket connected to itself keeps the number: it takes in
// nothing from anybody else, but nobody else can bind the port.
func (p *Path) refuseLocked() {
	_ = p.listener.Close()
	p.listener = nil
	p.forgetLocked()
	if p.closed {
		return
	}
	self := net.UDPAddrFromAddrPort(p.endpoint)
	holder, err := net.DialUDP("udp4", self, self)
	if err != nil {
		p.log.Warn("port is not held while it refuses", "err", err)
		return
	}
	p.holder = holder
}

func (p *Path) reopenLocked() error {
	if p.holder != nil {
		_ = p.holder.Close()
		p.holder = nil
	}
	for until := time.Now().Add(reopenWithin); ; {
		listener, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(p.endpoint))
		if err == nil {
			p.listenLocked(listener)
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("reopen path at %s: %w", p.endpoint, err)
		}
		<-time.After(reopenWithin / 50)
	}
}

func (p *Path) listenLocked(listener *net.UDPConn) {
	growBuffers(listener)
	p.listener = listener
	p.running.Go(func() { p.readClients(listener) })
}

// readClients carries datagrams up until the listener is closed.
func (p *Path) readClients(listener *net.UDPConn) {
	buf := make([]byte, datagramMost)
	var last *flow
	for {
		n, from, err := listener.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // what Windows tells of earlier datagrams that were refused
		}
		if last == nil || last.client != from || last.isClosed() {
			if last = p.flowFor(from, listener); last == nil {
				continue
			}
		}
		last.seenAt.Store(int64(p.now()))
		p.pass(Up, last, buf[:n])
	}
}

// readServer carries datagrams down until the flow is closed.
func (p *Path) readServer(f *flow) {
	buf := make([]byte, datagramMost)
	for {
		n, err := f.upstream.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the server's socket was not there for a moment
		}
		p.pass(Down, f, buf[:n])
	}
}

// pass lets the conditions decide about one datagram.
func (p *Path) pass(way Direction, f *flow, data []byte) {
	p.deciding.Lock()
	now := p.now()
	at, drop := p.hops[way].decide(now, len(data))
	p.deciding.Unlock()
	late := drop == "" && (at > now || p.delays.waiting[way].Load() > 0)
	if late && !p.delays.add(at, way, f, data) {
		drop = DropQueue
	}
	packet := Packet{Direction: way, Type: typeOf(data), Size: len(data), Drop: drop}
	p.tally.add(packet)
	if hear := p.hook.Load(); hear != nil {
		(*hear)(packet)
	}
	if drop == "" && !late {
		f.send(way, data)
	}
}

// forget closes every flow: the server will see the clients come from new ports.
func (p *Path) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgetLocked()
}

func (p *Path) forgetLocked() {
	for _, f := range p.flows {
		f.close()
	}
	clear(p.flows)
}

// close ends the path and returns when its goroutines have ended.
func (p *Path) close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	_ = p.openOrCloseLocked()
	if p.holder != nil {
		_ = p.holder.Close()
	}
	p.forgetLocked()
	p.mu.Unlock()
	p.delays.stop()
	p.running.Wait()
}

// growBuffers asks for room for a burst; the system gives what it allows.
func growBuffers(c *net.UDPConn) {
	_ = c.SetReadBuffer(4 << 20)
	_ = c.SetWriteBuffer(4 << 20)
}
