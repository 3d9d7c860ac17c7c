package web

import (
	"net/http"
	"time"
)

// NewWithWaits is New with other waits.
func NewWithWaits(d Deps, body, heartbeat, write time.Duration) http.Handler {
	s := newServer(d)
	s.waits = waits{body: body, heartbeat: heartbeat, write: write}
	return s.handler()
}
