package wg

import (
	"testing"
	"time"
)

// TestCompletionSurvivesSleepAndClockSteps looks at one handshake and then at
// another, while the wall clock leaves the monotonic one behind.
func TestCompletionSurvivesSleepAndClockSteps(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const sec = int64(time.Second)
	for _, tt := range []struct {
		name string
		jump time.Duration // of the wall clock, after 20 s
	}{
		{"no step", 0},
		{"a night of sleep", 8 * time.Hour},
		{"a clock that is put back", -2 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c completion
			wall := func(now int64) time.Time {
				w := start.Add(time.Duration(now))
				if now > 20*sec {
					w = w.Add(tt.jump)
				}
				return w
			}
			if got := c.take(time.Time{}, wall(1*sec), 1*sec); got != 0 {
				t.Errorf("before any handshake: got %d", got)
			}
			first := wall(10 * sec)
			for _, now := range []int64{15 * sec, 25 * sec, 60 * sec} {
				if got := c.take(first, wall(now), now); got != 10*sec {
					t.Errorf("at %v: got %v", time.Duration(now), time.Duration(got))
				}
			}
			if got := c.take(wall(70*sec), wall(75*sec), 75*sec); got != 70*sec {
				t.Errorf("the second handshake: got %v", time.Duration(got))
			}
		})
	}
	// Where the step falls between a handshake and the first look at it, the
	// looks around it are its bounds.
	var c completion
	c.take(time.Time{}, start, 100*sec)
	if got := c.take(start.Add(time.Second), start.Add(8*time.Hour), 110*sec); got != 100*sec {
		t.Errorf("after a sleep: got %v", time.Duration(got))
	}
	c = completion{}
	if got := c.take(start.Add(2*time.Hour), start, 110*sec); got != 110*sec {
		t.Errorf("from the future: got %v", time.Duration(got))
	}
}
