package wg

import (
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

// observed is an interface of which one goroutine knows how it stands, and tells the
// rest by events.
type observed struct {
	tun.Device
	name   string
	events chan tun.Event
	done   chan struct{} // closed when the interface is being closed
	closed atomic.Bool

	mtu   atomic.Int32
	broke atomic.Pointer[error] // nil: it was set down at most
	seen  history               // of the goroutine alone
}

func observe(dev tun.Device, name string, mtu int) *observed {
	o := &observed{
		Device: dev, name: name,
		events: make(chan tun.Event, 4),
		done:   make(chan struct{}),
		seen:   history{name: name, mtu: mtu},
	}
	o.mtu.Store(int32(mtu))
	return o
}

// take takes in how the interface stands now, and tells what is new about it. It
// waits for room, and gives up when the interface is being closed.
func (o *observed) take(c condition) {
	ev := o.seen.take(c)
	if ev == 0 {
		return
	}
	if o.seen.broke != nil {
		o.broke.Store(&o.seen.broke)
	}
	o.mtu.Store(int32(o.seen.mtu))
	select {
	case o.events <- ev:
	case <-o.done:
	}
}

func (o *observed) whyDown() error {
	if why := o.broke.Load(); why != nil {
		return *why
	}
	return ErrInterfaceDown
}

// Events are closed when the interface is.
func (o *observed) Events() <-chan tun.Event { return o.events }

// MTU is the last one that was told; asking for it would need the network namespace
// of the interface.
func (o *observed) MTU() (int, error) { return int(o.mtu.Load()), nil }

// Name is the interface's name when it was created.
func (o *observed) Name() (string, error) { return o.name, nil }
