package health

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/service/tunnel"
)

// line is a tunnel and its peer as WireGuard would run them, in steps of a
// millisecond: the counters grow as those of a device do, keepalives and
// initiations included. It is what the rules are tried against.
type line struct {
	c   tunnel.Counters
	now time.Duration

	up, down   time.Duration // time between data packets; 0: none
	answers    bool          // every packet up is answered by one down
	keepalive  time.Duration // ours; 0: off
	rtt        time.Duration
	deadUp     bool
	deadDown   bool
	peerOwesAt time.Duration // when the peer's 10 s keepalive arrives; 0: none is due
	peerAgain  bool          // the peer has received more since it armed that
	pending    []time.Duration
	lastSend   time.Duration // our last packet of any kind
	silentAt   time.Duration // when our first packet left that nothing followed; 0: none
	askAt      time.Duration // our next initiation; 0: none
	sent       bool          // data or an initiation left in this millisecond
}

const ms = time.Millisecond

func due(now, every time.Duration) bool { return every > 0 && now%every == 0 }

// run moves the line on by a millisecond.
func (l *line) run() {
	l.now += ms
	l.sent = false
	if due(l.now, l.up) {
		l.data()
	}
	if due(l.now, l.down) && !l.deadDown {
		l.receive(true)
	}
	for len(l.pending) > 0 && l.pending[0] <= l.now {
		l.pending = l.pending[1:]
		if !l.deadDown {
			l.receive(true)
		}
	}
	if l.peerOwesAt > 0 && l.now >= l.peerOwesAt {
		l.peerOwesAt += 10 * sec
		if !l.peerAgain {
			l.peerOwesAt = 0
		}
		l.peerAgain = false
		if !l.deadDown {
			l.receive(false)
		}
	}
	if l.keepalive > 0 && l.now-l.lastSend >= l.keepalive {
		l.c.TxBytes += 32
		l.lastSend = l.now
	}
	if l.silentAt > 0 && l.askAt == 0 {
		l.askAt = l.silentAt + 15*sec
	}
	if l.askAt > 0 && l.now >= l.askAt {
		l.initiate()
	}
}

func (l *line) data() {
	l.c.DataSent++
	l.c.TxBytes += 128
	l.lastSend, l.sent = l.now, true
	if l.c.UnansweredSince.IsZero() {
		l.c.UnansweredSince = at(l.now)
	}
	if l.silentAt == 0 {
		l.silentAt = l.now
	}
	if l.deadUp {
		return
	}
	if l.answers {
		l.pending = append(l.pending, l.now+l.rtt)
	} else if l.peerOwesAt == 0 {
		l.peerOwesAt = l.now + 10*sec + l.rtt
	} else {
		l.peerAgain = true
	}
}

func (l *line) initiate() {
	l.c.Initiations++
	l.c.TxBytes += 148
	l.sent = true
	if l.c.InitiatingSince.IsZero() {
		l.c.InitiatingSince = at(l.now)
	}
	l.askAt = l.now + 5*sec
	if l.deadUp || l.deadDown {
		return
	}
	l.c.LastHandshake = at(l.now)
	l.c.InitiatingSince = time.Time{}
	l.receive(false)
}

func (l *line) receive(inner bool) {
	l.c.RxBytes += 92
	if inner {
		l.c.DataReceived++
	}
	l.c.UnansweredSince = time.Time{}
	l.silentAt, l.askAt = 0, 0
}

// watcher calls Observe as the engine does: at Next, and when something leaves
// while nothing waits.
type watcher struct {
	m    *Monitor
	next time.Time
	last Assessment
	seen map[Verdict]int
}

func watch(m *Monitor, l *line) *watcher {
	w := &watcher{m: m, seen: map[Verdict]int{}}
	w.look(l)
	return w
}

func (w *watcher) look(l *line) {
	w.last = w.m.Observe(at(l.now), l.c)
	w.next = w.last.Next
	w.seen[w.last.Verdict]++
}

