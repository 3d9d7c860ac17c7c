package health

import "time"

// inquiry is the rules of the profiles that ask, and what they share. Its zero
// value knows nothing and, without Limits.SuspectAfter, is not used.
type inquiry struct {
	limits   Limits
	evidence evidence
	attempts attempts
	patience patience

	confirm confirmRule
	proof   proofRule
	session sessionRule
	forward forwardRule
	shared  sharedRule
	lossy   lossyRule
	size    sizeRule
	passive passiveProof

	renewedAt time.Time // when a dead session was last replaced; zero: none was
}

// take notes what a look found, before any rule is asked.
func (w *inquiry) take(s *sight) {
	w.evidence.take(s)
	w.attempts.take(s, w.evidence.deadline(s.now))
	if !w.evidence.owed.IsZero() {
		s.unanswered = w.evidence.owed
	}
}

// look asks all rules, the passive ones' findings among them, and decides what
// to ask. Of rules that are equally sure, the first names the cause.
func (w *inquiry) look(s *sight, handshake, traffic finding) Assessment {
	session := w.session.look(s, w)
	forward := w.forward.look(s, w)
	confirm := w.confirm.look(s, w)
	if traffic.verdict == Suspect && w.evidence.provedAt.After(traffic.since) {
		// The path is known to live, whatever became of the data.
		traffic = finding{verdict: Healthy, next: traffic.next}
	}
	a := merge(w.shared.look(s), forward, confirm, session, handshake, traffic)
	a.Lossy, a.RenewedAt = w.lossy.look(s), w.renewedAt
	a.DeadAt = w.deadAt(s, a.Verdict, forward, confirm)

	at := nearest(nearest(confirm.askAt, forward.askAt), nearest(w.proof.askAt(s, w), w.session.askAt(s, w)))
	w.rest(s, &a, at)
	w.ask(s, &a, nearest(at, w.heartbeat(s, a)))
	a.Ask.Size = w.size.wanted(s)
	now, next := w.session.wanted(s, w)
	if now {
		a.Ask.Session = true
		w.session.asked(s, w)
		next = s.now.Add(gap(&s.counters.Path, w.limits.SuspectAfter))
	}
	a.Next = nearest(a.Next, next)
	return a
}

// rest sets the looks of a tunnel that nothing is wrong with. While inner packets
// move it is looked at so often that no silence is found late. When they stop,
// nobody looks any more until one leaves; a peer's keepalives do not change that.
func (w *inquiry) rest(s *sight, a *Assessment, askAt time.Time) {
	if a.Verdict != Healthy && a.Verdict != Idle {
		return
	}
	switch {
	case !w.evidence.quiet(s.now, w.limits.CheckInterval):
		a.Next = nearest(a.Next, s.now.Add(w.limits.SuspectAfter/2))
	case askAt.IsZero() && !s.now.Before(w.confirm.wellTo) && !s.now.Before(w.forward.wellTo):
		a.Verdict, a.Next = Idle, time.Time{}
	}
}

// heartbeat is when an idle tunnel is to be asked. Zero: never.
func (w *inquiry) heartbeat(s *sight, a Assessment) time.Time {
	if a.Verdict != Idle || w.limits.Heartbeat <= 0 || possible(&s.counters.Path) == 0 {
		return time.Time{}
	}
	last := later(later(w.evidence.provedAt, w.evidence.movedAt), w.attempts.askedAt)
	return later(last, w.evidence.floor).Add(w.limits.Heartbeat)
}

// ask asks the path when its time has come, and else promises to.
func (w *inquiry) ask(s *sight, a *Assessment, at time.Time) {
	if at.IsZero() {
		return
	}
	p := &s.counters.Path
	between := gap(p, w.limits.SuspectAfter)
	if !w.attempts.askedAt.IsZero() {
		at = later(at, w.attempts.askedAt.Add(between))
	}
	if at.After(s.now) {
		a.Next = nearest(a.Next, at)
		return
	}
	a.Ask.Path = true
	w.attempts.wish(s.now)
	w.proof.asked(s.now)
	a.Next = nearest(a.Next, s.now.Add(min(between, w.evidence.deadline(s.now))))
}

// deadAt is up to when the tunnel has proven dead.
func (w *inquiry) deadAt(s *sight, v Verdict, active ...finding) time.Time {
	if v != Unhealthy {
		w.passive = passiveProof{}
		return time.Time{}
	}
	passive := w.passive.look(s)
	for _, f := range active {
		if f.verdict == Unhealthy {
			return f.deadAt
		}
	}
	if u := w.attempts.unanswered(s.now, w.evidence.provedAt, s.now, byAny); u.moments >= 2 {
		return u.beforeLast
	}
	return passive
}

// passiveProof is up to when a tunnel has proven dead that only the passive
// rules judge: the moment of their verdict, and later those at which something
// left and was not answered.
type passiveProof struct {
	at   time.Time
	left time.Time // the look after which something left of which it is not known yet
}

// passiveWait is how long an answer to what left is waited for.
const passiveWait = 2 * time.Second

func (r *passiveProof) look(s *sight) time.Time {
	if r.at.IsZero() {
		r.at = s.now
	}
	if !r.left.IsZero() && s.now.Sub(r.left) >= passiveWait {
		r.at, r.left = later(r.at, r.left), time.Time{}
	}
	if r.left.IsZero() && (s.sent || s.initiated) {
		r.left = s.before
	}
	return r.at
}

// reset forgets what was asked and doubted: nothing from before now counts.
func (w *inquiry) reset(now time.Time) {
	*w = inquiry{limits: w.limits, evidence: evidence{floor: now, movedAt: now}}
}
