package wg

import (
	"sync"
	"sync/atomic"

	"golang.zx2c4.com/wireguard/tun"
)

// condition is how an interface stands at one moment.
type condition struct {
	gone bool
	name string
	up   bool
	mtu  int // 0: not known
}

// history is what has been told of an interface. It is born down; only one that
// was up can go down, and one that broke stays so.
type history struct {
	name  string
	up    bool
	mtu   int
	broke error
}

// take takes in how the interface stands now, and returns what is new about it: an
// event, or several in one.
func (h *history) take(c condition) tun.Event {
	var ev tun.Event
	switch {
	case h.broke != nil:
		return 0
	case c.gone:
		h.broke = ErrInterfaceGone
	case c.name != h.name:
		h.broke = ErrInterfaceRenamed
	}
	if h.broke != nil {
		return tun.EventDown
	}
	if c.up && !h.up {
		ev |= tun.EventUp
	}
	if h.up && !c.up {
		ev |= tun.EventDown
	}
	if c.mtu > 0 && c.mtu != h.mtu {
		ev |= tun.EventMTUUpdate
		h.mtu = c.mtu
	}
	h.up = c.up
	return ev
}

// followed is an interface whose state is read when the system tells that some
// interface has changed. While nothing does it costs nothing.
type followed struct {
	tun.Device
	name   string
	read   func() (condition, error)
	news   chan struct{} // cap 1: something has changed
	events chan tun.Event
	done   chan struct{}
	closed atomic.Bool
	ended  sync.WaitGroup
	stop   func() // ends the following of the system

	mtu   atomic.Int32
	broke atomic.Pointer[error] // nil: it was set down at most
}

// subscribe is underlay.Follow.
type subscribe func(changed func(), failed func(error)) (stop func(), err error)

// follow takes dev over, which is called name and has the MTU mtu. Where the system
// tells of no changes, or no more, what breaks is learned by reading and writing
// alone.
func follow(dev tun.Device, name string, mtu int, read func() (condition, error), to subscribe) *followed {
	f := &followed{
		Device: dev, name: name, read: read,
		news:   make(chan struct{}, 1),
		events: make(chan tun.Event, 4),
		done:   make(chan struct{}),
	}
	f.mtu.Store(int32(mtu))
	stop, err := to(f.changed, func(error) {})
	if err != nil {
		stop = func() {}
	}
	f.stop = stop
	f.changed() // it may have been set up before it was followed
	f.ended.Go(f.tell)
	return f
}

func (f *followed) changed() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// tell turns changes into events until Close.
func (f *followed) tell() {
	defer close(f.events)
	h := history{name: f.name, mtu: int(f.mtu.Load())}
	for {
		select {
		case <-f.news:
		case <-f.done:
			return
		}
		c, err := f.read()
		if err != nil {
			continue // the next change tells
		}
		ev := h.take(c)
		if h.broke != nil {
			f.broke.Store(&h.broke)
		}
		if ev == 0 {
			continue
		}
		f.mtu.Store(int32(h.mtu))
		select {
		case f.events <- ev:
		case <-f.done:
			return
		}
	}
}

func (f *followed) whyDown() error {
	if why := f.broke.Load(); why != nil {
		return *why
	}
	return ErrInterfaceDown
}

// Events are those of the system.
func (f *followed) Events() <-chan tun.Event { return f.events }

// MTU is the last one that was told.
func (f *followed) MTU() (int, error) { return int(f.mtu.Load()), nil }

// Name is the interface's name when it was created.
func (f *followed) Name() (string, error) { return f.name, nil }

// Close removes the interface and ends the goroutine.
func (f *followed) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	close(f.done)
	f.stop()
	err := f.Device.Close()
	f.ended.Wait()
	return err
}
