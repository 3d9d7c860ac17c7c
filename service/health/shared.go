package health

import (
	"time"

	"holdfast/service/tunnel"
)

const (
	// sharedSpan is within which time sessions must die for it to be a pattern,
	// sharedFor how long the pattern is told after the last of them.
	sharedSpan, sharedFor = 5 * time.Minute, 2 * time.Minute
	// sharedDeaths is how many of them make the pattern.
	sharedDeaths = 3
)

// sharedRule notices that another device uses the same key: the session dies
// while the server answers, a new one carries data at once, and dies again. Each
// device takes the server's attention from the other.
//
// The tunnel is suspect as long as that goes on. It is never a reason to call
// it dead: it works, by turns.
type sharedRule struct {
	deaths [sharedDeaths]time.Time // the last of them, oldest first
}

// died notes a session that was dead, and whose successor carried data at once.
func (r *sharedRule) died(now time.Time) {
	copy(r.deaths[:], r.deaths[1:])
	r.deaths[sharedDeaths-1] = now
}

func (r *sharedRule) look(s *sight) finding {
	first, last := r.deaths[0], r.deaths[sharedDeaths-1]
	if first.IsZero() {
		return finding{}
	}
	over := last.Add(sharedFor)
	switch {
	case !s.now.Before(over):
		*r = sharedRule{}
		return finding{}
	case last.Sub(first) > sharedSpan:
		return finding{}
	}
	return finding{verdict: Suspect, cause: tunnel.KeyShared, since: first, next: over}
}
