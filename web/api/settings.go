package api

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// Settings is the reply of GET and PATCH /settings, in the order of their table.
// The body of PATCH is an object of key and value, both strings.
type Settings struct {
	Schema   int       `json:"schema"`
	Settings []Setting `json:"settings"`
}

// Setting is one setting: what it is, and what it may be.
type Setting struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default string `json:"default"`
	Unit    string `json:"unit"` // what a bare number means: "seconds", "bytes"; "": none
	Min     string `json:"min"`  // "": none
	Max     string `json:"max"`  // "": none
	// Choices are the words it may be, beside what Min and Max bound.
	Choices []string `json:"choices"`
	Help    string   `json:"help"`
	// Admin says that only an administrator may change it.
	Admin bool `json:"admin"`
}

// Guard is the reply of GET and POST /guard.
type Guard struct {
	Schema int `json:"schema"`
	status.Guard
}

// GuardAction is what POST /guard asks for.
type GuardAction string

// The actions.
const (
	// GuardOn makes the mode auto, unless it is always, and ends a release or a
	// pause.
	GuardOn GuardAction = "on"
	// GuardOff makes the mode off.
	GuardOff GuardAction = "off"
	// GuardRelease lets everything pass until the wish changes.
	GuardRelease GuardAction = "release"
	// GuardPause puts the tunnel to rest and lets everything pass for a while,
	// after which all is as before by itself.
	GuardPause GuardAction = "pause"
)

// How long a pause may be.
const (
	DefaultPause = 5 * time.Minute
	LongestPause = time.Hour
)

// GuardRequest is the body of POST /guard.
type GuardRequest struct {
	Action GuardAction `json:"action"`
	// Seconds is how long a pause lasts, up to 3600. 0: 300, or no pause.
	Seconds int `json:"seconds,omitempty"`
}

// Diagnosis is the reply of GET /diagnosis and POST /diagnosis/run.
type Diagnosis struct {
	Schema  int            `json:"schema"`
	At      time.Time      `json:"at"`
	Tunnel  tunnel.Name    `json:"tunnel"` // "": none is active
	Verdict health.Verdict `json:"verdict"`
	Cause   *tunnel.Cause  `json:"cause"` // null: nothing is wrong
	// Certain says that nothing else explains what was seen.
	Certain bool `json:"certain"`
	// Underlay says that the network below the tunnel is at fault: nothing that
	// is done to the tunnel helps.
	Underlay bool `json:"underlay"`
	// Code is the cause, or what else was found: "nothing_wrong",
	// "nothing_wanted", or that the network could carry no tunnel while none is
	// wanted ("off_no_network", "off_sign_in", "off_no_internet").
	Code event.Code `json:"code"`
	// Title, What and Advice are the words of the catalogue for Code.
	Title  string `json:"title"`
	What   string `json:"what"`
	Advice string `json:"advice"`
	// Evidence is what the cause rests on, in a sentence.
	Evidence string `json:"evidence"`
	// Others are causes that are true as well, and explained by this one or to
	// be looked at after it.
	Others []tunnel.Cause `json:"others"`
	Checks []Finding      `json:"checks"`
}

// Finding is one thing that a diagnosis looked at.
type Finding struct {
	Name string `json:"name"`
	// Result is "ok", "failed", or "skipped"; in the stream of a diagnosis also
	// "running", while it is being looked at.
	Result string `json:"result"`
	// Evidence is what was seen, in plain facts.
	Evidence string `json:"evidence"`
	TookMs   int64  `json:"tookMs"`
}

// Logs is the reply of GET /logs, oldest first.
type Logs struct {
	Schema int       `json:"schema"`
	Lines  []LogLine `json:"lines"`
}

// LogLine is one line of the service's log.
type LogLine struct {
	At    time.Time `json:"at"`
	Level string    `json:"level"` // "debug", "info", "warn" or "error"
	// Text is the message and its attributes, as "message key=value …".
	Text string `json:"text"`
}
