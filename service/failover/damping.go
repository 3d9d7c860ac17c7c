package failover

import (
	"math"
	"time"
)

// Damping of members that come and go, as RFC 2439 does with routes.
const (
	penaltyEach     = 1000 // for each time that a member is left because it was unhealthy
	penaltyMost     = 8000
	penaltyHalfLife = 10 * time.Minute
	suppressFrom    = 2500 // a member is not returned to from this penalty on
	reuseBelow      = 1000 // until it has decayed to this one
)

// damping is what a member's failures have cost it. The zero value: nothing.
type damping struct {
	penalty float64   // at the moment at
	at      time.Time // when it was last left
	until   time.Time // until when it is suppressed; zero: it never was
}

// left takes that the member was left because it was unhealthy, and returns
// until when it is suppressed. A moment that has passed: it is not.
func (d *damping) left(now time.Time) time.Time {
	if d.penalty > 0 {
		d.penalty *= math.Exp2(-float64(now.Sub(d.at)) / float64(penaltyHalfLife))
	}
	d.penalty, d.at = min(d.penalty+penaltyEach, penaltyMost), now
	if d.penalty >= suppressFrom || now.Before(d.until) {
		d.until = now.Add(time.Duration(math.Log2(d.penalty/reuseBelow) * float64(penaltyHalfLife)))
	}
	return d.until
}
