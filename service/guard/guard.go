// Package guard enforces a guardset.Set in the system's packet filter: the kill
// switch. These are rules of nf_tables on Linux, filters of the Windows Filtering
// Platform, and rules of pf on macOS.
//
// They belong to the system and outlive the process; the next one adopts them as
// they are and moves on from there. What is in force is read back after each
// change, and no change lets anything out on its way that neither the set before
// nor the one behind lets.
//
// A Guard never opens by itself: only a Set of kind open removes rules, and
// Release does. It decides nothing, knows no tunnel and sees no packet.
//
// What a system's filter cannot keep in is in SECURITY.md.
package guard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"holdfast/service/guardset"
)

// ErrUnsupported says that this system has no packet filter that this build
// knows. It wraps errors.ErrUnsupported.
var ErrUnsupported = fmt.Errorf("keep traffic in on this system: %w", errors.ErrUnsupported)

// ErrOwned says that the rules belong to another running process, which alone
// may change them.
var ErrOwned = errors.New("the rules belong to another running holdfastd: ask it, or stop it")

// MaxPermits is how many different addresses can be permitted at a time. It is
// far more than a service asks for: one endpoint and the probes of each member.
const MaxPermits = 64

const (
	// tries is how often a Set is put in force and read back before it fails.
	tries = 3
	// retryAfter is how long it waits in between: all of them take less than a second.
	retryAfter = 250 * time.Millisecond
)

// Options says what is let through.
type Options struct {
	// Interface is the name of the tunnel's interface. It need not exist.
	Interface string
	// Mark is the firewall mark of our own packets. Permits hold for packets
	// with this mark from a socket of this process's user. It must not be 0. On
	// Windows they hold for this program run by this user instead, on macOS for
	// all programs of this user; there everybody may send an echo that is permitted.
	Mark uint32
	// Afterwards has somebody else shut the guard as it should be, after this time
	// and if this process does not live by then; cancel says that it is not needed.
	// Only macOS asks for it, where a pause would else outlive us. nil: nobody does.
	Afterwards func(time.Duration) (cancel func(), err error)
	// Log gets warnings. nil: none.
	Log *slog.Logger
}

var interfaceName = regexp.MustCompile(`^[a-zA-Z0-9_=+.-]{1,15}$`)

func (o *Options) validate() error {
	if !interfaceName.MatchString(o.Interface) {
		return fmt.Errorf("guard: interface name %q is not usable", o.Interface)
	}
	if o.Mark == 0 {
		return errors.New("guard: needs a mark for our own packets")
	}
	return nil
}

// Change is what another program did to the rules.
type Change struct {
	// By is the program, as in "nft (pid 4242)". "": not known. The number is
	// that of its thread in the initial pid namespace.
	By string
	// What was changed, in plain words.
	What string
	// Err is nil: the rules are whole again. Else they cannot be put back.
	Err error
}

// State is what a Guard knows of the rules.
type State struct {
	// Set was put in force last. The zero Set: none was.
	Set guardset.Set
	// VerifiedAt is when the rules were read back whole last. While Watch runs
	// they were not changed since. Zero: never.
	VerifiedAt time.Time
	// Err is why Watch could not read them or put them back. nil: they are whole.
	Err error
	// Owned says that no other program can remove the rules while this process lives.
	Owned bool
	// Watched says that Watch runs.
	Watched bool
	// Permits is how many addresses are permitted at the moment.
	Permits int
}

// Guard keeps traffic in by the system's packet filter. It is safe for
// concurrent use. On Linux it works in the network namespace of the thread that
// first calls Set or Watch.
type Guard struct {
	Options

	changes chan Change

	// mu guards what follows, and what is behind kernel.
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

// filter is the packet filter of a system, as a Guard needs it: the type kernel
// of each. It is not safe for concurrent use.
type filter interface {
	// enforce makes the rules those that are meant, and reads them back until
	// they are. Where the set is open it removes them.
	enforce(meant) (outcome, error)
	// except puts a permit into the rules that are in force, or takes it away.
	except(p permit, add bool) error
	// isOwned says that no other program could change the rules when they were
	// read last.
	isOwned() bool
	// Close gives back what the process holds. The rules stay.
	Close() error
}

var _ filter = (*kernel)(nil)

// meant is all that the rules follow from, beside the Options.
type meant struct {
	set     guardset.Set
	permits []permit
	// paused is what is left of a pause, less than 0 where it is over. 0: none.
	paused time.Duration
}

// inForce are the permits that hold: with a Held set, in an order of their own.
func (m *meant) inForce() []permit {
	if m.set.Kind != guardset.Held {
		return nil
	}
	list := slices.Clone(m.permits)
	slices.SortFunc(list, func(a, b permit) int {
		return cmp.Or(a.to.Compare(b.to), cmp.Compare(a.protocol, b.protocol))
	})
	return list
}

// outcome is what it took to make the rules those that are meant.
type outcome struct {
	// lost is what differed at first, in plain words.
	lost []string
	// generations are those of all rules of the system, where it counts them.
	generations
}

// New returns a Guard. It changes nothing before the first Set: what an
// earlier process left stays in force.
func New(o Options) *Guard {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Guard{Options: o, changes: make(chan Change, 16), permits: permits{}}
}

// Set puts s in force in one step and reads back what is. It adopts the rules
// that an earlier process left. When it fails, what was in force stays so, or
// more is kept in than either asks for.
//
// Where the destinations that are kept in change, or the rules of an earlier
// version, everything is kept in for some milliseconds meanwhile on Linux.
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
	k, err := openKernel(g.Options)
	if err != nil {
		return err
	}
	g.kernel = k
	return nil
}

// meantLocked is what a set means at this moment. mu must be held.
func (g *Guard) meantLocked(s guardset.Set, until time.Time) meant {
	m := meant{set: s, permits: g.permits.list()}
	if !until.IsZero() {
		m.paused = time.Until(until)
	}
	return m
}

// State says what is in force.
func (g *Guard) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return State{
		Set: g.set, VerifiedAt: g.verifiedAt, Err: g.err,
		Owned: g.kernel != nil && g.kernel.isOwned(), Watched: g.watches > 0, Permits: len(g.permits),
	}
}

// Close gives back what the process holds. The rules stay in force, without an owner.
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
