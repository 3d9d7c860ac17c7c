package sim

import (
	"math/rand/v2"
	"time"
)

// Path is the way to one server and back.
type Path struct {
	Latency time.Duration // one way
	Jitter  time.Duration // added to each datagram, uniformly from 0 to this
	// LossUp and LossDown are the shares of datagrams lost by themselves.
	LossUp, LossDown float64
	// DeadUp and DeadDown let nothing pass in one direction.
	DeadUp, DeadDown bool
	// MTU is the largest inner packet that passes. 0: any.
	MTU int
	// Gaps are the path's own. The zero value has none.
	Gaps Gaps

	gaps gapping
}

// Gaps are short times in which nothing passes: a mean time between them, and
// between Least and Most each.
type Gaps struct {
	Every       time.Duration // 0: there are none
	Least, Most time.Duration
}

// gapping is a run of gaps, worked out as far as it was asked for.
type gapping struct {
	Gaps
	r        *rand.Rand
	from, to time.Duration // the last gap worked out
}

func (g *gapping) start(of Gaps, r *rand.Rand) { *g = gapping{Gaps: of, r: r} }

// closed says that now lies in a gap. It must be asked in the order of time.
func (g *gapping) closed(now time.Duration) bool {
	if g.Every == 0 {
		return false
	}
	for now >= g.to {
		g.from = g.to + time.Duration(float64(g.Every)*g.r.ExpFloat64())
		g.to = g.from + g.Least + time.Duration(g.r.Int64N(int64(g.Most-g.Least)+1))
	}
	return now >= g.from
}

// buffer is the bottleneck of one direction of the access link: what does not
// leave at once waits, and what does not fit is lost.
type buffer struct {
	rate  float64       // bytes a second; 0: no bottleneck
	depth time.Duration // how much it holds, as the time that takes to leave
	free  time.Duration // when all that is in it has left
}

// take lets a datagram in and returns when it leaves. False: it is lost.
func (b *buffer) take(now time.Duration, size int) (time.Duration, bool) {
	if b.rate == 0 {
		return now, true
	}
	start := max(now, b.free)
	if start-now > b.depth {
		return 0, false
	}
	b.free = start + time.Duration(float64(size)/b.rate*float64(time.Second))
	return b.free, true
}
