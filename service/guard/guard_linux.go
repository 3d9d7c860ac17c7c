package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"holdfast/service/guardset"
)

// Supported says whether this system can keep anything in.
const Supported = true

// Guard keeps traffic in by rules of nf_tables, in the network namespace of the
// thread that first calls Set or Watch. It is safe for concurrent use.
//
// Its tables belong to it while the process lives, on kernels that know an
// owner that persists (Linux 6.9): then nobody else can remove or change them.
// On others they are plain tables, which Watch puts back. A kernel without
// tables of family arp does not keep the tunnel's addresses from neighbours
// that ask for them; a warning in the log says so.
type Guard struct {
	Options

	changes chan Change
	rules   *ruleset

	// mu guards what follows, and the kernel's sockets.
	mu          sync.Mutex
	kernel      *kernel // nil before the first use
	set         guardset.Set
	pausedUntil time.Time // zero: not paused
	verifiedAt  time.Time
	err         error
	unsettled   bool // a Set failed, and may have changed something
	permits     permits
	watches     int // how many Watch run
}

// New returns a Guard. It changes nothing before the first Set: what an
// earlier process left stays in force.
func New(o Options) *Guard {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Guard{
		Options: o,
		changes: make(chan Change, 16),
		rules:   newRuleset(o.Interface, o.Mark, uint32(os.Geteuid())),
		permits: permits{},
	}
}

// Set puts s in force in one step and reads back what is. It adopts the rules
// that an earlier process left. When it fails, what was in force stays so, or
// more is kept in than either asks for.
//
// Where the destinations that are kept in change, or the rules of an earlier
// version, everything is kept in for some milliseconds meanwhile.
//
// A set that is open removes all rules. Errors are ErrOwned, wrap
// errors.ErrUnsupported where the kernel cannot do it and os.ErrPermission
// where this process may not.
func (g *Guard) Set(ctx context.Context, s guardset.Set) error {
	if err := g.validate(); s.Shut() && err != nil {
		return err
	}
	var err error
	for try := range tries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return errors.Join(err, ctx.Err())
			case <-time.After(retryAfter):
			}
		}
		err = g.put(s)
		if err == nil || errors.Is(err, ErrOwned) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	return nil
}

func (g *Guard) put(s guardset.Set) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.openLocked(); err != nil {
		if !s.Shut() && errors.Is(err, errors.ErrUnsupported) {
			return nil // nothing can be kept in
		}
		return err
	}
	var until time.Time
	if s.Shut() && s.Paused > 0 {
		until = time.Now().Add(time.Duration(s.Paused) * time.Second)
	}
	_, err := g.kernel.enforce(g.meantLocked(s, until))
	if g.unsettled = err != nil; err == nil {
		g.set, g.pausedUntil, g.verifiedAt, g.err = s, until, time.Now(), nil
	}
	return err
}

func (g *Guard) openLocked() error {
	if g.kernel != nil {
		return nil
	}
	k, err := openKernel(g.Log)
	if err != nil {
		return err
	}
	g.kernel = k
	return nil
}

// meantLocked is what a set means at this moment. mu must be held.
func (g *Guard) meantLocked(s guardset.Set, until time.Time) meant {
	m := meant{rules: g.rules, set: s, permits: g.permits.list()}
	if left := time.Until(until); !until.IsZero() && left > -slack {
		m.paused = max(left, 1) // the kernel may end it a moment later
	}
	return m
}

// State says what is in force.
func (g *Guard) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return State{
		Set: g.set, VerifiedAt: g.verifiedAt, Err: g.err,
		Owned: g.kernel != nil && g.kernel.owned, Watched: g.watches > 0, Permits: len(g.permits),
	}
}

// Close gives the sockets back. The rules stay in force, without an owner.
func (g *Guard) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.kernel == nil {
		return nil
	}
	err := g.kernel.Close()
	g.kernel = nil
	return err
}
