// Package notify tells a person on their desktop what has become the matter with
// their tunnels, and takes it back when it is no longer true.
//
// What to tell is decided by Desk, which is pure: it is shown how things stand
// and says what to show and what to close. Whoever calls it hands that to an
// adapter: D-Bus on Linux, the notification area on Windows, UserNotifications
// on macOS. There is one notification about a matter at a time; a later one takes
// the place of the one before, what the person did themself is never told, and
// a link that fails all day is told a few times and not each time.
package notify

import (
	"time"
)

// Kind is a sort of notification that a person can turn off.
type Kind string

// The kinds. The strings are those of the person's settings.
const (
	Stall         Kind = "stall"          // the active tunnel does not work
	Failover      Kind = "failover"       // another member took over
	Recovery      Kind = "recovery"       // what was told is over
	AllDown       Kind = "all_down"       // no member works
	ActionNeeded  Kind = "action_needed"  // only the person can help
	GuardBlocking Kind = "guard_blocking" // the guard keeps traffic in
)

// Kinds are all of them.
var Kinds = []Kind{Stall, Failover, Recovery, AllDown, ActionNeeded, GuardBlocking}

// Rules are what a person wants to be told. The zero value tells nothing.
type Rules struct {
	Enabled bool
	// Off are the kinds that are not told. Nil: all are.
	Off map[Kind]bool
	// PausedUntil is when a pause ends. Zero, or past: there is none.
	PausedUntil time.Time
	// QuietFrom and QuietUntil are a span of each day, since midnight where the
	// person is, over midnight if QuietUntil is the smaller. Equal: none.
	QuietFrom, QuietUntil time.Duration
	// Language is that of the words made here: "en" or "de". "": "en". Those of
	// the service come in the language it was asked for.
	Language string
}

// allows says that a kind is told at all.
func (r Rules) allows(k Kind) bool { return r.Enabled && !r.Off[k] }

// opens is when something may be told: now, or when the pause and the quiet
// hours are over. now is in the zone of the person.
func (r Rules) opens(now time.Time) time.Time {
	at := now
	// A pause may end within the quiet hours and these within a pause, so each is
	// looked at once more after the other.
	for range 2 {
		if at.Before(r.PausedUntil) {
			at = r.PausedUntil.In(now.Location())
		}
		at = r.afterQuiet(at)
	}
	return at
}

// afterQuiet is t, or the end of the quiet hours that t is in.
func (r Rules) afterQuiet(t time.Time) time.Time {
	if r.QuietFrom == r.QuietUntil {
		return t
	}
	midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
	clock := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
		time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	end := func(day int) time.Time {
		// By the clock on the wall, also on a day that is an hour shorter.
		return time.Date(t.Year(), t.Month(), t.Day()+day, 0, 0, int(r.QuietUntil/time.Second), 0, midnight.Location())
	}
	within, overnight := clock >= r.QuietFrom, r.QuietUntil < r.QuietFrom
	switch {
	case overnight && within:
		return end(1)
	case overnight && clock < r.QuietUntil, within && clock < r.QuietUntil:
		return end(0)
	default:
		return t
	}
}

// Urgency is how much a notification insists.
type Urgency int

// The urgencies. A critical notification stays until it is closed.
const (
	Low Urgency = iota
	Normal
	Critical
)

// Matter is what a notification is about. There is one about each at most.
type Matter string

// The matters. Every other notice is a matter of its own, named by its code.
const (
	Link    Matter = "link"    // the tunnel and the network below it
	Service Matter = "service" // whether the service answers
)

// Note is one notification.
type Note struct {
	Matter  Matter
	Kind    Kind
	Urgency Urgency
	Title   string
	Body    string
	// Notice is the ID of the notice that it tells. 0: none.
	Notice int64
	// Reconnect offers to rebuild the tunnel.
	Reconnect bool
	// Passing says that it need not be kept for later: it tells that all is well.
	Passing bool
}

// Action is what to do about a matter: show a note, in place of the one that is
// shown, or close that.
type Action struct {
	Matter Matter
	Show   *Note // nil: close
}
