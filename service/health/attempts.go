package health

import (
	"time"

	"holdfast/service/tunnel"
)

// kinds is a set of kinds of questions.
type kinds uint8

const (
	byHandshake kinds = 1 << iota
	byNear
	byBeyond

	byEcho = byNear | byBeyond
	byAny  = byHandshake | byEcho
)

func (k kinds) len() (n int) {
	for ; k != 0; k &= k - 1 {
		n++
	}
	return n
}

// attempt is one moment at which questions were sent.
type attempt struct {
	at     time.Time // no question of it left before this
	due    time.Time // when its answers are overdue
	kinds  kinds     // what was really sent
	spared bool      // its answers were given more time once, as nobody looked
}

// attempts remembers what was asked. Only what was sent counts, as the counters
// tell it at a later look; a question that the system refused to send is none.
type attempts struct {
	ring    [32]attempt
	next    int       // where the next one goes
	askedAt time.Time // when the last question was wished for; zero: never
	before  time.Time // and the one before
	pending bool      // of that one nothing has been seen yet
	failed  bool      // sending has failed since then
	refused int       // wishes in a row of which nothing could be sent
}

const (
	// lateLook is how much later than promised a look must come for answers to be
	// presumed unread: the machine is busy, or was stopped.
	lateLook = 250 * time.Millisecond
	// unsentAfter is when a question of which nothing is seen was not sent.
	unsentAfter = time.Second
)

// wish notes that a question is being asked for.
func (a *attempts) wish(now time.Time) {
	a.unsent()
	a.before, a.askedAt, a.pending = a.askedAt, now, true
}

// unsent notes that nothing of the last question was sent. One that was held back,
// since a handshake of the device is too near, tells of no trouble.
func (a *attempts) unsent() {
	if a.pending && a.failed {
		a.refused++
	}
	a.pending, a.failed = false, false
}

// take notes what was sent since the look before, for the answers of which one
// must wait so long. Questions that somebody else
// asked are none of ours: nothing is known of when they left.
func (a *attempts) take(s *sight, wait time.Duration) {
	if s.late {
		a.spare(s, wait)
	}
	if !a.pending {
		return
	}
	was, is := &s.was.Path, &s.counters.Path
	a.failed = a.failed || s.counters.SendErrors > s.was.SendErrors || is.Refused > was.Refused
	var k kinds
	if is.Asked.Sent > was.Asked.Sent {
		k |= byHandshake
	}
	if is.Near.Sent > was.Near.Sent {
		k |= byNear
	}
	if is.Beyond.Sent > was.Beyond.Sent {
		k |= byBeyond
	}
	switch {
	case k != 0:
		at := later(a.askedAt, s.before)
		due := at.Add(wait)
		if s.late {
			due = s.now.Add(wait)
		}
		a.ring[a.next] = attempt{at: at, due: due, kinds: k, spared: s.late}
		a.next = (a.next + 1) % len(a.ring)
		a.pending, a.failed, a.refused = false, false, 0
	case s.now.Sub(a.askedAt) >= unsentAfter:
		a.unsent()
	}
}

// spare gives what was under way more time, once.
func (a *attempts) spare(s *sight, wait time.Duration) {
	for i := range a.ring {
		if t := &a.ring[i]; !t.spared && t.due.After(s.before) {
			t.due, t.spared = s.now.Add(wait), true
		}
	}
}

// silence is what became of the attempts after some moment.
type silence struct {
	count int // questions that went unanswered, each kind for itself
	// late and lateMoments are those that left at or after a second moment.
	late, lateMoments int
	moments           int
	first             time.Time // when the first of them left; zero: there is none
	last, beforeLast  time.Time // when the last two left; zero: there are none
	due               time.Time // when the next one is overdue; zero: none is under way
}

// unanswered counts the questions of the given kinds that left after proved and
// are overdue. It is for the caller to know that none of them was answered.
func (a *attempts) unanswered(now, proved, lateFrom time.Time, of kinds) silence {
	var u silence
	for i := range a.ring {
		t := &a.ring[(a.next+i)%len(a.ring)]
		k := t.kinds & of
		if k == 0 || !t.at.After(proved) {
			continue
		}
		if t.due.After(now) {
			if u.due.IsZero() || t.due.Before(u.due) {
				u.due = t.due
			}
			continue
		}
		if u.first.IsZero() {
			u.first = t.at
		}
		n := k.len()
		u.count, u.moments = u.count+n, u.moments+1
		u.beforeLast, u.last = u.last, t.at
		if !t.at.Before(lateFrom) {
			u.late, u.lateMoments = u.late+n, u.lateMoments+1
		}
	}
	return u
}

// latest is when the last attempt left; zero: there was none.
func (a *attempts) latest() time.Time {
	return a.ring[(a.next+len(a.ring)-1)%len(a.ring)].at
}

// possible says which kinds of questions can be asked.
func possible(p *tunnel.Path) (k kinds) {
	if p.Askable {
		k |= byHandshake
	}
	if p.Near.Known > 0 {
		k |= byNear
	}
	if p.Beyond.Known > 0 {
		k |= byBeyond
	}
	return k
}
