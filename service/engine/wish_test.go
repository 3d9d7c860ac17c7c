package engine

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/status"
)

func TestWishIsSavedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		var early []failover.Action
		w = begin(t, status.Wish{}, func(o *Options) {
			save := o.SaveWish
			o.SaveWish = func(s status.Wish) error {
				early = append(early, w.hands.done()...)
				return save(s)
			}
		})
		defer w.end()
		w.connect("home")
		if want := (status.Wish{On: true, Target: "home"}); w.saved() != want || w.Status().Wish != want {
			t.Errorf("saved %+v, shown %+v, want %+v", w.saved(), w.Status().Wish, want)
		}
		if len(early) > 0 {
			t.Errorf("before the wish was saved: %v", early)
		}
		w.wantDone("start nl")
		if err := w.Disconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(early) > 0 {
			t.Errorf("before the wish was saved: %v", early)
		}
		w.wantDone("stop nl")
		if want := (status.Wish{Target: "home"}); w.saved() != want {
			t.Errorf("saved %+v, want %+v: the target is remembered", w.saved(), want)
		}
		if err := w.Connect(t.Context(), "nowhere"); !errors.Is(err, errUnknown) {
			t.Errorf("an unknown target: %v, want the resolver's error", err)
		}
		w.wantOverall(status.Off)
	})
}

func TestWishThatCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		full := errors.New("no space left on device")
		w.saveErr = full
		if err := w.Connect(t.Context(), "home"); !errors.Is(err, ErrWishNotKept) || !errors.Is(err, full) {
			t.Errorf("Connect = %v, want ErrWishNotKept and the disk's error", err)
		}
		w.wantDone("start nl")
		if got := w.journal.open(); !slices.Equal(got, []event.Code{event.CodeWishNotKept}) {
			t.Errorf("open notices are %v", got)
		}
		if err := w.Disconnect(t.Context()); !errors.Is(err, ErrWishNotKept) {
			t.Errorf("Disconnect = %v, want ErrWishNotKept", err)
		}
		w.wantDone("stop nl")
		w.saveErr = nil
		w.connect("home")
		if got := w.journal.open(); len(got) > 0 {
			t.Errorf("open notices are %v, want none once the disk takes it", got)
		}
	})
}

func TestPolicyEndsTheWish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, func(o *Options) { o.Policy.OnUnhealthy = failover.ToDisconnect })
		defer w.end()
		w.connect("nl")
		w.flow(20 * time.Second)
		w.hands.kill("nl", true)
		w.flow(time.Minute)
		w.wantDone("start nl", "stop nl")
		if want := (status.Wish{Target: "nl"}); w.saved() != want || w.Status().Wish != want {
			t.Errorf("saved %+v, shown %+v, want %+v", w.saved(), w.Status().Wish, want)
		}
		w.wantOverall(status.Off)
		if got := w.journal.open(); !slices.Equal(got, []event.Code{event.Code(event.WishChanged)}) {
			t.Errorf("open notices are %v, want that the policy disconnected", got)
		}
	})
}

func TestAnotherWishInterruptsAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.define("work", group("fr"))
		w.hands.slow = true
		w.connect("home")
		w.hands.mu.Lock()
		w.hands.slow = false
		w.hands.mu.Unlock()
		w.connect("work")
		w.wantDone("start nl", "start fr")
		if a := w.Status().Active; a == nil || a.Tunnel != "fr" || a.Group != "work" {
			t.Errorf("active is %+v, want fr of work at once", a)
		}
	})
}

func TestConnectToAnotherGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.define("work", group("fr", "nl"))
		w.connect("home")
		w.flow(20 * time.Second)
		w.connect("work")
		w.wantDone("start nl", "stop nl", "start fr")
		w.flow(20 * time.Second)
		if st := w.Status(); st.Active.Group != "work" || len(st.Members) != 2 || st.Overall != status.Protected {
			t.Errorf("status is %+v", st)
		}
	})
}

func TestWishOfTheLastRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{On: true, Target: "home"}, nil)
		w.wantDone("start nl")
		w.end()
		if w.saves > 0 {
			t.Error("a wish that was kept is saved again")
		}

		// Its target is gone: it stays wished for, and is followed when it is back.
		w = begin(t, status.Wish{On: true, Target: "lost"}, nil)
		defer w.end()
		w.wantDone()
		if wish := w.Status().Wish; !wish.On || wish.Target != "lost" {
			t.Errorf("the wish is %+v, want it kept", wish)
		}
		w.wantOverall(status.Connecting)
		if got := w.journal.open(); !slices.Equal(got, []event.Code{event.CodeTargetGone}) {
			t.Errorf("open notices are %v", got)
		}
		w.define("lost", group("nl"))
		if err := w.Configure(t.Context(), classic(), "nl"); err != nil {
			t.Fatal(err)
		}
		w.wantDone("start nl")
		if got := w.journal.open(); len(got) > 0 {
			t.Errorf("open notices are %v", got)
		}
	})
}

func TestConfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.connect("home")
		w.flow(20 * time.Second)
		w.hands.done()

		p := classic()
		p.TrafficTimeout = time.Minute
		if err := w.Configure(t.Context(), p, ""); err != nil {
			t.Fatal(err)
		}
		w.wantDone()
		if w.hands.policy.TrafficTimeout != time.Minute {
			t.Error("the hands were not told of the policy")
		}
		if n := len(w.journal.of(event.SettingsChanged)); n != 1 {
			t.Errorf("%d changes of the settings told, want 1", n)
		}
		if err := w.Configure(t.Context(), p, "de"); err != nil { // a standby's config
			t.Fatal(err)
		}
		w.wantDone()
		if err := w.Configure(t.Context(), p, "nl"); err != nil { // the active one's
			t.Fatal(err)
		}
		w.wantDone("restart nl")
		if n := len(w.journal.of(event.ConfigChanged)); n != 2 {
			t.Errorf("%d changes of configs told, want 2", n)
		}

		// The active member is taken out of the group.
		w.define("home", group("de"))
		if err := w.Configure(t.Context(), p, ""); err != nil {
			t.Fatal(err)
		}
		w.wantDone("stop nl", "start de")

		// The target vanishes: what is active goes on, and the wish stays.
		w.define("home", nil)
		if err := w.Configure(t.Context(), p, ""); err != nil {
			t.Fatal(err)
		}
		w.flow(20 * time.Second)
		w.wantDone()
		if st := w.Status(); st.Active.Tunnel != "de" || !st.Wish.On || len(st.Notices) != 1 {
			t.Errorf("status is %+v, want de active, the wish on, and a notice", st)
		}
	})
}

func TestSwitchAndReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.connect("home")
		w.flow(20 * time.Second)
		if err := w.SwitchTo(t.Context(), "de"); err != nil {
			t.Fatal(err)
		}
		if err := w.Reconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.flow(20 * time.Second)
		w.wantDone("start nl", "switch de", "restart de")
		w.wantOverall(status.Protected)
	})
}
