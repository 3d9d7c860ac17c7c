// Package event is the one record of what happened: a row in the store, a line
// on the page, a notification in the tray, and the words for all of them.
//
// It is pure: it does no I/O, starts no goroutine and never reads the clock.
package event

import (
	"time"

	"holdfast/service/tunnel"
)

// Kind is what happened. The strings are stored, sent and translated: they
// never change.
type Kind string

// The kinds of event (DESIGN.md §8).
const (
	WishChanged        Kind = "wish_changed"
	StateChanged       Kind = "state_changed"
	VerdictChanged     Kind = "verdict_changed"
	HandshakeFailed    Kind = "handshake_failed"
	HandshakeRecovered Kind = "handshake_recovered"
	FailedOver         Kind = "failed_over"
	FailedBack         Kind = "failed_back"
	Restarted          Kind = "restarted"
	Held               Kind = "held"
	CooldownStarted    Kind = "cooldown_started"
	CooldownEnded      Kind = "cooldown_ended"
	UnderlayChanged    Kind = "underlay_changed"
	Woke               Kind = "woke"
	EndpointChanged    Kind = "endpoint_changed"
	GuardChanged       Kind = "guard_changed"
	NoticeOpened       Kind = "notice_opened"
	NoticeCleared      Kind = "notice_cleared"
	ConfigChanged      Kind = "config_changed"
	SettingsChanged    Kind = "settings_changed"
	Denied             Kind = "denied"
	ServiceStarted     Kind = "service_started"
	ServiceStopped     Kind = "service_stopped"
)

// Event is flat on purpose: one struct, one row, one JSON object, one log line.
type Event struct {
	// ID orders events and lets a stream resume. It grows by one and is never
	// used twice; 0: not numbered yet.
	ID int64     `json:"id"`
	At time.Time `json:"at"` // UTC
	// Kind says which of the other fields mean something.
	Kind   Kind         `json:"kind"`
	Tunnel tunnel.Name  `json:"tunnel,omitempty"` // the member it is about; "": none
	From   string       `json:"from,omitempty"`   // what was before; of woke, how long it slept, as "8h0m0s"
	To     string       `json:"to,omitempty"`     // what is now
	Cause  tunnel.Cause `json:"cause,omitempty"`  // why; "": nothing is wrong
	// Evidence is what was seen, in a sentence or two of plain facts.
	Evidence string `json:"evidence,omitempty"`
	// DowntimeMs is how long the person was without service, in milliseconds,
	// on the event that ended the outage. 0: not known, or none.
	DowntimeMs int64 `json:"downtimeMs,omitempty"`
}

// Code names a notice: its cause, or its event's kind.
type Code string

// Severity says how loudly a notice is told.
type Severity string

// The severities. Low is shown on the page; medium also marks the icon; high
// also notifies.
const (
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)

// Notice is what a person should know now. It is opened by one event, cleared
// by another, and its words come from the catalogue.
type Notice struct {
	ID       int64       `json:"id"` // the ID of the event that opened it
	Code     Code        `json:"code"`
	Severity Severity    `json:"severity"`
	Tunnel   tunnel.Name `json:"tunnel,omitempty"`
	Title    string      `json:"title"`
	What     string      `json:"what"`
	Advice   string      `json:"advice,omitempty"`
	Evidence string      `json:"evidence,omitempty"`
	Since    time.Time   `json:"since"`
	// ClearedAt is when it stopped being true. Zero: it is open.
	ClearedAt time.Time `json:"clearedAt,omitzero"`
	// Acknowledged says that the person has seen it.
	Acknowledged bool `json:"acknowledged"`
}

// Why nothing is done about a tunnel that needs it: the To of a Held event.
const (
	// HeldOffline: the underlay cannot be used.
	HeldOffline = "offline"
	// HeldAllSilent: no other member answers.
	HeldAllSilent = "all_silent"
	// HeldMinimum: another switch would come too soon after the last.
	HeldMinimum = "minimum_hold"
	// HeldExhausted: every restart has been tried.
	HeldExhausted = "exhausted"
	// HeldRefused: the member that was asked for, or moved to, did not answer
	// or could not be taken.
	HeldRefused = "refused"
)
