package wg

import (
	"errors"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/tun"

	"holdfast/service/tunnel"
)

// port is the interface as one device sees it: a tun.Device of the switch. It
// is also the tap on the interface's side, where a packet has been decrypted
// and its sender is certain, and the way in for our own echoes.
type port struct {
	sw     *tunSwitch
	events chan tun.Event // closed by the switch
	closed chan struct{}  // closed by the switch
	turn   chan struct{}  // cap 1: this may have become the active port

	drainUntil atomic.Int64 // until when a port that is not active may write

	delivered   atomic.Uint64 // packets the device handed over, dropped or not
	deliveredAt atomic.Int64
	dropped     atomic.Uint64 // of them, those that did not reach the interface

	traffic traffic
	echoes  *echoes
	queries *queries
	learned atomic.Pointer[responders] // never nil
	est     *estimate                  // nil: nobody wants to know
	marks   marks                      // of the echoes that have not left yet
	learnAt atomic.Int64               // when a candidate may be tried again
	// sessionAt is when the session may last have become another. nil: not known.
	sessionAt func() int64

	waiting atomic.Int32 // len(out), so that Read need not lock
	outMu   sync.Mutex
	out     [][]byte // echoes for the device to read
}

var _ tun.Device = (*port)(nil)

// Read blocks until there is an echo of ours to send, or it is this port's turn
// and a packet has come. It fails only with os.ErrClosed, when the port is
// closed: any other error would make the device close itself.
func (p *port) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	for {
		if p.waiting.Load() != 0 {
			if n := p.takeOut(bufs, sizes, offset); n > 0 {
				return n, nil
			}
		}
		if !p.awaitTurn() {
			return 0, os.ErrClosed
		}
		n, again, err := p.sw.readFor(p, bufs, sizes, offset)
		if !again {
			p.marks.reused(bufs[:n])
			p.traffic.leave(bufs[:n], sizes, offset, p.delivered.Load())
			return n, err
		}
	}
}

// inject hands the device a packet of ours, as if it came from the interface,
// whether or not it is this port's turn. It never blocks. false: too many wait.
func (p *port) inject(packet []byte) bool {
	p.outMu.Lock()
	if len(p.out) >= maxWaitingOut {
		p.outMu.Unlock()
		return false
	}
	p.out = append(p.out, packet)
	p.waiting.Store(int32(len(p.out)))
	p.outMu.Unlock()
	// In this order: a reader that becomes the active one meanwhile looks at
	// waiting once more after it has seen its turn.
	p.wake()
	if p.sw.active.Load() == p {
		p.sw.interrupt()
	}
	return true
}

// takeOut moves what was injected into bufs.
func (p *port) takeOut(bufs [][]byte, sizes []int, offset int) int {
	p.outMu.Lock()
	defer p.outMu.Unlock()
	n := min(len(bufs), len(p.out))
	for i := range n {
		sizes[i] = copy(bufs[i][offset:], p.out[i])
		p.marks.put(bufs[i])
	}
	if p.out = p.out[n:]; len(p.out) == 0 {
		p.out = nil
	}
	p.waiting.Store(int32(len(p.out)))
	return n
}

// awaitTurn returns true when this is the active port or something was
// injected, false when it is closed.
func (p *port) awaitTurn() bool {
	for {
		select {
		case <-p.sw.failed:
			<-p.closed
			return false
		default:
		}
		// A closed port is never the active one.
		if p.sw.active.Load() == p || p.waiting.Load() != 0 {
			return true
		}
		select {
		case <-p.closed:
			return false
		case <-p.turn:
		}
	}
}

// Write delivers decrypted packets to the interface while the port is active or
// draining. Otherwise they are dropped, and still count: they prove that the
// server answers. The answers to our own echoes go no further and do not count.
func (p *port) Write(bufs [][]byte, offset int) (int, error) {
	now := sinceBegan()
	all := len(bufs)
	bufs, answered := p.look(bufs, offset, now)
	if len(bufs) == 0 {
		return all, nil
	}
	if answered && p.traffic.waitingAt.Load() != 0 {
		p.traffic.waitingAt.Store(0)
	}
	p.delivered.Add(uint64(len(bufs)))
	p.deliveredAt.Store(now)
	if p.sw.active.Load() == p {
		p.learn(now)
	} else if now >= p.drainUntil.Load() {
		p.dropped.Add(uint64(len(bufs)))
		return all, nil
	}
	n, err := p.sw.real.Write(bufs, offset)
	if err != nil && errors.Is(err, os.ErrClosed) {
		p.sw.fail(err)
	}
	return all - len(bufs) + n, err
}

