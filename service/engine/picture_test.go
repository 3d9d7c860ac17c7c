package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// A switch that the person asked for is the last switch as well.
func TestLastSwitchAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.connect("home")
		w.flow(5 * time.Second)
		if l := w.Status().LastSwitch; l != nil {
			t.Errorf("the last switch is %+v, want none: the wish alone is no move", l)
		}
		if err := w.SwitchTo(t.Context(), "de"); err != nil {
			t.Fatal(err)
		}
		w.flow(5 * time.Second)
		l := w.Status().LastSwitch
		if l == nil || l.From != "nl" || l.To != "de" || l.Kind != event.WishChanged || l.At.IsZero() {
			t.Errorf("the last switch is %+v, want nl to de", l)
		}
		if err := w.Disconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := w.Status().LastSwitch; got == nil || *got != *l {
			t.Errorf("after the end the last switch is %+v, want %+v", got, l)
		}
	})
}

// Where the first handshake is not known yet, whoever asks is told of it.
func TestRefreshFindsTheFirstHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.connect("home")
		w.flow(5 * time.Second)
		done := w.hands.counters["nl"].LastHandshake
		w.hands.mu.Lock()
		w.hands.counters["nl"] = &tunnel.Counters{TxBytes: 148, Initiations: 1}
		w.hands.mu.Unlock()
		w.hands.reports <- failover.Changed{ID: "nl", State: tunnel.Up} // rebuilt
		synctest.Wait()
		if a := w.Status().Active; a.LastHandshake != nil {
			t.Fatalf("the last handshake is %s, want none yet", a.LastHandshake)
		}
		w.hands.mu.Lock()
		w.hands.counters["nl"].RxBytes, w.hands.counters["nl"].LastHandshake = 92, done
		w.hands.mu.Unlock()
		if err := w.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w.Status().Active.LastHandshake == nil {
			t.Error("the handshake that took place is not shown")
		}
	})
}

// What was healed while the network was said to be unusable is told when it is
// usable again, however little the verdict has changed meanwhile.
func TestHealedWhileOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, func(o *Options) { o.Policy.OnUnhealthy = failover.ToNotify })
		defer w.end()
		w.connect("nl")
		w.flow(20 * time.Second)
		w.hands.kill("nl", true)
		w.flow(45 * time.Second)
		w.wantOverall(status.Stalled)
		w.underlay <- failover.Underlay{Cause: tunnel.SignIn}
		w.flow(5 * time.Second)
		w.hands.kill("nl", false)
		w.flow(20 * time.Second)
		w.wantOverall(status.SignInNeeded)
		w.hands.mu.Lock()
		w.hands.mute = true // the rebuild takes its time
		w.hands.mu.Unlock()
		w.underlay <- failover.Underlay{Usable: true}
		w.flow(10 * time.Second)
		if v := w.Status().Active.Verdict; v != "healthy" {
			t.Errorf("the verdict is %s while data flows both ways, want healthy", v)
		}
	})
}

// A member is shown as held for no longer than it is, also where nobody looks.
func TestHeldUntilPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, func(o *Options) { o.Policy.AutoFailback = false })
		defer w.end()
		w.connect("home")
		w.flow(20 * time.Second)
		w.hands.kill("nl", true)
		w.flow(50 * time.Second)
		if m := w.Status().Members[0]; m.HeldUntil == nil {
			t.Fatalf("%+v was left a moment ago and is not held", m)
		}
		time.Sleep(time.Hour)
		if err := w.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := w.Status().Members[0]; m.HeldUntil != nil {
			t.Errorf("held until %s, which is %s ago", m.HeldUntil, time.Since(*m.HeldUntil))
		}
	})
}

// What is being started has begun now, not at the beginning of time.
func TestSinceOfAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.hands.slow = true
		w.connect("home")
		if a := w.Status().Active; a == nil || time.Since(a.Since) != 0 {
			t.Errorf("the active member is %+v, want it since now", a)
		}
	})
}

// Where nobody tells of the network any more, nothing comes of it.
func TestUnderlayCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		pictures, unsubscribe := w.Subscribe()
		defer unsubscribe()
		close(w.underlay)
		for range 50 {
			if !w.Alive(t.Context()) {
				t.Fatal("it does not say that it is alive")
			}
		}
		if len(pictures) > 0 {
			t.Error("the engine takes a closed channel for news, again and again")
		}
	})
}
