package daemon

import "sync/atomic"

// own knows the tunnel's interface by its names: as it was asked for, and as the
// system gave it, which on macOS is another one each time.
type own struct {
	asked string
	given atomic.Pointer[string] // nil: it has not been opened yet
}

func newOwn(asked string) *own { return &own{asked: asked} }

// named takes the name that the system gave.
func (o *own) named(given string) { o.given.Store(&given) }

// has says that an interface is the tunnel's. It is asked from any goroutine.
func (o *own) has(iface string) bool {
	given := o.given.Load()
	return iface == o.asked || given != nil && iface == *given
}
