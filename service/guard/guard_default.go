//go:build !linux

package guard

import (
	"context"
	"net/netip"

	"holdfast/service/guardset"
)

// Supported says whether this system can keep anything in.
const Supported = false

// Guard keeps nothing in on this system.
type Guard struct{}

// New returns a Guard that can keep nothing in.
func New(Options) *Guard { return &Guard{} }

// Set returns ErrUnsupported for a set that keeps anything in, so that nothing
// seems to be protected that is not.
func (g *Guard) Set(_ context.Context, s guardset.Set) error {
	if s.Shut() {
		return ErrUnsupported
	}
	return nil
}

// Permit does nothing: everything may leave.
func (g *Guard) Permit(string, netip.AddrPort) (done func()) { return func() {} }

// Watch returns nil when ctx ends: there is nothing that could be lost.
func (g *Guard) Watch(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Changes never tells of anything.
func (g *Guard) Changes() <-chan Change { return nil }

// State is empty.
func (g *Guard) State() State { return State{} }

// Close does nothing.
func (g *Guard) Close() error { return nil }

// Release returns nil: there are no rules.
func Release(context.Context) error { return nil }

// Present returns false: there are no rules.
func Present() (bool, error) { return false, nil }
