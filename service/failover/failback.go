package failover

import (
	"time"
)

const (
	// stableAnswers is how many probes in a row a preferred member must answer:
	// none of five may be lost, since one would be more than 5 %.
	stableAnswers = 5
	// mostStability bounds the doubling for members that flap.
	mostStability = 30 * time.Minute
	// quietWithin is how long the return waits for the line to become quiet.
	quietWithin = 15 * time.Minute
	// awaitInterval is how often a stable member is asked while that is awaited.
	awaitInterval = time.Minute
	maxFlaps      = 10
	// flapHolds is within how many holds a failback that fails is a flap.
	flapHolds = 10
)

// preferred says that a member is one to return to: it stands before the
// active one, which works, and the person has not asked for another. Within a
// site there is no return: a sibling could only be tried by moving to it.
func (m *Machine) preferred(i int) bool {
	return m.policy.AutoFailback && m.policy.FailbackWhen != Never && m.on && m.usable && m.pin == "" &&
		m.well() && m.rightDevice() && i < m.place(m.active) && !m.sameSite(m.mates[i].Name, m.active)
}

// failback returns to the first preferred member that has proven stable, when
// the line allows it. It is never moved to for a test: it is asked beside the
// active one.
func (m *Machine) failback(s *step) {
	to := m.returnable(s)
	if to == nil {
		m.readyAt = time.Time{}
		return
	}
	if m.readyAt.IsZero() {
		m.readyAt = s.now
	}
	if m.mayReturn(s) && to.answered(s.now) && to.tested(s.now) {
		m.back = to.Name
		m.begin(s, Action{Do: Switch, ID: to.Name, From: m.active})
	}
}

// returnable is the first preferred member that is stable and not held because
// it was left lately. Nil: none is.
func (m *Machine) returnable(s *step) *mate {
	for i := range m.mates {
		if a := &m.mates[i]; m.preferred(i) && m.stable(s.now, a) && s.due(a.heldUntil) {
			return a
		}
	}
	return nil
}

// tested says that it was asked a moment ago whether data passes. Where no
// responder is known, none can answer, and its own answers must do.
func (a *mate) tested(now time.Time) bool {
	return (a.data == Carries || a.data == Untestable) && now.Sub(a.dataAt) <= proofLasts
}

// returnEvidence says on what grounds a member was returned to.
func (a *mate) returnEvidence() string {
	if a.data == Carries {
		return "It has been stable, and data passed through it beforehand."
	}
	return "It has been stable. Whether data passes could not be tried beforehand: nothing behind it is known to answer."
}

// wantsLastProof says that a member is to be returned to now, and has yet to
// show that data passes.
func (m *Machine) wantsLastProof(s *step, a *mate) bool {
	return m.returnable(s) == a && m.mayReturn(s) && !a.tested(s.now)
}

// mayReturn says that a return may happen now: the hold is over and the line is
// quiet, or has been awaited for long enough.
func (m *Machine) mayReturn(s *step) bool {
	if !m.switchedAt.IsZero() && !s.due(m.switchedAt.Add(m.policy.MinimumHold)) {
		return false
	}
	if m.policy.FailbackWhen == AtOnce || m.quiet {
		return true
	}
	return !m.readyAt.IsZero() && s.due(m.readyAt.Add(quietWithin))
}

// stable says that a member has answered often and long enough.
func (m *Machine) stable(now time.Time, a *mate) bool {
	return a.streak >= stableAnswers && now.Sub(a.streakAt) >= m.stability(a)
}

// stability is how long a member must answer: it doubles with every flap.
func (m *Machine) stability(a *mate) time.Duration {
	d := m.policy.FailbackStability
	for range a.flaps {
		d *= 2
	}
	return min(d, max(mostStability, m.policy.FailbackStability))
}

// failbackAskAt is when a preferred member is asked next: now and then, and
// closer together once it answers. One that is held is left in peace until it
// could be stable when the hold ends.
func (m *Machine) failbackAskAt(s *step, a *mate) time.Time {
	inTime := a.heldUntil.Add(-m.stability(a) - m.policy.FailbackProbeInterval)
	switch {
	case s.now.Before(inTime):
		return inTime
	case a.streak == 0 && a.askSoon:
		return s.now
	case a.streak == 0:
		return later(a.askedAt, m.since).Add(m.policy.FailbackProbeInterval)
	case m.wantsLastProof(s, a):
		return s.now
	}
	apart := max(m.stability(a)/(stableAnswers-1), time.Second)
	if m.stable(s.now, a) {
		apart = max(apart, min(awaitInterval, m.policy.FailbackProbeInterval))
	}
	return a.reportedAt.Add(apart)
}

// flapped says that a member that is being left was returned to lately.
func (m *Machine) flapped(now time.Time, a *mate) bool {
	return !a.backAt.IsZero() && now.Sub(a.backAt) <= flapHolds*m.stableFor()
}
