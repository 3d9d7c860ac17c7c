package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// withGuard has the engine guard what every target carries: everything.
func withGuard(mode failover.Guard) func(*Options) {
	return func(o *Options) {
		o.Guarded, o.Policy.Guard = true, mode
		o.Scope = func(tunnel.Name, tunnel.Name) guardset.Scope { return guardset.Everything() }
	}
}

// order is what was done, in words: a set of the guard by its kind.
func (w *world) order() string {
	var words []string
	for _, a := range w.hands.done() {
		if a.Do == shut {
			words = append(words, string(a.ID))
		} else {
			words = append(words, string(a.Do))
		}
	}
	return strings.Join(words, " ")
}

func (w *world) did(want string) {
	w.t.Helper()
	synctest.Wait()
	if got := w.order(); got != want {
		w.t.Errorf("did %q, want %q", got, want)
	}
}

func (w *world) disconnect() {
	w.t.Helper()
	if err := w.Disconnect(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// The guard shuts before a tunnel starts, and opens after the last has closed.
func TestGuardBeforeAndAfterTheTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, withGuard(failover.GuardAuto))
		w.did("open")
		w.connect("home")
		w.did("held start")
		if g := w.Status().Guard; !g.Verified || g.Blocking {
			t.Errorf("a tunnel that is up: %+v, want verified and not blocking", g)
		}
		w.disconnect()
		w.did("stop open")
		w.end()
	})
}

// Neither a failover nor a restart touches the guard.
func TestGuardStaysThroughFailoverAndRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, withGuard(failover.GuardAuto))
		w.connect("home")
		w.did("open held start")
		if err := w.Reconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.did("restart")
		w.hands.kill("nl", true)
		for range 60 {
			w.hands.send(1000)
			time.Sleep(time.Second)
		}
		w.did("switch")
		if w.Status().Active.Tunnel != "de" {
			t.Errorf("active is %s, want de", w.Status().Active.Tunnel)
		}
		w.end()
	})
}

// A service that ends leaves the guard shut, and the next one begins with it.
func TestGuardOutlivesTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
		w.did("held start")
		w.end()
		w.did("stop")
	})
}

func TestGuardWithoutKnownWish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, func(o *Options) {
			withGuard(failover.GuardAuto)(o)
			o.WishUnknown = true
		})
		w.did("blocked")
		if st := w.Status(); st.Overall != status.Blocked || !st.Guard.Blocking {
			t.Errorf("overall is %q, want blocked", st.Overall)
		}
		w.disconnect()
		w.did("open")
		if st := w.Status(); st.Overall != status.Off {
			t.Errorf("overall is %q, want off", st.Overall)
		}
		w.end()
	})
}

func TestGuardAlways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, withGuard(failover.GuardAlways))
		w.did("blocked")
		w.connect("nl")
		w.did("held start")
		w.disconnect()
		w.did("stop blocked")
		w.end()
	})
}

// A change of the setting holds at once, also while a tunnel is up.
func TestGuardFollowsTheSetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
		w.did("held start")
		p := classic()
		for _, step := range []struct {
			mode failover.Guard
			lan  bool
			did  string
		}{{failover.GuardOff, false, "open"}, {failover.GuardAuto, false, "held"}, {failover.GuardAuto, true, "held"}, {failover.GuardAlways, true, ""}} {
			p.Guard, p.AllowLAN = step.mode, step.lan
			if err := w.Configure(t.Context(), p, ""); err != nil {
				t.Fatal(err)
			}
			w.did(step.did)
			if got := w.Status().Guard.Mode; got != step.mode {
				t.Errorf("mode is %q, want %q", got, step.mode)
			}
		}
		w.end()
	})
}

// A pause closes the tunnel and ends by itself. It is not the person's wish.
func TestGuardPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
		w.did("held start")
		saves := w.saves
		if err := w.Pause(t.Context(), 5*time.Minute); err != nil {
			t.Fatal(err)
		}
		w.did("held stop")
		st := w.Status()
		if st.Overall != status.Off || st.Guard.PausedUntil == nil || !st.Wish.On || st.Guard.Blocking {
			t.Errorf("paused: %s, %+v, wish %+v", st.Overall, st.Guard, st.Wish)
		}
		if last := w.hands.guard[len(w.hands.guard)-1]; last.Paused != 300 {
			t.Errorf("the set is paused for %d s, want 300", last.Paused)
		}
		if err := w.Configure(t.Context(), classicGuarded(), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Minute)
		w.did("")
		time.Sleep(time.Minute)
		w.did("held start")
		if st := w.Status(); st.Guard.PausedUntil != nil || st.Active == nil {
			t.Errorf("after the pause: %+v", st)
		}
		if n := len(w.journal.of(event.WishChanged)); n != 1 || w.saves != saves {
			t.Errorf("the wish was told %d times and saved %d times more, want once and never", n, w.saves-saves)
		}
		w.end()
	})
}

