// Package netwatch tells when the network below the tunnel changes, and when
// the machine has slept.
//
// A Watcher reads the state of the underlay after the system said that
// something changed, and reports only what matters: that the underlay can or
// cannot be used, that it is another one than before, that the machine woke.
// It changes nothing, sends nothing, and costs no timer while nothing happens.
package netwatch

import (
	"log/slog"
	"net/netip"
	"time"

	"holdfast/service/clock"
	"holdfast/service/failover"
)

// Debounce times, for Options that give none.
const (
	// DefaultQuiet is how long nothing more must have happened before a change
	// is looked at: an interface comes up in many steps.
	DefaultQuiet = 250 * time.Millisecond
	// DefaultMax is how long a change waits at most while more keeps happening.
	DefaultMax = 2 * time.Second
	// returnDelay is the same for an underlay that is not usable: its return
	// is looked for soon after every step.
	returnDelay = 20 * time.Millisecond
	// leastSleep is the shortest sleep that is reported.
	leastSleep = 3 * time.Second
)

// Options says what to watch. The zero value watches every interface.
type Options struct {
	// Ignore says that an interface is not of the underlay: the tunnel's own.
	// It is called from the Watcher's goroutine. nil: none is ignored.
	Ignore func(iface string) bool
	// Toward tells where the tunnel's server is. Where it is known, the underlay is
	// another one when the link, the gateway or the source address is that leads
	// there, and else when those of any way out are. The zero Addr: not known. It
	// is called from the Watcher's goroutine. nil: it is never known.
	Toward func() netip.Addr
	// Mark is the firewall mark of what is sent to the server. 0: none.
	Mark uint32
	// Moved is called at each change of the system's routes, addresses and
	// interfaces, before it is looked at and told, from the Watcher's goroutine.
	// nil: nobody is told.
	Moved func()
	// Quiet and Max replace DefaultQuiet and DefaultMax when above 0.
	Quiet, Max time.Duration
	// Clock replaces the system's clocks. nil: ReadClock.
	Clock func() clock.Reading
	// Jumps replaces what tells that the wall clock was set, as it is at every
	// waking. nil: the system does, where it can.
	Jumps <-chan struct{}
	// Jumped is called after each jump of the wall clock, however small, from a
	// goroutine of the Watcher's. nil: nobody is told.
	Jumped func()
	// Log gets a line for each change. nil: none.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Ignore == nil {
		o.Ignore = func(string) bool { return false }
	}
	if o.Toward == nil {
		o.Toward = func() netip.Addr { return netip.Addr{} }
	}
	if o.Moved == nil {
		o.Moved = func() {}
	}
	if o.Quiet <= 0 {
		o.Quiet = DefaultQuiet
	}
	if o.Max <= 0 {
		o.Max = DefaultMax
	}
	if o.Clock == nil {
		o.Clock = ReadClock
	}
	if o.Jumped == nil {
		o.Jumped = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Watcher reports changes until the context that it was made with ends.
type Watcher struct {
	inputs chan failover.Input
	done   chan struct{}
	looks  chan struct{} // cap 1
}

// Look has the clocks compared soon, and returns at once. It is for moments at
// which the program is awake anyhow: where the system does not tell that it woke,
// or that the wall clock was set, it is learned so.
func (w *Watcher) Look() { poke(w.looks) }

// Inputs returns the channel of what happened: one failover.Underlay at once
// and one at each change of usability, failover.NetworkChanged when a usable
// underlay is another one than the last usable one, failover.Woke after a sleep
// of more than 3 s, before anything that followed from it. While nobody
// receives, changes collapse into the last one. It is closed when the Watcher ends.
func (w *Watcher) Inputs() <-chan failover.Input { return w.inputs }

// Done is closed when the Watcher has ended and holds no resource any more.
func (w *Watcher) Done() <-chan struct{} { return w.done }
