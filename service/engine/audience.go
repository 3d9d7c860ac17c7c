package engine

import (
	"sync"

	"holdfast/service/status"
)

// audience is everyone who follows the picture. Each has room for one, and
// finds the latest there: a slow reader misses pictures, never the last one,
// and never holds anyone up.
type audience struct {
	mu    sync.Mutex
	seats map[chan *status.Status]struct{}
}

// show gives everyone the picture.
func (a *audience) show(p *status.Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for seat := range a.seats {
		select {
		case <-seat:
		default:
		}
		seat <- p
	}
}

// Subscribe returns a channel that always holds the latest picture not yet
// read, and a function that ends the subscription. The channel is never closed.
func (e *Engine) Subscribe() (<-chan *status.Status, func()) {
	seat := make(chan *status.Status, 1)
	e.audience.mu.Lock()
	defer e.audience.mu.Unlock()
	if e.audience.seats == nil {
		e.audience.seats = map[chan *status.Status]struct{}{}
	}
	e.audience.seats[seat] = struct{}{}
	return seat, func() {
		e.audience.mu.Lock()
		defer e.audience.mu.Unlock()
		delete(e.audience.seats, seat)
	}
}
