package leak

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Way is how packets are sent: from where, past what, to whom.
type Way struct {
	Name string
	// Kinds are those that make sense this way. Empty: all of them.
	Kinds []Kind
	// To are the destinations, of either family. A zone is an interface's name.
	To []netip.Addr
	// Port is where UDP and TCP go. 0: a port of no service.
	Port uint16
	// Prefix is what the payload begins with, before the marks.
	Prefix []byte
	// Size is that of the payload. 0: four marks.
	Size int
	// Device binds the sockets to an interface.
	Device string
	// From binds the sockets to addresses of the uplink, one of each family.
	From []netip.Addr
	// SourcePort binds UDP and TCP to a port. 0: any.
	SourcePort uint16
	// Protocol is that of the kind Raw. 0: one of no program.
	Protocol uint8
	// Mark is put on the packets.
	Mark uint32
	// UID owns the sockets. 0: root.
	UID int
	// Send replaces sockets made by all of the above: it sends one payload.
	Send func(k Kind, to netip.Addr, payload []byte) error
}

// Sent is how often it was tried to send, and how often the kernel took it.
type Sent struct{ Tried, Taken int }

// Flood sends packets by all its ways in turn.
type Flood struct {
	run  Run
	cell atomic.Uint32
	rate atomic.Int64 // packets a second, of all ways together

	mu   sync.Mutex
	sent map[uint16]map[Key]Sent // by cell
}

// NewFlood makes a flood without senders. Its packets carry the marks of run.
func NewFlood(run Run, rate int) *Flood {
	f := &Flood{run: run, sent: map[uint16]map[Key]Sent{}}
	f.rate.Store(int64(rate))
	return f
}

// Enter has all packets from now on carry another cell. 0 sends nothing.
func (f *Flood) Enter(cell uint16) { f.cell.Store(uint32(cell)) }

// SetRate sets how many packets are sent in a second, by all ways together.
func (f *Flood) SetRate(rate int) { f.rate.Store(int64(rate)) }

// Sent returns what has been sent so far of a cell.
func (f *Flood) Sent(cell uint16) map[Key]Sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.sent[cell])
}

// numbered is a way with the number that marks carry.
type numbered struct {
	way    *Way
	number uint8
}

// Send sends by these ways from the network namespace of the calling thread
// until ctx ends; the thread must belong to the calling goroutine. first is the
// number of the first way, share the part of the rate that these ways have.
func (f *Flood) Send(ctx context.Context, first uint8, ways []Way, share float64) {
	var senders []*sender
	for i := range ways {
		for _, to := range ways[i].To {
			for _, k := range ways[i].kinds() {
				senders = append(senders, &sender{flood: f, way: numbered{&ways[i], first + uint8(i)}, kind: k, to: to, fd: -1})
			}
		}
	}
	defer func() {
		for _, s := range senders {
			s.close()
		}
	}()
	const beat = 2 * time.Millisecond
	tick := time.NewTicker(beat)
	defer tick.Stop()
	due, next := 0.0, 0
	last := time.Now()
	for len(senders) > 0 {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			// After a pause of the machine, what was missed is not made up for.
			due += min(now.Sub(last), 10*beat).Seconds() * share * float64(f.rate.Load())
			last = now
		}
		cell := uint16(f.cell.Load())
		if cell == 0 {
			due = 0
			continue
		}
		for ; due >= 1; due-- {
			senders[next].send(cell)
			next = (next + 1) % len(senders)
		}
	}
}

func (w *Way) kinds() []Kind {
	if len(w.Kinds) > 0 {
		return w.Kinds
	}
	return Kinds()
}

// count notes one packet.
func (f *Flood) count(cell uint16, k Key, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sent[cell] == nil {
		f.sent[cell] = map[Key]Sent{}
	}
	n := f.sent[cell][k]
	n.Tried++
	if err == nil {
		n.Taken++
	}
	f.sent[cell][k] = n
}

// sender sends packets of one kind to one destination.
type sender struct {
	flood *Flood
	way   numbered
	kind  Kind
	to    netip.Addr
	seq   uint32

	fd     int // -1: none is open; TCP opens one for each packet
	source netip.Addr
	retry  time.Time // no socket is opened anew before
}

func (s *sender) v6() bool { return s.to.Is6() }

func (s *sender) close() {
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
	}
}

// send sends the next packet. A socket that broke, as when its device went, is
// opened anew a little later.
func (s *sender) send(cell uint16) {
	s.seq++
	m := Mark{Cell: cell, Way: s.way.number, V6: s.v6(), Kind: s.kind, Seq: s.seq}
	err := s.deliver(m)
	s.flood.count(cell, Key{m.Way, m.Kind, m.V6}, err)
	if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EAGAIN) {
		s.close()
	}
}
