package engine

import (
	"context"
	"time"

	"holdfast/service/brain"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// shutdownWithin is how long the tunnel may take to close at the end; after it
// the engine ends all the same, and what is left is tidied up at the next start.
const shutdownWithin = 5 * time.Second

// shutdown closes the tunnel without touching the wish.
func (e *Engine) shutdown() {
	close(e.done) // nobody is answered any more
	e.opt.Hands.Interrupt()
	limit, cancel := context.WithTimeout(context.Background(), shutdownWithin)
	defer cancel()
	e.carry(e.brain.Step(time.Now(), failover.Disconnect{}))
	for late := false; e.brain.View().State != tunnel.Down && !late; {
		select {
		case in := <-e.opt.Hands.Reports():
			e.carry(e.brain.Step(time.Now(), in))
		case <-e.opt.Hands.News(): // too late to be of use
		case <-limit.Done():
			late = true
			e.opt.Log.Error("the tunnel did not close in time")
		}
	}
	e.leaveGuard(time.Now())
	e.settle(time.Now())
	e.record(time.Now(), event.Event{Kind: event.ServiceStopped})
	saved := make(chan struct{})
	go func() { e.saving.Wait(); close(saved) }()
	select {
	case <-saved:
	case <-limit.Done():
		e.opt.Log.Error("the wish was not kept in time")
	}
}

// carry hands over the actions of an ending engine; its events are not news.
func (e *Engine) carry(out brain.Output) {
	for _, a := range out.Actions {
		e.opt.Hands.Do(a)
	}
}
