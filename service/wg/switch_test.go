package wg

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"
)

// scripted is an interface whose Reads return what the test says, when it says so.
type scripted struct {
	reads  chan result
	events chan tun.Event
	once   sync.Once
	mu     sync.Mutex
	wrote  int
	failed error // of Write
}

type result struct {
	packets [][]byte
	err     error
}

func newScripted() *scripted {
	return &scripted{reads: make(chan result), events: make(chan tun.Event)}
}

func (s *scripted) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	r, open := <-s.reads
	if !open {
		return 0, os.ErrClosed
	}
	for i, p := range r.packets {
		sizes[i] = copy(bufs[i][offset:], p)
	}
	return len(r.packets), r.err
}

func (s *scripted) Write(bufs [][]byte, _ int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrote += len(bufs)
	return len(bufs), s.failed
}

func (s *scripted) Close() error {
	s.once.Do(func() { close(s.reads); close(s.events) })
	return nil
}
func (s *scripted) Interrupt()               {}
func (s *scripted) File() *os.File           { return nil }
func (s *scripted) MTU() (int, error)        { return 1400, nil }
func (s *scripted) Name() (string, error)    { return "scripted", nil }
func (s *scripted) Events() <-chan tun.Event { return s.events }
func (s *scripted) BatchSize() int           { return 4 }

const testOffset = 16

func readAll(p *port, n int) ([]string, error) {
	var got []string
	bufs, sizes := make([][]byte, 2), make([]int, 2)
	for len(got) < n {
		for i := range bufs {
			bufs[i] = make([]byte, testOffset+64)
		}
		k, err := p.Read(bufs, sizes, testOffset)
		if err != nil {
			return got, err
		}
		for i := range k {
			got = append(got, string(bufs[i][testOffset:testOffset+sizes[i]]))
		}
	}
	return got, nil
}

// newTestSwitch is a switch whose reports can be read.
func newTestSwitch(t testing.TB, real tun.Device) (*tunSwitch, chan error) {
	t.Helper()
	reports := make(chan error, 8)
	s := newSwitch(real, func(_ *tunSwitch, err error) { reports <- err })
	t.Cleanup(func() { s.close() })
	return s, reports
}

func TestBatchUnderWayIsHandedOver(t *testing.T) {
	real := newScripted()
	s, _ := newTestSwitch(t, real)
	old, next := s.addPort(), s.addPort()
	if err := s.promote(old); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := readAll(old, 1)
		ended <- err
	}()
	// The old port blocks in the interface's Read when its turn ends.
	eventually(t, "the old port reads", func() bool { return len(s.reading) == 1 })
	if err := s.promote(next); err != nil {
		t.Fatal(err)
	}
	real.reads <- result{packets: [][]byte{[]byte("one"), []byte("two")}}
	got, err := readAll(next, 2)
	if err != nil || len(got) != 2 || got[0] != "one" || got[1] != "two" {
		t.Fatalf("got %q, %v", got, err)
	}
	if s.handed.Load() != 2 || s.lost.Load() != 0 {
		t.Errorf("got %d handed over, %d lost", s.handed.Load(), s.lost.Load())
	}
	old.Close()
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Errorf("the closed port: got %v", err)
	}
	if err := s.promote(old); !errors.Is(err, ErrStopped) {
		t.Errorf("promote a closed port: got %v", err)
	}
}

func TestPortIsClosedWhileAnotherReads(t *testing.T) {
	s, _ := newTestSwitch(t, newScripted())
	reader, waiting := s.addPort(), s.addPort()
	if err := s.promote(reader); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = readAll(reader, 1) }()
	eventually(t, "one port reads", func() bool { return len(s.reading) == 1 })
	ended := make(chan bool)
	go func() {
		// As a port whose turn ended after it had looked whose turn it is.
		_, again, _ := s.readFor(waiting, [][]byte{make([]byte, 64)}, make([]int, 1), 0)
		ended <- again
	}()
	waiting.Close()
	select {
	case again := <-ended:
		if !again {
			t.Error("a closed port has read")
		}
	case <-time.After(patience):
		t.Fatal("a closed port waits for its turn to read")
	}
	reader.Close()
}

func TestLatePacketsAreBounded(t *testing.T) {
	s, _ := newTestSwitch(t, newScripted())
	bufs, sizes := [][]byte{[]byte("x")}, []int{1}
	for range maxLate + 7 {
		s.keepLateLocked(bufs, sizes, 0)
	}
	if s.handed.Load() != maxLate || s.lost.Load() != 7 {
		t.Errorf("got %d kept, %d lost", s.handed.Load(), s.lost.Load())
	}
}

