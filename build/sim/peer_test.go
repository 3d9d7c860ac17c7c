package sim

import (
	"testing"
	"time"

	"holdfast/service/failover"
)

// bystander connects and does nothing more.
type bystander struct{}

func (*bystander) Name() string                { return "bystander" }
func (*bystander) Start(h *Hands)              { h.Connect(0) }
func (*bystander) Wake(*Hands)                 {}
func (*bystander) Active(*Hands)               {}
func (*bystander) News(*Hands, failover.Input) {}

// up is a world with a bystander that has connected.
func up(t *testing.T, seed uint64, traffic Traffic, make func(w *World)) *World {
	t.Helper()
	w := newWorld(seed)
	w.use(traffic)
	if make != nil {
		make(w)
	}
	w.begin(&bystander{})
	w.run(30 * time.Second)
	if w.active == nil || !w.active.greeted {
		t.Fatal("no session after 30 s")
	}
	return w
}

// send sends one packet that nobody answers.
func send(w *World) {
	k := w.packet()
	k.what, k.size = stream, sizeSmall
	w.client(k)
}

// step lets the world go on in small steps until a condition holds.
func step(w *World, most time.Duration, until func() bool) bool {
	for end := w.now + most; w.now < end; {
		if until() {
			return true
		}
		w.run(w.now + 10*time.Millisecond)
	}
	return until()
}

// A server that only receives answers after 10 s with a keepalive.
func TestReceiverAnswersAfterTenSeconds(t *testing.T) {
	w := up(t, 1, Idle, nil)
	send(w)
	at, rx := w.now, w.active.c.RxBytes
	if !step(w, 20*time.Second, func() bool { return w.active.c.RxBytes > rx }) {
		t.Fatal("nothing came")
	}
	if took := w.now - at; took < 10*time.Second || took > 10*time.Second+300*time.Millisecond {
		t.Errorf("the keepalive came after %s", took)
	}
}

// Data that goes unanswered is followed by initiations 15 s later and then
// every 5 s, 20 of them, and then by nothing until there is new data.
func TestInitiationsOfADeadTunnel(t *testing.T) {
	w := up(t, 2, Idle, nil)
	dead(w.servers[0])
	at, before := w.now, w.active.c.Initiations
	send(w)
	var times []time.Duration
	step(w, 5*time.Minute, func() bool {
		if n := w.active.c.Initiations; n > before {
			before = n
			times = append(times, w.now-at)
		}
		return false
	})
	if len(times) != 20 {
		t.Fatalf("%d initiations: %v", len(times), times)
	}
	for i, took := range times {
		least := 15*time.Second + time.Duration(i)*5*time.Second
		if most := least + time.Duration(i+1)*340*time.Millisecond; took < least || took > most {
			t.Errorf("initiation %d after %s, want %s to %s", i, took, least, most)
		}
	}
	send(w)
	w.run(w.now + time.Second)
	if w.active.c.Initiations == before {
		t.Error("new data did not begin anew")
	}
}

// With the upload dead and a stream coming down, the client's byte counters go
// on growing and it asks for no session, while the server does.
func TestUploadDeadLooksAlive(t *testing.T) {
	w := up(t, 3, Call, nil)
	w.servers[0].path.DeadUp = true
	own, rx, theirs := w.active.c.Initiations, w.active.c.RxBytes, w.active.c.Path.PeerInitiations
	for range 6 {
		w.run(w.now + 10*time.Second)
		if w.active.c.RxBytes == rx {
			t.Fatal("nothing came for 10 s")
		}
		rx = w.active.c.RxBytes
	}
	if w.active.c.Initiations != own {
		t.Errorf("%d initiations", w.active.c.Initiations-own)
	}
	if n := w.active.c.Path.PeerInitiations - theirs; n < 8 || n > 10 {
		t.Errorf("%d initiations of the server in a minute", n)
	}
}

// A keepalive is never answered.
func TestKeepalivesGoUnanswered(t *testing.T) {
	w := up(t, 4, Idle, keepalive(5*time.Second))
	w.run(w.now + 5*time.Second)
	tx, rx := w.active.c.TxBytes, w.active.c.RxBytes
	w.run(w.now + 30*time.Second)
	if sent := w.active.c.TxBytes - tx; sent != 6*sizeKeepalive || w.active.c.RxBytes != rx {
		t.Errorf("sent %d bytes, received %d", sent, w.active.c.RxBytes-rx)
	}
}

// A busy session is made anew every 120 s by the end that began it, and none is
// by an idle one.
func TestRekeying(t *testing.T) {
	for _, tt := range []struct {
		traffic     Traffic
		least, most uint64
	}{
		{Pings, 29, 31},
		{OneWayUp, 29, 31},
		{OneWayDn, 21, 31},
		{Idle, 0, 0},
	} {
		w := up(t, 5, tt.traffic, nil)
		before := w.active.c.Initiations
		w.run(w.now + time.Hour)
		if n := w.active.c.Initiations - before; n < tt.least || n > tt.most {
			t.Errorf("%s: %d initiations in an hour", tt.traffic, n)
		}
	}
}

// Questions beside the session are answered and harm nothing.
func TestAsksHarmNothing(t *testing.T) {
	w := up(t, 6, Pings, nil)
	w.open()
	for range 100 {
		w.run(w.now + 200*time.Millisecond)
		w.active.ask()
	}
	w.run(w.now + time.Second)
	c := w.active.counters()
	if q := c.Path.Asked; q.Sent != 100 || q.Answered != 100 {
		t.Errorf("%d asked, %d answered", q.Sent, q.Answered)
	}
	if c.Path.Near.Answered != 100 || c.Path.Beyond.Answered != 100 || w.Tally.Harm != 0 {
		t.Errorf("%d and %d echoes answered, %s of harm", c.Path.Near.Answered, c.Path.Beyond.Answered, w.Tally.Harm)
	}
	if c.Path.Loss != 0 || c.Path.RTT < 2*w.servers[0].path.Latency || c.Path.RTT > 2*w.servers[0].path.Latency+20*time.Millisecond {
		t.Errorf("loss %v, round trip %s", c.Path.Loss, c.Path.RTT)
	}
}

// A machine that slept for long comes back with a session that the server has
// dropped, and that looks young to it.
func TestSleepLeavesAStaleSession(t *testing.T) {
	w := up(t, 7, Pings, nil)
	w.open()
	w.Tally.begunAt = w.now
	w.sleep(8 * time.Hour)
	w.run(w.now + 8*time.Hour + time.Minute)
	if o := w.Tally.Outage; o < 14*time.Second || o > 17*time.Second {
		t.Errorf("%s without service after the sleep", o)
	}
}

// A clock that went back has every initiation refused.
func TestClockBackRefusesHandshakes(t *testing.T) {
	w := up(t, 8, Pings, nil)
	w.clock -= time.Hour
	before := w.active.c.Path.Asked.Answered
	w.active.ask()
	w.run(w.now + time.Second)
	if w.active.c.Path.Asked.Answered != before {
		t.Error("an initiation of the past was answered")
	}
}

// The queue gives everything back in the order of time, and of putting.
func TestQueue(t *testing.T) {
	w := newWorld(9)
	var q queue
	for range 10_000 {
		q.push(coming{at: time.Duration(w.noise.IntN(500))})
	}
	var last coming
	for i := range 10_000 {
		e := q.pop()
		if i > 0 && e.before(&last) {
			t.Fatalf("%v after %v", e, last)
		}
		last = e
	}
}
