package failover

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// grace is how long after a change of the network, or a wake-up, bad verdicts
// are put off: what was in flight is lost, and that is no evidence.
const grace = 5 * time.Second

// well says that the active member works, as far as is known.
func (m *Machine) well() bool { return isWell(m.verdict) }

func isWell(v health.Verdict) bool { return v == health.Healthy || v == health.Idle }

// timeout is how long the silence of a suspicion lasts until it is believed.
func (m *Machine) timeout() time.Duration {
	if m.cause == tunnel.HandshakeTimeout {
		return m.policy.HandshakeTimeout
	}
	return m.policy.TrafficTimeout
}

// judged takes a verdict about the active member. During the grace only good
// news counts, and none while the underlay cannot be used: but where it is only
// said to lead nowhere, a tunnel that works knows better.
func (m *Machine) judged(s *step, in Judged) {
	if in.ID != m.active || m.state != tunnel.Up {
		return
	}
	if !m.usable {
		m.lost = m.leadsNowhere() && (in.Verdict == health.Unhealthy || m.lost && in.Verdict != health.Healthy)
		if !m.leadsNowhere() || in.Verdict != health.Healthy {
			return
		}
		m.carries = true
	}
	if !isWell(in.Verdict) && s.now.Before(m.graceTo) {
		m.putOff = in
		return
	}
	m.putOff = Judged{}
	m.believe(s, in)
}

// endGrace believes what was put off.
func (m *Machine) endGrace(s *step) {
	if m.putOff.ID == "" || !s.due(m.graceTo) {
		return
	}
	in := m.putOff
	m.putOff = Judged{}
	if in.ID == m.active && m.usable {
		m.believe(s, in)
	}
}

// believe makes a verdict the machine's own. An unhealthy tunnel stays so until
// it is healthy: a device that was just rebuilt is merely unknown.
func (m *Machine) believe(s *step, in Judged) {
	was, wasCause := m.verdict, m.cause
	if was == health.Unhealthy && in.Verdict != health.Healthy && in.Verdict != health.Unhealthy {
		return
	}
	m.verdict, m.cause, m.silent = in.Verdict, in.Cause, in.Since
	if in.Verdict == health.Suspect && m.silent.IsZero() {
		m.silent = s.now
	}
	m.doubt(s, in)
	e := event.Event{Kind: event.VerdictChanged, Tunnel: in.ID, From: string(was), To: string(in.Verdict), Cause: in.Cause}
	switch {
	case isWell(in.Verdict):
		m.recovered(s, &e)
	case in.Verdict == health.Unhealthy:
		m.failed(s, was)
		if !m.silent.IsZero() {
			e.Evidence = "No answer for " + event.Span(s.now.Sub(m.silent).Round(time.Second)) + "."
		}
	}
	if isWell(was) && !isWell(in.Verdict) {
		m.unwell(s)
	}
	if in.Evidence != "" {
		e.Evidence = in.Evidence
	}
	// Between idle and healthy lies only whether anything is sent.
	refined := was == health.Unhealthy && in.Verdict == was && in.Cause != wasCause
	if refined || was != in.Verdict && (!isWell(was) || !isWell(in.Verdict)) {
		s.tell(e)
	}
	m.tellHandshake(s, was, wasCause)
}

// doubt notes since when the member is not well, and up to when it has proven
// dead. What others answered before says nothing about this doubt.
func (m *Machine) doubt(s *step, in Judged) {
	if isWell(in.Verdict) || in.Verdict == health.Unknown {
		m.endDoubt()
		return
	}
	if m.doubtAt.IsZero() {
		m.doubtAt = s.now
		for i := range m.mates {
			m.mates[i].firstAt, m.mates[i].data = time.Time{}, ""
		}
	}
	if in.Verdict == health.Unhealthy && m.badAt.IsZero() {
		m.badAt = s.now
	}
	m.deadAt = later(m.deadAt, in.DeadAt)
}

func (m *Machine) endDoubt() { m.doubtAt, m.badAt, m.deadAt = time.Time{}, time.Time{}, time.Time{} }

// recovered notes that the member is well, and ends the outage in e.
func (m *Machine) recovered(s *step, e *event.Event) {
	if m.wellAt.IsZero() {
		m.wellAt = s.now
	}
	e.DowntimeMs = s.since(m.outage)
	m.outage, m.told = time.Time{}, nil
	if a := m.mate(m.active); a != nil {
		a.answeredAt = s.now
	}
}

// failed notes that the member has become unhealthy. A member that was asked
// for has had its chance.
func (m *Machine) failed(s *step, was health.Verdict) {
	if was == health.Unhealthy {
		return
	}
	m.outage = m.silent
	if m.outage.IsZero() {
		m.outage = s.now
	}
	if m.pin == m.active {
		m.pin = ""
	}
}

// unwell notes that the member is well no longer. What it took to get there is
// forgotten if it lasted.
func (m *Machine) unwell(s *step) {
	lasted := !m.wellAt.IsZero() && s.now.Sub(m.wellAt) >= m.stableFor()
	m.wellAt = time.Time{}
	if lasted {
		m.steps, m.attempts, m.exhausted, m.nextTry = 0, 0, false, time.Time{}
		m.stopCooling(s, "It worked for a while.")
	}
}

func (m *Machine) tellHandshake(s *step, was health.Verdict, wasCause tunnel.Cause) {
	failing := m.verdict == health.Unhealthy && m.cause == tunnel.HandshakeTimeout
	before := was == health.Unhealthy && wasCause == tunnel.HandshakeTimeout
	switch {
	case failing && !before && !m.handshake:
		m.handshake = true
		s.tell(event.Event{Kind: event.HandshakeFailed, Tunnel: m.active, Cause: m.cause})
	case m.handshake && m.well():
		m.handshake = false
		s.tell(event.Event{Kind: event.HandshakeRecovered, Tunnel: m.active})
	}
}

// unproven takes back a bad verdict: what it was about has changed. A good one
// stays, as the monitor keeps it.
func (m *Machine) unproven() {
	if m.verdict == health.Suspect {
		m.verdict, m.cause, m.silent = health.Unknown, "", time.Time{}
		m.endDoubt()
	}
}
