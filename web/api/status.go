package api

import (
	"time"

	"holdfast/service/status"
)

// Status is the reply of GET /status, of the wishes, and of the stream's
// snapshot and status messages.
type Status struct {
	status.Status
	// Limited says that the caller may see only the overall state: nothing but
	// Schema, At, Overall and Wish.On is filled in.
	Limited bool `json:"limited,omitempty"`
}

// Overview is what GET /status tells a caller who may see no more: the fields
// of Status that hold no name, no address and no number.
type Overview struct {
	Schema  int            `json:"schema"`
	At      time.Time      `json:"at"`
	Overall status.Overall `json:"overall"`
	Wish    OverviewWish   `json:"wish"`
	Limited bool           `json:"limited"` // always true
}

// OverviewWish is the wish without its target.
type OverviewWish struct {
	On bool `json:"on"`
}

// Version is the reply of GET /version.
type Version struct {
	Schema  int    `json:"schema"`
	Version string `json:"version"`
	Commit  string `json:"commit"` // "": not stamped
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Done is the reply of a verb that has nothing to tell but that it was done.
type Done struct {
	Schema int `json:"schema"`
}
