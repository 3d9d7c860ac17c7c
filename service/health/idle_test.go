package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// An idle tunnel asks nothing and wakes nobody, whatever keepalives come.
func TestIdleAsksNothing(t *testing.T) {
	for _, every := range []time.Duration{0, 5 * sec, 9 * sec, 25 * sec} {
		w := newWorld(11, balanced())
		if every > 0 {
			w.every(every, func() { w.down(func() { w.receive(false, false, 0) }) })
		}
		w.run(time.Minute, nil)
		looks := w.looks
		w.run(time.Hour, nil)
		if w.looks != looks || w.asks > 0 || w.last.Verdict != Idle {
			t.Errorf("keepalive %s: %d looks, %d asks, %s", every, w.looks-looks, w.asks, show(w.last))
		}
	}
}

// A heartbeat finds the death of an idle tunnel, and its return.
func TestHeartbeat(t *testing.T) {
	l := balanced()
	l.Heartbeat = time.Minute
	w := newWorld(12, l)
	w.keep = true
	w.run(time.Hour, nil)
	if w.asks < 58 || w.asks > 61 || w.seen[Suspect]+w.seen[Unhealthy] > 0 {
		t.Fatalf("%d asks an hour, %v", w.asks, w.seen)
	}
	w.deadUp, w.deadDn = true, true
	died := w.now
	w.run(5*time.Minute, w.isUnhealthy)
	if took := w.now - died; !w.isUnhealthy() || took > 64*sec || w.last.DeadAt.Before(at(died)) {
		t.Fatalf("after %s: %s\n%v", took, show(w.last), w.log[max(0, len(w.log)-20):])
	}
	w.run(time.Hour, nil)
	if !w.isUnhealthy() {
		t.Fatal(show(w.last))
	}
	w.deadUp, w.deadDn = false, false
	w.run(6*sec, func() bool { return w.last.Verdict == Healthy })
	if w.last.Verdict != Healthy {
		t.Fatal(show(w.last))
	}
	asks := w.asks
	w.run(10*time.Minute, nil)
	if w.last.Verdict != Idle || w.asks-asks > 11 {
		t.Errorf("%d asks, %s", w.asks-asks, show(w.last))
	}
}

// A device that is never answered is given up in a few seconds.
func TestNeverAnswered(t *testing.T) {
	for _, p := range profiles {
		w := newWorld(13, p.limits)
		w.c = tunnel.Counters{}
		w.c.Path.Askable, w.keep = true, true
		w.deadUp = true
		w.initiate()
		began := w.now
		w.run(time.Minute, w.isUnhealthy)
		took := w.now - began
		t.Logf("%s: after %s", p.name, took)
		if top := p.limits.SuspectAfter + 4*sec; !w.isUnhealthy() || took > top || w.last.Cause != tunnel.HandshakeTimeout {
			t.Errorf("%s: after %s: %s\n%v", p.name, took, show(w.last), w.log)
		}
	}
}

// A device whose first initiation was lost is given another at once.
func TestFirstInitiationLost(t *testing.T) {
	w := newWorld(13, balanced())
	w.c = tunnel.Counters{}
	w.c.Path.Askable, w.keep = true, true
	w.deadUp = true
	w.initiate()
	w.run(100*ms, nil)
	w.deadUp = false
	w.run(10*sec, func() bool { return w.last.Verdict == Healthy })
	if w.now > 3*sec {
		t.Errorf("healthy after %s\n%v", w.now-sec, w.log)
	}
}

// What was doubted before the machine slept is not doubted after it.
func TestResetEndsADoubt(t *testing.T) {
	for _, after := range []time.Duration{1500 * ms, 2200 * ms, 4 * sec} {
		w := newWorld(14, balanced())
		w.keep = true
		shapes["pings"](w)
		w.run(time.Minute, nil)
		w.deadUp, w.deadDn = true, true
		w.run(after, nil)
		w.now += time.Hour
		w.m.Reset(at(w.now))
		w.deadUp, w.deadDn = false, false
		w.seen = map[Verdict]int{}
		w.look()
		if w.last.Verdict != Unknown && w.last.Verdict != Healthy || w.last.Ask.Any() {
			t.Errorf("after %s: %s", after, show(w.last))
		}
		w.run(20*sec, nil)
		if w.seen[Suspect]+w.seen[Unhealthy] > 0 || w.last.Verdict != Healthy {
			t.Errorf("after %s: %v, %s\n%v", after, w.seen, show(w.last), w.log)
		}
	}
}

// Without an endpoint to ask and a responder, only the passive rules decide, and
// say up to when the tunnel has proven dead.
func TestNothingToAsk(t *testing.T) {
	w := newWorld(15, balanced())
	w.c.Path.Askable, w.c.Path.Near.Known, w.c.Path.Beyond.Known = false, 0, 0
	shapes["pings"](w)
	w.run(time.Minute, nil)
	w.deadUp, w.deadDn = true, true
	died := w.now
	w.run(time.Minute, w.isUnhealthy)
	took := w.now - died
	if !w.isUnhealthy() || w.asks > 0 || took < 29*sec || took > 32*sec {
		t.Fatalf("after %s: %s, %d asks", took, show(w.last), w.asks)
	}
	if !w.last.DeadAt.Equal(at(w.now)) {
		t.Errorf("dead at %s", w.last.DeadAt.Sub(at(died)))
	}
	w.run(30*sec, nil)
	if behind := at(w.now).Sub(w.last.DeadAt); behind > 5*sec {
		t.Errorf("dead at %s before now", behind)
	}
}
