package health

import (
	"time"

	"holdfast/service/tunnel"
)

const (
	// sessionEvery is the least time between two sessions that are asked for.
	sessionEvery = 5 * time.Second
	// atOnce is how soon after a session was asked for data must come for the new
	// session to have been the cure, on top of two round trips.
	atOnce = 500 * time.Millisecond
)

// sessionRule asks for a new session where the server answers handshakes and
// nothing that is sent within the session: it was restarted, has forgotten the
// session, or gave it to another device with the same key.
//
// Where responders are known, echoes that left with an answered question and
// were not answered tell that from a flow that goes one way, and from an outage
// that has just ended; one will do where nothing gets lost. Where none is, the first session is asked for as soon as
// the path is proven, which a living tunnel does not notice; the next ones only
// when data that left after the proof stays unanswered too.
type sessionRule struct {
	askedAt time.Time // zero: never
	from    time.Time // since when what it was asked for was owed; zero: nothing was
	weight  int       // how many packets had gone unanswered on a living path
	pending bool      // what became of it is not known yet
	stale   bool      // responders were silent too: the session was dead
}

// askAt is when to ask next: soon where an echo went unanswered beside an
// answered question, and one of them does not tell whose fault that is. Zero:
// there is no reason.
func (r *sessionRule) askAt(s *sight, w *inquiry) time.Time {
	from := r.owed(w)
	if from.IsZero() || w.confirm.back || possible(&s.counters.Path)&byEcho == 0 || s.counters.Path.Asked.AnsweredAt.Before(from) ||
		!w.evidence.completedAt.Before(from) || !r.askedAt.Before(from) {
		return time.Time{}
	}
	if n := w.echoes(s, from).count; n == 0 || n >= w.telling() {
		return time.Time{}
	}
	return w.attempts.askedAt.Add(gap(&s.counters.Path, w.limits.SuspectAfter))
}

// owed is since when an answer is owed that the session may have lost. Zero: none is.
func (r *sessionRule) owed(w *inquiry) time.Time {
	e := &w.evidence
	if !e.unshaken.IsZero() && (e.owed.IsZero() || e.unshaken.Before(e.owed)) {
		return e.unshaken
	}
	return e.owed
}

// rarely is the time between two sessions that are asked for on a bare proof.
const rarely = time.Minute

// wanted says whether a new session is to be asked for now, or else when to look
// again. Zero: that need not be.
func (r *sessionRule) wanted(s *sight, w *inquiry) (now bool, next time.Time) {
	e, p := &w.evidence, &s.counters.Path
	rested := r.askedAt.IsZero() || s.now.Sub(r.askedAt) >= sessionEvery
	if w.confirm.back {
		return rested && !e.completedAt.After(e.provedAt), time.Time{}
	}
	if rested && w.forward.sessionWanted(s, w) {
		return true, time.Time{}
	}
	from := r.owed(w)
	answered := p.Asked.AnsweredAt
	if from.IsZero() || answered.Before(from) || s.now.Sub(from) < w.limits.SuspectAfter/2 || !e.completedAt.Before(from) {
		return false, time.Time{}
	}
	wait := e.deadline(s.now)
	switch {
	case !rested:
	case possible(p)&byEcho != 0:
		now = w.echoes(s, from).count >= w.telling()
	case r.askedAt.IsZero():
		now = true
	case s.now.Sub(e.arrivedAt) < longestPatience:
		// The peer confirms by its keepalives what it receives in this session.
	case s.now.Sub(r.askedAt) >= rarely:
		now = true
	default:
		enough := s.counters.DataSent >= e.sentBefore+uint64(needed(&e.base)/2)
		waited := s.now.Sub(e.sentAt)
		now = !e.sentAt.IsZero() && (waited >= w.limits.SuspectAfter || enough && waited >= wait)
	}
	if !now && s.now.Sub(answered) < 2*w.limits.SuspectAfter {
		next = s.now.Add(wait)
	}
	return now, next
}

// echoes is what became of those that left about when a question did that was
// answered, if none of any time since was answered. Where one echo tells nothing
// it is those since the silence began, at from.
func (w *inquiry) echoes(s *sight, from time.Time) silence {
	p := &s.counters.Path
	left := p.Asked.AnsweredAt.Add(-w.evidence.deadline(s.now) - time.Nanosecond)
	if w.telling() > 1 {
		left = sooner(left, from)
	}
	return w.attempts.unanswered(s.now, later(left, later(p.Near.AnsweredAt, p.Beyond.AnsweredAt)), s.now, byEcho)
}

// telling is how many echoes must go unanswered beside an answered question for
// that to be the session's fault: where packets get lost, one says nothing, and
// as many as chance would take once in 30,000 times do.
func (w *inquiry) telling() int {
	p := &w.evidence.base
	if p.LossOf >= lossFromOf && p.Loss <= lossFrom {
		return 1
	}
	return needed(p) * 3 / 4
}

// asked notes that a session is being asked for.
func (r *sessionRule) asked(s *sight, w *inquiry) {
	e := &w.evidence
	*r = sessionRule{askedAt: s.now, pending: true, from: e.owed}
	if !e.owed.IsZero() {
		// Where no echo speaks, what left before the proof may have been lost in an
		// outage that is over.
		sent, echoes := s.counters.DataSent-e.sentBefore, w.echoes(s, e.owed).count
		if r.stale = echoes >= w.telling(); r.stale {
			sent = s.counters.DataSent - e.owedFrom
		}
		r.weight = int(min(sent, mostNeeded)) + echoes
	}
}

// look tells that the session was dead, while it is not known to be cured.
func (r *sessionRule) look(s *sight, w *inquiry) finding {
	if !r.pending {
		return finding{}
	}
	soon := r.askedAt.Add(atOnce + 2*s.counters.Path.RTT)
	cured := w.evidence.completedAt.After(r.askedAt)
	switch at := s.counters.LastReceived; {
	case cured && at.After(r.askedAt) && !at.After(soon):
		if r.weight >= needed(&w.evidence.base)/2 {
			w.shared.died(s.now)
			w.renewedAt = s.now
		}
		r.pending = false
		return finding{}
	case s.received && (cured || w.evidence.owed.IsZero()):
		r.stale = false
	}
	if !r.stale && !s.now.Before(soon) {
		r.pending = false
		return finding{}
	}
	if !r.stale {
		return finding{}.until(soon, s.now)
	}
	suspectAt := r.from.Add(w.limits.SuspectAfter)
	if s.now.Before(suspectAt) {
		return finding{}.until(suspectAt, s.now)
	}
	return finding{verdict: Suspect, cause: tunnel.SessionStale, since: r.from, next: s.now.Add(w.limits.SuspectInterval)}
}
