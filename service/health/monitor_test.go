package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

func classic() Limits {
	return Limits{CheckInterval: 10 * time.Second, SuspectInterval: time.Second,
		TrafficTimeout: 30 * time.Second, HandshakeTimeout: 30 * time.Second}
}

func quick() Limits {
	return Limits{CheckInterval: time.Second, SuspectInterval: time.Second,
		TrafficTimeout: 5 * time.Second, HandshakeTimeout: 30 * time.Second}
}

// step is one look: what was counted since the look before, and the answer.
type step struct {
	at         time.Duration
	sent       uint64
	received   uint64
	inner      uint64
	initiated  uint64
	completed  bool
	initiating time.Duration // InitiatingSince, from start; 0: none
	unanswered time.Duration // UnansweredSince, from start; 0: none

	want  Verdict
	cause tunnel.Cause
	since time.Duration // from start; 0: none
	next  time.Duration // from start; 0: none
}

func play(t *testing.T, m *Monitor, steps []step) {
	t.Helper()
	var c tunnel.Counters
	for _, s := range steps {
		c.DataSent += s.sent
		c.TxBytes += 100*s.sent + 148*s.initiated
		c.RxBytes += 100 * s.received
		c.DataReceived += s.inner
		c.Initiations += s.initiated
		if s.completed {
			c.LastHandshake = at(s.at)
		}
		c.InitiatingSince, c.UnansweredSince = moment(s.initiating), moment(s.unanswered)
		got := m.Observe(at(s.at), c)
		want := Assessment{Verdict: s.want, Cause: s.cause, Since: moment(s.since), Next: moment(s.next)}
		if got != want {
			t.Fatalf("at %s: got %s, want %s", s.at, show(got), show(want))
		}
	}
}

func moment(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return at(d)
}

func show(a Assessment) string {
	text := string(a.Verdict) + " " + string(a.Cause)
	if !a.Since.IsZero() {
		text += " since " + a.Since.Sub(start).String()
	}
	if !a.Next.IsZero() {
		text += " next " + a.Next.Sub(start).String()
	}
	return text
}

const sec = time.Second

func TestTable(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"nothing sent and nothing received is idle, without a timer", []step{
			{at: 0, received: 1, completed: true, want: Healthy, next: 10 * sec},
			{at: 10 * sec, want: Idle},
		}},
		{"nothing sent and something received is healthy", []step{
			{at: 0, received: 1, completed: true, want: Healthy, next: 10 * sec},
			{at: 10 * sec, received: 1, want: Healthy, next: 20 * sec},
			{at: 20 * sec, received: 1, want: Healthy, next: 30 * sec},
		}},
		{"sent and received is healthy", []step{
			{at: 0, received: 1, completed: true, want: Healthy, next: 10 * sec},
			{at: 10 * sec, sent: 5, received: 1, want: Healthy, next: 20 * sec},
		}},
		{"sent and nothing received is suspect, then unhealthy", []step{
			{at: 1 * sec, received: 1, completed: true, want: Healthy, next: 11 * sec},
			{at: 11 * sec, sent: 5, want: Healthy, next: 11500 * time.Millisecond},
			{at: 11500 * time.Millisecond, want: Suspect, cause: tunnel.Unanswered, since: 1 * sec, next: 12500 * time.Millisecond},
			{at: 31 * sec, sent: 5, want: Unhealthy, cause: tunnel.Unanswered, since: 1 * sec, next: 32 * sec},
		}},
		{"nothing is known before the first answer", []step{
			{at: 0, initiated: 1, initiating: 1, want: Unknown, next: 100 * time.Millisecond},
			{at: 100 * time.Millisecond, initiating: 1, want: Unknown, next: 200 * time.Millisecond},
			{at: 200 * time.Millisecond, received: 1, completed: true, want: Healthy, next: 10200 * time.Millisecond},
		}},
		{"a device that neither asks nor answers is idle after an interval", []step{
			{at: 0, want: Unknown, next: 10 * sec},
			{at: 10 * sec, want: Idle},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, New(classic()), tt.steps)
		})
	}
}

