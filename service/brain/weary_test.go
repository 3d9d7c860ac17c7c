package brain

import (
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// While all members are silent the device is rebuilt again and again. That does
// not have the path asked as often as when it had just died.
func TestRebuildsDoNotHurry(t *testing.T) {
	b := up(t, nil)
	perMinute := func() int {
		was := b.asks
		for range 60 {
			b.run(time.Second, b.silent)
			for _, a := range b.actions {
				switch a.Do {
				case failover.Restart:
					if a.Rung >= failover.Renew {
						b.c = tunnel.Counters{}
						b.c.Path.Askable = true
					}
					b.step(failover.Changed{ID: a.ID, State: tunnel.Up})
				case failover.Probe:
					b.step(failover.Probed{ID: a.ID})
				default:
				}
			}
			b.actions = nil
		}
		return b.asks - was
	}
	for minute := range 15 {
		if n := perMinute(); n > 70 && minute >= 2 {
			t.Errorf("%d questions in minute %d", n, minute+1)
		}
	}
	if n := len(b.of(event.Restarted)); n < 10 {
		t.Fatalf("%d rebuilds", n)
	}
	// Another member answers: only what this one leaves unanswered from now on counts.
	b.actions, b.asks = nil, 0
	b.step(failover.Probed{ID: "de", Answered: true, RTT: 20 * time.Millisecond})
	b.run(4*time.Second, b.silent)
	if b.asks < 8 || b.did(failover.Switch) != 1 {
		t.Errorf("%d questions and %d switches after another member answered", b.asks, b.did(failover.Switch))
	}
}
