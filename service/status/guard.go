package status

import "holdfast/service/failover"

// GuardStand is what the guard does, in a word. The page has the same rule.
type GuardStand string

// The stands.
const (
	// GuardIsOff: it blocks nothing, as the setting says.
	GuardIsOff GuardStand = "off"
	// GuardOpen: it blocks nothing, since no tunnel is wished for.
	GuardOpen GuardStand = "open"
	// GuardShut: what the tunnel should carry can leave no other way.
	GuardShut GuardStand = "shut"
	// GuardBlocking: it is shut, and no tunnel carries what it keeps in.
	GuardBlocking GuardStand = "blocking"
	// GuardUnverified: it is to be shut, and its rules were not read back.
	GuardUnverified GuardStand = "unverified"
	// GuardReleased: everything may pass until the wish changes.
	GuardReleased GuardStand = "released"
	// GuardPaused: everything may pass for a while.
	GuardPaused GuardStand = "paused"
)

// Stand says what the guard does. wished: a tunnel is wished for.
func (g Guard) Stand(wished bool) GuardStand {
	off := g.Mode == failover.GuardOff || g.Mode == ""
	switch {
	case g.PausedUntil != nil:
		return GuardPaused
	case g.Released:
		return GuardReleased
	case g.Blocking && g.Verified:
		return GuardBlocking
	case off && !g.Blocking:
		return GuardIsOff
	case !wished && g.Mode != failover.GuardAlways && !g.Blocking:
		return GuardOpen
	case !g.Verified:
		return GuardUnverified
	default:
		return GuardShut
	}
}
