package failover

import (
	"time"

	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// View is what the machine shows of itself.
type View struct {
	On     bool
	Target tunnel.Name
	Active tunnel.Name // "": none
	Failed tunnel.Name // the member whose start failed last; "": none since the wish
	State  tunnel.State
	Since  time.Time // when Active became active, or began to start
	// Pinned is the member that the person asked for. "": none.
	Pinned  tunnel.Name
	Verdict health.Verdict
	Cause   tunnel.Cause
	// Moving says that a Switch or a Restart is under way.
	Moving bool
	// CooldownUntil is until when no member is tried. Zero: not cooling down.
	CooldownUntil time.Time
	// Usable says that the underlay can be used; UnderlayCause why not.
	Usable        bool
	UnderlayCause tunnel.Cause
	Members       []MemberView
}

// MemberView is what the machine shows of one member.
type MemberView struct {
	Name       tunnel.Name
	Standby    bool // it has a standby device
	LastAnswer time.Time
	RTT        time.Duration
	HeldUntil  time.Time
}

// View returns what the machine shows of itself.
func (m *Machine) View() View {
	v := View{
		On: m.on, Target: m.target, Active: m.active, Failed: m.failedStart, State: m.state, Since: m.since,
		Pinned: m.pin, Verdict: m.verdict, Cause: m.cause,
		Moving:        m.pending.Do == Switch || m.pending.Do == Restart,
		CooldownUntil: m.coolTo,
		Usable:        m.usable, UnderlayCause: m.underlayCause,
		Members: make([]MemberView, 0, len(m.mates)),
	}
	for i := range m.mates {
		a := &m.mates[i]
		v.Members = append(v.Members, MemberView{Name: a.Name, Standby: a.standby, LastAnswer: a.answeredAt,
			RTT: a.rtt, HeldUntil: a.heldUntil})
	}
	return v
}
