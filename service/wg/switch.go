package wg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/tun"
)

const (
	// drainTime is how long a port may still deliver packets to the interface
	// after another became the active one: what the old server had under way
	// arrives. Later packets are dropped.
	drainTime = 2 * time.Second
	// maxLate bounds the packets that are kept for the next reader when the
	// switch moves while a batch is being read. More are dropped, oldest last.
	maxLate = 1024
	// maxBadReads is how many reads in a row may fail before the interface
	// counts as gone. A single failure is a packet that could not be parsed.
	maxBadReads = 100
)

// tunSwitch joins one interface with the ports of several devices. Exactly one
// port, the active one, reads from the interface; it does so in the goroutine
// of its own device and into that device's buffers, so no packet is copied.
// Every port may write while it is active, and for drainTime afterwards.
type tunSwitch struct {
	real      tun.Device
	whyDown   func() error
	interrupt func() // makes the Read of real return
	clear     func() // follows every interrupted Read

	active atomic.Pointer[port] // nil: nobody reads

	// reading holds one element while a port has the right to read from real,
	// and protects the two below. It is a channel and no mutex, since a port
	// that waits for it must still be closable: the one that has it may block
	// in Read for hours.
	reading  chan struct{}
	late     [][]byte // read by a port whose turn had ended, for the next one
	badReads int

	// mu protects ports, and orders promotions and closings.
	mu    sync.Mutex
	ports map[*port]struct{}

	report   func(*tunSwitch, error) // is told why the interface is of no use; never blocks
	failOnce sync.Once
	failed   chan struct{} // closed when real can no longer be read
	closing  atomic.Bool
	events   sync.WaitGroup

	handed atomic.Uint64 // packets handed from one reader to the next
	lost   atomic.Uint64 // packets dropped beyond maxLate
}

// newSwitch takes real over: closing the switch closes it. report is called
// when the interface goes down or away or is renamed, from any goroutine.
func newSwitch(real tun.Device, report func(*tunSwitch, error)) *tunSwitch {
	s := &tunSwitch{
		ports:   map[*port]struct{}{},
		reading: make(chan struct{}, 1),
		report:  report,
		failed:  make(chan struct{}),
		whyDown: func() error { return ErrInterfaceDown },
	}
	// One of the system knows more than that it went down.
	if known, ok := real.(interface{ whyDown() error }); ok {
		s.whyDown = known.whyDown
	}
	s.real, s.interrupt, s.clear = readable(real)
	s.events.Go(s.followEvents)
	return s
}

// followEvents ends when the interface is closed.
func (s *tunSwitch) followEvents() {
	for ev := range s.real.Events() {
		if ev&tun.EventDown != 0 && !s.closing.Load() {
			s.report(s, s.whyDown())
		}
		if ev&tun.EventMTUUpdate == 0 {
			continue
		}
		s.mu.Lock()
		for p := range s.ports {
			p.notify(tun.EventMTUUpdate)
		}
		s.mu.Unlock()
	}
}

// addPort makes a port on which nothing happens until it is promoted.
func (s *tunSwitch) addPort() *port {
	p := &port{
		sw:      s,
		events:  make(chan tun.Event, 1),
		closed:  make(chan struct{}),
		turn:    make(chan struct{}, 1),
		echoes:  newEchoes(),
		queries: newQueries(),
	}
	p.learned.Store(&responders{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports[p] = struct{}{}
	return p
}

// promote makes p the active port; the former one drains. ErrStopped: p is
// closed. ErrInterfaceGone: there is nothing to read.
func (s *tunSwitch) promote(p *port) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.ports[p]; !open {
		return ErrStopped
	}
	select {
	case <-s.failed:
		return ErrInterfaceGone
	default:
	}
	old := s.active.Load()
	if old == p {
		return nil
	}
	if old != nil {
		// Before the swap, so that no write in between is dropped.
		old.drainUntil.Store(sinceBegan() + int64(drainTime))
	}
	p.traffic.reset()
	s.active.Store(p)
	p.wake()
	if old != nil {
		s.interrupt()
		// What waited for an answer through old has another way now.
		old.traffic.reset()
	}
	return nil
}

// removePort takes p away. Its blocked Read returns.
func (s *tunSwitch) removePort(p *port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.ports[p]; !open {
		return
	}
	delete(s.ports, p)
	close(p.closed)
	close(p.events)
	if s.active.CompareAndSwap(p, nil) {
		s.interrupt()
	}
}

// readFor reads a batch for p. again is true when it was not, or is no longer,
// the turn of p, or nothing was read: p must look whether it is and ask again.
func (s *tunSwitch) readFor(p *port, bufs [][]byte, sizes []int, offset int) (n int, again bool, err error) {
	select {
	case s.reading <- struct{}{}:
	case <-p.closed:
		return 0, true, nil
	case <-p.turn:
		return 0, true, nil // another one may read for hours
	}
	defer func() { <-s.reading }()
	if s.active.Load() != p || p.waiting.Load() != 0 {
		return 0, true, nil
	}
	if len(s.late) > 0 {
		return s.takeLateLocked(bufs, sizes, offset), false, nil
	}
	n, err = s.real.Read(bufs, sizes, offset)
	if err != nil && !errors.Is(err, tun.ErrTooManySegments) {
		return 0, true, s.failedReadLocked(err)
	}
	s.badReads = 0
	if s.active.Load() != p {
		s.keepLateLocked(bufs[:n], sizes, offset)
		return 0, true, nil
	}
	return n, n == 0 && err == nil, err
}

// failedReadLocked sorts the errors of Read. The caller is reading. A single packet
// that cannot be parsed must not end the tunnel, so only what will not pass
// makes the switch fail.
func (s *tunSwitch) failedReadLocked(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.clear()
		return nil
	}
	s.badReads++
	if isGone(err) || s.badReads >= maxBadReads {
		s.fail(err)
	}
	return nil
}

// isGone says that an error of reading or writing will not pass: the file is
// closed, or the system refuses the call itself.
func isGone(err error) bool {
	var path *fs.PathError
	return errors.Is(err, os.ErrClosed) || errors.As(err, &path)
}

// fail gives the interface up. The devices stay, so that their owner can close
// them in order.
func (s *tunSwitch) fail(err error) {
	s.failOnce.Do(func() {
		close(s.failed)
		if !s.closing.Load() {
			s.report(s, fmt.Errorf("%w: %w", ErrInterfaceGone, err))
		}
	})
}

func (s *tunSwitch) keepLateLocked(bufs [][]byte, sizes []int, offset int) {
	for i, b := range bufs {
		if len(s.late) == maxLate {
			s.lost.Add(uint64(len(bufs) - i))
			return
		}
		s.late = append(s.late, append([]byte(nil), b[offset:offset+sizes[i]]...))
		s.handed.Add(1)
	}
}

func (s *tunSwitch) takeLateLocked(bufs [][]byte, sizes []int, offset int) int {
	n := min(len(bufs), len(s.late))
	for i := range n {
		sizes[i] = copy(bufs[i][offset:], s.late[i])
	}
	if s.late = s.late[n:]; len(s.late) == 0 {
		s.late = nil
	}
	return n
}

// close closes the interface. Every port must have been removed.
func (s *tunSwitch) close() error {
	s.closing.Store(true)
	err := s.real.Close()
	s.events.Wait()
	if err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close interface: %w", err)
	}
	return nil
}
