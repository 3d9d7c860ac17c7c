package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// rough hands take their time, and fail.
type rough struct {
	*hands
	r       *rand.Rand
	pending int  // reports that are still to come
	calm    bool // nothing fails any more
	around  int  // looks around that are under way
	tooMany bool // there were two at once
	lookups int  // looks around and seeks so far
}

// after does something later, with the lock held.
func (h *rough) after(d time.Duration, do func()) {
	h.pending++
	time.AfterFunc(d, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.pending--
		do()
	})
}

// shake makes a handshake with a device's server, if that lives.
func (h *rough) shake(id tunnel.Name, c *tunnel.Counters) {
	c.Initiations++
	c.TxBytes += 148
	c.Path.Askable = true
	if h.dead[id] {
		if c.InitiatingSince.IsZero() {
			c.InitiatingSince = time.Now()
		}
		return
	}
	c.RxBytes += 92
	c.LastHandshake, c.InitiatingSince, c.UnansweredSince = time.Now(), time.Time{}, time.Time{}
	c.Path.RoundTripAt, c.Path.WaitingSince = time.Now(), time.Time{}
}

func (h *rough) fresh(id tunnel.Name) *tunnel.Counters {
	c := &tunnel.Counters{}
	h.shake(id, c)
	return c
}

func (h *rough) Do(a failover.Action) {
	h.mu.Lock()
	defer h.mu.Unlock()
	took := time.Duration(1+h.r.IntN(300)) * time.Millisecond
	if h.r.IntN(10) == 0 {
		took *= 10
	}
	fails := !h.calm && h.r.IntN(6) == 0
	switch a.Do {
	case failover.Start, failover.Restart:
		h.after(took, func() { h.rebuild(a, fails) })
	case failover.Switch:
		h.after(took, func() {
			in := failover.Switched{From: a.From, To: a.ID}
			if fails || h.active != a.From || h.counters[a.ID] == nil {
				in.Err = errGivenUp
			} else {
				h.active = a.ID
			}
			h.reports <- in
		})
	case failover.Stop:
		h.after(took, func() {
			h.active = ""
			h.reports <- failover.Changed{ID: a.ID, State: tunnel.Down}
		})
	case failover.Probe:
		h.probe(a, took)
	case failover.Release:
		if a.ID != h.active {
			delete(h.counters, a.ID)
		}
	}
}

func (h *rough) rebuild(a failover.Action, fails bool) {
	if fails {
		h.active = ""
		h.reports <- failover.Changed{ID: a.ID, State: tunnel.Down, Err: errGivenUp}
		return
	}
	if c := h.counters[a.ID]; h.active == a.ID && c != nil && a.Do == failover.Restart && a.Rung < failover.Renew {
		h.shake(a.ID, c)
	} else {
		h.counters[a.ID] = h.fresh(a.ID)
	}
	h.active = a.ID
	h.reports <- failover.Changed{ID: a.ID, State: tunnel.Up}
}

func (h *rough) probe(a failover.Action, took time.Duration) {
	if h.counters[a.ID] == nil {
		h.counters[a.ID] = h.fresh(a.ID)
	}
	if h.dead[a.ID] {
		took = answerWithin
	}
	h.after(took, func() {
		in := failover.Probed{ID: a.ID, Answered: !h.dead[a.ID], RTT: 10 * time.Millisecond}
		if c := h.counters[a.ID]; c != nil && in.Answered && a.ID != h.active {
			*c = *h.fresh(a.ID)
		}
		if a.Data && in.Answered {
			in.Data = failover.Carries
		}
		h.reports <- in
	})
}

// Ask is answered by a server that lives.
func (h *rough) Ask(a health.Ask) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := h.active
	c := h.counters[id]
	if c == nil {
		return
	}
	if a.Path {
		c.Path.Asked.Sent++
	}
	h.after(10*time.Millisecond, func() {
		if h.dead[id] || h.counters[id] != c {
			return
		}
		if a.Path {
			c.Path.Asked.Answered++
			c.Path.Asked.AnsweredAt, c.Path.RoundTripAt = time.Now(), time.Now()
		}
		if a.Session {
			h.shake(id, c)
		}
	})
}

