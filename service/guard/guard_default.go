//go:build !linux && !windows && !darwin

package guard

import "context"

// Supported says whether this system can keep anything in.
const Supported = false

// kernel is what there is of a packet filter on this system: nothing.
type kernel struct{}

type generations struct{}

var allGenerations generations

// openKernel returns ErrUnsupported: a set that keeps anything in fails, so that
// nothing seems to be protected that is not.
func openKernel(Options) (*kernel, error) { return nil, ErrUnsupported }

func (*kernel) enforce(meant) (outcome, error) { return outcome{}, ErrUnsupported }

func (*kernel) except(permit, bool) error { return ErrUnsupported }

func (*kernel) isOwned() bool { return false }

func (*kernel) Close() error { return nil }

// Watch returns nil when ctx ends: there is nothing that could be lost.
func (g *Guard) Watch(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Release returns nil: there are no rules.
func Release(context.Context) error { return nil }

// Present returns false: there are no rules.
func Present() (bool, error) { return false, nil }
