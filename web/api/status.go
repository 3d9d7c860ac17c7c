package api

import (
	"time"

	"holdfast/service/status"
	"holdfast/service/tunnel"
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

// Me is the reply of GET /me.
type Me struct {
	Schema int `json:"schema"`
	// Role is what the caller may do: "viewer", "operator" or "admin".
	Role string `json:"role"`
	User string `json:"user"` // the name of the caller's account
}

// Figures is what the stream tells once a second where figures are asked for:
// those of the active member, as Status has them. Where none is active, Tunnel
// is "", numbers are 0 and moments null.
type Figures struct {
	At             time.Time   `json:"at"`
	Tunnel         tunnel.Name `json:"tunnel"`
	RxBytes        uint64      `json:"rxBytes"`
	TxBytes        uint64      `json:"txBytes"`
	RxRate         float64     `json:"rxRate"` // bytes a second
	TxRate         float64     `json:"txRate"`
	RTTMs          *float64    `json:"rttMs"` // null: not measured
	Loss           float64     `json:"loss"`  // 0 to 1
	LastHandshake  *time.Time  `json:"lastHandshake"`
	HandshakeAgeMs *int64      `json:"handshakeAgeMs"`
	LastRoundTrip  *time.Time  `json:"lastRoundTrip"`
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
