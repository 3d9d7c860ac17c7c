package health

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/service/tunnel"
)

// A tunnel that dies while it carries anything that wants answers is always
// found, in the time that the limits promise.
func TestTheDeadAreAlwaysFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom(profiles).Draw(t, "profile").limits
		shape := rapid.SampledFrom([]string{"pings", "pings at 5 a second", "tcp upload"}).Draw(t, "shape")
		rtt := time.Duration(rapid.IntRange(1, 600).Draw(t, "rtt")) * ms
		p := path{rtt: rtt, jitter: rtt / 10,
			near: rapid.IntRange(0, 1).Draw(t, "near"), beyond: rapid.IntRange(0, 2).Draw(t, "beyond"),
			clears: rapid.Bool().Draw(t, "clears")}
		w := p.through(rapid.Uint64().Draw(t, "seed"), l)
		w.keep = true
		shapes[shape](w)
		w.run(time.Minute+time.Duration(rapid.IntRange(0, 2000).Draw(t, "dies"))*ms, nil)
		died := w.now
		switch rapid.IntRange(0, 2).Draw(t, "death") {
		case 0:
			w.deadUp, w.deadDn = true, true
		case 1:
			w.deadDn = true
		default:
			w.deadUp = true
		}
		w.run(time.Minute, w.isUnhealthy)
		// The last packet that is answered, the next one that is not, the wait, as
		// many attempts as no loss has been measured over, and one deadline.
		every := gap(&w.c.Path, l.SuspectAfter)
		top := rtt + sec + l.SuspectAfter + needAtLeast(l, every, p) + w.m.inquiry.evidence.delay.worst + 3*every
		if took := w.now - died; !w.isUnhealthy() || took > top {
			t.Fatalf("%s over %s: after %s, want %s: %s\n%v", shape, p, took, top, show(w.last), w.log[max(0, len(w.log)-25):])
		}
		if w.last.DeadAt.IsZero() || w.last.DeadAt.After(at(w.now)) || w.last.DeadAt.Before(at(died-rtt)) {
			t.Fatalf("dead at %s after the fault", w.last.DeadAt.Sub(at(died)))
		}
	})
}

// needAtLeast is how long the attempts take that do not fit before the suspicion.
func needAtLeast(l Limits, every time.Duration, p path) time.Duration {
	kinds := 1 + p.near + min(p.beyond, 1)
	moments := (mostNeeded + kinds - 1) / kinds
	return max(0, time.Duration(moments)*every-l.SuspectAfter/2)
}

// Any counters at any moments: the wait is never in the past, a verdict that is
// not well has a cause and a beginning, what is asked is bounded, and the same
// looks give the same answers.
func TestAnyActiveLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom(profiles).Draw(t, "profile").limits
		if rapid.Bool().Draw(t, "heartbeat") {
			l.Heartbeat = time.Minute
		}
		a, b := New(l), New(l)
		var c tunnel.Counters
		now, asked := start, time.Time{}
		grow := func(name string, u *uint64, top uint64) bool {
			d := rapid.Uint64Range(0, top).Draw(t, name)
			*u += d
			return d > 0
		}
		sometimes := func(name string, m *time.Time, ago time.Duration) {
			switch rapid.IntRange(0, 3).Draw(t, name) {
			case 0:
				*m = now.Add(-time.Duration(rapid.Int64Range(0, int64(ago)).Draw(t, name+" ago")))
			case 1:
				*m = time.Time{}
			default:
			}
		}
		for range rapid.IntRange(1, 80).Draw(t, "looks") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "later")) * ms)
			if rapid.IntRange(0, 30).Draw(t, "reset") == 0 {
				a.Reset(now)
				b.Reset(now)
			}
			if rapid.IntRange(0, 30).Draw(t, "rebuilt") == 0 {
				c, asked = tunnel.Counters{}, time.Time{}
			}
			if rapid.IntRange(0, 20).Draw(t, "contrast") == 0 {
				a.Contrast(now)
				b.Contrast(now)
			}
			grow("sent", &c.DataSent, 2)
			if grow("received", &c.RxBytes, 1) && grow("inner", &c.DataReceived, 9) {
				c.LastReceived = now
			}
			grow("initiated", &c.Initiations, 1)
			p := &c.Path
			p.Askable = rapid.Bool().Draw(t, "askable")
			p.Near.Known, p.Beyond.Known = rapid.IntRange(0, 1).Draw(t, "near"), rapid.IntRange(0, 2).Draw(t, "beyond")
			for _, q := range []*tunnel.Questions{&p.Asked, &p.Near.Questions, &p.Beyond.Questions} {
				grow("question", &q.Sent, 1)
				if grow("answer", &q.Answered, 1) {
					q.AnsweredAt, p.RoundTripAt = now, now
				}
			}
			grow("refused", &p.Refused, 1)
			grow("bad", &p.BadResponses, 1)
			grow("cookies", &p.Cookies, 1)
			grow("peer", &p.PeerInitiations, 1)
			p.WaitingFlows = rapid.IntRange(0, 12).Draw(t, "flows")
			p.RTT = time.Duration(rapid.IntRange(0, 800).Draw(t, "rtt")) * ms
			p.Loss, p.LossOf = float64(rapid.IntRange(0, 100).Draw(t, "loss"))/100, rapid.IntRange(0, 64).Draw(t, "of")
			sometimes("unanswered", &c.UnansweredSince, time.Minute)
			sometimes("initiating", &c.InitiatingSince, time.Minute)
			sometimes("waiting", &p.WaitingSince, time.Minute)

			got := a.Observe(now, c)
			if again := b.Observe(now, c); got != again {
				t.Fatalf("%s and %s from the same looks", show(got), show(again))
			}
			if !got.Next.IsZero() && !got.Next.After(now) {
				t.Fatalf("next is not after now: %s", show(got))
			}
			if bad := got.Verdict == Suspect || got.Verdict == Unhealthy; bad != (got.Cause != "") ||
				bad == got.Since.IsZero() || got.Since.After(now) {
				t.Fatalf("verdict without its reason: %s at %s", show(got), now.Sub(start))
			}
			if got.DeadAt.After(now) || !got.DeadAt.IsZero() && got.Verdict != Unhealthy {
				t.Fatalf("%s dead at %s", show(got), got.DeadAt.Sub(start))
			}
			if got.Next.IsZero() && got.Verdict != Idle {
				t.Fatalf("no wait while %s", show(got))
			}
			if got.Ask.Path {
				if !asked.IsZero() && now.Sub(asked) < shortestGap && a.inquiry.evidence.floor.Before(asked) {
					t.Fatalf("asked again after %s", now.Sub(asked))
				}
				asked = now
			}
		}
	})
}
