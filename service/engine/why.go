package engine

import (
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// tellDown tells once why no member can be started, where an examination has
// found more than that none answers.
func (e *Engine) tellDown(now time.Time, id tunnel.Name, f diagnose.Finding) {
	view := e.brain.View()
	if !view.On || view.Active != "" || id == "" || f.Underlay || f.Cause == e.downFor {
		return
	}
	switch f.Cause {
	case "", tunnel.Unanswered, tunnel.HandshakeTimeout, tunnel.KeyOrServer:
		return
	default:
	}
	e.downFor = f.Cause
	e.record(now, event.Event{Kind: event.StateChanged, Tunnel: id, From: string(tunnel.Down), To: string(tunnel.Down),
		Cause: f.Cause, Evidence: f.Evidence})
}

// tellRenewed writes down that a session was dead and has been replaced: what
// took so little time is history, and no change of verdict.
func (e *Engine) tellRenewed(now time.Time, id tunnel.Name) {
	at := e.brain.Judged().RenewedAt
	if at.IsZero() || at.Equal(e.renewedAt) {
		return
	}
	e.renewedAt = at
	e.record(now, event.Event{Kind: event.HandshakeRecovered, Tunnel: id, Cause: tunnel.SessionStale,
		Evidence: "The server answered handshakes and nothing that was sent within the session. A new one carries data."})
}
