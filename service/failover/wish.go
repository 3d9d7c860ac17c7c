package failover

import (
	"slices"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// pinWithin is how long a member that was asked for may take to answer.
const pinWithin = 10 * time.Second

// heldOffline is the evidence of a Held event while there is no network.
const heldOffline = "Nothing is tried until the network can be used."

// off is the word for the wish for no tunnel in events.
const off = "off"

func (m *Machine) wishWord() string {
	if !m.on {
		return off
	}
	return string(m.target)
}

// connect takes the wish for a target. It is the person's word: what was
// counted and waited for before counts no more.
func (m *Machine) connect(s *step, in Connect) {
	before := m.wishWord()
	m.on, m.target = true, in.Target
	m.setMembers(s, in.Members)
	m.pin, m.pinBy = "", time.Time{}
	m.forgive(s)
	if after := m.wishWord(); after != before {
		s.tell(event.Event{Kind: event.WishChanged, From: before, To: after})
	}
	if m.active == "" {
		m.outage = s.now
	}
	if !m.usable {
		m.held(s, event.HeldOffline, m.underlayCause, heldOffline)
	}
}

// forgive clears the counts and waits of repair.
func (m *Machine) forgive(s *step) {
	m.stopCooling(s, "Asked for.")
	m.failedStart, m.attempts, m.breaks, m.nextTry, m.exhausted, m.told = "", 0, 0, time.Time{}, false, nil
	m.steps = 0
	for i := range m.mates {
		m.mates[i].forgive()
	}
}

func (m *Machine) disconnect(s *step) {
	if m.on {
		s.tell(event.Event{Kind: event.WishChanged, From: m.wishWord(), To: off})
	}
	m.turnOff()
}

// giveUp ends the wish where the policy says so.
func (m *Machine) giveUp(s *step, evidence string) {
	s.tell(event.Event{Kind: event.WishChanged, Tunnel: m.about(), From: m.wishWord(), To: off,
		Cause: m.cause, Evidence: evidence})
	m.turnOff()
	m.takeBack(s)
	if m.pending.Do == "" && m.active != "" {
		m.state = tunnel.Stopping
		m.begin(s, Action{Do: Stop, ID: m.active})
	}
}

// takeBack takes back the probes of this step, which nobody needs any more.
func (m *Machine) takeBack(s *step) {
	s.out.Actions = slices.DeleteFunc(s.out.Actions, func(a Action) bool {
		if a.Do != Probe {
			return false
		}
		m.mate(a.ID).asking = false
		return true
	})
}

func (m *Machine) turnOff() {
	m.on = false
	m.pin, m.pinBy = "", time.Time{}
	m.failedStart, m.attempts, m.breaks, m.nextTry, m.exhausted, m.told = "", 0, 0, time.Time{}, false, nil
	m.steps, m.coolTo, m.refresh, m.outage = 0, time.Time{}, 0, time.Time{}
}

// reconnect asks for a new device now, or for the start that was waited with.
// As the person's word it ends every wait.
func (m *Machine) reconnect(s *step) {
	if !m.on {
		return
	}
	m.forgive(s)
	if m.active != "" {
		m.refresh, m.refreshWhy, m.refreshed = max(m.refresh, Renew), "asked for", time.Time{}
	}
}

// switchTo pins a member. It becomes active when it has answered.
func (m *Machine) switchTo(s *step, in SwitchTo) {
	if !m.on || m.mate(in.ID) == nil {
		return
	}
	m.pin, m.pinBy = in.ID, time.Time{}
	if in.ID != m.active {
		m.pinBy = s.now.Add(pinWithin)
		m.mate(in.ID).forgive()
	}
}

// endPin gives up on a pinned member that has not answered in time. One that
// was active and is being started again has answered.
func (m *Machine) endPin(s *step) {
	if m.pin == "" || m.pin == m.active || m.pinBy.IsZero() || m.pending.Do == Switch || !s.due(m.pinBy) {
		return
	}
	cause, why := tunnel.Unanswered, "It was asked for and did not answer within "+event.Span(pinWithin)+"."
	if !m.usable {
		cause, why = m.underlayCause, "It was asked for, and the network could not be used within "+event.Span(pinWithin)+"."
	}
	s.tell(event.Event{Kind: event.Held, Tunnel: m.pin, To: event.HeldRefused, Cause: cause, Evidence: why})
	m.pin, m.pinBy = "", time.Time{}
}

// moveToPin switches to the pinned member once it has answered. A person's wish
// waits for no hold.
func (m *Machine) moveToPin(s *step) {
	p := m.mate(m.pin)
	if p.answered(s.now) || (m.sameSite(p.Name, m.active) && s.due(p.notBefore)) {
		m.begin(s, Action{Do: Switch, ID: p.Name, From: m.active})
	}
}

// configured brings another policy, other members, or both. No members means
// that they are as they were.
func (m *Machine) configured(s *step, in Configured) {
	m.policy = in.Policy
	if len(in.Members) > 0 {
		m.setMembers(s, in.Members)
	}
	if m.mate(m.pin) == nil {
		m.pin, m.pinBy = "", time.Time{}
	}
}

// setMembers replaces the members. What is known of those that stay is kept.
func (m *Machine) setMembers(s *step, members []Member) {
	old := m.mates
	m.mates = make([]mate, 0, len(members))
	for _, n := range members {
		i := slices.IndexFunc(old, func(o mate) bool { return o.Name == n.Name })
		if i < 0 {
			m.mates = append(m.mates, mate{Member: n})
			continue
		}
		o := old[i]
		o.Member = n
		m.mates = append(m.mates, o)
		old[i].standby = false
	}
	for _, o := range old {
		if o.standby && !o.asking { // one that is asked is released by its report
			s.do(Action{Do: Release, ID: o.Name})
		}
	}
}
