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
// Where responders are known, their silence tells that from a flow that goes
// one way. Where none is, one session is asked for each time the path is proven
// alive, which a living tunnel does not notice.
type sessionRule struct {
	askedAt time.Time // zero: never
	from    time.Time // since when what it was asked for was owed
	weight  int       // how many packets had gone unanswered in the session
	pending bool      // what became of it is not known yet
	stale   bool      // responders were silent too: the session was dead
}

// wanted says whether a new session is to be asked for now.
func (r *sessionRule) wanted(s *sight, w *inquiry) bool {
	if !r.askedAt.IsZero() && s.now.Sub(r.askedAt) < sessionEvery {
		return false
	}
	e := &w.evidence
	if w.confirm.back {
		return !e.completedAt.After(e.provedAt)
	}
	from := e.owed
	if !e.unshaken.IsZero() && (from.IsZero() || e.unshaken.Before(from)) {
		from = e.unshaken
	}
	stuck := r.answered(&s.counters.Path, from) && s.now.Sub(from) >= w.limits.SuspectAfter/2 &&
		e.completedAt.Before(from) && r.mute(s, w, from, byEcho)
	return stuck || w.forward.sessionWanted(s, w)
}

// answered says that a handshake question was answered after from.
func (r *sessionRule) answered(p *tunnel.Path, from time.Time) bool {
	return !from.IsZero() && p.Askable && !p.Asked.AnsweredAt.Before(from)
}

// mute says that no responder of these kinds has answered since from, though
// asked; so too where none is known.
func (r *sessionRule) mute(s *sight, w *inquiry, from time.Time, of kinds) bool {
	p := &s.counters.Path
	if of&possible(p)&byEcho == 0 {
		return true
	}
	if p.Near.AnsweredAt.After(from) || p.Beyond.AnsweredAt.After(from) {
		return false
	}
	return w.attempts.unanswered(s.now, from, s.now, of).moments > 0
}

// asked notes that a session is being asked for.
func (r *sessionRule) asked(s *sight, w *inquiry) {
	e := &w.evidence
	*r = sessionRule{askedAt: s.now, pending: true}
	if !e.owed.IsZero() {
		r.from = e.owed
		echoes := w.attempts.unanswered(s.now, e.owed, s.now, byEcho).count
		r.stale = echoes > 0
		r.weight = int(min(s.counters.DataSent-e.owedFrom, 1000)) + echoes
	}
}

// look tells that the session was dead, while it is not known to be cured.
func (r *sessionRule) look(s *sight, w *inquiry) finding {
	if !r.pending {
		return finding{}
	}
	p := &s.counters.Path
	if r.from.IsZero() || s.now.Sub(r.askedAt) > atOnce+2*p.RTT && !r.stale {
		r.pending = false
		return finding{}
	}
	cured := w.evidence.completedAt.After(r.askedAt)
	if cured && s.counters.LastReceived.After(r.askedAt) && s.counters.LastReceived.Sub(r.askedAt) <= atOnce+2*p.RTT {
		if r.weight >= needed(&w.evidence.base)/2 {
			w.shared.died(s.now)
		}
		r.pending = false
		return finding{}
	}
	if s.received && (cured || w.evidence.owed.IsZero()) {
		r.pending = s.now.Sub(r.askedAt) <= atOnce+2*p.RTT
		r.stale = false
	}
	f := finding{}
	if left := r.askedAt.Add(atOnce + 2*p.RTT); left.After(s.now) {
		f.next = left
	}
	if suspectAt := r.from.Add(w.limits.SuspectAfter); r.stale {
		if s.now.Before(suspectAt) {
			return f.until(suspectAt, s.now)
		}
		f.verdict, f.cause, f.since = Suspect, tunnel.SessionStale, r.from
		f.next = s.now.Add(w.limits.SuspectInterval)
	}
	return f
}