func classicGuarded() failover.Policy {
	p := classic()
	p.Guard = failover.GuardAuto
	return p
}

// What the person says in a pause holds, and so does its end before its time.
func TestGuardPauseEndsEarly(t *testing.T) {
	for name, end := range map[string]struct {
		do  func(*world) error
		did string
	}{
		"shut":       {func(w *world) error { return w.Shut(w.t.Context()) }, "held start"},
		"reconnect":  {func(w *world) error { return w.Reconnect(w.t.Context()) }, "held start"},
		"connect":    {func(w *world) error { return w.Connect(w.t.Context(), "home") }, "held start"},
		"disconnect": {func(w *world) error { return w.Disconnect(w.t.Context()) }, "open"},
		"release":    {func(w *world) error { return w.Release(w.t.Context()) }, "held start open"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
				if err := w.Pause(t.Context(), time.Minute); err != nil {
					t.Fatal(err)
				}
				w.did("held start held stop")
				if err := end.do(w); err != nil {
					t.Fatal(err)
				}
				w.did(end.did)
				time.Sleep(2 * time.Minute)
				w.did("")
				if name == "disconnect" {
					told := w.journal.of(event.WishChanged)
					if last := told[len(told)-1]; last.To != "off" {
						t.Errorf("the last wish told is %q, want off", last.To)
					}
				}
				w.end()
			})
		})
	}
}

func TestGuardRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
		w.did("held start")
		if err := w.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.did("open")
		if g := w.Status().Guard; !g.Released || g.Mode != failover.GuardAuto {
			t.Errorf("released: %+v", g)
		}
		if err := w.Shut(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.did("held")
		if err := w.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.connect("nl")
		if got := w.order(); !strings.HasPrefix(got, "open held") || w.Status().Guard.Released {
			t.Errorf("a new wish did %q, want the guard shut first", got)
		}
		w.end()
	})
}

// Rules that are not in place are never called protection.
func TestGuardThatCannotBeSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, withGuard(failover.GuardAuto))
		w.hands.mu.Lock()
		w.hands.refuse = errors.New("no nf_tables in the kernel")
		w.hands.mu.Unlock()
		w.connect("home")
		w.hands.send(1000)
		time.Sleep(2 * time.Second)
		st := w.Status()
		if st.Guard.Verified || st.Overall == status.Protected || !slices.Contains(w.journal.open(), event.CodeGuardFailed) {
			t.Errorf("%s, %+v, notices %v", st.Overall, st.Guard, w.journal.open())
		}
		w.hands.mu.Lock()
		w.hands.refuse = nil
		w.hands.mu.Unlock()
		w.disconnect()
		if slices.Contains(w.journal.open(), event.CodeGuardFailed) {
			t.Error("the notice stays when the guard can be set again")
		}
		w.end()
	})
}

func TestGuardDisturbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
		for range 3 {
			if err := w.Disturbed(t.Context(), "nft (pid 7): the table was deleted", nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.journal.open(); !slices.Equal(got, []event.Code{event.CodeGuardDisturbed}) {
			t.Errorf("notices %v, want one of the disturbance", got)
		}
		if !w.Status().Guard.Verified {
			t.Error("rules that were put back are not verified")
		}
		if err := w.Disturbed(t.Context(), "nft (pid 7): the table was deleted", errors.New("refused")); err != nil {
			t.Fatal(err)
		}
		if w.Status().Guard.Verified || !slices.Contains(w.journal.open(), event.CodeGuardFailed) {
			t.Error("rules that could not be put back pass for verified")
		}
		w.end()
	})
}

// A guard that cannot be opened leaves nobody unprotected, and says another thing.
func TestGuardThatCannotBeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{On: true, Target: "home"}, withGuard(failover.GuardAuto))
		w.hands.mu.Lock()
		w.hands.refuse = errors.New("the rules belong to another")
		w.hands.mu.Unlock()
		w.disconnect()
		if got := w.journal.open(); !slices.Equal(got, []event.Code{event.CodeGuardStuck}) {
			t.Errorf("notices %v, want that it cannot be opened", got)
		}
		w.hands.mu.Lock()
		w.hands.refuse = nil
		w.hands.mu.Unlock()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := w.journal.open(); len(got) > 0 {
			t.Errorf("notices %v, want none", got)
		}
		w.end()
	})
}
