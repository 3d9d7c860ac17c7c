package wg

import (
	"sync"
	"time"
)

// completion turns the moment of the last handshake, which wireguard-go tells
// by the wall clock, into the monotonic time of the taps. The two clocks part
// when the machine sleeps or its clock is set, so a moment that has been turned
// once is kept.
type completion struct {
	mu        sync.Mutex
	handshake time.Time // the last one that was told
	at        int64     // when it was, since began; 0: none
	lookedAt  int64     // when it was last asked for, since began
}

// take returns when a handshake was completed, 0 for none. wall and now are the
// present by either clock.
func (c *completion) take(handshake, wall time.Time, now int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case handshake.IsZero():
		c.at = 0
	case !handshake.Equal(c.handshake):
		// It was not there at the last look.
		c.at = min(now, max(c.lookedAt, now-int64(wall.Sub(handshake)), 1))
	}
	c.handshake, c.lookedAt = handshake, now
	return c.at
}
