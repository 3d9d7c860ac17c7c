package health

import (
	"math"
	"time"

	"holdfast/service/tunnel"
)

const (
	// unknownDeadline is how long an answer is waited for while no round trip has
	// been measured.
	unknownDeadline = time.Second
	// longestDeadline bounds the wait on a path that strays without end.
	longestDeadline = 5 * time.Second
	// shortestGap is the least time between two attempts: a server answers at
	// most fifty handshakes a second.
	shortestGap = 100 * time.Millisecond
	// longestPatience is beyond the 10 s after which a living peer that only
	// receives answers of its own accord.
	longestPatience = 11 * time.Second
	// oneWayEvery is how often a flow that goes one way is asked about in the end,
	// where that is more than twice the wait of the profile: some 60 bytes a
	// second, for a death that is found within eight.
	oneWayEvery = 4 * time.Second
	// oneWaySeldom is below the 10 s after which a peer that only receives answers
	// of its own accord: its word is none about what lies behind it.
	oneWaySeldom = 8 * time.Second
	// staleAfter is when a measured round trip says little of the next one.
	staleAfter = 10 * time.Second
)

// slowFor is how long a path that was slow is expected to be so again.
const slowFor = 2 * time.Minute

// delay is how long answers take on a path. A link that was saturated once will
// be so again: for a while its worst counts, not its present.
type delay struct {
	worst time.Duration
	at    time.Time // when that was measured
}

func (d *delay) take(now time.Time, p *tunnel.Path) {
	if p.RTT <= 0 {
		return
	}
	is := max(p.RTT*5/4+100*time.Millisecond, p.RTT+4*p.RTTVar)
	if is >= d.worst || now.Sub(d.at) > slowFor {
		d.worst, d.at = is, now
	}
}

// deadline is how long the answer to an attempt is waited for, by a path that
// last proved itself so long ago.
func (d *delay) deadline(proved time.Duration) time.Duration {
	wait := d.worst
	if wait == 0 || proved > staleAfter {
		wait = max(wait, unknownDeadline)
	}
	return min(wait, longestDeadline)
}

// gap is the time between two attempts of an episode: never less than a round
// trip, so that a planned outage of a known length cannot swallow two of them
// beyond its end.
func gap(p *tunnel.Path, suspectAfter time.Duration) time.Duration {
	return min(max(shortestGap, p.RTT, suspectAfter/10), longestDeadline)
}

const (
	// byChance is how seldom a living path may leave all attempts unanswered.
	byChance = 1e-6
	// presumedLoss is the share of lost round trips that is presumed before any
	// was counted, with the weight of presumedOf of them: a tenth of the packets
	// lost each way.
	presumedLoss = 0.19
	presumedOf   = 8
	leastNeeded  = 4
	mostNeeded   = 16
)

// needed is how many attempts must go unanswered for the silence to be no
// accident, given how many round trips the path loses when it lives. The
// measured share counts with twice its standard error on top.
func needed(p *tunnel.Path) int {
	loss, of := min(max(p.Loss, 0), 1), float64(max(p.LossOf, 0))
	if of > 0 {
		loss = min(1, loss+2*math.Sqrt(loss*(1-loss)/of))
	}
	q := (presumedLoss*presumedOf + loss*of) / (presumedOf + of)
	if q >= 1 {
		return mostNeeded
	}
	k := math.Ceil(math.Log(byChance) / math.Log(q))
	return int(min(max(k, leastNeeded), mostNeeded))
}

const (
	// lossFrom is the share of lost round trips, of lossFromOf at least, from
	// which on one that is missing is no silence yet.
	lossFrom   = 0.02
	lossFromOf = 8
)

// slack is how much longer a silence must last where packets get lost: an outage
// that follows a packet lost by chance seems to have begun with that.
func slack(p *tunnel.Path, suspectAfter time.Duration) time.Duration {
	if p.LossOf >= lossFromOf && p.Loss > lossFrom {
		return suspectAfter / 2
	}
	return 0
}

// pace is the time between two attempts, so long after the verdict: a service
// that comes back is found within a second and a half for a quarter of an hour,
// and a tunnel that stays dead for a day costs little.
func pace(dead, gap time.Duration) time.Duration {
	switch {
	case dead < 10*time.Second:
		return gap
	case dead < time.Minute+10*time.Second:
		return max(gap, 500*time.Millisecond)
	case dead < 16*time.Minute:
		return max(gap, time.Second)
	default:
		return 5 * time.Second
	}
}

// patience is how long organic answers may be missing before the path is asked.
// A flow that goes one way only is never answered in kind: each time a question
// has proven the path alive while such answers were missing, the patience
// doubles, up to a few seconds: a stream that nobody answers costs a question
// every so often, and its death is found in twice that. The first answer in kind
// ends that.
type patience struct {
	proven int // how often the path was proven while answers were missing
}

// ask is when a silence is asked about: at first quietly and early.
func (p *patience) ask(suspectAfter time.Duration) time.Duration {
	if p.proven == 0 {
		return suspectAfter / 2
	}
	return min(suspectAfter<<p.proven, max(2*suspectAfter, oneWayEvery), oneWaySeldom)
}

// limit is how long it must last to be a suspicion. Where an answer in kind was
// not to be expected, only questions that go unanswered are a silence.
func (p *patience) limit(suspectAfter time.Duration) time.Duration {
	if p.proven == 0 {
		return suspectAfter
	}
	return p.ask(suspectAfter) + suspectAfter
}

func (p *patience) double() { p.proven = min(p.proven+1, 8) }
func (p *patience) renew()  { p.proven = 0 }
