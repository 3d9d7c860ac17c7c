package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// Another device with the same key takes the server's attention again and again.
func TestSharedKey(t *testing.T) {
	for _, responders := range []int{0, 1} {
		w := newWorld(9, balanced())
		w.keep = true
		w.c.Path.Near.Known, w.c.Path.Beyond.Known = responders, 0
		shapes["pings at 5 a second"](w)
		w.run(time.Minute, nil)
		w.every(20*sec, func() { w.forgot = true })
		w.run(110*sec, nil)
		if w.last.Verdict != Suspect || w.last.Cause != tunnel.KeyShared {
			t.Fatalf("%d responders: %s\n%v", responders, show(w.last), w.log)
		}
		turns := 0
		last := w.last.Cause
		w.run(5*time.Minute, func() bool {
			if w.last.Cause != last {
				turns++
			}
			last = w.last.Cause
			return false
		})
		if turns > 0 || w.seen[Unhealthy] > 0 {
			t.Errorf("%d responders: %d turns, %v\n%v", responders, turns, w.seen, w.log)
		}
	}
}

func TestLossy(t *testing.T) {
	var r lossyRule
	step := func(from, long time.Duration, p tunnel.Path) (lossy bool) {
		for now := from; now < from+long; now += sec {
			p.RoundTripAt = at(now)
			lossy = r.look(&sight{now: at(now), counters: &tunnel.Counters{Path: p}})
		}
		return lossy
	}
	good := tunnel.Path{RTT: 40 * ms, Loss: .01, LossOf: 64}
	for _, tt := range []struct {
		name string
		long time.Duration
		path tunnel.Path
		want bool
	}{
		{"good", time.Minute, good, false},
		{"lossy, not for long", 59 * sec, tunnel.Path{RTT: 40 * ms, Loss: .2, LossOf: 64}, false},
		{"good again", sec, good, false},
		{"lossy", 62 * sec, tunnel.Path{RTT: 40 * ms, Loss: .12, LossOf: 64}, true},
		{"between", 200 * sec, tunnel.Path{RTT: 40 * ms, Loss: .07, LossOf: 64}, true},
		{"good, not for long", 59 * sec, good, true},
		{"good for long", 10 * sec, good, false},
		{"few round trips", 100 * sec, tunnel.Path{RTT: 40 * ms, Loss: .5, LossOf: 10}, false},
		{"slow", 62 * sec, tunnel.Path{RTT: 200 * ms, LossOf: 64}, true},
		{"less slow", 62 * sec, tunnel.Path{RTT: 110 * ms, LossOf: 64}, true},
		{"fast again", 62 * sec, good, false},
	} {
		now := r.at()
		if got := step(now, tt.long, tt.path); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}

// at is after everything that the rule has seen.
func (r *lossyRule) at() time.Duration {
	clock += 10000 * sec
	return clock
}

var clock time.Duration

// The sizes that pass are asked for when somebody can tell, when large segments
// get lost, and now and then.
func TestSize(t *testing.T) {
	w := newWorld(10, balanced())
	w.c.Path.Near.Known, w.c.Path.Beyond.Known = 0, 0
	shapes["pings"](w)
	expect := func(what string, want int) {
		t.Helper()
		if w.sizes != want {
			t.Errorf("%s: asked %d times, want %d", what, w.sizes, want)
		}
	}
	w.run(time.Minute, nil)
	expect("no responder", 0)
	w.c.Path.Near.Known = 1
	w.run(4*sec, nil)
	expect("the first responder", 1)
	w.c.Path.LargeLost = 5
	w.run(sec/2, nil)
	expect("lost too soon", 1)
	w.run(2*sec, nil)
	expect("lost", 2)
	w.c.Path.LargeLost = 6
	w.run(8*sec, nil)
	expect("lost again, too soon", 2)
	w.run(4*sec, nil)
	expect("lost again", 3)
	w.run(4*time.Minute, nil)
	expect("in between", 3)
	w.run(90*sec, nil)
	expect("now and then", 4)
	w.m.Reset(at(w.now))
	w.look()
	w.run(5*sec, nil)
	expect("another network", 5)
}
