package health

import (
	"time"

	"holdfast/service/tunnel"
)

// evidence is what has been seen of a tunnel over all looks, as the active rules
// need it.
type evidence struct {
	floor time.Time // nothing is counted from before this moment
	// provedAt is when something last proved a round trip. Zero: never.
	provedAt time.Time
	proved   bool // it did since the look before
	// owed is when the oldest data packet left that nothing authenticated has
	// followed. Zero: none is owed an answer.
	owed     time.Time
	owedFrom uint64 // DataSent before that packet
	// initiating is since when an initiation waits for its handshake and nothing
	// has proven a round trip. Zero: none waits.
	initiating time.Time
	// unshaken is when the oldest initiation left that no handshake has followed,
	// whatever else proved the path. Zero: none.
	unshaken time.Time
	// refusedAt is since when the system refuses to send, and nothing else gets
	// out. Zero: it does not.
	refusedAt time.Time

	movedAt     time.Time // the last look that found inner packets, either way, or a first handshake
	completedAt time.Time // the look that found the last completed handshake
	// completedFrom is the look before that one: the handshake is no older.
	completedFrom time.Time
	sentSince     bool      // data left since provedAt
	sentAt        time.Time // the look that found the first of it; zero: none left
	sentBefore    uint64    // DataSent at provedAt
	heardSince    bool      // inner packets came since provedAt
	arrivedAt     time.Time // the look before the last one that found bytes received
	organic       bool      // since the look before, inner packets came, and data left before or beside them
	asking        bool      // data left since inner packets last came

	base  tunnel.Path // as it was at provedAt; what a dead path loses is no measure of a living one
	delay delay
}

func (e *evidence) take(s *sight) {
	p := &s.counters.Path
	e.delay.take(s.now, p)
	at := p.RoundTripAt
	completed := s.completed && !s.counters.LastHandshake.IsZero()
	if s.sent || s.delivered || completed && e.completedAt.IsZero() {
		e.movedAt = s.now // the first handshake is as good as data
	}
	if completed {
		e.completedAt, e.completedFrom = s.now, s.before
		at = later(at, s.before)
	}
	e.proved = at.After(e.provedAt) && !at.Before(e.floor)
	if e.proved {
		e.provedAt, e.sentSince, e.heardSince, e.base = at, false, false, *p
		e.sentAt, e.sentBefore = time.Time{}, s.counters.DataSent
		e.refusedAt = time.Time{}
	}
	e.organic = s.delivered && (e.asking || s.sent)
	e.asking = (e.asking || s.sent) && !s.delivered
	if !e.proved {
		if s.sent && e.sentAt.IsZero() {
			e.sentAt = s.now
		}
		// What a look finds beside the proof may be older than that.
		e.sentSince = e.sentSince || s.sent
		e.heardSince = e.heardSince || s.delivered
	}
	if s.counters.RxBytes > s.was.RxBytes {
		e.arrivedAt = s.before
	}
	e.owe(s)
	e.initiating, e.unshaken = time.Time{}, time.Time{}
	if at := s.counters.InitiatingSince; !at.IsZero() {
		at = later(at, e.floor)
		// A proof beside it does not end the wait, it begins it anew.
		e.initiating = later(at, e.provedAt)
		if at.After(e.completedAt) {
			e.unshaken = at
		}
	}
	switch {
	case s.sent:
		e.refusedAt = time.Time{}
	case p.Refused > s.was.Path.Refused && e.refusedAt.IsZero():
		e.refusedAt = s.before
	}
}

// owe follows the oldest packet without an answer. The tap forgets it at any
// datagram that looks like an answer; only authenticated bytes count here, and
// neither the answer to an ask nor an initiation of the peer is among them.
func (e *evidence) owe(s *sight) {
	u := s.counters.UnansweredSince
	if !u.IsZero() {
		u = later(u, e.floor)
	}
	switch {
	case s.received && u.IsZero():
		e.owed = time.Time{}
	case s.received, e.owed.IsZero() && !u.IsZero():
		e.owed, e.owedFrom = u, s.was.DataSent
	}
}

// quiet says that no inner packet has moved for so long and that nothing is owed
// an answer.
func (e *evidence) quiet(now time.Time, long time.Duration) bool {
	return now.Sub(e.movedAt) >= long && e.owed.IsZero() && e.unshaken.IsZero() && e.refusedAt.IsZero()
}

// deadline is how long the answer to an attempt that leaves now is waited for.
func (e *evidence) deadline(now time.Time) time.Duration {
	return e.delay.deadline(now.Sub(e.provedAt))
}
