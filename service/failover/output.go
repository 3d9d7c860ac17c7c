package failover

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// Verb is what an Action asks for.
type Verb string

// The verbs. Start, Switch, Restart and Stop are tunnel actions, of which one
// input causes one at most; Probe and Release concern standbys.
const (
	// Start opens the interface and makes ID the active member. Answered by Changed.
	Start Verb = "start"
	// Switch makes ID, which has answered, the active member in place of From.
	// Within a site it only moves the endpoint. Answered by Switched.
	Switch Verb = "switch"
	// Restart rebuilds the active member as far as Rung says. Answered by Changed.
	Restart Verb = "restart"
	// Stop closes the interface and every device. Answered by Changed.
	Stop Verb = "stop"
	// Probe asks ID for a handshake beside the active member, starting a
	// standby device where there is none. Answered by Probed.
	Probe Verb = "probe"
	// Release ends the standby device of ID. Not answered.
	Release Verb = "release"
)

// Rung is a step of the restart ladder: each rebuilds more than the one before.
type Rung uint8

// The rungs.
const (
	// Rebind opens the sockets anew on the same port and asks for a handshake.
	Rebind Rung = iota + 1
	// Rotate takes a new source port (unless the config fixes one) and
	// resolves the endpoint again.
	Rotate
	// Renew builds a new device on the same interface.
	Renew
	// Reopen builds a new interface.
	Reopen
)

// Action is something the engine must have done.
type Action struct {
	Do   Verb
	ID   tunnel.Name
	From tunnel.Name // Switch: the member that is left
	Rung Rung        // Restart
	Data bool        // Probe: also prove that data passes
	// IfSilent, of a Switch within a site, has both endpoints asked side by side
	// first: where that of From answers, the move is refused.
	IfSilent bool
}

// Output is what one Step decided: first the actions, then the events.
type Output struct {
	Actions []Action
	Events  []event.Event
	// Next is when the machine wants a Tick. Zero: it does not.
	Next time.Time
}

// String is the word for a rung in events, lower case.
func (r Rung) String() string {
	switch r {
	case Rebind:
		return "rebind"
	case Rotate:
		return "rotate"
	case Renew:
		return "renew"
	case Reopen:
		return "reopen"
	default:
		return "none"
	}
}
