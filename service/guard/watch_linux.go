package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Watch puts back what other programs take away, until ctx ends, and tells of
// it on Changes. It works in the network namespace of the calling thread, which
// must be the one in which Set is called, and costs nothing while nobody
// changes the firewall. An error says that it cannot watch.
//
// Where the rules cannot be put back it tries again, and tells when they are.
func (g *Guard) Watch(ctx context.Context) error {
	g.mu.Lock()
	err := g.openLocked()
	if err != nil {
		g.mu.Unlock()
		return fmt.Errorf("guard: %w", err)
	}
	own := g.kernel.writer.PID()
	g.mu.Unlock()
	e, err := dialEvents(own)
	if err != nil {
		return fmt.Errorf("guard: watch the rules: %w", err)
	}
	defer func() { _ = e.Close() }()
	defer context.AfterFunc(ctx, func() { _ = e.SetReadDeadline(time.Unix(1, 0)) })()
	g.watching(1)
	defer g.watching(-1)
	var who doers // who changed anything since the rules were whole
	for {
		o, news, broken := g.check()
		if news {
			more, _ := e.doers(false) // who did it may only now be told
			who = append(who, more...)
			g.tell(Change{By: who.until(o.found).String(), What: strings.Join(o.lost, ", "), Err: broken})
		}
		if broken == nil {
			who = who.after(o.verified)
		}
		if broken == nil && len(who) > 0 {
			continue
		}
		var until time.Time // zero: for as long as it takes
		if broken != nil {
			until = time.Now().Add(retryAfter)
		}
		_ = e.SetReadDeadline(until)
		if ctx.Err() != nil {
			return nil
		}
		more, err := e.doers(true)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("guard: watch the rules: %w", err)
		}
		who = append(who, more...)
		if !g.rest(ctx) {
			return nil
		}
	}
}

// ownedApart keeps the looks at rules apart that nobody else can change: then
// they are only looked at to be sure, however busy others are.
const ownedApart = time.Second

// rest waits until it is time to look again. It returns false when ctx ended.
func (g *Guard) rest(ctx context.Context) bool {
	st := g.State()
	if !st.Owned || st.Err != nil {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(st.VerifiedAt.Add(ownedApart))):
		return true
	}
}
