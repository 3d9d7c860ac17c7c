package health

import (
	"time"

	"holdfast/service/tunnel"
)

// Monitor judges one device by its counters. Make it with New, and make a new
// one for every device: what the first look finds received counts as evidence.
type Monitor struct {
	seen     tunnel.Counters // at the last look, and
	was      tunnel.Counters // at the one before
	seenAt   time.Time       // the last look; zero: there was none
	last     Verdict         // what the last look concluded
	promised time.Time       // when the next look is due; zero: when something leaves

	// The rules are asked in this order; of two that are equally sure, the
	// first names the cause.
	handshake handshakeRule
	traffic   trafficRule
	// inquiry is what the profiles that confirm actively ask besides.
	inquiry inquiry
}

// sight is what one look found, compared with the look before.
type sight struct {
	now       time.Time
	before    time.Time // the look before; the same as now when there was none
	counters  *tunnel.Counters
	was       *tunnel.Counters // at the look before
	late      bool             // it comes so late that answers may lie about unread
	sent      bool             // non-empty data left
	received  bool             // something authenticated came
	delivered bool             // inner packets came
	initiated bool             // a handshake initiation left
	completed bool             // a handshake was completed
	// unanswered is when the oldest data packet left that no answer has followed,
	// as far as is known. Zero: none has, or nobody knows.
	unanswered time.Time
}

// finding is what one rule makes of a sight. The zero Verdict means that the
// rule has nothing to say.
type finding struct {
	verdict Verdict
	cause   tunnel.Cause
	since   time.Time // zero: no silence
	next    time.Time // zero: no wait
	askAt   time.Time // when the path is to be asked; zero: it need not be
	deadAt  time.Time // up to when the tunnel has proven dead; zero: it has not
}

// New returns a Monitor that knows nothing yet.
func New(l Limits) *Monitor {
	m := &Monitor{}
	m.Limit(l)
	m.forget(Unknown)
	return m
}

// Limit changes the limits. What has been seen stays, but for what was asked and
// doubted where the profile begins to ask, or ends.
func (m *Monitor) Limit(l Limits) {
	if (l.SuspectAfter > 0) != (m.inquiry.limits.SuspectAfter > 0) {
		m.inquiry = inquiry{}
	}
	m.handshake.limits, m.traffic.limits, m.inquiry.limits = l, l, l
}

// Observe takes one reading of the counters and returns the verdict at now. It
// must be called at Assessment.Next, and once when data or a handshake
// initiation leaves after Next was zero. More calls do no harm: a look before
// its time can bring good news, never bad.
func (m *Monitor) Observe(now time.Time, c tunnel.Counters) Assessment {
	m.was, m.seen = m.seen, c
	if rebuilt(&m.was, &m.seen) {
		m.was = tunnel.Counters{}
		m.forget(Unknown)
	}
	s := sight{
		now: now, before: m.seenAt, counters: &m.seen, was: &m.was,
		late:      !m.promised.IsZero() && now.Sub(m.promised) > lateLook,
		sent:      c.DataSent > m.was.DataSent,
		received:  heard(&m.was, &m.seen),
		delivered: c.DataReceived > m.was.DataReceived,
		initiated: c.Initiations > m.was.Initiations,
		completed: !c.LastHandshake.Equal(m.was.LastHandshake),

		unanswered: c.UnansweredSince,
	}
	if s.before.IsZero() {
		s.before = now
	}
	a := m.judge(&s)
	m.seenAt, m.last, m.promised = now, a.Verdict, a.Next
	return a
}

// judge asks the rules.
func (m *Monitor) judge(s *sight) Assessment {
	var a Assessment
	if m.inquiry.limits.SuspectAfter <= 0 {
		a = merge(m.handshake.look(s), m.traffic.look(s))
	} else {
		m.inquiry.take(s)
		a = m.inquiry.look(s, m.handshake.look(s), m.traffic.look(s))
		if a.Verdict == Idle {
			m.traffic.rest(s.now)
		}
	}
	if a.Verdict == Idle && m.handshake.unheard() {
		a.Verdict = Unknown
	}
	return a
}

