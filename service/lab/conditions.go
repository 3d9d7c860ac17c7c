package lab

import (
	"slices"
	"time"
)

// Conditions describe a path: what it does to a datagram each way. The zero
// value is a perfect path.
type Conditions struct {
	Up, Down Link
}

// Both is a path that is the same each way.
func Both(link Link) Conditions { return Conditions{Up: link, Down: link} }

// Link is one direction of a path. The zero value loses and delays nothing.
type Link struct {
	// Latency is added to every datagram. Jitter adds a random part of itself on
	// top, without changing the order.
	Latency, Jitter time.Duration
	// Loss is the share of datagrams lost independently, 0 to 1.
	Loss float64
	// Reorder is the share of datagrams, 0 to 1, that are held back by
	// ReorderBy (0: 15 ms) so that later ones overtake them.
	Reorder   float64
	ReorderBy time.Duration
	// Burst makes the link vanish now and then.
	Burst Burst
	// Rate is what the link carries, in bytes per second. 0: no limit. Datagrams
	// that wait for it are queued up to Queue bytes (0: 64 KiB), the rest is lost.
	Rate, Queue int
	// MTU is the largest datagram in bytes of UDP payload; larger ones are lost
	// without a word. 0: no limit.
	MTU int
	// Dead loses everything.
	Dead bool
}

// Burst is loss in bursts: a Gilbert-Elliott channel in time. The link is good
// for an exponentially distributed time with the mean Every and then bad for
// one between Shortest and Longest, spread evenly over their logarithms. The
// zero value never turns bad.
type Burst struct {
	// Every is the mean time between two gaps. 0: no gaps.
	Every time.Duration
	// Shortest and Longest bound a gap. 0: 0.2 s and 3 s.
	Shortest, Longest time.Duration
	// Loss is the share of datagrams lost in a gap, 0 to 1. 0: all of them.
	Loss float64
}

// What the faults without numbers of their own do to a path.
const (
	faultLatency   = 150 * time.Millisecond
	faultJitter    = 80 * time.Millisecond
	faultReorder   = 0.2
	faultLoss      = 0.2
	faultLossOne   = 0.3
	faultBursts    = 10 * time.Second
	faultRate      = 1_000_000 / 8
	faultQueue     = 128 << 10
	faultMTU       = 1332 // an inner packet of 1280 bytes still passes
	reorderDefault = 15 * time.Millisecond
	queueDefault   = 64 << 10
	burstShortest  = 200 * time.Millisecond
	burstLongest   = 3 * time.Second
)

// with returns the conditions that hold when the faults come on top.
func (c Conditions) with(broken []Fault) Conditions {
	for _, f := range slices.Sorted(slices.Values(broken)) {
		c.Up = c.Up.with(f, f == BlackHoleUp || f == BlackHole, f == LossUp)
		c.Down = c.Down.with(f, f == BlackHoleDown || f == BlackHole, f == LossDown)
	}
	return c
}

func (l Link) with(f Fault, dead, lossy bool) Link {
	if dead {
		l.Dead = true
	}
	if lossy {
		l.Loss = 1 - (1-l.Loss)*(1-faultLossOne)
	}
	if change := linkFaults[f]; change != nil {
		change(&l)
	}
	return l
}

// linkFaults are the faults that do the same each way.
var linkFaults = map[Fault]func(*Link){
	Latency: func(l *Link) { l.Latency += faultLatency },
	Jitter:  func(l *Link) { l.Jitter += faultJitter },
	Reorder: func(l *Link) { l.Reorder = max(l.Reorder, faultReorder) },
	Loss:    func(l *Link) { l.Loss = 1 - (1-l.Loss)*(1-faultLoss) },
	Bursts:  func(l *Link) { l.Burst = Burst{Every: faultBursts} },
	Slow: func(l *Link) {
		if l.Rate == 0 || l.Rate > faultRate {
			l.Rate, l.Queue = faultRate, faultQueue
		}
	},
	MTU: func(l *Link) {
		if l.MTU == 0 || l.MTU > faultMTU {
			l.MTU = faultMTU
		}
	},
}
