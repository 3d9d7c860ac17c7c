package failover

import (
	"time"

	"holdfast/service/health"
)

const (
	// standbyInterval is how often a standby is asked whose policy is probe or
	// warm.
	standbyInterval = 2 * time.Minute
	// slowInterval is how often members are asked during a cooldown.
	slowInterval = time.Minute
	// askLost is when a probe whose report is missing counts as unanswered. It
	// is far longer than any probe takes.
	askLost = 30 * time.Second
	// nowhereInterval is how often a member is asked at most while the network
	// leads nowhere.
	nowhereInterval = 30 * time.Second
)

// askMates asks every member whose time has come. Of a site only one member is
// asked at a time, and none of the active member's.
func (m *Machine) askMates(s *step) {
	if !m.on || (!m.usable && !m.leadsNowhere()) || m.pending.Do == Stop || m.pending.Do == Start {
		return
	}
	if m.active != "" && !m.rightDevice() {
		return
	}
	for i := range m.mates {
		a := &m.mates[i]
		if !s.now.Before(a.heldUntil) {
			a.heldUntil = time.Time{}
		}
		if a.Name == m.active || m.sameSite(a.Name, m.active) || m.cannotStart(a) || m.asked(s, a) {
			continue
		}
		at, wanted := m.askAt(s, i)
		if !m.usable && !a.askedAt.IsZero() {
			at = later(at, a.askedAt.Add(nowhereInterval))
		}
		if !wanted || !s.due(at) || !m.freeSite(s, a) {
			continue
		}
		a.asking, a.standby, a.askedAt, a.askSoon = true, true, s.now, false
		a.dataAsked = m.wantsData() || m.wantsLastProof(s, a)
		s.do(Action{Do: Probe, ID: a.Name, Data: a.dataAsked})
	}
}

// asked says that a probe's report is still awaited.
func (m *Machine) asked(s *step, a *mate) bool {
	if a.asking && s.due(a.askedAt.Add(askLost)) {
		a.asking, a.reportedAt = false, s.now
		a.silent()
	}
	return a.asking
}

// freeSite makes room at a member's site: a sibling that was silent gives way,
// one that answers, or is being asked, does not.
func (m *Machine) freeSite(s *step, a *mate) bool {
	for i := range m.mates {
		o := &m.mates[i]
		if o == a || !o.standby || !m.sameSite(o.Name, a.Name) {
			continue
		}
		if o.asking || o.silences == 0 {
			return false
		}
		o.standby = false
		s.do(Action{Do: Release, ID: o.Name})
	}
	return true
}

// askAt is when a member is to be asked next, for whichever reason comes first.
func (m *Machine) askAt(s *step, i int) (at time.Time, wanted bool) {
	a := &m.mates[i]
	add := func(t time.Time) {
		if !wanted || t.Before(at) {
			at, wanted = t, true
		}
	}
	if m.searching(s) {
		add(m.searchAt(s, a))
	}
	if m.pin == a.Name {
		add(a.again(s.now, time.Second))
	}
	if m.preferred(i) {
		add(m.failbackAskAt(s, a))
	}
	if m.policy.Standby != Cold && m.active != "" {
		// Members take turns, so that their probes do not leave together.
		turn := m.since.Add(standbyInterval * time.Duration(i+1) / time.Duration(len(m.mates)+1))
		if a.askedAt.Before(m.since) {
			add(turn)
		} else {
			add(a.askedAt.Add(standbyInterval))
		}
	}
	return at, wanted
}

// searching says that another member may be needed: the active one is
// unhealthy, or suspect, or could not be started. In the classic profile it
// must have been suspect for half the time it takes to become unhealthy.
func (m *Machine) searching(s *step) bool {
	if m.policy.OnUnhealthy != ToFailover || len(m.mates) < 2 {
		return false
	}
	switch {
	case m.active == "":
		return m.failedStart != ""
	case m.verdict == health.Unhealthy:
		return true
	case m.verdict == health.Suspect:
		return m.policy.confirms() || s.due(m.silent.Add(m.timeout()/2))
	default:
		return false
	}
}

// searchAt is when a member is asked while another is searched for.
func (m *Machine) searchAt(s *step, a *mate) time.Time {
	if s.now.Before(m.coolTo) && !a.reportedAt.IsZero() {
		return a.reportedAt.Add(slowInterval)
	}
	at := a.again(s.now, proofRefresh)
	switch {
	case m.active == "" || a.silences > 0:
	case m.wantsData() && a.data == "", m.policy.confirms() && a.firstAt.IsZero():
		at = s.now
	case m.verdict == health.Unhealthy && m.inOrder(a) == tooLate:
		at = sooner(at, a.provenAt.Add(outlastEvery))
	}
	return later(at, a.notBefore.Add(-time.Second))
}

// again is when to ask next: a member that answers every refresh, one that is
// silent ever more seldom.
func (a *mate) again(now time.Time, refresh time.Duration) time.Time {
	switch {
	case a.silences > 0:
		return later(a.reportedAt.Add(askRest), a.askedAt.Add(backoff(a.silences, askAgainFirst, askAgainMost)))
	case a.provenAt.IsZero() || now.Sub(a.provenAt) > proofLasts:
		return now
	default:
		return a.provenAt.Add(refresh)
	}
}

// probed takes the report of a probe.
func (m *Machine) probed(s *step, in Probed) {
	a := m.mate(in.ID)
	if a == nil {
		s.do(Action{Do: Release, ID: in.ID})
		return
	}
	a.asking, a.reportedAt = false, s.now
	if in.Answered {
		a.answer(s.now, in)
		return
	}
	a.silent()
}

// answer notes an answered probe. A member that answers and carries nothing is
// none to return to, however long it has answered.
func (a *mate) answer(now time.Time, in Probed) {
	a.answeredAt, a.provenAt, a.rtt, a.silences = now, now, in.RTT, 0
	if a.firstAt.IsZero() {
		a.firstAt = now
	}
	if a.streak++; a.streak == 1 {
		a.streakAt = now
	}
	if !a.dataAsked && in.Data == "" {
		return
	}
	a.dataAsked, a.data, a.dataAt = false, in.Data, now
	if in.Data == "" {
		a.data = Untestable
	}
	if a.data == Mute {
		a.streak = 0
	}
}

// silent notes an unanswered probe.
func (a *mate) silent() {
	a.silences++
	a.streak, a.dataAsked = 0, false
	a.unprove()
}

// releaseMates ends the standby devices that nobody needs.
func (m *Machine) releaseMates(s *step) {
	if m.pending.Do == Stop || m.pending.Do == Switch {
		return
	}
	keep := m.on && (m.searching(s) || m.policy.Standby == Warm)
	for i := range m.mates {
		a := &m.mates[i]
		if !a.standby || a.asking {
			continue
		}
		if keep || (m.on && (m.pin == a.Name || (m.preferred(i) && a.streak > 0))) {
			continue
		}
		a.standby = false
		s.do(Action{Do: Release, ID: a.Name})
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
