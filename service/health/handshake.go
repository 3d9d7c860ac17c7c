package health

import (
	"time"

	"holdfast/service/tunnel"
)

const (
	// handshakeSuspect is when an unanswered initiation becomes suspicious:
	// WireGuard repeats it every 5 s, so that two have been lost by then.
	handshakeSuspect = 10 * time.Second
	// putOff is how many times HandshakeTimeout answered questions count for.
	putOff = 3
	// eagerFor is how long the first answer of a device is looked for every
	// eagerInterval, so that a tunnel is not called connecting when it is not.
	eagerFor      = 2 * time.Second
	eagerInterval = 100 * time.Millisecond
)

// handshakeRule is the rule on handshakes: initiations that stay unanswered for
// HandshakeTimeout make a tunnel unhealthy, with or without data.
//
// It is about handshakes failing, never about their age: that of an idle
// tunnel may be old and well. The moment of the last handshake is wall-clock
// time and only compared for change. A response that the tap saw is no proof,
// since one that fails to authenticate changes nothing; only a completed
// handshake ends the wait. Inner packets that still arrive over the old session,
// answers to our echoes among them, put it off: a working session is not given
// up for a lost handshake, and an old one ends by itself after 180 s.
//
// Questions beside the session that the server answers put it off as well, for
// putOff times as long: the device asks for its own every 5 s, and on a lossy path
// one comes through in that time.
type handshakeRule struct {
	limits Limits
	asked  time.Time // when the oldest unanswered initiation left; zero: none waits
	// answered is the tap's InitiatingSince when a handshake was completed: a
	// tap that missed the answer goes on to name it.
	answered time.Time
	floor    time.Time // no silence is counted from before this moment
	heard    time.Time // when anything was last received; zero: never
}

func (r *handshakeRule) look(s *sight) finding {
	r.take(s)
	if r.asked.IsZero() {
		return finding{}
	}
	since := later(r.asked, r.floor)
	deadline := since.Add(r.limits.HandshakeTimeout)
	quiet := later(since, r.heard)
	suspectAt := quiet.Add(min(handshakeSuspect, r.limits.HandshakeTimeout/3))
	f := finding{cause: tunnel.HandshakeTimeout, since: since, next: s.now.Add(r.limits.SuspectInterval)}
	switch {
	case !s.now.Before(deadline):
		f.verdict = Unhealthy
		if !s.sent && !s.initiated {
			f.next = s.now.Add(r.limits.CheckInterval)
		}
		return f
	case !s.now.Before(suspectAt):
		f.verdict = Suspect
		return f.until(deadline, s.now)
	}
	f = finding{next: sooner(suspectAt, deadline)}
	if r.unheard() {
		f.next = sooner(f.next, s.now.Add(r.eager(s.now.Sub(since))))
	}
	return f
}

// take notes what a sight says about handshakes.
func (r *handshakeRule) take(s *sight) {
	if s.received {
		r.heard = s.now
	}
	if s.delivered || s.echoed() {
		r.floor = s.now
	}
	if at := s.counters.Path.Asked.AnsweredAt; at.Before(r.asked.Add(putOff * r.limits.HandshakeTimeout)) {
		r.floor = later(r.floor, at)
	}
	switch {
	case s.completed:
		r.asked, r.answered = time.Time{}, s.counters.InitiatingSince
	case !r.asked.IsZero():
	case !s.counters.InitiatingSince.IsZero() && !s.counters.InitiatingSince.Equal(r.answered):
		r.asked = s.counters.InitiatingSince
	case s.initiated:
		r.asked = s.now
	}
}

// echoed says that an echo of ours was answered, which as well comes by a session
// that works.
func (s *sight) echoed() bool {
	was, is := &s.was.Path, &s.counters.Path
	return is.Near.Answered > was.Near.Answered || is.Beyond.Answered > was.Beyond.Answered
}

// unheard says that the device asks and nothing has ever come: it owes an
// answer, and silence is not idleness.
func (r *handshakeRule) unheard() bool { return !r.asked.IsZero() && r.heard.IsZero() }

// eager is the time to the next look at a device that has not answered yet.
func (r *handshakeRule) eager(waited time.Duration) time.Duration {
	if waited < eagerFor {
		return min(eagerInterval, r.limits.SuspectInterval)
	}
	return r.limits.SuspectInterval
}
