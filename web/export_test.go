package web

import (
	"net/http"
	"time"
)

// NewWithClock is New with other waits for its streams.
func NewWithClock(d Deps, heartbeat, write time.Duration) http.Handler {
	s := newServer(d)
	s.clock = streamClock{heartbeat: heartbeat, write: write}
	return s.handler()
}
