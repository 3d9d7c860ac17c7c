package daemon

import (
	"context"
	"errors"
	"time"

	"holdfast/service/guard"
	"holdfast/service/netcfg"
)

const (
	// endsWithin is how long Release waits for a service that ends: one that answers
	// nobody any more has its devices to end, within closeWithin, and its history to
	// close, on a machine that may be busy.
	endsWithin = 15 * time.Second
	// endsAgain is how often it looks whether that one has ended.
	endsAgain = 100 * time.Millisecond
)

// ErrHeld says that a service is running, which holds the guard.
var ErrHeld = errors.New("a running holdfastd holds the guard")

// Release removes, without a running service, everything that keeps traffic in:
// the guard's rules and the routes beside them. The wish and the settings stay,
// so that the next start of the service, or of the computer, shuts again what
// they say. A service that is ending is waited for: what it still does to rules and
// routes would undo this, or be undone. ErrHeld where one goes on.
func Release(ctx context.Context, opt Options) error {
	opt = opt.withDefaults()
	network := newSystem(opt, nil, nil, opt.Log)
	release, err := claimAfter(ctx, network.Claim)
	if err != nil {
		return err
	}
	defer release()
	return errors.Join(guard.Release(ctx), network.Recover(ctx))
}

// claimAfter claims the network as soon as no other service has it. ErrHeld.
func claimAfter(ctx context.Context, claim func() (release func(), err error)) (release func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, endsWithin, ErrHeld)
	defer cancel()
	again := time.NewTicker(endsAgain)
	defer again.Stop()
	for {
		release, err := claim()
		if !errors.Is(err, netcfg.ErrClaimed) {
			return release, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
