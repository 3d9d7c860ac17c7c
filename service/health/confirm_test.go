package health

import (
	"slices"
	"testing"
	"time"

	"holdfast/service/tunnel"
)

var profiles = []struct {
	name   string
	limits Limits
}{{"fast", fast()}, {"balanced", balanced()}, {"patient", patient()}}

// shapeNames is sorted, so that runs are alike.
func shapeNames() []string {
	var names []string
	for name := range shapes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Every traffic on a tunnel that dies entirely is found in about SuspectAfter,
// a gap and a deadline after the first packet that was lost.
func TestDeathIsFound(t *testing.T) {
	for _, p := range profiles {
		for _, name := range []string{"pings", "pings at 5 a second", "tcp upload", "tcp download", "both ways, unlike", "one-way download"} {
			t.Run(p.name+"/"+name, func(t *testing.T) {
				w := newWorld(1, p.limits)
				w.keep = true
				shapes[name](w)
				w.run(time.Minute, nil)
				if w.seen[Suspect]+w.seen[Unhealthy] > 0 {
					t.Fatalf("while alive: %v\n%v", w.seen, w.log)
				}
				died := w.now
				w.deadUp, w.deadDn = true, true
				w.run(time.Minute, w.isUnhealthy)
				took := w.now - died
				t.Logf("%s after %s, dead at %s", w.last.Cause, took, w.last.DeadAt.Sub(at(died)))
				if !w.isUnhealthy() || w.last.Cause != tunnel.Unanswered {
					t.Fatalf("%s\n%v", show(w.last), w.log)
				}
				if top := p.limits.SuspectAfter*3/2 + 2*sec; took > top {
					t.Errorf("took %s, want at most %s\n%v", took, top, w.log)
				}
			})
		}
	}
}

// A tunnel that lives is never doubted aloud.
func TestLivingTunnelsAreNotDoubted(t *testing.T) {
	for _, p := range profiles {
		for _, name := range shapeNames() {
			t.Run(p.name+"/"+name, func(t *testing.T) {
				w := newWorld(2, p.limits)
				w.keep = true
				shapes[name](w)
				long := 20 * time.Minute
				w.run(long, nil)
				t.Logf("%d asks, %d sessions, %d sizes, %d bytes an hour, %d looks", 3*w.asks, 3*w.session, 3*w.sizes, 3*w.bytes, 3*w.looks)
				top := int(long/proofEvery(p.limits.SuspectAfter)) + 5
				switch name {
				case "idle":
					top = 0
				case "one-way upload", "a word that nobody answers":
					top = int(w.now/oneWayEvery) + 10 // its price; see oneWayEvery
				case "pings", "tcp upload", "one-way download":
					top = 5
				}
				if w.asks > top {
					t.Errorf("%d asks, want at most %d", w.asks, top)
				}
				if w.seen[Suspect]+w.seen[Unhealthy] > 0 {
					t.Fatalf("%v\n%v", w.seen, w.log)
				}
			})
		}
	}
}