// run moves on until stop says so or the time is over.
func (w *watcher) run(l *line, long time.Duration, stop func() bool) {
	for end := l.now + long; l.now < end; {
		l.run()
		if (!w.next.IsZero() && !at(l.now).Before(w.next)) || (w.next.IsZero() && l.sent) {
			w.look(l)
		}
		if stop != nil && stop() {
			return
		}
	}
}

func alive(l line) *line {
	l.c.RxBytes, l.c.Initiations, l.c.LastHandshake = 92, 1, start
	if l.rtt == 0 {
		l.rtt = 40 * ms
	}
	return &l
}

// A living tunnel is never suspected, whatever flows.
func TestLivingTunnelsAreNotSuspected(t *testing.T) {
	for _, tt := range []struct {
		name string
		line line
	}{
		{"idle, keepalive 0", line{}},
		{"idle, keepalive 5 s", line{keepalive: 5 * sec}},
		{"idle, keepalive 9 s", line{keepalive: 9 * sec}},
		{"idle, keepalive 25 s", line{keepalive: 25 * sec}},
		{"one-way upload", line{up: 20 * ms}},
		{"one-way upload, slow", line{up: 700 * ms, rtt: 300 * ms}},
		{"one-way download", line{down: 20 * ms}},
		{"both ways", line{up: 50 * ms, answers: true}},
		{"pings at one a second", line{up: sec, answers: true}},
		{"one packet in 7 s", line{up: 7 * sec, answers: true}},
		{"one packet in 10 s, in step with the checks", line{up: 10 * sec, answers: true}},
		{"one packet in 11 s", line{up: 11 * sec, answers: true, rtt: 300 * ms}},
		{"one packet in 10.3 s, never answered but by the keepalive", line{up: 10300 * ms, rtt: 300 * ms}},
		{"one packet in 12 s, never answered but by the keepalive", line{up: 12 * sec, rtt: 300 * ms}},
		{"one packet in 17 s, never answered but by the keepalive", line{up: 17 * sec, rtt: 300 * ms}},
		{"one packet in 61 s, never answered but by the keepalive", line{up: 61 * sec}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := alive(tt.line)
			w := watch(New(classic()), l)
			w.run(l, 10*time.Minute, nil)
			if w.seen[Suspect]+w.seen[Unhealthy] > 0 {
				t.Errorf("verdicts %v", w.seen)
			}
		})
	}
}

func TestIdleCostsNoTimer(t *testing.T) {
	l := alive(line{keepalive: 25 * sec})
	w := watch(New(classic()), l)
	w.run(l, time.Hour, nil)
	if w.last.Verdict != Idle || !w.next.IsZero() || len(w.seen) != 2 || w.seen[Idle] != 1 {
		t.Errorf("verdict %s, verdicts %v", show(w.last), w.seen)
	}
}

// Whenever the path dies under steady traffic, the verdict falls within the
// bounds that the limits promise: 30 to 41 s, and 5 to 7 s.
func TestTimeToVerdict(t *testing.T) {
	for _, tt := range []struct {
		limits     Limits
		least, top time.Duration
	}{
		{classic(), 30 * sec, 41 * sec},
		{quick(), 5 * sec, 7 * sec},
	} {
		rapid.Check(t, func(rt *rapid.T) {
			rtt := time.Duration(rapid.IntRange(1, 200).Draw(rt, "rtt")) * ms
			l := alive(line{answers: true, rtt: rtt,
				up: time.Duration(rapid.IntRange(5, 1000).Draw(rt, "every")) * ms})
			w := watch(New(tt.limits), l)
			w.run(l, 20*sec+time.Duration(rapid.IntRange(0, 20000).Draw(rt, "dies"))*ms, nil)
			if w.seen[Suspect] > 0 {
				rt.Fatalf("suspected while alive: %v", w.seen)
			}
			died := l.now
			l.deadUp, l.deadDown = true, true
			w.run(l, time.Minute, func() bool { return w.last.Verdict == Unhealthy })
			// What was under way when the path died had left a round trip before.
			if took := l.now - died; took < tt.least-rtt || took > tt.top {
				rt.Fatalf("unhealthy after %s", took)
			}
		})
	}
}

