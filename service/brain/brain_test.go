package brain

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// bench is a brain with a group of two, and what it has wanted so far.
type bench struct {
	*Brain
	t        *testing.T
	now      time.Time
	c        tunnel.Counters
	actions  []failover.Action
	events   []event.Event
	asks     int
	examines int
	found    int
	seeks    int
}

// up is a bench whose first member works and carries data.
func up(t *testing.T, change func(*failover.Policy)) *bench {
	t.Helper()
	p := failover.DefaultPolicy()
	if change != nil {
		change(&p)
	}
	b := &bench{Brain: New(p), t: t, now: start}
	b.step(failover.Connect{Target: "home", Members: []failover.Member{{Name: "nl"}, {Name: "de"}}})
	b.c = tunnel.Counters{RxBytes: 92, TxBytes: 148, Initiations: 1, LastHandshake: start}
	b.c.Path.Askable = true
	b.step(failover.Changed{ID: "nl", State: tunnel.Up})
	b.run(5*time.Second, b.answered)
	if v := b.View(); v.Verdict != health.Healthy {
		t.Fatalf("the verdict is %s to begin with", v.Verdict)
	}
	return b
}

func (b *bench) take(o Output) {
	b.actions, b.events = append(b.actions, o.Actions...), append(b.events, o.Events...)
	if o.Ask.Path {
		b.asks++
		b.c.Path.Asked.Sent++
	}
	if o.Examine {
		b.examines++
	}
	if o.Seek {
		b.seeks++
	}
}

func (b *bench) step(in failover.Input) { b.take(b.Step(b.now, in)) }

// answered is 100 ms of data that is answered.
func (b *bench) answered() {
	b.c.DataSent++
	b.c.DataReceived++
	b.c.TxBytes += 100
	b.c.RxBytes += 100
	b.c.UnansweredSince, b.c.Path.WaitingSince = time.Time{}, time.Time{}
	b.c.LastReceived, b.c.Path.RoundTripAt = b.now, b.now
}

// silent is 100 ms of data that is not.
func (b *bench) silent() {
	b.c.DataSent++
	b.c.TxBytes += 100
	if b.c.UnansweredSince.IsZero() {
		b.c.UnansweredSince, b.c.Path.WaitingSince = b.now, b.now
	}
}

// run lets time pass in steps of 100 ms, calling what is due in between.
func (b *bench) run(long time.Duration, each func()) {
	for end := b.now.Add(long); b.now.Before(end); {
		b.now = b.now.Add(100 * time.Millisecond)
		each()
		if at := b.LookAt(); !at.IsZero() && !b.now.Before(at) {
			b.take(b.Look(b.now, b.c))
		}
		if at := b.TickAt(); !at.IsZero() && !b.now.Before(at) {
			b.step(failover.Tick{})
		}
	}
}

// find answers the look around that is under way, if one is.
func (b *bench) find(f diagnose.Finding) {
	if b.examines > b.found {
		b.found = b.examines
		b.take(b.Examined(b.now, f))
	}
}

func (b *bench) did(do failover.Verb) (n int) {
	for _, a := range b.actions {
		if a.Do == do {
			n++
		}
	}
	return n
}

