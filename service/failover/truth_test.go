package failover_test

import (
	"time"

	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// assess is the verdict about the active member: the monitor's, and where the
// profile confirms actively what questions would have told sooner. How they
// are asked is not the machine's business and not modelled.
func (w *world) assess() health.Assessment {
	a := w.monitor.Observe(w.now, w.c)
	after := w.policy.Limits().SuspectAfter
	if after == 0 || !w.traffic {
		return a
	}
	since := w.goodAt
	for _, t := range []time.Time{w.upAt, w.busyAt} {
		if t.After(since) {
			since = t
		}
	}
	silent := w.now.Sub(since)
	switch {
	case w.carries():
		return health.Assessment{Verdict: health.Healthy, Next: w.now.Add(4 * time.Second)}
	case silent < after:
		a.Next = since.Add(after)
		return a
	}
	pace := after / 10
	if silent > 15*time.Minute {
		pace = 5 * time.Second
	} else if silent > 10*time.Second {
		pace = time.Second
	}
	d := health.Assessment{Verdict: health.Suspect, Cause: tunnel.Unanswered, Since: since, Next: w.now.Add(pace)}
	if w.active.liar && w.active.alive && w.link() {
		d.Cause = tunnel.ForwardsNothing
	}
	if silent >= after+2*pace {
		d.Verdict, d.DeadAt = health.Unhealthy, w.now.Add(-2*pace)
	}
	return d
}

// somewhere tells that the network leads somewhere, since something answered.
func (w *world) somewhere() {
	if w.below == "" {
		return
	}
	w.below = ""
	if !w.told && w.usable {
		w.told = true
		w.step(failover.Underlay{Usable: true})
	}
}

// proof is what a question for data would find.
func (s *server) proof() failover.Proof {
	switch {
	case s.dumb:
		return failover.Untestable
	case s.liar:
		return failover.Mute
	default:
		return failover.Carries
	}
}