// A suspicion counts from the oldest unanswered packet, is looked at every
// second, ends in unhealthy exactly at the timeout, and there it stays.
func TestSuspicion(t *testing.T) {
	const u = tunnel.Unanswered
	play(t, New(classic()), []step{
		{at: 1 * sec, received: 1, completed: true, want: Healthy, next: 11 * sec},
		{at: 11 * sec, sent: 9, received: 9, want: Healthy, next: 21 * sec},
		{at: 21 * sec, sent: 9, unanswered: 13200 * time.Millisecond, want: Healthy, next: 23700 * time.Millisecond},
		{at: 23700 * time.Millisecond, sent: 1, unanswered: 13200 * time.Millisecond, want: Suspect, cause: u, since: 13200 * time.Millisecond, next: 24700 * time.Millisecond},
		{at: 24700 * time.Millisecond, unanswered: 13200 * time.Millisecond, want: Suspect, cause: u, since: 13200 * time.Millisecond, next: 25700 * time.Millisecond},
		// Looks without a new packet do not clear it, nor does a look before its time.
		{at: 24800 * time.Millisecond, want: Suspect, cause: u, since: 13200 * time.Millisecond, next: 25800 * time.Millisecond},
		{at: 42800 * time.Millisecond, want: Suspect, cause: u, since: 13200 * time.Millisecond, next: 43200 * time.Millisecond},
		{at: 43200 * time.Millisecond, sent: 1, want: Unhealthy, cause: u, since: 13200 * time.Millisecond, next: 44200 * time.Millisecond},
		{at: 44200 * time.Millisecond, want: Unhealthy, cause: u, since: 13200 * time.Millisecond, next: 54200 * time.Millisecond},
		{at: 54200 * time.Millisecond, received: 1, want: Healthy, next: 64200 * time.Millisecond},
	})
}

// The tap's hint never moves the beginning before the last look at which
// something had been received.
func TestSuspicionNeverBeforeTheLastAnswer(t *testing.T) {
	play(t, New(classic()), []step{
		{at: 1 * sec, received: 1, completed: true, want: Healthy, next: 11 * sec},
		{at: 11 * sec, sent: 9, received: 1, unanswered: 2 * sec, want: Healthy, next: 21 * sec},
		{at: 21 * sec, sent: 9, unanswered: 2 * sec, want: Healthy, next: 21500 * time.Millisecond},
		{at: 21500 * time.Millisecond, sent: 1, unanswered: 2 * sec, want: Suspect, cause: tunnel.Unanswered, since: 11 * sec, next: 22500 * time.Millisecond},
	})
}

// The first packet after a silence starts the interval and is itself the
// beginning of what may become a suspicion, however long the silence was.
func TestLonePacketAfterSilence(t *testing.T) {
	steps := []step{
		{at: 1 * sec, received: 1, completed: true, want: Healthy, next: 11 * sec},
		{at: 11 * sec, want: Idle},
		{at: 4000 * sec, sent: 1, unanswered: 4000 * sec, want: Idle, next: 4010 * sec},
	}
	t.Run("answered", func(t *testing.T) {
		play(t, New(classic()), append(steps,
			step{at: 4010 * sec, received: 1, want: Healthy, next: 4020 * sec},
			step{at: 4020 * sec, want: Idle}))
	})
	t.Run("lost, and WireGuard's own initiation is answered", func(t *testing.T) {
		play(t, New(classic()), append(steps,
			step{at: 4010 * sec, unanswered: 4000 * sec, want: Idle, next: 4010500 * time.Millisecond},
			step{at: 4010500 * time.Millisecond, unanswered: 4000 * sec, want: Suspect, cause: tunnel.Unanswered, since: 4000 * sec, next: 4011500 * time.Millisecond},
			step{at: 4014500 * time.Millisecond, unanswered: 4000 * sec, want: Suspect, cause: tunnel.Unanswered, since: 4000 * sec, next: 4015500 * time.Millisecond},
			step{at: 4015500 * time.Millisecond, received: 2, initiated: 1, completed: true, want: Healthy, next: 4025500 * time.Millisecond},
			step{at: 4025500 * time.Millisecond, want: Idle}))
	})
	t.Run("without the tap's hint the look itself counts", func(t *testing.T) {
		play(t, New(classic()), []step{
			{at: 1 * sec, received: 1, completed: true, want: Healthy, next: 11 * sec},
			{at: 11 * sec, want: Idle},
			{at: 4000 * sec, sent: 1, want: Idle, next: 4010 * sec},
			{at: 4010500 * time.Millisecond, sent: 1, want: Suspect, cause: tunnel.Unanswered, since: 4000 * sec, next: 4011500 * time.Millisecond},
		})
	})
}

