package health

import (
	"time"

	"holdfast/service/tunnel"
)

const (
	// forwardSpan is how much longer than SuspectAfter an application must have
	// waited for a server that answers to be said to forward nothing.
	forwardSpan = time.Second
	// manyFlows is how many flows must have begun, and manyFor how long they must
	// have waited, to be as good as a second responder.
	manyFlows = 8
	manyFor   = 8 * time.Second
	// manyAsks is how many questions the server must have answered meanwhile.
	manyAsks = 2
	// loneFor is how long a single silent responder is a suspicion: it may be
	// switched off.
	loneFor = 12 * time.Second
	// longestForward bounds the patience with an application that asks what never
	// answers.
	longestForward = time.Minute
)

// forwardRule finds a server that answers and forwards nothing.
//
// An application waits, questions to the server are answered, and echoes to
// responders behind it are not, although a new session was made or the server
// itself answers within the session. That two responders are silent, or the one
// behind the server and the server's own, or that many flows began and nothing
// at all came, is believed. One single silent responder may be off: it makes a
// tunnel suspect for a while, and unhealthy when another member is found to
// reach what this one does not. With no responder known only the flows count.
//
// A responder that answers and any inner packet of an application end it.
type forwardRule struct {
	verdict Verdict // "", Suspect or Unhealthy
	since   time.Time
	from    time.Time // since when an application has waited in this episode
	deadAt  time.Time // when it became unhealthy
	lone    time.Time // since when a single responder has been the suspicion
	given   bool      // up on that one
	answers uint64    // Asked.Answered when the episode began
	needed  int       // how many echoes must go unanswered, by the loss of that time
	wellTo  time.Time
	proven  int       // how often forwarding was proven while an application waited
	heldAt  time.Time // when a responder behind the server last answered in the episode

	proof passiveProof // up to when only flows tell that it is dead

	unasked  bool // no application waits
	contrast bool // another member reached what this one does not
}

func (r *forwardRule) look(s *sight, w *inquiry) finding {
	p := &s.counters.Path
	r.take(s, w)
	if r.from.IsZero() {
		if s.now.Before(r.wellTo) {
			return finding{verdict: Healthy, next: r.wellTo}
		}
		return finding{}
	}
	start := later(r.from, r.heldAt)
	f := finding{askAt: r.askAt(s, w, start)}
	if r.given {
		return finding{}
	}
	// What was lost with an older session says nothing about this one.
	fresh := later(start, w.evidence.completedAt)
	u := w.attempts.unanswered(s.now, later(fresh, w.evidence.floor), r.from.Add(w.limits.SuspectAfter), byBeyond)
	f.next = u.due
	if r.verdict != Unhealthy {
		r.judge(s, w, start, u, &f)
	}
	if r.verdict == "" {
		return f
	}
	f.verdict, f.cause, f.since = r.verdict, tunnel.ForwardsNothing, r.since
	if r.verdict == Unhealthy {
		f.deadAt = later(u.beforeLast, r.since)
		if p.Beyond.Known == 0 {
			f.deadAt = r.proof.look(s)
		}
	}
	return f
}

// take notes what began and what ended.
func (r *forwardRule) take(s *sight, w *inquiry) {
	p := &s.counters.Path
	waiting := p.WaitingSince
	if !waiting.IsZero() {
		waiting = later(waiting, w.evidence.floor)
	}
	answered := !p.Beyond.AnsweredAt.IsZero() && p.Beyond.AnsweredAt.After(r.from) && p.Beyond.AnsweredAt.After(r.heldAt)
	switch {
	case w.evidence.organic:
		r.end(s.now)
		r.proven = 0
	case r.from.IsZero():
	case s.delivered:
		r.end(s.now)
	case answered:
		was := *r
		r.end(s.now)
		r.proven, r.heldAt = min(was.proven+1, 8), p.Beyond.AnsweredAt
		r.from, r.answers, r.needed = was.from, was.answers, was.needed
	case waiting.IsZero() && r.verdict != Unhealthy && !r.unasked:
		r.end(s.now)
	}
	if r.from.IsZero() && waiting.IsZero() {
		r.suspect(s, w)
	}
	if r.from.IsZero() && !waiting.IsZero() {
		r.from, r.answers, r.needed = waiting, p.Asked.Answered, needed(p)
	}
}

// suspect begins an episode although no application waits for an answer: the
// server answered a question, and of the responders behind it, which were asked
// with it, none. So is seen that a stream which nobody answers goes nowhere.
func (r *forwardRule) suspect(s *sight, w *inquiry) {
	p := &s.counters.Path
	if p.Beyond.Known < 2 || s.delivered {
		return
	}
	from := later(later(p.Beyond.AnsweredAt, w.evidence.floor), w.evidence.completedAt)
	u := w.attempts.unanswered(s.now, from, s.now, byBeyond)
	if u.moments > 0 && p.Asked.AnsweredAt.After(u.first) {
		r.from, r.answers, r.needed, r.unasked = u.first.Add(-time.Millisecond), p.Asked.Answered, needed(p), true
	}
}

