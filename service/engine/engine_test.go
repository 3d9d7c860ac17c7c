package engine

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

func TestFailoverAndFailback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.wantOverall(status.Off)
		w.connect("home")
		w.wantDone("start nl")
		w.flow(time.Minute)
		w.wantOverall(status.Protected)

		a := w.Status().Active
		if a.LastRoundTrip == nil || time.Since(*a.LastRoundTrip) > 2*time.Second || *a.HandshakeAgeMs < 50_000 {
			t.Errorf("active is %+v, want the last reply and the old handshake told apart", a)
		}
		w.hands.kill("nl", true)
		cut := time.Now()
		for time.Since(cut) < 2*time.Minute && w.Status().Active.Tunnel == "nl" {
			w.flow(500 * time.Millisecond)
		}
		if took := time.Since(cut); took < 30*time.Second || took > 41*time.Second {
			t.Errorf("switched %s after the cut, want 30 to 41 s", took)
		}
		w.wantDone("switch de")
		over := w.journal.of(event.FailedOver)
		if len(over) != 1 || over[0].From != "nl" || over[0].To != "de" || over[0].DowntimeMs < 30_000 {
			t.Errorf("events: %+v, want one failover with its downtime", over)
		}
		if l := w.Status().LastSwitch; l == nil || l.To != "de" || l.DowntimeMs != over[0].DowntimeMs {
			t.Errorf("the last switch is %+v", l)
		}
		w.flow(90 * time.Second)
		w.wantDone()
		w.wantOverall(status.Protected)

		w.hands.kill("nl", false)
		w.flow(20 * time.Minute)
		w.wantDone("switch nl")
		if n := len(w.journal.of(event.FailedBack)); n != 1 {
			t.Errorf("%d failbacks, want 1", n)
		}
		for i, e := range w.journal.events {
			if e.ID != int64(100+i) || e.At.IsZero() || e.At.Location() != time.UTC {
				t.Fatalf("event %d is %+v: IDs must grow by one from 100, moments be UTC", i, e)
			}
		}
	})
}

// An idle tunnel costs nothing: no look, no timer, no picture, for an hour; and
// keepalives are no traffic.
func TestIdleWakesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.connect("home")
		w.flow(10 * time.Second)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.wantOverall(status.Idle)
		if r := w.Status().Active; r.RxRate != 0 || r.TxRate != 0 {
			t.Errorf("an idle tunnel has the rates %v and %v", r.RxRate, r.TxRate)
		}
		_, unsubscribe := w.Subscribe()
		defer unsubscribe()
		before, events := w.hands.looks, len(w.journal.events)
		for range 3600 / 5 {
			time.Sleep(5 * time.Second)
			w.hands.mu.Lock()
			w.hands.counters["nl"].TxBytes += 32 // a keepalive
			w.hands.counters["nl"].RxBytes += 32
			w.hands.mu.Unlock()
		}
		synctest.Wait()
		if n := w.hands.looks - before; n != 0 {
			t.Errorf("%d looks in an idle hour, want 0", n)
		}
		if n := len(w.journal.events) - events; n != 0 {
			t.Errorf("%d events in an idle hour, want 0", n)
		}
		w.hands.send(100)
		synctest.Wait()
		if w.hands.looks == before {
			t.Error("the first packet after the hour did not wake the engine")
		}
	})
}

// A packet that leaves between the last look and the wait is not overlooked.
func TestPacketBeforeTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.connect("home")
		w.flow(5 * time.Second)
		w.hands.kill("nl", true)
		time.Sleep(7 * time.Second)
		w.hands.send(100) // whatever the look is at, it is seen
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if v := w.Status(); v.Active.Tunnel != "de" {
			t.Errorf("active is %s (%s), want de: one unanswered packet is enough", v.Active.Tunnel, v.Active.Verdict)
		}
	})
}

