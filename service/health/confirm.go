package health

import (
	"time"

	"holdfast/service/tunnel"
)

// lastingHealth is how long the word that a tunnel is back is repeated: whoever
// was told of its death must hear of its life, whatever the other rules say of a
// tunnel on which nothing is sent.
const lastingHealth = time.Second

// confirmRule confirms a silence by asking. It is the whole of the profiles that
// decide in seconds.
//
// A doubt begins with the oldest packet, initiation or question of ours that no
// round trip has followed. Half of SuspectAfter later the path is asked, quietly
// and again every gap: a living one answers within a round trip, and nobody ever
// hears of the doubt. SuspectAfter after its beginning the tunnel is suspect.
// It is unhealthy when as many questions have gone unanswered as chance could
// not swallow, half of them sent after that moment and at two moments at least:
// so an outage of the path that is no longer than SuspectAfter never ends a
// tunnel. Any proof of a round trip ends the doubt.
//
// An unhealthy tunnel goes on being asked. It is back when a question is
// answered and no data is owed an answer, or something authenticated came too:
// a server that was restarted answers handshakes, and knows nothing of the
// session.
type confirmRule struct {
	verdict Verdict // "", Suspect or Unhealthy
	cause   tunnel.Cause
	since   time.Time
	deadAt  time.Time // when it became unhealthy
	wellTo  time.Time // to when it is said to be back
	// weary is since when it is asked in vain, with the device rebuilt in between:
	// no rebuild makes a dead path answer sooner. Zero: it is not.
	weary time.Time

	firstAsk time.Time // the first overdue question of this doubt; zero: none
	back     bool      // unhealthy, and a question has been answered
	waiting  bool      // organic answers were missing at the last look
}

// doubt is what there is to doubt, and by when.
type doubt struct {
	since     time.Time // zero: nothing
	askAt     time.Time
	suspectAt time.Time
}

// about adds a silence that began at since to the doubt.
func (d *doubt) about(since time.Time, ask, limit time.Duration) {
	if since.IsZero() {
		return
	}
	first := d.since.IsZero()
	if first || since.Before(d.since) {
		d.since = since
	}
	if at := since.Add(ask); first || at.Before(d.askAt) {
		d.askAt = at
	}
	if at := since.Add(limit); first || at.Before(d.suspectAt) {
		d.suspectAt = at
	}
}

func (r *confirmRule) look(s *sight, w *inquiry) finding {
	e, p := &w.evidence, &s.counters.Path
	if f, over := r.end(s, w); over {
		return f
	}
	d := r.doubt(s, w)
	if r.verdict == Unhealthy {
		return r.dead(s, w, d)
	}
	if d.since.IsZero() {
		*r = confirmRule{wellTo: r.wellTo, waiting: r.waiting, weary: r.weary}
		return r.well(s.now)
	}
	u := w.attempts.unanswered(s.now, e.provedAt, d.suspectAt, byAny)
	if r.isDown(s, w, d, u) {
		r.verdict, r.deadAt, r.since = Unhealthy, s.now, d.since
		r.cause = r.name(s, w, d, u)
		if r.weary.IsZero() {
			r.weary = s.now
		}
		return r.dead(s, w, d)
	}
	f := finding{askAt: r.askAt(s, w, d), since: d.since, next: u.due}
	if !s.now.Before(d.suspectAt) && (u.count >= needed(&e.base)/2 || w.attempts.refused > 1) {
		r.verdict = Suspect
	}
	if r.verdict == Suspect {
		f.verdict, f.cause = Suspect, r.name(s, w, d, u)
		r.since = sooner(d.since, later(r.since, e.floor))
		if r.since.IsZero() {
			r.since = d.since
		}
		f.since = r.since
		if possible(p) == 0 {
			f.next = s.now.Add(w.limits.SuspectInterval)
		}
		return f
	}
	f.since = time.Time{}
	return f.until(d.suspectAt, s.now)
}

// end takes proof of a round trip, which ends what was doubted, and says whether
// that is all there is to say.
func (r *confirmRule) end(s *sight, w *inquiry) (f finding, over bool) {
	e := &w.evidence
	if e.organic {
		w.patience.renew()
	} else if e.proved && r.waiting {
		w.patience.double()
	}
	if e.proved {
		r.firstAsk, r.waiting, r.weary = time.Time{}, false, time.Time{}
		if r.verdict == Suspect {
			*r = confirmRule{wellTo: s.now.Add(lastingHealth)}
		}
		r.back = r.verdict == Unhealthy
	}
	if r.back && (e.owed.IsZero() || s.received) {
		*r = confirmRule{wellTo: s.now.Add(lastingHealth)}
		return r.well(s.now), true
	}
	return finding{}, false
}

// well repeats for a while that the tunnel is back.
func (r *confirmRule) well(now time.Time) finding {
	if now.Before(r.wellTo) {
		return finding{verdict: Healthy, next: r.wellTo}
	}
	return finding{}
}