// LookAround sees that the network is fine, after a while.
func (h *rough) LookAround(f Facts) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.around++
	h.lookups++
	h.tooMany = h.tooMany || h.around > 1
	portal := !h.calm && h.r.IntN(8) == 0
	h.after(time.Duration(h.r.IntN(5000))*time.Millisecond, func() {
		h.around--
		e := diagnose.Evidence{Usable: f.Underlay.Usable}
		e.Self.Member, e.Self.Asked = f.Active, true
		e.Inside.Verdict, e.Inside.Cause = f.Judged.Verdict, f.Judged.Cause
		if portal {
			e.Internet = diagnose.Internet{Checked: true, Reach: diagnose.SignIn, Via: "http://pages.example"}
		}
		h.news <- Examined{e}
	})
}

// Seek finds the server elsewhere, now and then.
func (h *rough) Seek() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lookups++
	if id := h.active; h.r.IntN(4) == 0 {
		h.after(time.Second, func() { h.news <- Sought{ID: id, From: "192.0.2.1:1", To: "192.0.2.2:1"} })
	}
}

// revive lets the servers be as they are said to be.
func (h *rough) revive(dead map[tunnel.Name]bool, usable bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range []tunnel.Name{"nl", "de", "fr"} {
		h.dead[id] = dead[id] || !usable
		if c := h.counters[id]; c != nil && !c.InitiatingSince.IsZero() && !h.dead[id] {
			h.shake(id, c)
		}
	}
}

// Whatever befalls servers, the network and the wish: it all comes to rest when
// all is well, on a member that lives, with nothing left to say.
func TestAnyFate(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newFate(t, seed).run() })
		})
	}
}

// fate is a world that things happen to.
type fate struct {
	*world
	t      *testing.T
	r      *rand.Rand
	hands  *rough
	dead   map[tunnel.Name]bool
	usable bool
	log    []string
}

func newFate(t *testing.T, seed uint64) *fate {
	f := &fate{t: t, r: rand.New(rand.NewPCG(seed, 7)), dead: map[tunnel.Name]bool{}, usable: true}
	f.world = begin(t, status.Wish{}, func(o *Options) {
		f.hands = &rough{hands: o.Hands.(*hands), r: rand.New(rand.NewPCG(seed, 8))}
		o.Hands = f.hands
		o.Policy = f.policy()
	})
	f.define("home", group("nl", "de", "fr"))
	return f
}

func (f *fate) policy() failover.Policy {
	p := failover.DefaultPolicy()
	for _, s := range failover.Settings() {
		if len(s.Choices) > 1 && f.r.IntN(3) == 0 && s.Key != "when_exhausted" {
			if err := s.Set(&p, s.Choices[f.r.IntN(len(s.Choices))]); err != nil {
				f.t.Fatal(err)
			}
		}
	}
	return p
}