// A look before its time brings good news and never bad.
func TestEarlyLooks(t *testing.T) {
	play(t, New(classic()), []step{
		{at: 1 * sec, received: 1, completed: true, want: Healthy, next: 11 * sec},
		{at: 2 * sec, sent: 1, unanswered: 2 * sec, want: Healthy, next: 11 * sec},
		{at: 10 * sec, sent: 1, unanswered: 2 * sec, want: Healthy, next: 11 * sec},
		{at: 10500 * time.Millisecond, sent: 1, received: 1, want: Healthy, next: 20500 * time.Millisecond},
	})
}

func TestHandshakeTimeout(t *testing.T) {
	const h = tunnel.HandshakeTimeout
	t.Run("never answered, no data sent", func(t *testing.T) {
		play(t, New(classic()), []step{
			{at: 1 * sec, initiated: 1, initiating: 1 * sec, want: Unknown, next: 1100 * time.Millisecond},
			{at: 3 * sec, initiating: 1 * sec, want: Unknown, next: 4 * sec},
			{at: 6 * sec, initiated: 1, initiating: 1 * sec, want: Unknown, next: 7 * sec},
			{at: 11 * sec, initiated: 1, initiating: 1 * sec, want: Suspect, cause: h, since: 1 * sec, next: 12 * sec},
			{at: 30500 * time.Millisecond, initiated: 4, initiating: 1 * sec, want: Suspect, cause: h, since: 1 * sec, next: 31 * sec},
			{at: 31 * sec, initiated: 1, initiating: 1 * sec, want: Unhealthy, cause: h, since: 1 * sec, next: 32 * sec},
			{at: 32 * sec, initiating: 1 * sec, want: Unhealthy, cause: h, since: 1 * sec, next: 42 * sec},
			{at: 42 * sec, received: 1, completed: true, want: Healthy, next: 52 * sec},
		})
	})
	t.Run("an idle tunnel whose re-key fails", func(t *testing.T) {
		play(t, New(classic()), []step{
			{at: 1 * sec, received: 1, completed: true, want: Healthy, next: 11 * sec},
			{at: 11 * sec, want: Idle},
			{at: 121 * sec, initiated: 1, initiating: 121 * sec, want: Idle, next: 131 * sec},
			{at: 131 * sec, initiated: 2, initiating: 121 * sec, want: Suspect, cause: h, since: 121 * sec, next: 132 * sec},
			{at: 151 * sec, initiated: 4, initiating: 121 * sec, want: Unhealthy, cause: h, since: 121 * sec, next: 152 * sec},
		})
	})
	t.Run("a response that fails to authenticate is no answer", func(t *testing.T) {
		play(t, New(classic()), []step{
			{at: 1 * sec, initiated: 1, initiating: 1 * sec, want: Unknown, next: 1100 * time.Millisecond},
			{at: 3 * sec, want: Unknown, next: 4 * sec},
			{at: 6 * sec, initiated: 1, initiating: 6 * sec, want: Unknown, next: 7 * sec},
			{at: 12 * sec, want: Suspect, cause: h, since: 1 * sec, next: 13 * sec},
			{at: 31 * sec, initiated: 4, want: Unhealthy, cause: h, since: 1 * sec, next: 32 * sec},
		})
	})
	t.Run("data over the old session puts it off", func(t *testing.T) {
		play(t, New(classic()), []step{
			{at: 1 * sec, received: 1, completed: true, want: Healthy, next: 11 * sec},
			{at: 121 * sec, sent: 9, received: 9, inner: 9, initiated: 1, initiating: 120 * sec, want: Healthy, next: 131 * sec},
			{at: 131 * sec, sent: 9, received: 9, inner: 9, initiated: 2, initiating: 120 * sec, want: Healthy, next: 141 * sec},
			{at: 151 * sec, sent: 9, received: 9, inner: 9, initiated: 4, initiating: 120 * sec, want: Healthy, next: 161 * sec},
			// The peer's own initiations are received too, but prove nothing.
			{at: 161 * sec, sent: 9, received: 2, initiated: 2, initiating: 120 * sec, want: Healthy, next: 171 * sec},
			{at: 171 * sec, sent: 9, received: 2, initiated: 2, initiating: 120 * sec, want: Healthy, next: 181 * sec},
			{at: 181 * sec, sent: 9, received: 2, initiated: 2, initiating: 120 * sec, want: Unhealthy, cause: h, since: 151 * sec, next: 182 * sec},
		})
	})
	t.Run("the peer's crossing initiation answers ours", func(t *testing.T) {
		play(t, New(classic()), []step{
			{at: 1 * sec, received: 1, completed: true, want: Healthy, next: 11 * sec},
			{at: 11 * sec, initiated: 1, initiating: 10 * sec, received: 2, completed: true, want: Healthy, next: 21 * sec},
			{at: 21 * sec, initiating: 10 * sec, want: Idle},
			{at: 61 * sec, sent: 1, unanswered: 61 * sec, initiating: 10 * sec, want: Idle, next: 71 * sec},
			{at: 71 * sec, received: 1, initiating: 10 * sec, want: Healthy, next: 81 * sec},
		})
	})
}

