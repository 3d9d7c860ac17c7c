package health

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// path is what a living tunnel may be like.
type path struct {
	loss   float64 // each way
	rtt    time.Duration
	jitter time.Duration
	gap    time.Duration // longest outage of the path, every minute or so; 0: none
	queue  time.Duration // how long the way up may become under load; 0: not at all
	near   int
	beyond int
	clears bool
}

// through makes a world of a path.
func (p path) through(seed uint64, l Limits) *world {
	w := newWorld(seed, l)
	w.lossUp, w.lossDn, w.rtt, w.jitter, w.clears = p.loss, p.loss, p.rtt, p.jitter, p.clears
	w.c.Path.Near.Known, w.c.Path.Beyond.Known = p.near, p.beyond
	w.est.Answered(p.rtt + p.jitter) // the handshake
	w.measure()
	if p.gap > 0 {
		w.every(time.Minute, func() {
			w.after(time.Duration(w.rng.Int64N(int64(30*sec))), func() {
				w.gapTo = w.now + time.Duration(w.rng.Int64N(int64(p.gap)))
			})
		})
	}
	if p.queue > 0 {
		// A buffer fills within some seconds and drains again.
		w.queue = func(now time.Duration) time.Duration {
			cycle := now % (40 * sec)
			full := min(1, float64(cycle)/float64(8*sec))
			if cycle > 30*sec {
				full = max(0, 1-float64(cycle-30*sec)/float64(2*sec))
			}
			return time.Duration(full * float64(p.queue))
		}
	}
	return w
}

func (p path) String() string {
	return fmt.Sprintf("loss %.0f %%, rtt %s ± %s, gaps %s, queue %s, responders %d+%d, clears %t",
		100*p.loss, p.rtt, p.jitter, p.gap, p.queue, p.near, p.beyond, p.clears)
}

// Whatever a living path is like, its tunnel is never called dead.
func TestLivingTunnelsAreNeverDead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom(profiles).Draw(t, "profile").limits
		shape := rapid.SampledFrom(shapeNames()).Draw(t, "shape")
		rtt := time.Duration(rapid.IntRange(1, 800).Draw(t, "rtt")) * ms
		p := path{
			loss: float64(rapid.IntRange(0, 20).Draw(t, "loss")) / 100, rtt: rtt,
			jitter: rtt * time.Duration(rapid.IntRange(0, 50).Draw(t, "jitter")) / 100,
			near:   rapid.IntRange(0, 1).Draw(t, "near"), beyond: rapid.IntRange(0, 2).Draw(t, "beyond"),
			clears: rapid.Bool().Draw(t, "clears"),
		}
		switch rapid.IntRange(0, 3).Draw(t, "trouble") {
		case 1:
			p.gap, p.loss = l.SuspectAfter, 0
		case 2:
			// A packet that is lost by chance makes an outage that follows longer.
			p.gap, p.loss = l.SuspectAfter/2, p.loss/4
		case 3:
			p.queue, p.loss = 2*sec, p.loss/4
			switch {
			case sparse[shape]: // that comes out of the blue, and is no less than an outage
				p.queue = min(p.queue, l.SuspectAfter/2)
			case l.SuspectAfter < 2*sec:
				p.queue = l.SuspectAfter
			}
		default:
		}
		w := p.through(rapid.Uint64().Draw(t, "seed"), l)
		w.keep = true
		shapes[shape](w)
		w.run(5*time.Minute, w.isUnhealthy)
		if w.isUnhealthy() {
			t.Fatalf("%s over %s: %s\n%v", shape, p, show(w.last), w.log[max(0, len(w.log)-25):])
		}
	})
}