// end forgets the episode.
func (r *forwardRule) end(now time.Time) {
	well := r.wellTo
	if r.verdict != "" {
		well = now.Add(lastingHealth)
	}
	*r = forwardRule{wellTo: well, proven: r.proven}
}

// patience is how long an application may wait before the path is asked.
func (r *forwardRule) patience(suspectAfter time.Duration) time.Duration {
	if r.proven == 0 {
		return suspectAfter / 2
	}
	return min(suspectAfter<<r.proven, longestForward)
}

// askAt is when to ask next. Zero: there is nobody to ask.
func (r *forwardRule) askAt(s *sight, w *inquiry, start time.Time) time.Time {
	p := &s.counters.Path
	if possible(p) == 0 || w.confirm.verdict == Unhealthy {
		return time.Time{} // of a dead path the other rule asks
	}
	first := start.Add(r.patience(w.limits.SuspectAfter))
	every := gap(p, w.limits.SuspectAfter)
	switch {
	case r.verdict == Unhealthy:
		every = pace(s.now.Sub(r.deadAt), every)
	case p.Beyond.Known == 0 && p.WaitingFlows < manyFlows:
		return time.Time{}
	case p.Beyond.Known == 0:
		every = max(every, time.Second)
	case s.now.Sub(start) > 2*loneFor:
		every = proofEvery(w.limits.SuspectAfter)
	}
	return later(first, w.attempts.askedAt.Add(every))
}

// judge concludes from the silence u of the responders behind the server.
func (r *forwardRule) judge(s *sight, w *inquiry, start time.Time, u silence, f *finding) {
	p := &s.counters.Path
	many := p.WaitingFlows >= manyFlows && !p.WaitingSince.IsZero() && s.now.Sub(start) >= manyFor
	if p.Beyond.Known == 0 {
		r.count(s, w, start, f)
		return
	}
	span := start.Add(w.limits.SuspectAfter + forwardSpan)
	if s.now.Before(span) {
		*f = f.until(span, s.now)
		return
	}
	k := r.needed
	if u.count < k || u.lateMoments < 2 || !r.serverAnswers(p, start) || !r.sessionLives(s, w, start) {
		return
	}
	nearSilent := p.Near.Known > 0 && !p.Near.AnsweredAt.After(start) &&
		w.attempts.unanswered(s.now, later(start, w.evidence.completedAt), s.now, byNear).count >= k
	switch {
	case p.Beyond.Known >= 2, nearSilent, many, r.contrast:
		r.conclude(Unhealthy, s.now)
	case r.lone.IsZero():
		r.lone = s.now
		r.conclude(Suspect, start)
	case s.now.Sub(r.lone) >= loneFor:
		*r = forwardRule{from: r.from, needed: r.needed, given: true, proven: r.proven, wellTo: s.now.Add(lastingHealth)}
	}
	if r.verdict == Suspect {
		*f = f.until(r.lone.Add(loneFor), s.now)
	}
}

// count concludes from flows alone: halfway it is a suspicion, so that others
// are asked in time.
func (r *forwardRule) count(s *sight, w *inquiry, start time.Time, f *finding) {
	p := &s.counters.Path
	if p.WaitingFlows < manyFlows || !r.serverAnswers(p, start) || p.Asked.Answered < r.answers+manyAsks ||
		!r.sessionLives(s, w, start) {
		return
	}
	half, full := start.Add(manyFor/2), start.Add(manyFor)
	switch {
	case !s.now.Before(full):
		r.conclude(Unhealthy, s.now)
	case !s.now.Before(half):
		r.conclude(Suspect, s.now)
		*f = f.until(full, s.now)
	default:
		*f = f.until(half, s.now)
	}
}

func (r *forwardRule) conclude(v Verdict, at time.Time) {
	if r.since.IsZero() {
		r.since = r.from
	}
	r.verdict = v
	if v == Unhealthy {
		r.deadAt = at
	}
}

// serverAnswers says that the server has answered a question since start.
func (r *forwardRule) serverAnswers(p *tunnel.Path, start time.Time) bool {
	return p.Asked.AnsweredAt.After(start) || p.Near.AnsweredAt.After(start)
}

// sessionLives says that the session is not what is dead: it is newer than the
// silence, or the server answers within it.
func (r *forwardRule) sessionLives(s *sight, w *inquiry, start time.Time) bool {
	return w.evidence.completedFrom.After(start) || s.counters.Path.Near.AnsweredAt.After(start)
}

// sessionWanted says that only a new session can tell whose fault the silence is.
func (r *forwardRule) sessionWanted(s *sight, w *inquiry) bool {
	if r.from.IsZero() || r.given {
		return false
	}
	p := &s.counters.Path
	start := later(r.from, r.heldAt)
	if r.sessionLives(s, w, start) || !p.Asked.AnsweredAt.After(start) {
		return false
	}
	if p.Beyond.Known == 0 {
		return p.WaitingFlows >= manyFlows
	}
	return w.attempts.unanswered(s.now, start, s.now, byBeyond).moments > 0
}

// contrasted notes that another member reaches what this one does not.
func (r *forwardRule) contrasted() {
	r.contrast = r.verdict == Suspect
}
