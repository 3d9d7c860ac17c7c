package wg

import (
	"sync"
	"time"

	"holdfast/service/health"
)

// maxRun is how many questions in a row may count as lost. A longer run is an
// outage, and says nothing about the loss of the path while it works.
const maxRun = 4

// estimate is what both sides of a device learn of its path: the questions
// beside the session, and the echoes and the traffic inside. The zero value has
// seen nothing.
type estimate struct {
	mu          sync.Mutex
	path        health.Estimate
	run         int   // questions lost since the last answer
	roundTripAt int64 // since began; 0: never
}

// answered takes the round trip of a question that was answered.
func (e *estimate) answered(rtt time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.run = 0
	e.path.Answered(rtt)
}

// lost takes a question that has expired without an answer.
func (e *estimate) lost() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.run++; e.run <= maxRun {
		e.path.Lost()
	}
}

// roundTrip notes that something came at the moment at, since began, that
// proves a round trip. Moments may come in any order.
func (e *estimate) roundTrip(at int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.roundTripAt = max(e.roundTripAt, at)
}

// rtt is the smoothed round trip and how far it strays. 0: not measured.
func (e *estimate) rtt() (rtt, spread time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.path.RTT()
}

// view returns a copy of the estimate and the moment of the last round trip.
func (e *estimate) view() (health.Estimate, int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.path, e.roundTripAt
}
