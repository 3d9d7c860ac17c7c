package lab

import (
	"math"
	"math/rand/v2"
	"time"
)

// Drop says why a datagram did not arrive.
type Drop string

// The reasons for which a path loses a datagram. The empty Drop: it was not
// lost.
const (
	DropDead  Drop = "dead"  // a black hole
	DropMTU   Drop = "mtu"   // larger than the path carries
	DropBurst Drop = "burst" // in a gap
	DropLoss  Drop = "loss"  // independent loss
	DropQueue Drop = "queue" // the bounded queue was full
)

// hop decides about the datagrams of one direction. It reads no clock: moments
// are durations since the path began, and never go back.
type hop struct {
	link Link
	rand *rand.Rand
	gaps gaps
	// free is when the link has carried all it has accepted; last is the latest
	// release so far, which later datagrams do not overtake.
	free, last time.Duration
}

func newHop(seed, stream uint64) *hop {
	return &hop{
		rand: rand.New(rand.NewPCG(seed, stream)),
		gaps: gaps{rand: rand.New(rand.NewPCG(seed, ^stream))},
	}
}

// set changes the conditions from now on. What is under way stays under way.
func (h *hop) set(now time.Duration, link Link) {
	if link.Burst != h.link.Burst {
		h.gaps.start(now, link.Burst)
	}
	if link.Rate != h.link.Rate {
		h.free = 0
	}
	if link.Latency != h.link.Latency || link.Jitter != h.link.Jitter {
		h.last = 0
	}
	h.link = link
}

// decide says when a datagram of this size that comes at now is to be handed
// on; or why it is not.
func (h *hop) decide(now time.Duration, size int) (time.Duration, Drop) {
	l := &h.link
	switch {
	case l.Dead:
		return 0, DropDead
	case l.MTU > 0 && size > l.MTU:
		return 0, DropMTU
	case h.gaps.at(now) && (l.Burst.Loss == 0 || h.rand.Float64() < l.Burst.Loss):
		return 0, DropBurst
	case l.Loss > 0 && h.rand.Float64() < l.Loss:
		return 0, DropLoss
	}
	at := now
	if l.Rate > 0 {
		start := max(now, h.free)
		queue := l.Queue
		if queue == 0 {
			queue = queueDefault
		}
		if waiting := (start - now).Seconds() * float64(l.Rate); waiting+float64(size) > float64(queue) {
			return 0, DropQueue
		}
		h.free = start + time.Duration(float64(size)/float64(l.Rate)*float64(time.Second))
		at = h.free
	}
	at += l.Latency
	if l.Jitter > 0 {
		at += time.Duration(h.rand.Int64N(int64(l.Jitter)))
	}
	at = max(at, h.last)
	if l.Reorder > 0 && h.rand.Float64() < l.Reorder {
		by := l.ReorderBy
		if by == 0 {
			by = reorderDefault
		}
		return at + by, ""
	}
	h.last = at
	return at, ""
}

// gaps is the schedule of the bad times of a bursty link. It depends on the
// seed and on the moment it started, never on the datagrams.
type gaps struct {
	rand     *rand.Rand
	burst    Burst
	from, to time.Duration // the gap that is, or comes next
}

func (g *gaps) start(now time.Duration, b Burst) {
	if b.Shortest == 0 {
		b.Shortest = burstShortest
	}
	if b.Longest == 0 {
		b.Longest = max(burstLongest, b.Shortest)
	}
	g.burst = b
	g.next(now)
}

// next draws the gap that follows the moment t.
func (g *gaps) next(t time.Duration) {
	if g.burst.Every <= 0 {
		return
	}
	b := g.burst
	g.from = t + time.Duration(g.rand.ExpFloat64()*float64(b.Every))
	spread := math.Log(float64(b.Longest) / float64(b.Shortest))
	g.to = g.from + time.Duration(float64(b.Shortest)*math.Exp(g.rand.Float64()*spread))
}

// at says whether the moment is in a gap.
func (g *gaps) at(now time.Duration) bool {
	if g.burst.Every <= 0 {
		return false
	}
	for now >= g.to {
		g.next(g.to)
	}
	return now >= g.from
}
