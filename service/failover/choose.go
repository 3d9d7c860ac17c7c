package failover

import (
	"fmt"
	"time"

	"holdfast/service/health"
	"holdfast/service/tunnel"
)

const (
	// orderWithin is how long no rebuild stands in the way of a member that
	// answered too late to be moved to: news of the active one is due.
	orderWithin = 3 * time.Second
	// A member that answers every outlastEvery for outlast, while the active one
	// stays unhealthy, has answered while that one did not.
	outlast, outlastEvery = 6 * time.Second, 3 * time.Second
	// sideBySide is how much later a member's question may have left than the last
	// but one that the active one left unanswered. It is less than lies between
	// two of those, so that the last one left after it.
	sideBySide = 50 * time.Millisecond
	// untestedAfter is how much longer a member that forwards nothing must be
	// unhealthy before one is moved to of which no more is known than that it
	// answers.
	untestedAfter = 5 * time.Second
)

// candidate is the member to move to: the first that is fit for it. Nil: none
// is, or better ones have yet to report.
func (m *Machine) candidate(s *step) *mate {
	var held *mate
	waiting := false
	for i := range m.mates {
		a := &m.mates[i]
		switch {
		case m.outOfTheQuestion(a):
		case !m.fit(s, a):
			waiting = waiting || (a.asking && a.silences == 0)
		case !s.now.Before(a.heldUntil):
			return a
		case held == nil:
			held = a
		}
	}
	if waiting {
		return nil
	}
	return held
}

// outOfTheQuestion says that a member cannot be asked beside the active one.
func (m *Machine) outOfTheQuestion(a *mate) bool {
	return a.Name == m.active || m.sameSite(a.Name, m.active) || m.cannotStart(a)
}

// cannotStart says that a member is the one whose start failed: it is not asked
// but started again.
func (m *Machine) cannotStart(a *mate) bool { return m.active == "" && a.Name == m.failedStart }

// fit says that a member may be moved to: it answers, and does what the active
// one does not.
func (m *Machine) fit(s *step, a *mate) bool {
	switch {
	case !a.answered(s.now):
		return false
	case m.active == "":
		return true
	case m.wantsData():
		// The active one answers questions as well, so that no gap of the link is
		// to be told from its death.
		return a.data == Carries || (a.data == Untestable && !m.badAt.IsZero() && s.due(m.badAt.Add(untestedAfter)))
	default:
		return m.inOrder(a) == inTime
	}
}

// order is how a member's answers lie to the questions that the active one left
// unanswered.
type order uint8

const (
	none    order = iota // it has not answered since the doubt began
	tooLate              // no more than a gap of the link can have ended between them
	inTime               // it answered while the active one did not
)

// inOrder says whether a member answered while the active one did not. Of two
// members that a gap of the link silenced, either may answer first after it.
func (m *Machine) inOrder(a *mate) order {
	switch {
	case !m.policy.confirms():
		return inTime
	case a.firstAt.IsZero():
		return none
	case m.deadAt.IsZero(), !a.firstAt.Add(-a.rtt - sideBySide).After(m.deadAt), a.provenAt.Sub(a.firstAt) >= outlast:
		return inTime
	default:
		return tooLate
	}
}

// wantsData says that members must prove that they carry data: the active one
// answers and carries none.
func (m *Machine) wantsData() bool {
	return m.active != "" && m.cause == tunnel.ForwardsNothing &&
		(m.verdict == health.Suspect || m.verdict == health.Unhealthy)
}

// awaited says that a member which may be moved to has yet to report.
func (m *Machine) awaited() bool {
	for i := range m.mates {
		if a := &m.mates[i]; a.asking && a.silences == 0 {
			return true
		}
	}
	return false
}

// expected says that a member which answers may be fit in a moment.
func (m *Machine) expected(s *step) bool {
	for i := range m.mates {
		a := &m.mates[i]
		switch {
		case m.outOfTheQuestion(a) || !a.answered(s.now):
		case m.wantsData():
			if a.data == Untestable && !s.due(m.badAt.Add(untestedAfter)) {
				return true
			}
		case m.inOrder(a) == tooLate && !s.due(a.firstAt.Add(orderWithin)):
			return true
		}
	}
	return false
}

// noneWhy says why no member can be moved to. "": there is no other, or one
// that answers and is waited for.
func (m *Machine) noneWhy(now time.Time) string {
	if len(m.mates) < 2 {
		return ""
	}
	mute := false
	for i := range m.mates {
		a := &m.mates[i]
		if m.outOfTheQuestion(a) || !a.answered(now) {
			continue
		}
		if !m.wantsData() || a.data != Mute {
			return ""
		}
		mute = true
	}
	if mute {
		return fmt.Sprintf("None of %d members carries data.", len(m.mates))
	}
	return fmt.Sprintf("None of %d members answers.", len(m.mates))
}
