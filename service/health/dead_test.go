package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// trial is one fault on a tunnel that has worked for a minute.
type trial struct {
	name  string
	shape string
	set   func(w *world) // before the minute
	fault func(w *world)
	cause tunnel.Cause
	top   time.Duration // beyond SuspectAfter
}

func TestFaultsAreNamed(t *testing.T) {
	lone := func(w *world) { w.c.Path.Near.Known = 0 }
	none := func(w *world) { w.c.Path.Near.Known, w.c.Path.Beyond.Known = 0, 0 }
	total := func(w *world) { w.deadUp, w.deadDn = true, true }
	for _, tt := range []trial{
		{"all dropped", "pings", nil, total, tunnel.Unanswered, sec},
		{"all dropped, no responder", "pings", none, total, tunnel.Unanswered, 2 * sec},
		{"all dropped, one responder", "pings", lone, total, tunnel.Unanswered, 2 * sec},
		{"only the way down", "pings", nil, func(w *world) { w.deadDn = true }, tunnel.Unanswered, sec},
		{"key removed", "pings", nil, func(w *world) { w.noAskAnswer, w.forgot = true, true }, tunnel.Unanswered, sec},
		{"upload dead, download flows", "both ways, unlike", nil, func(w *world) { w.deadUp = true }, tunnel.UploadDead, 5 * sec},
		{"upload dead, download flows, no responder", "both ways, unlike", none, func(w *world) { w.deadUp = true }, tunnel.UploadDead, 5 * sec},
		{"forwards nothing", "pings", nil, func(w *world) { w.noForward = true; w.nearOff = true }, tunnel.ForwardsNothing, 3 * sec},
		{"forwards nothing, two beyond", "pings", func(w *world) { w.c.Path.Beyond.Known = 2 },
			func(w *world) { w.noForward = true }, tunnel.ForwardsNothing, 3 * sec},
		{"a firewall here", "pings", nil, func(w *world) { w.refuses = true }, tunnel.LocalFirewall, 3 * sec},
	} {
		for _, p := range profiles {
			t.Run(tt.name+"/"+p.name, func(t *testing.T) {
				w := newWorld(3, p.limits)
				w.keep = true
				if tt.set != nil {
					tt.set(w)
				}
				shapes[tt.shape](w)
				w.run(time.Minute, nil)
				if w.seen[Suspect]+w.seen[Unhealthy] > 0 {
					t.Fatalf("while alive: %v\n%v", w.seen, w.log)
				}
				w.log = nil
				died := w.now
				tt.fault(w)
				w.run(time.Minute, w.isUnhealthy)
				took := w.now - died
				t.Logf("%s after %s, dead at %s", w.last.Cause, took, w.last.DeadAt.Sub(at(died)))
				if !w.isUnhealthy() || w.last.Cause != tt.cause {
					t.Fatalf("got %s, want %s\n%v", show(w.last), tt.cause, w.log)
				}
				if top := p.limits.SuspectAfter*3/2 + tt.top; took > top {
					t.Errorf("took %s, want at most %s\n%v", took, top, w.log)
				}
				if w.last.DeadAt.Before(at(died)) || w.last.DeadAt.After(at(w.now)) {
					t.Errorf("dead at %s after the fault", w.last.DeadAt.Sub(at(died)))
				}
			})
		}
	}
}

// A tunnel that was dead for long is found back within a second and a half.
func TestReturnIsFound(t *testing.T) {
	for _, long := range []time.Duration{5 * sec, 30 * sec, 10 * time.Minute} {
		for _, restarted := range []bool{false, true} {
			w := newWorld(4, balanced())
			w.keep = true
			shapes["pings"](w)
			w.run(time.Minute, nil)
			w.deadUp, w.deadDn = true, true
			w.run(long, nil)
			if !w.isUnhealthy() {
				t.Fatalf("after %s: %s", long, show(w.last))
			}
			back := w.now
			w.deadUp, w.deadDn, w.forgot = false, false, restarted
			w.run(time.Minute, func() bool { return w.last.Verdict == Healthy })
			t.Logf("after %s, restarted %t: healthy after %s, %d sessions", long, restarted, w.now-back, w.session)
			if took := w.now - back; took > 1500*ms {
				t.Errorf("healthy after %s\n%v", took, w.log[max(0, len(w.log)-20):])
			}
			w.run(20*sec, nil)
			if w.last.Verdict != Healthy {
				t.Errorf("later: %s", show(w.last))
			}
		}
	}
}

// A server that was restarted is given a new session before anybody notices.
func TestForgottenSessionIsRenewed(t *testing.T) {
	for _, responders := range []int{0, 1, 2} {
		w := newWorld(5, balanced())
		w.keep = true
		w.c.Path.Near.Known, w.c.Path.Beyond.Known = min(responders, 1), responders/2
		shapes["pings"](w)
		w.run(time.Minute, nil)
		w.forgot = true
		asked := w.session
		w.run(10*sec, nil)
		if w.forgot || w.session != asked+1 || w.seen[Suspect]+w.seen[Unhealthy] > 0 || w.last.Verdict != Healthy {
			t.Errorf("%d responders: %d sessions, %v\n%v", responders, w.session-asked, w.seen, w.log)
		}
	}
}

// That a session was dead is known where enough was lost with it.
func TestRenewedSessionIsKnown(t *testing.T) {
	for name, known := range map[string]bool{"pings": false, "pings at 5 a second": true} {
		w := newWorld(5, balanced())
		w.keep = true
		shapes[name](w)
		w.run(time.Minute, nil)
		w.forgot = true
		w.run(10*sec, nil)
		if at := w.last.RenewedAt; at.IsZero() == known || w.last.Verdict != Healthy {
			t.Errorf("%s: renewed at %v\n%v", name, at, w.log)
		}
	}
}
