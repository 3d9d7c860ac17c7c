package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// forwarding is a tunnel that has carried pings for a minute.
func forwarding(near, beyond int) *world {
	w := newWorld(6, balanced())
	w.keep = true
	w.c.Path.Near.Known, w.c.Path.Beyond.Known = near, beyond
	shapes["pings"](w)
	w.run(time.Minute, nil)
	w.log = nil
	return w
}

// A single responder that falls silent while the server answers is a suspicion,
// believed as soon as another member reaches it.
func TestLoneResponder(t *testing.T) {
	t.Run("contrast", func(t *testing.T) {
		w := forwarding(0, 1)
		w.noForward = true
		w.run(10*sec, func() bool { return w.last.Verdict == Suspect && w.last.Cause == tunnel.ForwardsNothing })
		if w.last.Cause != tunnel.ForwardsNothing {
			t.Fatalf("%s\n%v", show(w.last), w.log)
		}
		w.m.Contrast(at(w.now))
		w.look()
		if !w.isUnhealthy() || w.last.Cause != tunnel.ForwardsNothing || w.last.DeadAt.IsZero() {
			t.Errorf("with contrast: %s", show(w.last))
		}
		w.noForward = false
		back := w.now
		w.run(10*sec, func() bool { return w.last.Verdict == Healthy })
		if took := w.now - back; took > 1500*ms {
			t.Errorf("healthy again after %s\n%v", took, w.log)
		}
	})
	t.Run("no contrast", func(t *testing.T) {
		w := forwarding(0, 1)
		w.noForward = true
		fault := w.now
		w.run(25*sec, nil)
		if w.seen[Unhealthy] > 0 || w.seen[Suspect] == 0 {
			t.Fatalf("%v\n%v", w.seen, w.log)
		}
		if w.last.Verdict == Suspect {
			t.Errorf("still suspect after %s\n%v", w.now-fault, w.log)
		}
	})
	t.Run("contrast outside a suspicion says nothing", func(t *testing.T) {
		w := forwarding(0, 1)
		w.m.Contrast(at(w.now))
		w.run(10*sec, nil)
		if w.last.Verdict != Healthy {
			t.Error(show(w.last))
		}
	})
}

// An application that asks what never answers costs little and means nothing.
func TestDeadDestination(t *testing.T) {
	for _, responders := range []int{0, 1, 2} {
		w := newWorld(8, balanced())
		w.keep = true
		w.c.Path.Near.Known, w.c.Path.Beyond.Known = min(responders, 1), responders/2
		w.every(sec, func() {
			w.data(ignored)
			if w.c.Path.WaitingSince.IsZero() {
				w.c.Path.WaitingSince = at(w.now)
			}
		})
		w.run(time.Hour, nil)
		t.Logf("%d responders: %d asks, %d sessions, %d bytes, %v", responders, w.asks, w.session, w.bytes, w.seen)
		if w.seen[Unhealthy]+w.seen[Suspect] > 0 || w.asks > int(time.Hour/oneWayEvery) || w.session > 1 {
			t.Errorf("%d responders: %d asks, %v\n%v", responders, w.asks, w.seen, w.log)
		}
	}
}

// With no responder known, many flows that nothing answers tell it.
func TestFlowsAlone(t *testing.T) {
	for _, flows := range []int{3, 12} {
		w := forwarding(0, 0)
		w.noForward = true
		fault := w.now
		w.every(700*ms, func() {
			if w.noForward && w.c.Path.WaitingFlows < flows {
				w.c.Path.WaitingFlows++
			}
		})
		w.run(20*sec, w.isUnhealthy)
		if dead := w.isUnhealthy() && w.last.Cause == tunnel.ForwardsNothing; dead != (flows >= manyFlows) {
			t.Errorf("%d flows: %s\n%v", flows, show(w.last), w.log)
		}
		if took := w.now - fault; flows >= manyFlows && took > 11*sec {
			t.Errorf("%d flows: after %s\n%v", flows, took, w.log)
		}
		if flows >= manyFlows {
			if w.seen[Suspect] == 0 {
				t.Errorf("%d flows: no suspicion before: %v", flows, w.log)
			}
			w.run(10*sec, nil)
			if behind := at(w.now).Sub(w.last.DeadAt); !w.isUnhealthy() || behind > 5*sec {
				t.Errorf("%d flows: %s, dead at %s before now", flows, show(w.last), behind)
			}
		}
		w.noForward = false
		w.run(3*sec, nil)
		if w.last.Verdict != Healthy {
			t.Errorf("%d flows, again: %s\n%v", flows, show(w.last), w.log)
		}
	}
}
