package health

import "time"

const (
	// lossyFor is how long a path must be bad, or good again, to be told so.
	lossyFor = time.Minute
	// lossySample is from how many round trips the share of the lost is believed.
	lossySample = 20
	// A path is lossy from a tenth of its round trips lost, or three times its
	// usual round trip, and good again below a twentieth and twice.
	lossyAbove, lossyBelow = 0.10, 0.05
	slowAbove, slowBelow   = 3, 2
	// lossyWithin is how long ago the last round trip may be for what is lost to be
	// the line's habit, and not an outage.
	lossyWithin = 30 * time.Second
	// leastSlow is the round trip below which a path is never called slow.
	leastSlow = 100 * time.Millisecond
)

// lossyRule notices that a tunnel works badly. A person should know; nobody
// should move for it.
type lossyRule struct {
	lossy bool
	turn  time.Time     // since when the opposite has been measured; zero: it is not
	usual time.Duration // the round trip as it was at its best, slowly forgotten; 0: not measured
	grown time.Time     // when usual was last let grow
}

func (r *lossyRule) look(s *sight) bool {
	p := &s.counters.Path
	r.learn(s.now, p.RTT)
	if s.now.Sub(p.RoundTripAt) > lossyWithin {
		r.turn = time.Time{}
		return r.lossy
	}
	loss := p.Loss
	if p.LossOf < lossySample {
		loss = 0
	}
	slow := func(times time.Duration) bool { return p.RTT > leastSlow && r.usual > 0 && p.RTT > times*r.usual }
	bad := loss >= lossyAbove || slow(slowAbove)
	good := loss < lossyBelow && !slow(slowBelow)
	if r.lossy && !good || !r.lossy && !bad {
		if r.lossy && !bad {
			return true
		}
		r.turn = time.Time{}
		return r.lossy
	}
	if r.turn.IsZero() {
		r.turn = s.now
	}
	if s.now.Sub(r.turn) >= lossyFor {
		r.lossy, r.turn = !r.lossy, time.Time{}
	}
	return r.lossy
}

// learn keeps the usual round trip: the best one, which may have become a little
// longer each minute.
func (r *lossyRule) learn(now time.Time, rtt time.Duration) {
	switch {
	case rtt <= 0:
	case r.usual == 0 || rtt < r.usual:
		r.usual, r.grown = rtt, now
	case now.Sub(r.grown) >= lossyFor:
		r.usual, r.grown = min(rtt, r.usual+r.usual/50), now
	}
}