// The age of a handshake is no evidence: hours of traffic without a new one,
// and a wall clock that jumps.
func TestHandshakeAgeIsNoEvidence(t *testing.T) {
	m := New(classic())
	c := tunnel.Counters{RxBytes: 1, LastHandshake: start.Add(-1000 * time.Hour)}
	for i := range 1000 {
		c.RxBytes++
		c.DataSent++
		if got := m.Observe(at(time.Duration(i)*10*sec), c); got.Verdict != Healthy {
			t.Fatalf("look %d: %s", i, show(got))
		}
	}
}

func TestRebuiltDevice(t *testing.T) {
	m := New(classic())
	m.Observe(at(1*sec), tunnel.Counters{RxBytes: 1e6, TxBytes: 1e6, DataSent: 1000, LastHandshake: start})
	m.Observe(at(11*sec), tunnel.Counters{RxBytes: 1e6, TxBytes: 2e6, DataSent: 2000, LastHandshake: start})
	got := m.Observe(at(12*sec), tunnel.Counters{RxBytes: 1e6, TxBytes: 2e6, DataSent: 2000, LastHandshake: start})
	if got.Verdict != Suspect {
		t.Fatalf("before: %s", show(got))
	}
	got = m.Observe(at(13*sec), tunnel.Counters{TxBytes: 148, Initiations: 1, InitiatingSince: at(13 * sec)})
	if got.Verdict != Unknown || !got.Since.IsZero() {
		t.Fatalf("rebuilt: %s", show(got))
	}
	got = m.Observe(at(14*sec), tunnel.Counters{RxBytes: 92, TxBytes: 148, Initiations: 1, LastHandshake: at(14 * sec)})
	if got.Verdict != Healthy {
		t.Fatalf("answered: %s", show(got))
	}
}

func TestReset(t *testing.T) {
	silent := tunnel.Counters{RxBytes: 100, TxBytes: 900, DataSent: 9, LastHandshake: start, UnansweredSince: at(1 * sec)}
	t.Run("a suspicion is forgotten and begins anew", func(t *testing.T) {
		m := New(classic())
		m.Observe(at(0), tunnel.Counters{RxBytes: 100, LastHandshake: start})
		m.Observe(at(10*sec), silent)
		if got := m.Observe(at(12*sec), silent); got.Verdict != Suspect {
			t.Fatal(show(got))
		}
		m.Reset(at(3600 * sec))
		if got := m.Observe(at(3600*sec), silent); got.Verdict != Unknown || !got.Next.Equal(at(3610*sec)) {
			t.Fatal(show(got))
		}
		more := silent
		more.DataSent++
		m.Observe(at(3610*sec), more)
		if got := m.Observe(at(3611*sec), more); got.Verdict != Suspect || !got.Since.Equal(at(3600*sec)) {
			t.Fatal(show(got))
		}
	})
	t.Run("what was well is still taken to be", func(t *testing.T) {
		m := New(classic())
		m.Observe(at(0), tunnel.Counters{RxBytes: 100, LastHandshake: start})
		m.Reset(at(3600 * sec))
		if got := m.Observe(at(3600*sec), silent); got.Verdict != Healthy || !got.Next.Equal(at(3610*sec)) {
			t.Fatal(show(got))
		}
	})
	t.Run("an initiation that waited waits anew", func(t *testing.T) {
		m := New(classic())
		c := tunnel.Counters{TxBytes: 148, Initiations: 1, InitiatingSince: start}
		m.Observe(at(0), c)
		if got := m.Observe(at(31*sec), c); got.Verdict != Unhealthy {
			t.Fatal(show(got))
		}
		m.Reset(at(40 * sec))
		if got := m.Observe(at(40*sec), c); got.Verdict != Unknown {
			t.Fatal(show(got))
		}
		if got := m.Observe(at(70*sec), c); got.Verdict != Unhealthy || !got.Since.Equal(at(40*sec)) {
			t.Fatal(show(got))
		}
	})
}

