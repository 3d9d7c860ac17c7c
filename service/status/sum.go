package status

import (
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// Sum says in one word how things stand.
//
// The first that is true of these: there is no wish (off, or blocked while the
// guard is shut all the same); the network below wants a sign-in, or cannot be
// used; then what the machine shows. Protected and idle need evidence: a wish,
// a device that is up, and a verdict that was reached. A tunnel that works is
// not called switching while it is rebuilt in passing; one that does not work
// is called blocked where the guard keeps its traffic in, else stalled. One that
// works is only being checked while the guard's rules are not known to be in
// place. During a pause nothing is protected: that is off.
func Sum(w Wish, v failover.View, g Guard) Overall {
	switch {
	case !w.On && g.Blocking:
		return Blocked
	case !w.On:
		return Off
	case !v.Usable && v.UnderlayCause == tunnel.SignIn:
		return SignInNeeded
	case !v.Usable:
		return Offline
	case g.PausedUntil != nil:
		return Off
	case !v.On || v.Active == "" || v.State != tunnel.Up:
		return starting(v, g)
	}
	unsure := g.Mode != "" && g.Mode != failover.GuardOff && !g.Verified
	switch v.Verdict {
	case health.Healthy, health.Idle:
		switch {
		case unsure:
			return Checking
		case v.Verdict == health.Idle:
			return Idle
		}
		return Protected
	case health.Suspect:
		return orSwitching(v, Checking)
	case health.Unhealthy:
		if g.Blocking {
			return orSwitching(v, Blocked)
		}
		return orSwitching(v, Stalled)
	default:
		return orSwitching(v, Connecting)
	}
}

// starting is the word while there is no device that is up.
func starting(v failover.View, g Guard) Overall {
	if g.Blocking && v.State == tunnel.Down {
		return Blocked
	}
	return Connecting
}

func orSwitching(v failover.View, otherwise Overall) Overall {
	if v.Moving {
		return Switching
	}
	return otherwise
}
