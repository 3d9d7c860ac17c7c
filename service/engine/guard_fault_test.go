package engine

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/status"
)

var errBusy = errors.New("the kernel is busy")

func (h *hands) refuses(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = err
}

// lastSet is the set of the guard that was handed over last.
func (h *hands) lastSet() guardset.Set {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.guard[len(h.guard)-1]
}

// A set that could not be put in force is handed over again: soon by itself, and
// at once when a person asks. One that opens would else keep them in for good.
func TestGuardThatFailedIsSetAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
		w.did("held start")
		w.hands.refuses(errBusy)
		w.disconnect()
		w.did("stop open")
		if g := w.Status().Guard; !g.Blocking || g.Verified {
			t.Errorf("a guard that did not open: %+v, want blocking and not verified", g)
		}
		w.disconnect()
		w.did("open")
		if err := w.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.did("open")
		w.hands.refuses(nil)
		time.Sleep(10 * time.Second)
		w.did("open")
		if g := w.Status().Guard; g.Blocking || !g.Verified || slices.Contains(w.journal.open(), event.CodeGuardFailed) {
			t.Errorf("a guard that has opened: %+v, notices %v", g, w.journal.open())
		}
		time.Sleep(time.Hour)
		w.did("")
		w.hands.refuses(errBusy)
		w.connect("home")
		w.order()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(w.hands.done()); n < 30 || n > 120 {
			t.Errorf("handed over %d times within an hour, want about once a minute", n)
		}
		w.end()
	})
}

// What a person wished for last holds behind a service that ends in this moment.
func TestGuardOpensThoughTheServiceEnds(t *testing.T) {
	for name, mode := range map[failover.Guard]guardset.Kind{failover.GuardAuto: guardset.Open, failover.GuardAlways: guardset.Blocked} {
		t.Run(string(name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(name))
				w.hands.mu.Lock()
				w.hands.mute = true // it takes its time to close
				w.hands.mu.Unlock()
				w.disconnect()
				w.end()
				if got := w.hands.lastSet(); got.Kind != mode {
					t.Errorf("behind the service %s is in force, want %s", got.Kind, mode)
				}
			})
		})
	}
}

// A setting that is changed in a pause does not make it longer.
func TestGuardPauseKeepsItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
		if err := w.Pause(t.Context(), 5*time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Minute)
		p := classicGuarded()
		p.AllowLAN = true
		if err := w.Configure(t.Context(), p, ""); err != nil {
			t.Fatal(err)
		}
		if got := w.hands.lastSet(); got.Paused != 60 || !got.LAN {
			t.Errorf("a minute before the end the kernel is told to let pass for %d s", got.Paused)
		}
		w.end()
	})
}

// A pause ends by the clock on the wall, though timers stand still in sleep.
func TestGuardPauseEndsInSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
		if err := w.Pause(t.Context(), 5*time.Minute); err != nil {
			t.Fatal(err)
		}
		w.underlay <- failover.Woke{Slept: 2 * time.Minute}
		synctest.Wait()
		if got := w.hands.lastSet(); got.Paused != 180 {
			t.Errorf("after two minutes of sleep the kernel is told to let pass for %d s, want 180", got.Paused)
		}
		w.order()
		w.underlay <- failover.Woke{Slept: time.Hour}
		w.did("held held start")
		if got := w.Status().Guard.PausedUntil; got != nil {
			t.Errorf("paused until %v, long ago", got)
		}
		w.end()
	})
}

// Nothing is called verified that was not read back, or that nobody watches.
func TestGuardIsVerifiedOnlyWhenItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := Options{Policy: classic(), Hands: newHands(), Journal: &journal{}}
		withGuard(failover.GuardAuto)(&opt)
		if g := New(opt, status.Wish{On: true, Target: "home"}).Status().Guard; g.Verified {
			t.Errorf("before anything is in force: %+v", g)
		}

		w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
		is := func(verified bool, when string) {
			t.Helper()
			open := slices.Contains(w.journal.open(), event.CodeGuardFailed)
			if got := w.Status().Guard.Verified; got != verified || open == verified {
				t.Errorf("%s: verified %v, a notice open: %v", when, got, open)
			}
		}
		if err := w.Unwatched(t.Context(), errBusy); err != nil {
			t.Fatal(err)
		}
		is(false, "with nobody who watches")
		if err := w.Unwatched(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		is(true, "watched again")

		w.hands.refuses(errBusy)
		p := classicGuarded()
		p.AllowLAN = true
		if err := w.Configure(t.Context(), p, ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		is(false, "a set that failed")
		if err := w.Disturbed(t.Context(), "ip (pid 7): a route", nil); err != nil {
			t.Fatal(err)
		}
		is(false, "a set that failed, and a route that was put back")
		w.end()
	})
}
