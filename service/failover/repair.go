package failover

import (
	"fmt"
	"slices"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// The wait between restarts doubles from the first to the last of these.
const restartFirst, restartMost = 5 * time.Second, time.Minute

// restartWait is the wait after the attempts made so far.
func (m *Machine) restartWait() time.Duration {
	if m.exhausted {
		return restartMost
	}
	return backoff(m.attempts, restartFirst, restartMost)
}

// start starts a member when there is no device: the pinned one, the primary,
// or, when that could not be started, another that answers.
func (m *Machine) start(s *step) {
	id := m.mates[0].Name
	if m.mate(m.failedStart) != nil {
		id = m.failedStart
	}
	if m.pin != "" && m.mate(m.pin) != nil {
		id = m.pin
	}
	if m.failedStart != "" {
		if !m.usable {
			return
		}
		if to := m.instead(s); to != nil && !m.broke {
			id = to.Name
		} else if !m.try(s) {
			return
		}
	}
	if !m.on || !m.clearSite(s, id) {
		return
	}
	m.active, m.of, m.state, m.since = id, m.target, tunnel.Starting, s.now
	m.mate(id).standby = false
	m.begin(s, Action{Do: Start, ID: id})
}

// instead is the member to start in place of one that could not be: the one
// that was asked for, or, where the policy is to fail over, the first that
// answers.
func (m *Machine) instead(s *step) *mate {
	if p := m.mate(m.pin); p != nil && p.answered(s.now) {
		return p
	}
	if m.policy.OnUnhealthy != ToFailover {
		return nil
	}
	return m.candidate(s)
}

// clearSite ends a sibling's standby device before a member is started. False:
// one is being asked, and its report is awaited.
func (m *Machine) clearSite(s *step, id tunnel.Name) bool {
	for i := range m.mates {
		o := &m.mates[i]
		if o.Name == id || !o.standby || !m.sameSite(o.Name, id) {
			continue
		}
		if o.asking {
			return false
		}
		o.standby = false
		s.do(Action{Do: Release, ID: o.Name})
	}
	return true
}

// repair does what the policy wants done about an unhealthy member.
func (m *Machine) repair(s *step) {
	switch m.policy.OnUnhealthy {
	case ToNotify:
	case ToDisconnect:
		m.giveUp(s, "The tunnel is unhealthy, and the policy is to disconnect.")
	case ToRestart:
		m.climb(s)
	default:
		m.leave(s)
	}
}

// leave moves to the first member that answers, in the order of preference.
// Those that were left lately come last, so that none is passed over for ever.
// While no member answers, the active one stays and is rebuilt.
func (m *Machine) leave(s *step) {
	if s.now.Before(m.coolTo) {
		return
	}
	if to := m.candidate(s); to != nil {
		if m.policy.Profile == Classic && !m.holdOver(s) {
			return
		}
		if m.steps >= m.policy.MaxCycles*len(m.mates) {
			m.cool(s)
			return
		}
		m.begin(s, Action{Do: Switch, ID: to.Name, From: m.active})
		return
	}
	if m.awaited() || m.expected(s) {
		return
	}
	if m.toSibling(s) {
		return
	}
	if why := m.noneWhy(s.now); why != "" {
		m.held(s, event.HeldAllSilent, m.cause, why)
	}
	m.climb(s)
}

// holdOver says that minimum_hold has passed since the last switch.
func (m *Machine) holdOver(s *step) bool {
	if m.switchedAt.IsZero() || s.due(m.switchedAt.Add(m.policy.MinimumHold)) {
		return true
	}
	m.held(s, event.HeldMinimum, m.cause, "Another switch waits for minimum_hold.")
	return false
}

// toSibling moves within the active one's site, where there is another way to try.
// The way in use is asked beside it: of two that an outage below has silenced,
// either may answer first when that is over. Where it answers and carries
// nothing, another may carry more; but not while the network leads nowhere.
func (m *Machine) toSibling(s *step) bool {
	to := m.sibling(s)
	if to != nil {
		m.begin(s, Action{Do: Switch, ID: to.Name, From: m.active, IfSilent: !m.usable || !m.wantsData()})
	}
	return to != nil
}

// nearby tries the other ways to the active member's server while the network
// is said to lead nowhere. Pages that do not answer are no proof of that, and
// the members that could refute it are asked; but those of its own site cannot
// be.
func (m *Machine) nearby(s *step) {
	if m.leadsNowhere() && m.policy.OnUnhealthy == ToFailover && (m.lost || m.verdict == health.Unhealthy) {
		m.toSibling(s)
	}
}

// sibling is a member of the active one's site that may be tried: it shares the
// server, so that it cannot be asked beside it, and the move is the question.
func (m *Machine) sibling(s *step) *mate {
	for i := range m.mates {
		a := &m.mates[i]
		if a.Name == m.active || !m.sameSite(a.Name, m.active) || !s.due(a.notBefore) {
			continue
		}
		if !m.holdOver(s) || m.steps >= m.policy.MaxCycles*len(m.mates) {
			return nil
		}
		return a
	}
	return nil
}

// cool begins a cooldown: every member has been tried often enough.
func (m *Machine) cool(s *step) {
	m.coolTo = s.now.Add(m.policy.Cooldown)
	s.tell(event.Event{Kind: event.CooldownStarted, Tunnel: m.active, Cause: m.cause,
		Evidence: fmt.Sprintf("Switches made without success: %d. The next try is in %s.", m.steps, event.Span(m.policy.Cooldown))})
	s.wait(m.coolTo)
}

func (m *Machine) endCooldown(s *step) {
	if m.coolTo.IsZero() || !s.due(m.coolTo) {
		return
	}
	m.steps = 0
	m.stopCooling(s, "")
}

// stopCooling ends a cooldown, if there is one.
func (m *Machine) stopCooling(s *step, evidence string) {
	if m.coolTo.IsZero() {
		return
	}
	m.coolTo = time.Time{}
	s.tell(event.Event{Kind: event.CooldownEnded, Tunnel: m.active, Evidence: evidence})
}

// climb restarts the active member on the next rung of the ladder.
func (m *Machine) climb(s *step) {
	if !m.try(s) {
		return
	}
	if m.exhausted {
		// Everything has been rebuilt. What may still change is the endpoint's
		// address and the way there.
		m.nextTry = s.now.Add(restartMost)
		m.restart(s, Rotate, "Trying on.")
		return
	}
	m.attempts++
	rung := Rebind + Rung(min(m.attempts-1, int(Reopen-Rebind)))
	wait := m.restartWait()
	if slices.Contains(m.told, event.HeldAllSilent) {
		wait = restartMost
	}
	m.nextTry = s.now.Add(wait)
	m.restart(s, rung, fmt.Sprintf("Attempt %d of %d.", m.attempts, m.policy.RestartAttempts))
}

// try says that another attempt may be made now. When all have been made it
// tells so once, and then does as the policy says.
func (m *Machine) try(s *step) bool {
	if !s.due(m.nextTry) {
		return false
	}
	if m.attempts >= m.policy.RestartAttempts && !m.exhausted {
		m.exhausted = true
		// Of members that are all silent enough was said, unless this ends the tries.
		if m.policy.WhenExhausted == KeepTrying && slices.Contains(m.told, event.HeldAllSilent) {
			return true
		}
		m.held(s, event.HeldExhausted, m.cause, fmt.Sprintf("Attempts made without success: %d.", m.attempts))
		if m.policy.WhenExhausted == GiveUp {
			m.giveUp(s, "Every attempt was made, and the policy is to disconnect.")
			return false
		}
	}
	return !m.exhausted || m.policy.WhenExhausted == KeepTrying
}
