// Package status is the picture of everything now, as the page, the tray and
// the command line show it, and the rule that sums it up in one word.
//
// It is pure: it does no I/O, starts no goroutine and never reads the clock.
package status

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// Schema is the version of the JSON that every command and route prints.
const Schema = 1

// Overall is the one word for how things stand.
type Overall string

// The overall states (DESIGN.md §3).
const (
	Off                Overall = "off"
	Connecting         Overall = "connecting"
	Protected          Overall = "protected"
	Idle               Overall = "idle"
	Checking           Overall = "checking"
	Switching          Overall = "switching"
	Stalled            Overall = "stalled"
	Blocked            Overall = "blocked"
	Offline            Overall = "offline"
	SignInNeeded       Overall = "sign-in needed"
	ServiceUnreachable Overall = "service unreachable" // said by clients only
	Unknown            Overall = "unknown"             // said of the past only
)

// Wish is what the person asked for. It is kept on disk, apart from what is.
type Wish struct {
	On bool `json:"on"`
	// Target is the group or tunnel that was asked for; kept while off, so that
	// turning on again needs no name. "": never asked.
	Target tunnel.Name `json:"target,omitempty"`
}

// Status is an immutable picture. Slices are never nil, so that JSON shows [].
type Status struct {
	Schema  int       `json:"schema"`
	At      time.Time `json:"at"`
	Overall Overall   `json:"overall"`
	Wish    Wish      `json:"wish"`
	// Active is the member whose device holds the interface. Nil: none.
	Active  *Active  `json:"active"`
	Members []Member `json:"members"`
	// Underlay is "ok", or the cause why it is not.
	Underlay   string         `json:"underlay"`
	Guard      Guard          `json:"guard"`
	Notices    []event.Notice `json:"notices"`
	LastSwitch *LastSwitch    `json:"lastSwitch"`
	// EventID is the ID of the last event this picture includes.
	EventID int64 `json:"eventId"`
}

// Active is the active member.
type Active struct {
	Tunnel  tunnel.Name    `json:"tunnel"`
	Group   tunnel.Name    `json:"group"`
	Since   time.Time      `json:"since"`
	State   tunnel.State   `json:"state"`
	Verdict health.Verdict `json:"verdict"`
	Cause   *tunnel.Cause  `json:"cause"` // null: nothing is wrong
	// LastHandshake and LastRoundTrip are null before the first.
	LastHandshake  *time.Time `json:"lastHandshake"`
	HandshakeAgeMs *int64     `json:"handshakeAgeMs"`
	LastRoundTrip  *time.Time `json:"lastRoundTrip"`
	RxBytes        uint64     `json:"rxBytes"`
	TxBytes        uint64     `json:"txBytes"`
	RxRate         float64    `json:"rxRate"` // bytes a second over the last sample
	TxRate         float64    `json:"txRate"`
	Endpoint       string     `json:"endpoint"`
	RTTMs          *float64   `json:"rttMs"` // null: not measured
	Loss           float64    `json:"loss"`  // 0 to 1
}

// Member is one member of the target.
type Member struct {
	Tunnel tunnel.Name `json:"tunnel"`
	Role   string      `json:"role"`    // "primary" or "fallback"
	Stand  string      `json:"standby"` // "active", "cold", "probing" or "warm"
	// LastAnswer is when it last answered a handshake. Null: never.
	LastAnswer *time.Time `json:"lastAnswer"`
	RTTMs      *float64   `json:"rttMs"`
	// HeldUntil is until when it will not be chosen. Null: it may be.
	HeldUntil *time.Time `json:"heldUntil"`
}

// Guard is the kill switch. Stand sums it up.
type Guard struct {
	// Mode is the setting; off where this service has no guard at all, as in the
	// demo and on a system that Holdfast cannot guard yet.
	Mode     failover.Guard `json:"mode"`
	Verified bool           `json:"verified"` // the rules were read back
	Blocking bool           `json:"blocking"` // traffic is being blocked now
	// Released says that everything may pass until the wish changes.
	Released bool `json:"released"`
	// PausedUntil is until when everything may pass and the tunnel is at rest,
	// so that a person can sign in to the network. Null: it is not paused.
	PausedUntil *time.Time `json:"pausedUntil"`
}

// LastSwitch is the latest move from one member to another.
type LastSwitch struct {
	At         time.Time    `json:"at"`
	Kind       event.Kind   `json:"kind"`
	From       tunnel.Name  `json:"from"`
	To         tunnel.Name  `json:"to"`
	Cause      tunnel.Cause `json:"cause,omitempty"`
	DowntimeMs int64        `json:"downtimeMs"`
}