// look takes the answers to our own echoes out of bufs, in place, and learns
// from the rest. answered says that there is more among the rest than words of
// routers that something could not be delivered.
func (p *port) look(bufs [][]byte, offset int, now int64) (rest [][]byte, answered bool) {
	var in inner
	n := 0
	// A large packet may be what somebody waits for.
	bulk := len(bufs) > smallBatch && p.echoes.open.Load() == 0 && p.traffic.openRequests.Load() == 0
	for i, b := range bufs {
		packet := b[offset:]
		if bulk && i != 0 && i != len(bufs)-1 && (len(packet) >= bulkSize || p.traffic.openFlows.Load() == 0 && isTCP(packet)) {
			in.kind = other
		} else {
			in.parse(packet, true)
		}
		if in.kind != other {
			if s, ours := p.echoes.isOurs(&in, packet); ours {
				p.returned(s, &in, packet, now)
				continue
			}
			if s, ours := p.queries.answer(&in, packet); ours {
				p.returned(s, &in, packet, now)
				continue
			}
			if in.kind == undelivered && (p.echoes.quotesOurs(&in, packet) || p.queries.quotesOurs(&in, packet)) {
				continue
			}
			if proof, found := p.traffic.come(&in, packet, now); found {
				p.learnFrom(proof, now)
			}
		}
		answered = answered || in.kind != undelivered
		if n != i {
			bufs[n] = b
		}
		n++
	}
	return bufs[:n], answered
}

// known is what has been learned about the inside of the tunnel.
func (p *port) known() *responders { return p.learned.Load() }

// learnFrom takes what the traffic of applications has proven.
func (p *port) learnFrom(proof evidence, now int64) {
	p.proven(now, proof.rtt)
	if proof.kind == echoReply {
		p.known().answered(proof.from, proof.rtt, false)
		return
	}
	p.known().suggest(proof.from)
}

// proven notes a round trip. rtt 0: how long it took is not known. A packet that
// left before the session began may have waited for it in the device, so its
// round trip says nothing of the path.
func (p *port) proven(now int64, rtt time.Duration) {
	if p.est == nil {
		return
	}
	p.est.roundTrip(now)
	if rtt > 0 && (p.sessionAt == nil || now-int64(rtt) > p.sessionAt()) {
		p.est.answered(rtt)
	}
}

// lost notes a round trip that did not take place.
func (p *port) lost() {
	if p.est != nil {
		p.est.lost()
	}
}

// fillPath sets what the interface's side knows of the path.
func (p *port) fillPath(path *tunnel.Path) {
	now := sinceBegan()
	p.traffic.expire(now, func(to netip.Addr) {
		// Only the silence of who has answered before says anything.
		if known, onlyDNS := p.known().way(to); known && !onlyDNS {
			p.lost()
		}
	})
	if at := p.traffic.waitingAt.Load(); at != 0 {
		path.WaitingSince, path.WaitingFlows = moment(at), int(p.traffic.waitingFlows.Load())
	}
	path.LargeLost = p.traffic.largeLost.Load()
	e := p.echoes
	e.mu.Lock()
	p.judgeLocked(now)
	path.Near.Questions, path.Beyond.Questions = e.near, e.beyond
	e.mu.Unlock()
	path.Near.Known, path.Beyond.Known = p.known().count()
}

// wake tells the reader to look again whose turn it is.
func (p *port) wake() {
	select {
	case p.turn <- struct{}{}:
	default:
	}
}

// notify passes an event on, unless one is waiting already. The switch's mu is held.
func (p *port) notify(ev tun.Event) {
	select {
	case p.events <- ev:
	default:
	}
}

// Close takes the port from the switch. The interface stays.
func (p *port) Close() error {
	p.sw.removePort(p)
	return nil
}

// MTU is the interface's.
func (p *port) MTU() (int, error) { return p.sw.real.MTU() }

// Name is the interface's.
func (p *port) Name() (string, error) { return p.sw.real.Name() }

// BatchSize is the interface's.
func (p *port) BatchSize() int { return p.sw.real.BatchSize() }

// Events carries only changes of the MTU: a device goes up and down with its
// member, not with the interface.
func (p *port) Events() <-chan tun.Event { return p.events }

// File is nil: the file belongs to the switch.
func (p *port) File() *os.File { return nil }