// Hurry takes the news that another member answers: a tunnel that is unhealthy
// is asked at once, and often for a while, so that it proves dead after that
// answer or alive. Observe must follow.
func (m *Monitor) Hurry(now time.Time) { m.inquiry.confirm.hurry(now) }

// Contrast tells that another member has just reached a responder which this
// tunnel does not reach. Within a suspicion that the server forwards nothing it
// settles the matter at the next look, which must follow at once; otherwise it
// says nothing.
func (m *Monitor) Contrast(_ time.Time) { m.inquiry.forward.contrasted() }

// Reset forgets every wait that ran up to now: the machine slept, the network
// is another one, or the device was rebuilt. A tunnel that was healthy or idle
// is still taken to be so; of any other nothing is known. Observe must follow
// at once, since a look that was promised is forgotten too.
func (m *Monitor) Reset(now time.Time) {
	keep := m.last
	if keep != Healthy && keep != Idle {
		keep = Unknown
	}
	m.seenAt = now
	m.forget(keep)
	m.handshake.floor, m.promised = now, time.Time{}
	m.inquiry.reset(now)
}

// Rebuilt takes the news that the device was rebuilt while the network stayed what
// it was: on other sockets, as Reset, or anew, so that nothing is known of it, as
// by New. A path that was dead is asked as seldom as before.
func (m *Monitor) Rebuilt(now time.Time, anew bool) {
	weary := m.inquiry.confirm.weary
	if anew {
		*m = *New(m.inquiry.limits)
	} else {
		m.Reset(now)
	}
	m.inquiry.confirm.weary = weary
}

func (m *Monitor) forget(verdict Verdict) {
	m.handshake = handshakeRule{limits: m.handshake.limits}
	m.traffic = trafficRule{limits: m.traffic.limits, verdict: verdict}
	m.inquiry = inquiry{limits: m.inquiry.limits}
}

// initiationSize is the length of a handshake initiation, in bytes.
const initiationSize = 148

// heard says that something came which may answer what was sent. A peer that
// gets nothing any more asks for a new session every 5 s for a minute and a
// half: its initiations come in, and tell of a dead way out rather than of life.
// Bytes that can only be theirs do not count: no data was delivered, no
// handshake completed, and all of it is as long as initiations are. (Keepalives,
// of 32 bytes, would have to be 37.)
func heard(before, now *tunnel.Counters) bool {
	if now.RxBytes <= before.RxBytes {
		return false
	}
	return now.DataReceived > before.DataReceived || !now.LastHandshake.Equal(before.LastHandshake) ||
		(now.RxBytes-before.RxBytes)%initiationSize != 0
}

// rebuilt says that the counters went backwards, which no living device's do.
func rebuilt(before, now *tunnel.Counters) bool {
	return now.RxBytes < before.RxBytes || now.TxBytes < before.TxBytes ||
		now.DataSent < before.DataSent || now.DataReceived < before.DataReceived ||
		now.Initiations < before.Initiations
}

// merge takes the worst verdict, the longest silence behind it and the nearest
// wait.
func merge(findings ...finding) Assessment {
	a := Assessment{Verdict: Unknown}
	for _, f := range findings {
		a.Next = nearest(a.Next, f.next)
		switch {
		case rank(f.verdict) > rank(a.Verdict):
			a.Verdict, a.Cause, a.Since = f.verdict, f.cause, f.since
		case f.verdict == a.Verdict && !f.since.IsZero() && f.since.Before(a.Since):
			a.Since = f.since
		}
	}
	return a
}

// rank orders verdicts from the one that says least to the one that weighs most.
func rank(v Verdict) int {
	switch v {
	case Idle:
		return 2
	case Healthy:
		return 3
	case Suspect:
		return 4
	case Unhealthy:
		return 5
	case Unknown:
		return 1
	default:
		return 0
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// nearest is the sooner of two waits. A zero one is none.
func nearest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
