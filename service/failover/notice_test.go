package failover_test

import (
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// The network is gone for two minutes: no switch, one restart, one notice.
func TestOfflineIsOneNotice(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m, board := failover.New(failover.DefaultPolicy()), event.NewBoard(time.Minute)
	did := map[failover.Verb]int{}
	opened, cleared := 0, 0
	id := int64(0)
	note := func(events []event.Event) {
		for i := range events {
			id++
			events[i].ID = id
		}
		for _, e := range board.Take(now, events) {
			if e.Kind == event.NoticeOpened {
				opened++
			} else {
				cleared++
			}
		}
	}
	var next time.Time
	step := func(in failover.Input) {
		out := m.Step(now, in)
		next = out.Next
		for _, a := range out.Actions {
			did[a.Do]++
		}
		note(out.Events)
	}
	pass := func(d time.Duration) {
		for end := now.Add(d); ; {
			at := end
			for _, t := range []time.Time{next, board.Next()} {
				if !t.IsZero() && t.Before(at) {
					at = t
				}
			}
			now = at
			if now.Equal(end) {
				return
			}
			step(failover.Tick{})
			note(nil)
		}
	}
	judged := func(v health.Verdict, c tunnel.Cause) {
		step(failover.Judged{ID: "home", Verdict: v, Cause: c, Since: now.Add(-10 * time.Second)})
	}

	step(failover.Connect{Target: "g", Members: []failover.Member{{Name: "home"}, {Name: "office"}}})
	step(failover.Changed{ID: "home", State: tunnel.Up})
	judged(health.Healthy, "")
	pass(time.Minute)
	step(failover.Underlay{Cause: tunnel.NoNetwork})
	pass(10 * time.Second)
	judged(health.Suspect, tunnel.Unanswered)
	pass(20 * time.Second)
	judged(health.Unhealthy, tunnel.Unanswered)
	pass(90 * time.Second)
	step(failover.Underlay{Usable: true})
	if did[failover.Restart] != 1 {
		t.Errorf("%d restarts at the network's return, want 1 at once", did[failover.Restart])
	}
	pass(100 * time.Millisecond)
	step(failover.Changed{ID: "home", State: tunnel.Up})
	step(failover.NetworkChanged{})
	pass(5 * time.Second)
	step(failover.Changed{ID: "home", State: tunnel.Up})
	judged(health.Healthy, "")
	pass(time.Hour)

	if did[failover.Switch] != 0 || did[failover.Probe] != 0 || did[failover.Restart] > 2 || did[failover.Start] != 1 {
		t.Errorf("actions %v", did)
	}
	if opened != 1 || cleared != 1 || len(board.Open()) != 0 {
		t.Errorf("%d notices opened, %d cleared, open %+v", opened, cleared, board.Open())
	}
}
