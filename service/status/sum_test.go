package status

import (
	"testing"
	"time"

	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

func TestSum(t *testing.T) {
	until := time.Unix(1, 0)
	on, off := Wish{On: true, Target: "home"}, Wish{Target: "home"}
	open, shut := Guard{Mode: failover.GuardOff}, Guard{Mode: failover.GuardAuto, Blocking: true}
	up := func(v health.Verdict) failover.View {
		return failover.View{On: true, Active: "nl", State: tunnel.Up, Usable: true, Verdict: v}
	}
	moving := func(v health.Verdict) failover.View {
		m := up(v)
		m.Moving = true
		return m
	}
	device := func(s tunnel.State) failover.View {
		v := up(health.Unknown)
		v.State = s
		if s == tunnel.Down {
			v.Active = ""
		}
		return v
	}
	without := func(v failover.View, c tunnel.Cause) failover.View {
		v.Usable, v.UnderlayCause = false, c
		return v
	}
	for _, tt := range []struct {
		name string
		wish Wish
		view failover.View
		g    Guard
		want Overall
	}{
		{"no wish", off, failover.View{Usable: true, State: tunnel.Down}, open, Off},
		{"no wish, no network", off, failover.View{State: tunnel.Down}, open, Off},
		{"no wish, still stopping", off, device(tunnel.Stopping), open, Off},
		{"no wish, still up and healthy", off, up(health.Healthy), open, Off},
		{"no wish, guard always", off, failover.View{Usable: true, State: tunnel.Down}, shut, Blocked},
		{"wish not yet taken in", on, failover.View{Usable: true, State: tunnel.Down}, open, Connecting},
		{"machine gave up, wish not yet saved", on, failover.View{Usable: true, Active: "nl", State: tunnel.Up, Verdict: health.Healthy}, open, Connecting},
		{"starting", on, device(tunnel.Starting), open, Connecting},
		{"starting behind the guard", on, device(tunnel.Starting), shut, Connecting},
		{"could not start", on, device(tunnel.Down), open, Connecting},
		{"could not start, behind the guard", on, device(tunnel.Down), shut, Blocked},
		{"stopping for another target", on, device(tunnel.Stopping), open, Connecting},
		{"no evidence yet", on, up(health.Unknown), open, Connecting},
		{"a view without a verdict", on, up(""), open, Connecting},
		{"healthy", on, up(health.Healthy), open, Protected},
		{"healthy, guard auto", on, up(health.Healthy), Guard{Mode: failover.GuardAuto, Verified: true}, Protected},
		{"healthy, rules not confirmed", on, up(health.Healthy), Guard{Mode: failover.GuardAuto}, Checking},
		{"idle, rules not confirmed", on, up(health.Idle), Guard{Mode: failover.GuardAlways}, Checking},
		{"healthy, guard released", on, up(health.Healthy), Guard{Mode: failover.GuardAuto, Verified: true, Released: true}, Protected},
		{"paused", on, failover.View{Usable: true, State: tunnel.Down}, Guard{Mode: failover.GuardAuto, Verified: true, PausedUntil: &until}, Off},
		{"paused to sign in", on, without(device(tunnel.Down), tunnel.SignIn), Guard{Mode: failover.GuardAuto, PausedUntil: &until}, SignInNeeded},
		{"idle", on, up(health.Idle), open, Idle},
		{"suspect", on, up(health.Suspect), open, Checking},
		{"unhealthy", on, up(health.Unhealthy), open, Stalled},
		{"unhealthy behind the guard", on, up(health.Unhealthy), shut, Blocked},
		{"moving away from an unhealthy member", on, moving(health.Unhealthy), open, Switching},
		{"moving away behind the guard", on, moving(health.Unhealthy), shut, Switching},
		{"rebuilding a suspected member", on, moving(health.Suspect), open, Switching},
		{"moved, nothing known", on, moving(health.Unknown), open, Switching},
		{"rebuilding a healthy member", on, moving(health.Healthy), open, Protected},
		{"rebuilding an idle member", on, moving(health.Idle), open, Idle},
		{"no network", on, without(up(health.Healthy), tunnel.NoNetwork), open, Offline},
		{"no network, unhealthy", on, without(up(health.Unhealthy), tunnel.NoNetwork), shut, Offline},
		{"no internet", on, without(up(health.Idle), tunnel.NoInternet), open, Offline},
		{"sign-in page", on, without(up(health.Healthy), tunnel.SignIn), open, SignInNeeded},
		{"sign-in page, nothing started", on, without(device(tunnel.Down), tunnel.SignIn), open, SignInNeeded},
	} {
		if got := Sum(tt.wish, tt.view, tt.g); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Every combination there is: protected is said only of a wish that is met by a
// device that is up and healthy over a network that can be used, and what is
// said never depends on anything when there is no wish.
func TestProtectedNeedsEvidence(t *testing.T) {
	verdicts := []health.Verdict{"", health.Unknown, health.Idle, health.Healthy, health.Suspect, health.Unhealthy}
	states := []tunnel.State{"", tunnel.Down, tunnel.Starting, tunnel.Up, tunnel.Stopping}
	causes := []tunnel.Cause{"", tunnel.NoNetwork, tunnel.SignIn, tunnel.NoInternet}
	for i := range 1 << 8 {
		bit := func(n int) bool { return i>>n&1 == 1 }
		for _, verdict := range verdicts {
			for _, state := range states {
				for _, cause := range causes {
					w := Wish{On: bit(0)}
					v := failover.View{On: bit(1), State: state, Verdict: verdict, Moving: bit(2), Usable: bit(3), UnderlayCause: cause}
					if bit(4) {
						v.Active = "nl"
					}
					g := Guard{Mode: failover.GuardOff, Blocking: bit(5), Verified: bit(7)}
					if bit(6) {
						g.Mode = failover.GuardAuto
					}
					got := Sum(w, v, g)
					met := w.On && v.On && v.Active != "" && state == tunnel.Up && v.Usable
					if (got == Protected || got == Idle) && g.Mode != failover.GuardOff && !g.Verified {
						t.Fatalf("%s behind a guard that is not confirmed: %+v %+v %+v", got, w, v, g)
					}
					if got == Protected && (!met || verdict != health.Healthy) {
						t.Fatalf("protected: %+v %+v %+v", w, v, g)
					}
					if got == Idle && (!met || verdict != health.Idle) {
						t.Fatalf("idle: %+v %+v %+v", w, v, g)
					}
					if !w.On && got != Off && got != Blocked {
						t.Fatalf("%s without a wish: %+v %+v", got, v, g)
					}
					if got == Blocked && !g.Blocking {
						t.Fatalf("blocked by no guard: %+v %+v", w, v)
					}
					if got == "" || got == ServiceUnreachable {
						t.Fatalf("%q: %+v %+v %+v", got, w, v, g)
					}
				}
			}
		}
	}
}
