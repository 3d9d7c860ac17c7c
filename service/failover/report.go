package failover

import (
	"fmt"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// changed takes the report about the device of the active member. One about
// another device is late and says nothing any more.
func (m *Machine) changed(s *step, in Changed) {
	if m.active == "" && m.pending.Do == "" && in.State == tunnel.Up {
		// Nobody asked for it, but it is there; settle will see what it is for.
		s.tell(event.Event{Kind: event.StateChanged, Tunnel: in.ID, From: string(m.state), To: string(in.State)})
		m.become(s, in.ID)
		return
	}
	if in.ID == "" || in.ID != m.active && (in.ID != m.pending.ID || m.pending.Do == Switch) {
		return
	}
	was, did := m.state, m.pending
	answers := did.ID == in.ID && did.Do != Switch && (in.State == tunnel.Down || (in.State == tunnel.Up && did.Do != Stop))
	if answers {
		m.pending = Action{}
	}
	if did.Do == Stop && in.State != tunnel.Down {
		return
	}
	m.state = in.State
	evidence := ""
	if in.Err != nil {
		evidence = in.Err.Error()
	}
	if was != in.State {
		s.tell(event.Event{Kind: event.StateChanged, Tunnel: in.ID, From: string(was), To: string(in.State),
			Evidence: evidence})
	}
	switch {
	case in.State == tunnel.Up && did.Do == Start && answers:
		m.started(s, in.ID)
	case in.State == tunnel.Up && did.Do == Restart && answers:
		m.nextTry = later(m.nextTry, s.now.Add(m.restartWait()))
		m.unproven()
		m.quiet = false // a rebuilt device's line is measured anew
	case in.State == tunnel.Down:
		m.fell(s, in.ID, did.Do, in.Err)
	}
}

// started takes a member for the active one.
func (m *Machine) started(s *step, id tunnel.Name) {
	from := m.failedStart
	m.become(s, id)
	if from != "" && from != id && m.on {
		m.step(s, from)
		m.switchedAt = s.now
		s.tell(event.Event{Kind: event.FailedOver, Tunnel: id, From: string(from), To: string(id),
			Evidence: string(from) + " could not be started.", DowntimeMs: s.since(m.outage)})
	}
	m.failedStart = ""
	m.outage = time.Time{}
}

// fell notes that there is no device any more: it was stopped, or it failed.
// Standbys end with it.
func (m *Machine) fell(s *step, id tunnel.Name, did Verb, err error) {
	m.broke = did == ""
	if worked := s.now.Sub(m.wellAt); !m.wellAt.IsZero() && worked >= workedFor {
		m.breaks = 0
	}
	if m.well() {
		m.unwell(s)
	}
	m.active, m.state, m.since, m.refresh = "", tunnel.Down, s.now, 0
	for i := range m.mates {
		m.mates[i].standby = m.mates[i].asking
	}
	if m.outage.IsZero() {
		m.outage = s.now
	}
	m.forgetVerdict()
	if !m.on || did == Stop || m.of != m.target || m.mate(id) == nil {
		return // nothing is wished for, or another target, which this says nothing of
	}
	m.failedStart = id
	if m.broke {
		m.again(s)
		return
	}
	if did != Restart {
		m.attempts++ // that of a restart was counted when it began
	}
	m.nextTry = s.now.Add(m.restartWait())
	if did == Restart && m.attempts == 0 {
		m.nextTry = s.now // it worked until now: only what fails again waits
	}
	if a := m.mate(id); a != nil && err != nil {
		a.refuse(s.now)
	}
}

// again plans the start after an interface was taken away, which says nothing of
// the member: at once, unless that happens over and over.
func (m *Machine) again(s *step) {
	m.nextTry, m.attempts = s.now, max(m.attempts, 1)
	if m.breaks > 0 {
		m.nextTry = s.now.Add(backoff(m.breaks, againFirst, restartMost))
		m.attempts++
	}
	m.breaks++
}

// workedFor is how long a member must have worked for the loss of its interface
// to be the first one. While another program insists, the waits double from
// againFirst.
const workedFor, againFirst = 3 * time.Second, 500 * time.Millisecond

// refuse notes that a member answered, or was expected to, and could not be
// made the active one.
func (a *mate) refuse(now time.Time) {
	a.refusals++
	a.notBefore = now.Add(backoff(a.refusals, moveAgainFirst, moveAgainMost))
	a.unprove()
	a.streak = 0
}

// switched takes the report of a Switch.
func (m *Machine) switched(s *step, in Switched) {
	if m.pending.Do != Switch || in.To != m.pending.ID {
		return
	}
	m.pending = Action{}
	back := m.back
	m.back = ""
	to := m.mate(in.To)
	if in.Err != nil {
		if to != nil {
			to.refuse(s.now)
		}
		s.tell(event.Event{Kind: event.Held, Tunnel: in.To, From: string(in.From), To: event.HeldRefused,
			Cause: tunnel.Unanswered, Evidence: in.Err.Error()})
		if m.pin == in.To {
			m.pin, m.pinBy = "", time.Time{}
		}
		return
	}
	m.tellSwitch(s, in, back == in.To)
	m.become(s, in.To)
	m.switchedAt, m.outage = s.now, time.Time{}
	if from := m.mate(in.From); from != nil && !m.sameSite(in.From, in.To) {
		from.standby = true // its device lingers until it is released
	}
}

// tellSwitch counts and tells a switch before it is taken in. An outage ends
// with the report and not with the first verdict: the new member answered
// before it was moved to, and an idle one may have nothing to be judged by.
func (m *Machine) tellSwitch(s *step, in Switched, back bool) {
	e := event.Event{Tunnel: in.To, From: string(in.From), To: string(in.To), DowntimeMs: s.since(m.outage)}
	switch {
	case m.pin == in.To:
		e.Kind = event.WishChanged
		m.pinBy = time.Time{}
	case back:
		e.Kind = event.FailedBack
		if to := m.mate(in.To); to != nil {
			to.backAt = s.now
			e.Evidence = to.returnEvidence()
		}
	default:
		e.Kind, e.Cause, e.Evidence = event.FailedOver, m.cause, m.moveEvidence(in)
		m.step(s, in.From)
	}
	s.tell(e)
}

// moveEvidence says on what grounds a member was left for another. Within a site
// there are none but the move itself.
func (m *Machine) moveEvidence(in Switched) string {
	to := m.mate(in.To)
	switch {
	case to == nil || to.provenAt.IsZero() || m.sameSite(in.From, in.To):
		return ""
	case m.wantsData() && to.data == Carries:
		return fmt.Sprintf("Data passes through %s and not through %s.", in.To, in.From)
	case m.wantsData():
		return fmt.Sprintf("%s answers. Whether data passes could not be tried beforehand: nothing behind it is known to answer.", in.To)
	case to.rtt > 0:
		return fmt.Sprintf("%s answered within %d ms while %s did not answer.", in.To, (to.rtt + time.Millisecond - 1).Milliseconds(), in.From)
	default:
		return fmt.Sprintf("%s answered while %s did not.", in.To, in.From)
	}
}

// step counts a member that was left because it was unhealthy, and holds it: the
// longer, the more often that happened lately.
func (m *Machine) step(s *step, from tunnel.Name) {
	m.steps++
	if a := m.mate(from); a != nil {
		a.heldUntil = later(s.now.Add(m.policy.MinimumHold), a.damping.left(s.now))
		if m.flapped(s.now, a) {
			a.flaps = min(a.flaps+1, maxFlaps)
		} else {
			a.flaps = 0
		}
		a.backAt = time.Time{}
	}
}

// become takes a member for the active one, of which nothing is known yet.
func (m *Machine) become(s *step, id tunnel.Name) {
	if m.well() {
		m.unwell(s)
	}
	m.active, m.of, m.state, m.since = id, m.target, tunnel.Up, s.now
	m.refresh, m.readyAt, m.quiet = 0, time.Time{}, false
	m.forgetVerdict()
	m.graceTo = time.Time{}
	if m.pin != id && m.pinBy.IsZero() {
		m.pin = "" // it was active and has had its chance
	} else if m.pin == id {
		m.pinBy = time.Time{}
	}
	for i := range m.mates {
		m.mates[i].streak, m.mates[i].askSoon = 0, false
	}
	if a := m.mate(id); a != nil {
		a.standby, a.refusals, a.silences = false, 0, 0
	}
}

func (m *Machine) forgetVerdict() {
	m.verdict, m.cause, m.silent, m.wellAt = health.Unknown, "", time.Time{}, time.Time{}
	m.lost = false
	m.putOff, m.handshake, m.told = Judged{}, false, nil
	m.endDoubt()
}

func (s *step) since(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return s.now.Sub(t).Milliseconds()
}
