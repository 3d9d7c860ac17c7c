package health

import "time"

const (
	// sizeEvery is how often the sizes that pass are found out while traffic flows.
	sizeEvery = 5 * time.Minute
	// sizeAgain is the least time between two times, when large segments get lost.
	sizeAgain = time.Minute
)

// sizeRule asks which sizes of packets pass: when the first responder is known,
// when large segments are lost while small ones arrive, and now and then.
type sizeRule struct {
	askedAt time.Time // zero: not on this network
	lost    uint64    // LargeLost when it was last asked
}

func (r *sizeRule) wanted(s *sight) bool {
	p := &s.counters.Path
	if p.Near.Known+p.Beyond.Known == 0 || !s.sent && !s.delivered {
		return false
	}
	since := s.now.Sub(r.askedAt)
	if !r.askedAt.IsZero() && since < sizeEvery && (since < sizeAgain || p.LargeLost <= r.lost) {
		return false
	}
	r.askedAt, r.lost = s.now, p.LargeLost
	return true
}
