package probe

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"holdfast/service/underlay"
)

const (
	// maxQuestions is the number of questions of one Outside that are under
	// way at once. More wait, within their own time.
	maxQuestions = 24
	// tries is how often a datagram is sent that may be lost, and tryEvery how
	// long the answer to one may take.
	tries    = 3
	tryEvery = 500 * time.Millisecond
)

// OutsideOptions says how an Outside works. The zero value is usable.
type OutsideOptions struct {
	// Mark is the firewall mark of what is sent, where the system has marks.
	// Where it has none and Mark is not 0, what is sent is bound to the
	// interface below the tunnel that leads there. 0: it follows the system's routes.
	Mark uint32
	// Permit lets what is sent pass the guard to exactly one address, of "udp",
	// "tcp" or "icmp", until done is called. It is called once for each question
	// and must return at once. nil: there is no guard.
	Permit func(network string, to netip.AddrPort) (done func())
	// Ours says that an interface is a tunnel of ours, by which nothing is sent.
	// nil: none is.
	Ours func(iface string) bool
	// Lookup finds the addresses of a page's name outside the tunnel, as that of
	// a Resolver does, which knows the name servers from before the tunnel set
	// its own. nil: a Resolver made for it.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Log gets warnings. nil: none.
	Log *slog.Logger
}

// Outside asks the network below the tunnel how far it reaches. It is safe for
// concurrent use and keeps nothing. Every question ends within its own time or
// with its context, whichever is first, and leaves no goroutine behind.
type Outside struct {
	OutsideOptions
	outlet
	room chan struct{} // holds one for each question under way
}

// NewOutside returns an Outside.
func NewOutside(o OutsideOptions) *Outside {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Ours == nil {
		o.Ours = underlay.None
	}
	if o.Lookup == nil {
		o.Lookup = NewResolver(Options{Mark: o.Mark, Ours: o.Ours, Permit: o.Permit, Log: o.Log}).Lookup
	}
	return &Outside{OutsideOptions: o, outlet: newOutlet(o.Mark, o.Ours, o.Permit), room: make(chan struct{}, maxQuestions)}
}

// begin puts a question beside the caller, as soon as there is room for it. It
// returns false when ctx ended first.
func (o *Outside) begin(ctx context.Context, all *sync.WaitGroup, question func()) bool {
	select {
	case o.room <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	all.Go(func() {
		defer func() { <-o.room }()
		question()
	})
	return true
}

// errNotAsked says that there was no time to ask.
var errNotAsked = errors.New("it could not be asked in time")

// isCancelled says that the caller no more wants to know. A deadline of its own
// is another matter: until then it was found out what could be.
func isCancelled(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// words returns what the system said, without what we were doing and to whom.
func words(err error) string {
	if err == nil {
		return ""
	}
	if no := syscall.Errno(0); errors.As(err, &no) {
		return no.Error()
	}
	return err.Error()
}

// isTimeout says that nothing came in time.
func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// hostPort writes an address without the form of IPv4 inside IPv6, which some
// systems send by the wrong kind of socket.
func hostPort(to netip.AddrPort) string {
	return netip.AddrPortFrom(to.Addr().Unmap(), to.Port()).String()
}
