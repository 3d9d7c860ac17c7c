package wg

import (
	"errors"
	"os"
	"sync/atomic"

	"golang.zx2c4.com/wireguard/tun"
)

// port is the interface as one device sees it: a tun.Device of the switch. It
// is also the tap on the interface's side, where a packet has been decrypted
// and its sender is certain.
type port struct {
	sw     *tunSwitch
	events chan tun.Event // closed by the switch
	closed chan struct{}  // closed by the switch
	turn   chan struct{}  // cap 1: this may have become the active port

	drainUntil atomic.Int64 // until when a port that is not active may write

	delivered   atomic.Uint64 // packets the device handed over, dropped or not
	deliveredAt atomic.Int64
	dropped     atomic.Uint64 // of them, those that did not reach the interface
}

var _ tun.Device = (*port)(nil)

// Read blocks until it is this port's turn and a packet has come. It fails
// only with os.ErrClosed, when the port is closed: any other error would make
// the device close itself.
func (p *port) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	for {
		if !p.awaitTurn() {
			return 0, os.ErrClosed
		}
		n, again, err := p.sw.readFor(p, bufs, sizes, offset)
		if !again {
			return n, err
		}
	}
}

// awaitTurn returns true when this is the active port, false when it is closed.
func (p *port) awaitTurn() bool {
	for {
		select {
		case <-p.sw.failed:
			<-p.closed
			return false
		default:
		}
		// A closed port is never the active one.
		if p.sw.active.Load() == p {
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
// server answers.
func (p *port) Write(bufs [][]byte, offset int) (int, error) {
	now := sinceBegan()
	p.delivered.Add(uint64(len(bufs)))
	p.deliveredAt.Store(now)
	if p.sw.active.Load() != p && now >= p.drainUntil.Load() {
		p.dropped.Add(uint64(len(bufs)))
		return len(bufs), nil
	}
	n, err := p.sw.real.Write(bufs, offset)
	if err != nil && errors.Is(err, os.ErrClosed) {
		p.sw.fail(err)
	}
	return n, err
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
