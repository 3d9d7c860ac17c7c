package health

import "time"

const (
	// sizeEvery is how often the sizes that pass are found out while traffic flows.
	sizeEvery = 5 * time.Minute
	// When large segments get lost they are found out sooner. The wait from one
	// time to the next doubles from the first to the last of these.
	sizeSoon, sizeAgain = 5 * time.Second, time.Minute
)

// sizeRule asks which sizes of packets pass: when the first responder is known,
// when large segments are lost while small ones arrive, and now and then.
type sizeRule struct {
	askedAt time.Time     // zero: not on this network
	lost    uint64        // LargeLost when it was last asked
	soon    time.Duration // the next wait, when large segments get lost; 0: sizeSoon
}

func (r *sizeRule) wanted(s *sight) bool {
	p := &s.counters.Path
	if p.Near.Known+p.Beyond.Known == 0 || !s.sent && !s.delivered {
		return false
	}
	since := s.now.Sub(r.askedAt)
	soon := max(r.soon, sizeSoon)
	switch {
	case r.askedAt.IsZero() || since >= sizeEvery:
		r.soon = 0
	case p.LargeLost > r.lost && since >= soon:
		r.soon = min(2*soon, sizeAgain)
	default:
		return false
	}
	r.askedAt, r.lost = s.now, p.LargeLost
	return true
}