func TestLimitChangesTheWaits(t *testing.T) {
	m := New(classic())
	m.Observe(at(0), tunnel.Counters{RxBytes: 100})
	silent := tunnel.Counters{RxBytes: 100, DataSent: 9}
	m.Observe(at(10*sec), silent)
	m.Observe(at(11*sec), silent)
	m.Limit(quick())
	if got := m.Observe(at(12*sec), silent); got.Verdict != Unhealthy {
		t.Fatal(show(got))
	}
}

// TestDeadWayOut cuts only what the tunnel sends: the peer, which hears nothing
// any more, asks for a new session every 5 s.
func TestDeadWayOut(t *testing.T) {
	m := New(classic())
	c := tunnel.Counters{RxBytes: 92, TxBytes: 148, LastHandshake: at(0)}
	m.Observe(at(0), c)
	var verdict Verdict
	for now := 100 * time.Millisecond; now <= 60*time.Second; now += 100 * time.Millisecond {
		c.DataSent++
		c.TxBytes += 128
		if cut := 5 * time.Second; now <= cut {
			c.RxBytes += 128
			c.DataReceived++
		} else {
			c.UnansweredSince = at(cut)
			if since := now - cut; since >= 15*time.Second && since%(5*time.Second) == 0 {
				c.RxBytes += 148
			}
		}
		if a := m.Observe(at(now), c); a.Verdict == Unhealthy {
			verdict = a.Verdict
			if took := now - 5*time.Second; took < 30*time.Second || took > 41*time.Second {
				t.Errorf("found dead after %s, want 30s to 41s", took)
			}
			break
		}
	}
	if verdict != Unhealthy {
		t.Errorf("got %q, want unhealthy", verdict)
	}
}

// TestHeard tells a peer's initiations from what may be an answer.
func TestHeard(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes uint64
		data  uint64
		done  bool
		want  bool
	}{
		{"nothing", 0, 0, false, false},
		{"an initiation", 148, 0, false, false},
		{"three initiations", 444, 0, false, false},
		{"a keepalive", 32, 0, false, true},
		{"an initiation and a keepalive", 180, 0, false, true},
		{"a response", 92, 0, true, true},
		{"data as long as an initiation", 148, 1, false, true},
		{"an initiation that became a session", 148, 0, true, true},
	} {
		before := tunnel.Counters{RxBytes: 1000, DataReceived: 5, LastHandshake: at(0)}
		now := before
		now.RxBytes += c.bytes
		now.DataReceived += c.data
		if c.done {
			now.LastHandshake = at(time.Minute)
		}
		if got := heard(&before, &now); got != c.want {
			t.Errorf("%s: got %t, want %t", c.name, got, c.want)
		}
	}
}

// A server that answers questions beside the session is there, although the
// device waits for a handshake of its own: three times as long is believed.
func TestAnsweredQuestionsPutTheHandshakeOff(t *testing.T) {
	l := classic()
	l.SuspectAfter = 2 * sec
	m := New(l)
	var c tunnel.Counters
	c.Initiations, c.TxBytes, c.InitiatingSince = 1, 148, at(sec)
	c.Path.Askable = true
	for now := sec; now < 5*time.Minute; now += 200 * ms {
		a := m.Observe(at(now), c)
		if a.Verdict == Unhealthy && now < 91*sec {
			t.Fatalf("at %s: %s; asked %d", now, show(a), c.Path.Asked.Sent)
		}
		if a.Ask.Path {
			c.Path.Asked.Sent++
			c.Path.Asked.Answered++
			c.Path.Asked.AnsweredAt, c.Path.RoundTripAt, c.Path.RTT = at(now+100*ms), at(now+100*ms), 100*ms
		}
	}
	if m.last != Unhealthy {
		t.Errorf("%s after five minutes without a session", m.last)
	}
}