func (f *fate) run() {
	defer f.end()
	for range 30 {
		f.befall()
		d := time.Duration(f.r.IntN(60)) * time.Second
		f.log = append(f.log, d.String())
		if f.r.IntN(3) == 0 {
			time.Sleep(d)
			synctest.Wait()
		} else {
			f.flow(d)
		}
		f.check()
	}
	f.hands.mu.Lock()
	f.hands.calm = true
	f.hands.mu.Unlock()
	f.usable, f.dead = true, map[tunnel.Name]bool{}
	f.hands.revive(f.dead, true)
	f.underlay <- failover.Underlay{Usable: true}
	f.connect("home")
	f.flow(45 * time.Minute)
	if st := f.Status(); st.Overall != status.Protected || len(st.Notices) > 0 || len(f.journal.open()) > 0 || st.Active.LastHandshake == nil {
		f.t.Errorf("%s, active %+v, notices %+v, open %v\n%v", st.Overall, st.Active, st.Notices, f.journal.open(), f.log)
	}
	time.Sleep(2 * time.Minute)
	f.hands.mu.Lock()
	looks, lookups := f.hands.looks, f.hands.lookups
	f.hands.mu.Unlock()
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	f.hands.mu.Lock()
	defer f.hands.mu.Unlock()
	if st := f.Status(); st.Overall != status.Idle || f.hands.looks > looks+6 || f.hands.lookups > lookups {
		f.t.Errorf("%s after four still minutes, looked at %d times in the last two, and around %d times\n%v", st.Overall,
			f.hands.looks-looks, f.hands.lookups-lookups, f.log)
	}
}

// befall is one thing that happens.
func (f *fate) befall() {
	names := []tunnel.Name{"nl", "de", "fr"}
	id := names[f.r.IntN(len(names))]
	what, ctx := f.r.IntN(14), f.t.Context()
	f.log = append(f.log, fmt.Sprint(what, " ", id))
	switch what {
	case 0, 1, 2:
		f.dead[id] = !f.dead[id]
		f.hands.revive(f.dead, f.usable)
	case 3:
		f.usable = !f.usable
		f.hands.revive(f.dead, f.usable)
		in := failover.Underlay{Usable: f.usable}
		if !f.usable {
			in.Cause = tunnel.NoNetwork
		}
		f.underlay <- in
	case 4:
		f.underlay <- failover.NetworkChanged{}
	case 5:
		f.underlay <- failover.Woke{Slept: time.Duration(f.r.IntN(400)) * time.Second}
	case 6, 7:
		f.connect([]tunnel.Name{"home", "home", "nl"}[f.r.IntN(3)])
	case 8:
		_ = f.Disconnect(ctx)
	case 9:
		_ = f.Reconnect(ctx)
	case 10:
		_ = f.SwitchTo(ctx, id)
	case 11:
		f.hands.mu.Lock()
		if f.hands.active != "" && f.hands.pending == 0 {
			f.hands.reports <- failover.Changed{ID: f.hands.active, State: tunnel.Down, Err: errGivenUp}
			f.hands.active = ""
		}
		f.hands.mu.Unlock()
	case 12:
		if err := f.Configure(ctx, f.policy(), ""); err != nil {
			f.t.Fatal(err)
		}
	case 13:
		time.Sleep(time.Duration(f.r.IntN(600)) * time.Second)
	}
}

// check is what holds at any moment.
func (f *fate) check() {
	f.t.Helper()
	f.hands.mu.Lock()
	looks, tooMany := f.hands.looks, f.hands.tooMany
	f.hands.looks = 0
	f.hands.mu.Unlock()
	if tooMany {
		f.t.Fatalf("two looks around at once\n%v", f.log)
	}
	if looks > 30000 {
		f.t.Fatalf("%d looks since the last check\n%v", looks, f.log)
	}
	st := f.Status()
	for _, n := range st.Notices {
		if st.Active != nil && n.Tunnel != "" && n.Tunnel != st.Active.Tunnel && st.Active.State == tunnel.Up {
			f.t.Fatalf("a notice about %s while %s is active: %+v\n%v", n.Tunnel, st.Active.Tunnel, n, f.log)
		}
	}
	open := map[event.Code]int{}
	for _, e := range append(f.journal.of(event.NoticeOpened), f.journal.of(event.NoticeCleared)...) {
		if e.Kind == event.NoticeOpened {
			open[event.Code(e.To)]++
		} else {
			open[event.Code(e.From)]--
		}
	}
	for code, n := range open {
		if n < 0 || n > 1 {
			f.t.Fatalf("%s was opened %d times more than cleared\n%v", code, n, f.log)
		}
	}
}