// Pings at one a second, looked at every second, do not hide a death: a look
// that finds nothing sent does not start the timer anew.
func TestSparsePacketsDoNotHideADeath(t *testing.T) {
	l := alive(line{up: 3 * sec, answers: true})
	w := watch(New(classic()), l)
	w.run(l, 30*sec, nil)
	l.deadUp, l.deadDown = true, true
	w.run(l, 45*sec, func() bool { return w.last.Verdict == Unhealthy })
	if w.last.Verdict != Unhealthy {
		t.Errorf("verdict %s", show(w.last))
	}
}

// A lone packet that is lost is found by the timer although the application
// sends nothing more.
func TestLonePacketIntoADeadTunnel(t *testing.T) {
	l := alive(line{})
	w := watch(New(classic()), l)
	w.run(l, time.Minute, nil)
	l.deadUp, l.deadDown = true, true
	l.data()
	w.look(l)
	sent := l.now
	w.run(l, time.Minute, func() bool { return w.last.Verdict == Unhealthy })
	if took := l.now - sent; took < 30*sec || took > 32*sec {
		t.Errorf("unhealthy after %s", took)
	}
}

// The traffic rule takes whatever arrives for an answer, so that it does not
// see an upload that dies alone. This is its known limit, not an accident.
func TestUploadOnlyDeathIsNotSeen(t *testing.T) {
	l := alive(line{up: 20 * ms, down: 20 * ms})
	w := watch(New(classic()), l)
	w.run(l, 20*sec, nil)
	l.deadUp = true
	w.run(l, time.Minute, nil)
	if w.last.Verdict != Healthy || w.seen[Suspect] > 0 {
		t.Errorf("verdict %s", show(w.last))
	}
}

// A dead tunnel that comes back is healthy at the next look.
func TestRecovery(t *testing.T) {
	l := alive(line{up: 200 * ms, answers: true})
	w := watch(New(classic()), l)
	w.run(l, 20*sec, nil)
	l.deadUp, l.deadDown = true, true
	w.run(l, 2*time.Minute, nil)
	if w.last.Verdict != Unhealthy {
		t.Fatal(show(w.last))
	}
	l.deadUp, l.deadDown = false, false
	w.run(l, 1100*ms, nil)
	if w.last.Verdict != Healthy {
		t.Error(show(w.last))
	}
}

// Any counters at any moments: the wait is never in the past, a verdict that is
// not well has a cause and a beginning that is not in the future, and the same
// looks give the same answers.
func TestAnyLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := New(classic()), New(classic())
		var c tunnel.Counters
		now := start
		for range rapid.IntRange(1, 60).Draw(t, "looks") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20000).Draw(t, "later")) * ms)
			if rapid.IntRange(0, 30).Draw(t, "reset") == 0 {
				a.Reset(now)
				b.Reset(now)
			}
			if rapid.IntRange(0, 30).Draw(t, "rebuilt") == 0 {
				c = tunnel.Counters{}
			}
			c.DataSent += rapid.Uint64Range(0, 2).Draw(t, "sent")
			c.RxBytes += rapid.Uint64Range(0, 1).Draw(t, "received")
			c.Initiations += rapid.Uint64Range(0, 1).Draw(t, "initiated")
			if rapid.Bool().Draw(t, "hint") {
				c.UnansweredSince = now.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "oldest")) * sec)
				c.InitiatingSince = now.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "asked")) * sec)
			}
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
			if got.Next.IsZero() && got.Verdict != Idle {
				t.Fatalf("no wait while %s", show(got))
			}
		}
	})
}
