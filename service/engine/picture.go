package engine

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/status"
)

// publish draws the picture and shows it to whoever watches.
func (e *Engine) publish(now time.Time) { e.audience.show(e.redraw(now)) }

// redraw draws the picture for whoever asks, and wakes nobody who watches.
func (e *Engine) redraw(now time.Time) *status.Status {
	p := e.draw(now)
	e.snapshot.Store(p)
	return p
}

// draw makes the picture of this moment.
func (e *Engine) draw(now time.Time) *status.Status {
	view := e.brain.View()
	p := &status.Status{
		Schema:     status.Schema,
		At:         now.UTC(),
		Wish:       e.wish,
		Members:    e.drawMembers(now, view),
		Underlay:   "ok",
		Guard:      e.drawGuard(view),
		Notices:    e.board.Open(),
		LastSwitch: e.last,
		EventID:    e.nextID - 1,
	}
	if !view.Usable {
		p.Underlay = string(view.UnderlayCause)
	}
	if p.Notices == nil {
		p.Notices = []event.Notice{}
	}
	if view.Active != "" {
		p.Active = e.drawActive(now, view)
	}
	p.Overall = status.Sum(e.wish, view, p.Guard)
	return p
}

// drawActive shows the active member and its figures.
func (e *Engine) drawActive(now time.Time, view failover.View) *status.Active {
	f := e.brain.Figures(now)
	c := f.Counters
	a := &status.Active{
		Tunnel: view.Active, Group: view.Target, Since: view.Since.UTC(), State: view.State,
		Verdict: view.Verdict, RxBytes: c.RxBytes, TxBytes: c.TxBytes, RxRate: f.RxRate, TxRate: f.TxRate, Loss: c.Path.Loss,
	}
	if !f.At.IsZero() {
		a.Endpoint = e.endpoint
	}
	if view.Cause != "" {
		a.Cause = &view.Cause
	}
	if !c.LastHandshake.IsZero() {
		at, age := c.LastHandshake.UTC(), max(0, now.Sub(c.LastHandshake).Milliseconds())
		a.LastHandshake, a.HandshakeAgeMs = &at, &age
	}
	if at := f.RoundTripAt.UTC(); !at.IsZero() {
		a.LastRoundTrip = &at
	}
	if !f.At.IsZero() && e.rtt > 0 {
		a.RTTMs = milliseconds(e.rtt)
	}
	return a
}

// drawMembers shows the members of the target in their order. The active one
// is not asked, since its own traffic tells when it last answered.
func (e *Engine) drawMembers(now time.Time, view failover.View) []status.Member {
	members := make([]status.Member, 0, len(view.Members))
	for i, m := range view.Members {
		s := status.Member{Tunnel: m.Name, Role: "fallback", Stand: "cold"}
		if i == 0 {
			s.Role = "primary"
		}
		switch {
		case m.Name == view.Active:
			s.Stand = "active"
		case m.Standby && !m.LastAnswer.IsZero():
			s.Stand = "warm"
		case m.Standby:
			s.Stand = "probing"
		}
		answered, rtt := m.LastAnswer, m.RTT
		if m.Name == view.Active {
			f := e.brain.Figures(now)
			if f.RoundTripAt.After(answered) {
				answered = f.RoundTripAt
			}
			if !f.At.IsZero() && e.rtt > 0 {
				rtt = e.rtt
			}
		}
		if !answered.IsZero() {
			at := answered.UTC()
			s.LastAnswer = &at
		}
		if rtt > 0 {
			s.RTTMs = milliseconds(rtt)
		}
		if m.HeldUntil.After(now) {
			at := m.HeldUntil.UTC()
			s.HeldUntil = &at
		}
		members = append(members, s)
	}
	return members
}

func milliseconds(d time.Duration) *float64 {
	ms := float64(d) / float64(time.Millisecond)
	return &ms
}

// Status is the picture of now. It never waits for the tunnel; the figures of
// an active member are at most a second old, or as old as its last change.
func (e *Engine) Status() status.Status { return *e.snapshot.Load() }
