package failover

import (
	"time"

	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// View is what the machine shows of itself.
type View struct {
	On      bool
	Target  tunnel.Name
	Active  tunnel.Name // "": none
	State   tunnel.State
	Since   time.Time // when Active became active
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