func TestErrorsOfReading(t *testing.T) {
	for _, tt := range []struct {
		name string
		errs []error
		gone bool
	}{
		{"one bad packet", []error{errors.New("unsupported GSO type")}, false},
		{"interrupted", []error{os.ErrDeadlineExceeded}, false},
		{"closed", []error{os.ErrClosed}, true},
		{"refused by the system", []error{&fs.PathError{Op: "read", Err: errors.New("EIO")}}, true},
		{"nothing but bad packets", repeat(errors.New("bad"), maxBadReads), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			real := newScripted()
			s, reports := newTestSwitch(t, real)
			p := s.addPort()
			if err := s.promote(p); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				_, err := readAll(p, 1)
				ended <- err
			}()
			for _, err := range tt.errs {
				real.reads <- result{err: err}
			}
			if tt.gone {
				if err := <-reports; !errors.Is(err, ErrInterfaceGone) {
					t.Errorf("got report %v", err)
				}
				p.Close()
				if err := <-ended; !errors.Is(err, os.ErrClosed) {
					t.Errorf("got %v", err)
				}
				return
			}
			real.reads <- result{packets: [][]byte{[]byte("good")}}
			if err := <-ended; err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

func repeat(err error, n int) []error {
	out := make([]error, n)
	for i := range out {
		out[i] = err
	}
	return out
}

func TestTooManySegmentsReachTheDevice(t *testing.T) {
	real := newScripted()
	s, _ := newTestSwitch(t, real)
	p := s.addPort()
	if err := s.promote(p); err != nil {
		t.Fatal(err)
	}
	go func() { real.reads <- result{[][]byte{[]byte("part")}, tun.ErrTooManySegments} }()
	bufs, sizes := [][]byte{make([]byte, 64)}, make([]int, 1)
	if n, err := p.Read(bufs, sizes, 0); n != 1 || !errors.Is(err, tun.ErrTooManySegments) {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestInterfaceEventsReachTheRightEar(t *testing.T) {
	real := newScripted()
	s, reports := newTestSwitch(t, real)
	p := s.addPort()
	real.events <- tun.EventUp
	real.events <- tun.EventMTUUpdate
	if got := <-p.Events(); got != tun.EventMTUUpdate {
		t.Errorf("got event %v: a device must not go up or down with the interface", got)
	}
	real.events <- tun.EventDown
	if err := <-reports; !errors.Is(err, ErrInterfaceDown) {
		t.Errorf("got report %v", err)
	}
	if mtu, _ := p.MTU(); mtu != 1400 {
		t.Errorf("got MTU %d", mtu)
	}
	real.mu.Lock()
	real.failed = os.ErrClosed
	real.mu.Unlock()
	if err := s.promote(p); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Write([][]byte{make([]byte, 32)}, testOffset)
	if err := <-reports; !errors.Is(err, ErrInterfaceGone) {
		t.Errorf("got report %v", err)
	}
}

// plain is an interface that cannot be interrupted, as wintun.
type plain struct{ s *scripted }

func (p plain) Read(b [][]byte, s []int, o int) (int, error) { return p.s.Read(b, s, o) }
func (p plain) Write(b [][]byte, o int) (int, error)         { return p.s.Write(b, o) }
func (p plain) Close() error                                 { return p.s.Close() }
func (p plain) File() *os.File                               { return nil }
func (p plain) MTU() (int, error)                            { return p.s.MTU() }
func (p plain) Name() (string, error)                        { return p.s.Name() }
func (p plain) Events() <-chan tun.Event                     { return p.s.Events() }
func (p plain) BatchSize() int                               { return p.s.BatchSize() }

func TestPumpMakesAnyInterfaceInterruptible(t *testing.T) {
	real := newScripted()
	s, _ := newTestSwitch(t, plain{real})
	if _, ok := s.real.(*pump); !ok {
		t.Fatalf("got %T, want a pump", s.real)
	}
	a, b := s.addPort(), s.addPort()
	if err := s.promote(a); err != nil {
		t.Fatal(err)
	}
	fromA := make(chan []string, 1)
	go func() {
		got, _ := readAll(a, 3)
		fromA <- got
	}()
	real.reads <- result{packets: [][]byte{[]byte("1"), []byte("2"), []byte("3")}}
	if got := <-fromA; len(got) != 3 || got[2] != "3" {
		t.Fatalf("got %q", got)
	}
	go func() { _, _ = readAll(a, 1) }()
	eventually(t, "a reads", func() bool { return len(s.reading) == 1 })
	if err := s.promote(b); err != nil {
		t.Fatal(err)
	}
	fromB := make(chan []string, 1)
	go func() {
		got, _ := readAll(b, 1)
		fromB <- got
	}()
	real.reads <- result{err: errors.New("a bad packet")}
	real.reads <- result{packets: [][]byte{[]byte("4")}}
	if got := <-fromB; len(got) != 1 || got[0] != "4" {
		t.Fatalf("got %q", got)
	}
	if _, err := b.Write([][]byte{make([]byte, 32)}, testOffset); err != nil || real.wrote != 1 {
		t.Errorf("got %d written, %v", real.wrote, err)
	}
	a.Close()
	b.Close()
}

// optional is a bind with both optional interfaces.
type optional struct{ conn.Bind }

func (optional) BindSocketToInterface4(uint32, bool) error { return nil }
func (optional) BindSocketToInterface6(uint32, bool) error { return nil }
func (optional) PeekLookAtSocketFd4() (int, error)         { return 4, nil }
func (optional) PeekLookAtSocketFd6() (int, error)         { return 6, nil }

func TestTapOffersWhatTheBindOffers(t *testing.T) {
	type tied struct {
		conn.Bind
		conn.BindSocketToInterface
	}
	type open struct {
		conn.Bind
		conn.PeekLookAtSocketFd
	}
	both := optional{refusing{}}
	for _, tt := range []struct {
		name       string
		bind       conn.Bind
		tied, open bool
	}{
		{"neither", refusing{}, false, false},
		{"interface", tied{refusing{}, both}, true, false},
		{"descriptor", open{refusing{}, both}, false, true},
		{"both", both, true, true},
	} {
		_, got := newTap(tt.bind, nil)
		if _, is := got.(conn.BindSocketToInterface); is != tt.tied {
			t.Errorf("%s: got BindSocketToInterface %v", tt.name, is)
		}
		if _, is := got.(conn.PeekLookAtSocketFd); is != tt.open {
			t.Errorf("%s: got PeekLookAtSocketFd %v", tt.name, is)
		}
	}
}

// endless is an interface that always has a full batch to read.
type endless struct {
	*memTUN
	packet []byte
}

const endlessBatch = 45 // what one segmented read of the system gives

func (e endless) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	for i := range endlessBatch {
		sizes[i] = copy(bufs[i][offset:], e.packet)
	}
	return endlessBatch, nil
}
func (e endless) Write(bufs [][]byte, _ int) (int, error) { return len(bufs), nil }

func benchmarkTUN(b *testing.B, run func(b *testing.B, dev tun.Device, bufs [][]byte, sizes []int)) {
	real := endless{newMemTUN(), make([]byte, 1420)}
	bufs, sizes := make([][]byte, 128), make([]int, 128)
	for i := range bufs {
		bufs[i] = make([]byte, testOffset+1500)
	}
	b.Run("direct", func(b *testing.B) { run(b, real, bufs, sizes) })
	b.Run("switch", func(b *testing.B) {
		s := newSwitch(real, func(*tunSwitch, error) {})
		p := s.addPort()
		if err := s.promote(p); err != nil {
			b.Fatal(err)
		}
		run(b, p, bufs, sizes)
		p.Close()
		s.close()
	})
}

func BenchmarkSwitchRead(b *testing.B) {
	benchmarkTUN(b, func(b *testing.B, dev tun.Device, bufs [][]byte, sizes []int) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dev.Read(bufs, sizes, testOffset); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSwitchWrite(b *testing.B) {
	benchmarkTUN(b, func(b *testing.B, dev tun.Device, bufs [][]byte, _ []int) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dev.Write(bufs[:endlessBatch], testOffset); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// absorbing is a bind that takes everything.
type absorbing struct{ conn.Bind }

func (absorbing) Send([][]byte, conn.Endpoint) error { return nil }

func BenchmarkTapSend(b *testing.B) {
	t, _ := newTap(absorbing{}, nil)
	bufs := make([][]byte, endlessBatch)
	for i := range bufs {
		bufs[i] = make([]byte, 1452)
		bufs[i][0] = device.MessageTransportType
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := t.Send(bufs, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTapReceive(b *testing.B) {
	t, _ := newTap(absorbing{}, nil)
	bufs, sizes := make([][]byte, endlessBatch), make([]int, endlessBatch)
	for i := range bufs {
		bufs[i], sizes[i] = make([]byte, 1452), 1452
		bufs[i][0] = device.MessageTransportType
	}
	b.ReportAllocs()
	for b.Loop() {
		t.sawArrive(bufs, sizes)
	}
}

func TestTrimReturnsWhatALoadLeft(t *testing.T) {
	d := New(Options{})
	load := make([][]byte, 0, 100)
	for range 100 {
		load = append(load, bytes.Repeat([]byte("x"), 1<<20))
	}
	if len(load[99]) != 1<<20 || !d.Trim() {
		t.Error("100 MiB were not worth a trim")
	}
	runtime.KeepAlive(load)
	began := time.Now()
	d.Trim()
	t.Logf("a trim took %v", time.Since(began))
	// The devices of other tests have finalizers, which a busy machine runs late.
	eventually(t, "there is nothing left to trim", func() bool { return !d.Trim() })
}
