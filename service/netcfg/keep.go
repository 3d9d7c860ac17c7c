package netcfg

import (
	"context"
	"slices"
	"strings"
	"time"
)

const (
	// keepSoon is how long after a loss it is looked for what is lost, the first
	// time: until then traffic is held up, or leaves if nothing fails closed.
	keepSoon = 2 * time.Millisecond
	// keepQuiet is the same while what was put back is taken again, since what
	// flushes a table takes one entry after the other, and for what only has to
	// be told.
	keepQuiet = 100 * time.Millisecond
	// keepMax is how long it waits at most while more keeps happening.
	keepMax = time.Second
	// keepApart keeps repairs apart where another program insists.
	keepApart = time.Second
	// keepRetry is the longest wait before another try where a repair failed.
	keepRetry = time.Minute
)

// outlet is by what a Manager tells of what others did.
type outlet struct {
	Options
	around  chan struct{} // room for one: look for detours
	changes chan Change
	// toldDetours are those that are known and told.
	toldDetours []string
}

func newOutlet(o Options) outlet {
	return outlet{Options: o.withDefaults(), around: make(chan struct{}, 1), changes: make(chan Change, mostChanges)}
}

// Changes tells of what others did, while Keep runs. What nobody receives is
// dropped. It is never closed.
func (o *outlet) Changes() <-chan Change { return o.changes }

func (o *outlet) tell(c Change) {
	select {
	case o.changes <- c:
	default: // nobody listens, and it is in the log
	}
}

// lookAround has Keep look for what leads around the tunnel.
func (o *outlet) lookAround() { poke(o.around) }

// tellDetours tells of what is new of the detours that were found, and of the
// end of the last one.
func (o *outlet) tellDetours(found []string) {
	for _, what := range found {
		if !slices.Contains(o.toldDetours, what) {
			o.Log.Warn("something leads around the tunnel", "what", what)
			o.tell(Change{What: what, Around: true})
		}
	}
	if len(found) == 0 && len(o.toldDetours) > 0 {
		o.tell(Change{Around: true})
	}
	o.toldDetours = found
}

// poke notes that something happened. One note is as good as many.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// signs are what a system's watcher passes on.
type signs struct {
	lost  <-chan struct{} // something of ours may be gone
	broke <-chan error    // once: why the watcher ended
	// culprit names the program that did what was passed on last. "": not known.
	culprit func() string
}

// kept is what is looked after.
type kept interface {
	// repair puts back what is missing, and says in plain words what that was.
	repair() (lost []string, err error)
	// detours looks for what leads around the tunnel, and tells.
	detours()
}

// keeper is what Keep knows of its work so far.
type keeper struct {
	*outlet
	of kept
	// lostSince and lookSince are when the first of the messages came that have
	// not been looked into. Zero: there are none.
	lostSince, lookSince time.Time
	// repairs are those less than keepApart apart from each other, and repairedAt
	// is when the last one was.
	repairs    int
	repairedAt time.Time
	// failures are those one after the other; 0: the last one was well.
	failures int
}

// run keeps what it looks after until ctx ends, or the watcher does.
func (k *keeper) run(ctx context.Context, s signs) error {
	k.lookAround()
	repair, look := time.NewTimer(0), time.NewTimer(0)
	defer repair.Stop()
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.broke:
			return err
		case <-s.lost:
			if wait, ok := k.loses(time.Now()); ok {
				repair.Reset(wait)
			}
		case <-repair.C:
			if again := k.repair(s.culprit()); again > 0 {
				repair.Reset(again)
			}
		case <-k.around:
			look.Reset(k.looks(time.Now()))
		case <-look.C:
			k.lookSince = time.Time{}
			k.of.detours()
		}
	}
}

// loses takes that something may be lost, and says after what time to look. Not
// ok: as was said before.
func (k *keeper) loses(now time.Time) (wait time.Duration, ok bool) {
	first := k.lostSince.IsZero()
	if first {
		k.lostSince = now
	}
	if now.Sub(k.repairedAt) >= keepApart {
		k.repairs = 0
	}
	quiet := min(keepQuiet, k.lostSince.Add(keepMax).Sub(now))
	switch k.repairs {
	case 0:
		return keepSoon, first
	case 1:
		return quiet, true
	default:
		return max(quiet, k.repairedAt.Add(keepApart).Sub(now)), true
	}
}

// looks takes that something was added, and says after what time to look.
func (k *keeper) looks(now time.Time) time.Duration {
	if k.lookSince.IsZero() {
		k.lookSince = now
	}
	return min(keepQuiet, k.lookSince.Add(keepMax).Sub(now))
}

// repair puts back what is missing, and tells of it. When that fails it says
// after what time to try again: what is being taken cannot be put back before it
// is gone, so only what fails twice is told.
func (k *keeper) repair(by string) (again time.Duration) {
	k.lostSince = time.Time{}
	lost, err := k.of.repair()
	if len(lost) > 0 {
		k.repairs++
		k.repairedAt = time.Now()
	}
	if err != nil {
		again = min(keepQuiet<<min(k.failures, 10), keepRetry)
		if k.failures++; k.failures == 2 {
			k.Log.Error("what the tunnel needs cannot be put back", "what", lost, "by", by, "err", err)
			k.tell(Change{By: by, What: sentence(lost), Err: err})
		}
		return again
	}
	failed := k.failures >= 2 // and was told
	k.failures = 0
	switch {
	case len(lost) > 0:
		k.Log.Warn("another program took away what the tunnel needs: it is put back", "what", lost, "by", by)
		k.tell(Change{By: by, What: sentence(lost)})
	case failed:
		k.Log.Info("what the tunnel needs is there again")
		k.tell(Change{What: "What the tunnel needs of the system is there again."})
	}
	return 0
}

// sentence says what was lost.
func sentence(lost []string) string {
	if len(lost) == 0 {
		return "What the tunnel needs of the system cannot be looked for."
	}
	return "Taken from the tunnel: " + strings.Join(lost, ", ") + "."
}
