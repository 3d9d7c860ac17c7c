package health

import "time"

// proofRule asks for a round trip where arrivals hide that there is none.
//
// Whatever arrives is no proof that what is sent gets through: an upload may be
// dead while a download flows. So while both directions carry inner packets and
// nothing else has proven a round trip for a while, one question is asked; the
// rule that confirms takes it from there if it is not answered. A peer that
// begins handshakes again and again, none of them confirmed, is asked about at
// once.
//
// A download that stops dead while nothing is sent is asked about once: nothing
// is owed an answer then, and its end looks the same. An idle tunnel is asked
// every Heartbeat, if there is one.
type proofRule struct {
	flowing bool      // inner packets came at a rate whose end is noticed
	stallAt time.Time // when that end was last asked about
}

const (
	// flowRate is from how many inner packets a second on a flow is missed.
	flowRate = 5
	// leastProof and longestProof bound the time between two proofs.
	leastProof, longestProof = 1500 * time.Millisecond, 5 * time.Second
	// suspiciousInitiations is how many handshakes of the peer that nothing came
	// of are asked about.
	suspiciousInitiations = 2
)

// proofEvery is the time between two proofs while both directions carry data.
func proofEvery(suspectAfter time.Duration) time.Duration {
	return min(longestProof, max(suspectAfter, leastProof))
}

// askAt is when the path is to be asked. Zero: there is no reason.
func (r *proofRule) askAt(s *sight, w *inquiry) time.Time {
	e, p := &w.evidence, &s.counters.Path
	if possible(p) == 0 {
		return time.Time{}
	}
	asked := later(e.provedAt, w.attempts.askedAt)
	every := proofEvery(w.limits.SuspectAfter)
	var at time.Time
	if e.sentSince && e.heardSince {
		at = later(asked, e.floor).Add(every)
	}
	if p.PeerInitiations >= e.base.PeerInitiations+suspiciousInitiations && !w.attempts.askedAt.After(e.provedAt) {
		at = s.now
	}
	if stall := r.stall(s, w); !stall.IsZero() && (at.IsZero() || stall.Before(at)) {
		at = stall
	}
	return at
}

// stall is when to ask about a download that has stopped.
func (r *proofRule) stall(s *sight, w *inquiry) time.Time {
	c := s.counters
	if s.delivered {
		came := float64(c.DataReceived - s.was.DataReceived)
		took := max(s.now.Sub(s.before), time.Millisecond)
		// A flow that stopped between two looks did flow until then.
		until := max(c.LastReceived.Sub(s.before), 0)
		r.flowing = came >= flowRate*took.Seconds() || r.flowing && came >= flowRate*until.Seconds()
	}
	at := later(c.LastReceived, w.evidence.floor).Add(w.limits.SuspectAfter / 2)
	if !r.flowing || c.LastReceived.IsZero() || !w.attempts.askedAt.Before(at) ||
		!w.evidence.provedAt.Before(at) || !w.evidence.owed.IsZero() {
		return time.Time{}
	}
	return later(at, r.stallAt.Add(proofEvery(w.limits.SuspectAfter)))
}

// asked notes that a question is being asked for.
func (r *proofRule) asked(now time.Time) {
	if r.flowing {
		r.stallAt = now
	}
}
