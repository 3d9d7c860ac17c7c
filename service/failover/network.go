package failover

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

const (
	// longSleep is when a peer has dropped the session that went to sleep.
	longSleep = 3 * time.Minute
	// refreshApart keeps rebuilds apart when the network changes in a flurry.
	refreshApart = 2 * time.Second
)

// usableWord says in an event how the underlay is.
func usableWord(usable bool, cause tunnel.Cause) string {
	if usable {
		return "ok"
	}
	return string(cause)
}

// leadsNowhere says that there is a network, and that it was found to lead to a
// sign-in page, or not to the internet. That may end at any moment and nothing
// but an answer tells: members are asked on, slowly.
func (m *Machine) leadsNowhere() bool {
	return !m.usable && (m.underlayCause == tunnel.SignIn || m.underlayCause == tunnel.NoInternet)
}

// underlay takes news of whether the network below can be used. While it
// cannot, nothing is tried; when it can again, the tunnel is bound to it at
// once, unless it works already.
func (m *Machine) underlay(s *step, in Underlay) {
	if in.Usable {
		in.Cause = ""
	} else if in.Cause == "" {
		in.Cause = tunnel.NoNetwork
	}
	before, after := usableWord(m.usable, m.underlayCause), usableWord(in.Usable, in.Cause)
	was := m.usable
	m.usable, m.underlayCause = in.Usable, in.Cause
	if before == after {
		return
	}
	s.tell(event.Event{Kind: event.UnderlayChanged, From: before, To: after, Cause: in.Cause})
	works := m.carries && m.well()
	m.carries, m.lost = false, false
	switch {
	case in.Usable && works:
		m.told = nil
	case in.Usable:
		m.refreshed = time.Time{} // what was rebuilt without a network does not count
		m.disturb(s, Rebind, "the network is back")
	case was && m.on:
		m.putOff = Judged{}
		m.held(s, event.HeldOffline, in.Cause, heldOffline)
	}
}

func (m *Machine) networkChanged(s *step) {
	if m.usable && m.on {
		s.tell(event.Event{Kind: event.UnderlayChanged, From: "ok", To: "ok", Evidence: "The network is another one."})
	}
	m.disturb(s, Rebind, "the network changed")
}

func (m *Machine) woke(s *step, in Woke) {
	s.tell(event.Event{Kind: event.Woke, From: in.Slept.String(), Evidence: "Slept for " + event.Span(in.Slept.Round(time.Second)) + "."})
	rung := Rebind
	if in.Slept >= longSleep {
		rung = Rotate
	}
	m.disturb(s, rung, "the machine slept")
}

// disturb forgets what the network below no longer vouches for, failed attempts
// included, and asks for the tunnel to be bound to it anew. A rebuild that is under way does as well.
func (m *Machine) disturb(s *step, rung Rung, why string) {
	m.graceTo, m.putOff = s.now.Add(grace), Judged{}
	m.nextTry, m.attempts, m.exhausted, m.told = s.now, 0, false, nil
	for i := range m.mates {
		a := &m.mates[i]
		a.silences, a.streak, a.askSoon = 0, 0, true
		a.unprove()
	}
	if m.active == "" {
		return
	}
	if !m.well() && m.verdict != health.Unknown {
		s.tell(event.Event{Kind: event.VerdictChanged, Tunnel: m.active, From: string(m.verdict),
			To: string(health.Unknown), Evidence: "What was seen before does not count: " + why + "."})
		m.verdict, m.cause, m.silent = health.Unknown, "", time.Time{}
		m.endDoubt()
	}
	if m.pending.Do != Restart {
		if m.refresh < rung {
			m.refresh, m.refreshWhy = rung, why
		}
	}
}

// rebuild carries out what a change of the network, or the person, asked for.
func (m *Machine) rebuild(s *step) {
	if !m.refreshed.IsZero() && !s.due(m.refreshed.Add(refreshApart)) {
		return
	}
	rung, why := m.refresh, m.refreshWhy
	m.refresh, m.refreshed = 0, s.now
	m.restart(s, rung, "Rebuilt: "+why+".")
}

// restart rebuilds the active member as far as rung says.
func (m *Machine) restart(s *step, rung Rung, evidence string) {
	s.tell(event.Event{Kind: event.Restarted, Tunnel: m.active, To: rung.String(), Cause: m.cause, Evidence: evidence})
	m.begin(s, Action{Do: Restart, ID: m.active, Rung: rung})
}