// doubt gathers the silences there are. Only that of data waits longer where the
// flow goes one way.
func (r *confirmRule) doubt(s *sight, w *inquiry) doubt {
	e, p := &w.evidence, &s.counters.Path
	ask, limit := w.limits.SuspectAfter/2, w.limits.SuspectAfter+slack(&e.base, w.limits.SuspectAfter)
	long := limit
	if !p.Askable && p.Near.Known+p.Beyond.Known < 2 {
		// Without a handshake to ask for, a single responder may have been switched
		// off: the peer's own keepalive is waited for too.
		long = max(limit, longestPatience)
	}
	if r.firstAsk.IsZero() && w.attempts.latest().After(e.provedAt) {
		r.firstAsk = w.attempts.unanswered(s.now, e.provedAt, s.now, byAny).first
	}
	var d doubt
	d.about(e.initiating, ask, long)
	d.about(r.firstAsk, ask, long)
	d.about(e.refusedAt, ask, limit)
	if !e.owed.IsZero() {
		// After a proof the wait begins anew: the path lives, whatever became of
		// the packet.
		d.about(later(e.owed, e.provedAt), w.patience.ask(w.limits.SuspectAfter), max(long, w.patience.limit(w.limits.SuspectAfter)))
	}
	return d
}

// askAt is when the path is to be asked next. Zero: it cannot be.
func (r *confirmRule) askAt(s *sight, w *inquiry, d doubt) time.Time {
	p := &s.counters.Path
	if possible(p) == 0 {
		return time.Time{}
	}
	from := d.suspectAt
	if r.verdict == Unhealthy {
		from = r.deadAt
	}
	if !r.weary.IsZero() {
		from = sooner(from, r.weary)
	}
	at := w.attempts.askedAt.Add(pace(s.now.Sub(from), gap(p, w.limits.SuspectAfter)))
	if w.attempts.askedAt.IsZero() || d.askAt.After(at) {
		at = d.askAt
	}
	r.waiting = r.waiting || !w.evidence.owed.IsZero() && !s.now.Before(d.askAt)
	return at
}

// isDown says that the doubt is over for the worse.
func (r *confirmRule) isDown(s *sight, w *inquiry, d doubt, u silence) bool {
	p := &s.counters.Path
	if s.now.Before(d.suspectAt) {
		return false
	}
	k := needed(&w.evidence.base)
	switch {
	case u.count >= k && u.lateMoments >= 2 && u.late >= k/2:
		return true
	case p.PeerInitiations >= w.evidence.base.PeerInitiations+unconfirmed && u.moments >= 2:
		return true
	default:
		return w.attempts.refused >= leastNeeded && p.Refused > w.evidence.base.Refused &&
			!s.now.Before(d.suspectAt.Add(2*gap(p, w.limits.SuspectAfter)))
	}
}

// unconfirmed is how many handshakes a peer begins, each answered and none of
// the answers confirmed, until it is plain that it hears nothing.
const unconfirmed = 3

// name finds the cause that the counters tell.
func (r *confirmRule) name(s *sight, w *inquiry, d doubt, u silence) tunnel.Cause {
	e, p := &w.evidence, &s.counters.Path
	heard := e.arrivedAt.After(d.since.Add(e.deadline(s.now))) || p.PeerInitiations >= e.base.PeerInitiations+unconfirmed
	switch {
	case u.moments == 0 && w.attempts.refused > 0 && p.Refused > e.base.Refused:
		return tunnel.LocalFirewall
	case p.BadResponses > e.base.BadResponses:
		return tunnel.PSKMismatch
	case heard:
		return tunnel.UploadDead
	case p.Cookies > e.base.Cookies:
		return tunnel.ServerOverloaded
	case e.owed.IsZero() && !e.initiating.IsZero():
		return tunnel.HandshakeTimeout
	default:
		return tunnel.Unanswered
	}
}

// hurry has an unhealthy tunnel, or one that was and has been rebuilt, asked as
// often as when it had just become so.
func (r *confirmRule) hurry(now time.Time) {
	if r.verdict == Unhealthy {
		r.deadAt = now
	}
	if !r.weary.IsZero() {
		r.weary = now
	}
}

// dead goes on with a tunnel that is unhealthy.
func (r *confirmRule) dead(s *sight, w *inquiry, d doubt) finding {
	u := w.attempts.unanswered(s.now, w.evidence.provedAt, d.suspectAt, byAny)
	f := finding{verdict: Unhealthy, cause: r.cause, since: r.since, next: u.due}
	switch {
	case r.back:
	case u.moments >= 2:
		f.deadAt = u.beforeLast
	case w.attempts.refused >= 2:
		f.deadAt = w.attempts.before
	}
	d.askAt = r.since
	f.askAt = r.askAt(s, w, d)
	r.waiting = false
	if f.askAt.IsZero() && f.next.IsZero() {
		f.next = s.now.Add(w.limits.SuspectInterval)
	}
	return f
}
