package api

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// MaxPage is the most events one page holds.
const MaxPage = 1000

// EventQuery selects events. Its zero value selects the latest, newest first.
type EventQuery struct {
	// After selects the events with a greater ID, oldest first: it resumes a
	// stream. 0: newest first. It excludes Before.
	After int64
	// Before selects the events with a smaller ID: it is where the page before
	// ended. 0: no bound.
	Before int64
	// OldestFirst says that After counts also where it is 0: all events, oldest
	// first.
	OldestFirst bool
	Since       time.Time // inclusive; zero: no bound
	Until       time.Time // exclusive; zero: no bound
	Kinds       []event.Kind
	Tunnel      tunnel.Name // "": any
	Limit       int         // 1 to MaxPage; 0: 100
}

// Forwards says that the query asks for the oldest first.
func (q EventQuery) Forwards() bool { return q.After > 0 || q.OldestFirst }

// Event is an event with its words.
type Event struct {
	event.Event
	// Sentence tells it to a person in one line, in the language of the reply.
	Sentence string `json:"sentence"`
}

// EventPage is what a history answers to an EventQuery.
type EventPage struct {
	Events []event.Event
	// More says that the query would have given further events.
	More bool
}

// History is the reply of GET /history.
type History struct {
	Schema int     `json:"schema"`
	Events []Event `json:"events"`
	// Next is the cursor of the page that follows. "": this was the last.
	Next string `json:"next"`
}

// Summary is the reply of GET /history/summary: what a span of time came to.
type Summary struct {
	Schema    int       `json:"schema"`
	Since     time.Time `json:"since"`
	Until     time.Time `json:"until"`
	Failovers int       `json:"failovers"`
	Failbacks int       `json:"failbacks"`
	Restarts  int       `json:"restarts"`
	// Outages counts the events that ended a time without service, DowntimeMs
	// adds those times up.
	Outages    int    `json:"outages"`
	DowntimeMs int64  `json:"downtimeMs"`
	RxBytes    uint64 `json:"rxBytes"`
	TxBytes    uint64 `json:"txBytes"`
}

// Timeline is the reply of GET /history/timeline.
type Timeline struct {
	Schema int       `json:"schema"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"` // now at most
	// Spans follow each other without a gap from Since to Until.
	Spans []status.Span `json:"spans"`
	// Switches are the moves between members, oldest first.
	Switches []status.Move `json:"switches"`
	// WishedMs is how long a tunnel was wished for while the service ran and the
	// computer did not sleep. UptimeMs of it one worked; OutageMs of it none did,
	// although there was a network. The rest was without a network, or of starting.
	WishedMs int64 `json:"wishedMs"`
	UptimeMs int64 `json:"uptimeMs"`
	OutageMs int64 `json:"outageMs"`
	// Outages counts the times without service, LongestMs is the longest of them.
	Outages   int   `json:"outages"`
	LongestMs int64 `json:"longestMs"`
}

// SampleQuery selects samples. Since is required.
type SampleQuery struct {
	Since time.Time
	Until time.Time // zero: now
	// Step is the distance between two samples: 1 s at least. 0: chosen so that
	// at most 1,000 are returned.
	Step   time.Duration
	Tunnel tunnel.Name // "": any
}

// Samples is the reply of GET /samples, oldest first.
type Samples struct {
	Schema int `json:"schema"`
	// StepMs is the distance between two samples, as it was served.
	StepMs  int64    `json:"stepMs"`
	Samples []Sample `json:"samples"`
}

// Sample is one reading of the counters, or the sum of those of one step.
type Sample struct {
	At      time.Time      `json:"at"` // when the step begins
	Tunnel  tunnel.Name    `json:"tunnel"`
	RxBytes uint64         `json:"rxBytes"` // within the step
	TxBytes uint64         `json:"txBytes"`
	RTTMs   *float64       `json:"rttMs"` // null: not measured
	Loss    *float64       `json:"loss"`  // 0 to 1; null: not measured
	Verdict health.Verdict `json:"verdict"`
}

// Notices is the reply of GET /notices, newest first.
type Notices struct {
	Schema  int            `json:"schema"`
	Notices []event.Notice `json:"notices"`
}