func (b *bench) of(kind event.Kind) (list []event.Event) {
	for _, e := range b.events {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// A doubt has the surroundings looked at, one look at a time and ever more
// seldom, and ends with the first answer.
func TestDoubt(t *testing.T) {
	b := up(t, nil)
	if b.examines+b.seeks+b.asks != 0 {
		t.Fatalf("a healthy tunnel was looked around at: %d, %d, %d", b.examines, b.seeks, b.asks)
	}
	b.run(4*time.Second, b.silent)
	if b.examines != 1 || b.seeks != 1 {
		t.Errorf("%d looks around and %d seeks, want 1 each", b.examines, b.seeks)
	}
	b.run(15*time.Second, b.silent)
	if b.examines != 1 {
		t.Errorf("another look around began while one was under way")
	}
	b.find(diagnose.Finding{Cause: tunnel.PSKMismatch, Certain: true, Evidence: "An answer did not fit."})
	if v := b.View(); v.Cause != tunnel.PSKMismatch {
		t.Errorf("the cause is %q, want what was found", v.Cause)
	}
	made := b.examines
	for range 20 {
		b.run(30*time.Second, b.silent)
		b.find(diagnose.Finding{Cause: tunnel.PSKMismatch, Certain: true})
	}
	if n := b.examines - made; n < 8 || n > 20 {
		t.Errorf("%d looks around in ten minutes, want one a minute", n)
	}
	b.run(3*time.Second, b.answered)
	made = b.examines
	b.run(5*time.Minute, b.answered)
	if b.examines != made || b.View().Verdict != health.Healthy {
		t.Errorf("%d looks around after it was well (%s)", b.examines-made, b.View().Verdict)
	}
}

// A sign-in page below is held for, looked at often, and over with the first
// answer.
func TestBelow(t *testing.T) {
	b := up(t, nil)
	b.run(3*time.Second, b.silent)
	switches := b.did(failover.Switch)
	b.find(diagnose.Finding{Cause: tunnel.SignIn, Certain: true, Underlay: true})
	if v := b.View(); v.Usable || v.UnderlayCause != tunnel.SignIn {
		t.Fatalf("the underlay is usable %v (%s), want sign_in", v.Usable, v.UnderlayCause)
	}
	made := b.examines
	for range 60 {
		b.run(time.Second, b.silent)
		b.find(diagnose.Finding{Cause: tunnel.SignIn, Certain: true, Underlay: true})
	}
	if n := b.examines - made; n < 4 || n > 12 {
		t.Errorf("%d looks around in a minute, want a few", n)
	}
	if n := b.did(failover.Switch) + b.did(failover.Restart) - switches; n != 0 {
		t.Errorf("%d actions before a sign-in page: %+v", n, b.actions)
	}
	b.run(2*time.Second, b.answered)
	if v := b.View(); !v.Usable || v.Verdict != health.Healthy {
		t.Errorf("usable %v and %s after an answer", v.Usable, v.Verdict)
	}
}

// Another network knows nothing of what stood below the last.
func TestAnotherNetwork(t *testing.T) {
	b := up(t, nil)
	b.run(3*time.Second, b.silent)
	b.take(b.Examined(b.now, diagnose.Finding{Cause: tunnel.NoInternet, Underlay: true}))
	b.step(failover.NetworkChanged{})
	if v := b.View(); !v.Usable {
		t.Errorf("still %s after the network changed", v.UnderlayCause)
	}
	b.step(failover.Underlay{Cause: tunnel.NoNetwork})
	asks := b.asks
	b.run(time.Minute, b.silent)
	if b.asks != asks {
		t.Errorf("%d questions without a link", b.asks-asks)
	}
	b.take(b.Examined(b.now, diagnose.Finding{Cause: tunnel.SignIn, Underlay: true}))
	if v := b.View(); v.UnderlayCause != tunnel.NoNetwork {
		t.Errorf("the underlay is %q, want what the system says", v.UnderlayCause)
	}
}

// Every verdict that is not good carries what was seen and asked.
func TestEvidence(t *testing.T) {
	b := up(t, nil)
	b.c.Path.RTT = 23 * time.Millisecond
	b.run(time.Second, b.answered)
	b.run(40*time.Second, b.silent)
	found := false
	for _, e := range b.of(event.VerdictChanged) {
		if e.To != string(health.Unhealthy) {
			continue
		}
		found = true
		for _, want := range []string{"packets left", "nothing came", "handshake questions answered", "23ms"} {
			if !strings.Contains(e.Evidence, want) {
				t.Errorf("the evidence %q lacks %q", e.Evidence, want)
			}
		}
	}
	if !found {
		t.Errorf("no verdict in %+v", b.events)
	}
}

// What a flow that goes one way was asked while it lived is no evidence of its
// death.
func TestEvidenceOneWay(t *testing.T) {
	b := up(t, nil)
	for i := range 120 {
		b.run(time.Second, b.silent)
		if i%10 == 0 { // a living peer's keepalive
			b.c.RxBytes += 32
			b.c.UnansweredSince = time.Time{}
		}
		if s := &b.c.Path.Asked; s.Sent > s.Answered {
			s.Answered = s.Sent
			s.AnsweredAt, b.c.Path.RoundTripAt = b.now, b.now
		}
	}
	b.run(40*time.Second, b.silent)
	var found string
	for _, e := range b.of(event.VerdictChanged) {
		if e.To == string(health.Unhealthy) {
			found = e.Evidence
			break
		}
	}
	var left int
	if _, err := fmt.Sscanf(found[strings.Index(found, ": ")+2:], "%d packets left", &left); err != nil || left > 500 || strings.Contains(found, "-") {
		t.Errorf("%q (%v)", found, err)
	}
}

// What is told once is not told again.
func TestSized(t *testing.T) {
	b := up(t, nil)
	b.take(b.Sized(b.now, "nl", 1420, 1280))
	b.take(b.Sized(b.now, "nl", 1420, 1280))
	b.take(b.Sized(b.now, "de", 1420, 1420))
	b.take(b.Sized(b.now, "nl", 1420, 1420))
	if o, c := b.of(event.NoticeOpened), b.of(event.NoticeCleared); len(o) != 1 || len(c) != 1 || o[0].To != string(tunnel.MTUBlackHole) {
		t.Errorf("opened %+v and cleared %+v, want one each", o, c)
	}
}