// A slow reader misses pictures, and never the last one.
func TestAudienceSeesTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		slow, unsubscribe := w.Subscribe()
		left, leave := w.Subscribe()
		leave()
		for range 5 {
			w.connect("home")
			if err := w.Disconnect(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w.connect("nl")
		w.flow(20 * time.Second)
		if p := <-slow; p.Overall != status.Protected || p.EventID != w.Status().EventID {
			t.Errorf("the slow reader finds %q at event %d, want the latest", p.Overall, p.EventID)
		}
		if len(left) > 0 {
			t.Error("one who has left is still shown pictures")
		}
		unsubscribe()
		unsubscribe()
	})
}

// The end is bounded, also where reports never come.
func TestShutdown(t *testing.T) {
	for name, change := range map[string]func(*hands){
		"stops at once":          func(*hands) {},
		"reports never come":     func(h *hands) { h.mute = true },
		"a start is interrupted": func(h *hands) { h.slow = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, status.Wish{}, nil)
				change(w.hands)
				w.connect("home")
				began := time.Now()
				w.end()
				took, bound := time.Since(began), time.Duration(0)
				if w.hands.mute {
					bound = shutdownWithin
				}
				if took != bound {
					t.Errorf("took %s, want %s", took, bound)
				}
				if n := len(w.journal.of(event.ServiceStopped)); n != 1 {
					t.Errorf("%d events of the end, want 1", n)
				}
				if want := (status.Wish{On: true, Target: "home"}); w.saved() != want || w.Status().Wish != want {
					t.Errorf("the wish is %+v, want it kept", w.saved())
				}
				if err := w.Connect(context.Background(), "home"); !errors.Is(err, ErrStopped) {
					t.Errorf("Connect after the end: %v, want ErrStopped", err)
				}
				if w.Alive(context.Background()) {
					t.Error("it says that it is alive")
				}
			})
		})
	}
}

// A disk that hangs does not hold up the end, nor the loop before it.
func TestShutdownWithAHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		thaw := make(chan struct{})
		w := begin(t, status.Wish{}, func(o *Options) {
			save := o.SaveWish
			o.Policy.OnUnhealthy = failover.ToDisconnect
			o.SaveWish = func(s status.Wish) error {
				if !s.On {
					<-thaw
				}
				return save(s)
			}
		})
		w.connect("nl")
		w.flow(20 * time.Second)
		w.hands.kill("nl", true)
		w.hands.mu.Lock()
		w.hands.mute = true // and the tunnel does not close either
		w.hands.mu.Unlock()
		w.flow(time.Minute) // the policy disconnects
		w.wantOverall(status.Off)
		if !w.Alive(t.Context()) {
			t.Error("the loop waits for the disk")
		}
		began := time.Now()
		w.end()
		if took := time.Since(began); took != shutdownWithin {
			t.Errorf("took %s, want %s", took, shutdownWithin)
		}
		close(thaw)
		synctest.Wait()
		if w.saves != 2 {
			t.Errorf("%d wishes saved, want the one of the policy too, once the disk is back", w.saves)
		}
	})
}

func TestNoticesReachTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stale := event.Notice{ID: 7, Code: event.Code(tunnel.NoNetwork), Since: time.Now()}
		w := begin(t, status.Wish{}, func(o *Options) { o.Stale = []event.Notice{stale} })
		if n := w.journal.notices[7]; n.ClearedAt.IsZero() {
			t.Error("a notice of the last run is still open")
		}
		if e := w.journal.of(event.NoticeCleared); len(e) != 1 || e[0].From != string(tunnel.NoNetwork) {
			t.Errorf("cleared: %+v", e)
		}
		w.connect("home")
		w.flow(20 * time.Second)
		w.underlay <- failover.Underlay{Cause: tunnel.NoNetwork}
		time.Sleep(10 * time.Second)
		w.wantOverall(status.Offline)
		open := w.Status().Notices
		if len(open) != 1 || w.journal.notices[open[0].ID] != open[0] {
			t.Fatalf("shown %+v, saved %+v, want the same one", open, w.journal.notices)
		}
		if found, err := w.Acknowledge(t.Context(), open[0].ID); !found || err != nil {
			t.Errorf("Acknowledge = %v, %v", found, err)
		}
		if !w.journal.notices[open[0].ID].Acknowledged || !w.Status().Notices[0].Acknowledged {
			t.Error("that it was seen was not kept")
		}
		if found, err := w.Acknowledge(t.Context(), 999); found || err != nil {
			t.Errorf("Acknowledge of none = %v, %v", found, err)
		}
		w.underlay <- failover.Underlay{Usable: true}
		w.flow(20 * time.Second)
		if got := w.journal.open(); len(got) > 0 || len(w.Status().Notices) > 0 {
			t.Errorf("open notices are %v", got)
		}

		// A history that is not kept is told, once, and as long as it is so.
		w.journal.fail(errors.New("disk full"))
		w.flow(5 * time.Second)
		if got := w.journal.open(); !slices.Equal(got, []event.Code{event.CodeHistoryNotKept}) {
			t.Errorf("open notices are %v", got)
		}
		w.journal.fail(nil)
		w.flow(5 * time.Second)
		if got := w.journal.open(); len(got) > 0 {
			t.Errorf("open notices are %v", got)
		}
		w.end()
	})
}

func TestRecordAndRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		mine := []event.Event{{Kind: event.Denied, From: "eve"}}
		if err := w.Record(t.Context(), mine...); err != nil {
			t.Fatal(err)
		}
		if got := w.journal.of(event.Denied); len(got) != 1 || got[0].ID == 0 || got[0].At.IsZero() || mine[0].ID != 0 {
			t.Errorf("recorded %+v; the caller's are now %+v", got, mine)
		}
		if err := w.Refresh(t.Context()); err != nil { // without a tunnel
			t.Fatal(err)
		}
		w.connect("home")
		w.flow(5 * time.Second)
		time.Sleep(time.Hour)
		w.hands.mu.Lock()
		w.hands.counters["nl"].RxBytes += 3200 // keepalives
		w.hands.mu.Unlock()
		pictures, unsubscribe := w.Subscribe()
		defer unsubscribe()
		before := w.Status().Active
		if err := w.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := w.Status().Active
		if after.RxBytes != before.RxBytes+3200 || *after.HandshakeAgeMs < time.Hour.Milliseconds() {
			t.Errorf("after an hour: %d bytes, handshake %d ms ago", after.RxBytes, *after.HandshakeAgeMs)
		}
		if len(pictures) > 0 {
			t.Error("who watches for changes is woken by a caller who wants fresh figures")
		}
		looks := w.hands.looks
		if err := w.Refresh(t.Context()); err != nil || w.hands.looks != looks {
			t.Error("a second refresh at once looks again")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.SwitchTo(ctx, "de"); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("SwitchTo with an ended context: %v", err)
		}
		if !w.Alive(t.Context()) {
			t.Error("it does not say that it is alive")
		}
	})
}

// A new network is looked at anew at once, and what was waited for is forgotten.
func TestNetworkChangeResetsTheMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.connect("home")
		w.flow(20 * time.Second)
		w.hands.kill("nl", true)
		w.flow(25 * time.Second)
		w.wantOverall(status.Checking)
		w.underlay <- failover.NetworkChanged{}
		w.hands.kill("nl", false)
		w.flow(3 * time.Second)
		w.wantOverall(status.Protected)
		if got := w.Status().Active.Tunnel; got != "nl" {
			t.Errorf("active is %s, want nl", got)
		}
	})
}

// Memory is freed once after a load, and not after a trickle.
func TestSettleAfterALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.connect("home")
		w.flow(time.Minute)
		time.Sleep(time.Minute)
		if w.hands.settled != 0 {
			t.Error("a trickle was taken for a load")
		}
		for range 20 {
			w.hands.send(10 << 20)
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if w.hands.settled != 1 {
			t.Errorf("settled %d times, want once", w.hands.settled)
		}
	})
}

func TestSamplesAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		w.connect("home")
		w.flow(time.Minute)
		time.Sleep(time.Minute)
		w.end()
		var rx, tx uint64
		for _, s := range w.journal.samples {
			rx, tx = rx+s.RxBytes, tx+s.TxBytes
			if s.Tunnel != "nl" || s.RTT == 0 {
				t.Fatalf("sample %+v", s)
			}
		}
		if rx != 12000 || tx != 12000 {
			t.Errorf("samples add up to %d and %d bytes, want 12000 each", rx, tx)
		}
	})
}
