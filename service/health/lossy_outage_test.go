package health

import (
	"testing"
	"time"
)

// What an outage has swallowed is no habit of the line.
func TestOutageIsNoLoss(t *testing.T) {
	for _, every := range []time.Duration{200 * ms, sec} {
		for _, long := range []time.Duration{20 * sec, 50 * sec, 2 * time.Minute, 10 * time.Minute} {
			w := newWorld(3, balanced())
			w.every(every, func() { w.data(asking) })
			lossy := func() bool { return w.last.Lossy }
			w.run(30*sec, nil)
			w.gapTo = w.now + long
			w.run(long+2*time.Minute, lossy)
			if w.last.Lossy {
				t.Errorf("after an outage of %s, asking every %s: %.0f %% of %d", long, every, 100*w.c.Path.Loss, w.c.Path.LossOf)
			}
		}
	}
}
