//go:build windows || darwin

package guard

import (
	"context"
	"strings"
	"sync"
	"time"
)

// apart keeps looks at the rules apart, however busy others are with theirs.
const apart = 100 * time.Millisecond

// follow looks at the rules whenever it is told that something may have changed,
// and, where every is not 0, that often while they are shut. It puts back what is
// not as it should be, and tells of it, until ctx ends.
func (g *Guard) follow(ctx context.Context, news <-chan struct{}, every time.Duration) {
	g.watching(1)
	defer g.watching(-1)
	for {
		o, tell, broken := g.check()
		looked := time.Now()
		if tell {
			g.tell(Change{What: strings.Join(o.lost, ", "), Err: broken})
		}
		var again <-chan time.Time // nil: not before there is news
		switch {
		case broken != nil:
			again = time.After(retryAfter)
		case every != 0 && g.State().Set.Shut():
			again = time.After(every)
		}
		select {
		case <-ctx.Done():
			return
		case <-again:
		case <-news:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(looked.Add(apart))):
		}
	}
}

// generations are nothing here: nobody says which change was whose.
type generations struct{}

var allGenerations generations

// bell tells whoever listens that something may have changed. It is safe for
// concurrent use.
type bell struct {
	mu        sync.Mutex
	listeners map[chan struct{}]struct{}
}

// news is rung by the system, in whose calls there is no room for more than
// that, and by a Guard.
var news = bell{listeners: map[chan struct{}]struct{}{}}

func (b *bell) listen() (rung <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners[c] = struct{}{}
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, c)
	}
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.listeners {
		select {
		case c <- struct{}{}:
		default: // it has not yet looked
		}
	}
}
