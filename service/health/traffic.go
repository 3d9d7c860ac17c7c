package health

import (
	"time"

	"holdfast/service/tunnel"
)

// secondLook is how much longer than an interval the silence after a packet
// must last to be a suspicion: an answer may be on its way. A peer that only
// receives answers within 10 s by a keepalive, which is the usual interval; so a
// shorter wait would suspect every living one-way flow now and then.
const secondLook = 500 * time.Millisecond

// trafficRule is the rule on traffic. An interval runs from one check to the
// next, CheckInterval later:
//
//	sent   received   verdict
//	0      0          idle: no more checks until something is sent
//	0      > 0        healthy
//	> 0    > 0        healthy
//	> 0    0          suspect, unless a second look finds an answer
//
// The second look comes when the oldest packet without an answer is an interval
// old and a little more.
//
// Only non-empty data counts as sent: WireGuard never answers a keepalive.
// Whatever is authenticated counts as received, but for a peer's own
// initiations, and ends the interval at the look that finds it.
//
// A suspicion counts from the oldest packet without an answer, but never from
// before the interval in which nothing came: the tap's word for that packet is
// a hint, the counter is proof. It lasts until something is received, also
// when nothing more is sent: giving up is not an answer. TrafficTimeout after
// its beginning, and at the second look at the earliest, it makes the tunnel
// unhealthy.
type trafficRule struct {
	limits  Limits
	verdict Verdict
	from    time.Time // when the interval began
	due     time.Time // when it ends; zero: none runs
	sent    bool      // non-empty data left in it
	since   time.Time // when the silence of a suspicion began
	looked  bool      // a look has been taken since the rule was made
}

func (r *trafficRule) look(s *sight) finding {
	first := !r.looked
	r.looked = true
	if s.received {
		r.verdict, r.since = Healthy, time.Time{}
		r.begin(s.now)
		return finding{verdict: Healthy, next: r.due}
	}
	if r.verdict == Suspect || r.verdict == Unhealthy {
		return r.wait(s)
	}
	if r.due.IsZero() && (s.sent || first) {
		r.begin(s.now)
		r.from = later(s.before, oldest(s, s.now))
	}
	r.sent = r.sent || s.sent
	since := later(r.from, oldest(s, r.from))
	second := since.Add(r.limits.CheckInterval + r.patience())
	switch {
	case r.due.IsZero():
		return finding{verdict: r.verdict}
	case s.now.Before(r.due):
		return finding{verdict: r.verdict, next: r.due}
	case !r.sent:
		r.verdict, r.from, r.due = Idle, s.now, time.Time{}
		return finding{verdict: Idle}
	case s.now.Before(second):
		return finding{verdict: r.verdict, next: second}
	default:
		r.verdict, r.since = Suspect, since
		return finding{verdict: Suspect, cause: tunnel.Unanswered, since: r.since,
			next: s.now.Add(r.limits.SuspectInterval)}.until(r.since.Add(r.limits.TrafficTimeout), s.now)
	}
}

// rest ends the interval: another rule knows that the tunnel is idle.
func (r *trafficRule) rest(now time.Time) {
	r.verdict, r.from, r.due, r.sent = Idle, now, time.Time{}, false
}

// begin starts an interval.
func (r *trafficRule) begin(now time.Time) {
	r.from, r.due, r.sent = now, now.Add(r.limits.CheckInterval), false
}

// oldest is when the oldest packet left that no answer has followed, or unless
// where the tap does not know.
func oldest(s *sight, unless time.Time) time.Time {
	if s.unanswered.IsZero() {
		return unless
	}
	return s.unanswered
}

// patience is secondLook, less where the limits are so short that it would
// outlast them.
func (r *trafficRule) patience() time.Duration {
	return min(secondLook, r.limits.CheckInterval/2, r.limits.TrafficTimeout/2)
}

// wait goes on with a suspicion, or with what became of it.
func (r *trafficRule) wait(s *sight) finding {
	deadline := r.since.Add(r.limits.TrafficTimeout)
	if !s.now.Before(deadline) {
		r.verdict = Unhealthy
	}
	f := finding{verdict: r.verdict, cause: tunnel.Unanswered, since: r.since,
		next: s.now.Add(r.limits.SuspectInterval)}
	if r.verdict == Suspect {
		return f.until(deadline, s.now)
	}
	if !s.sent && !s.initiated {
		f.next = s.now.Add(r.limits.CheckInterval)
	}
	return f
}

// until brings the next look forward to a deadline that is still to come.
func (f finding) until(deadline, now time.Time) finding {
	if deadline.After(now) {
		f.next = nearest(f.next, deadline)
	}
	return f
}
