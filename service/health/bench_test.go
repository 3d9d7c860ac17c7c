package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// BenchmarkObserve is one look while data flows both ways, and one within a
// doubt.
func BenchmarkObserve(b *testing.B) {
	for _, bb := range []struct {
		name   string
		limits Limits
		silent bool
	}{{"classic", classic(), false}, {"balanced", balanced(), false}, {"balanced, silent", balanced(), true}} {
		b.Run(bb.name, func(b *testing.B) {
			m := New(bb.limits)
			c := tunnel.Counters{RxBytes: 92, LastHandshake: start}
			c.Path = tunnel.Path{Askable: true, RTT: 40 * ms, RTTVar: 5 * ms, LossOf: 64, RoundTripAt: start}
			c.Path.Near.Known, c.Path.Beyond.Known = 1, 1
			now := start
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(100 * time.Millisecond)
				c.DataSent += 10
				if bb.silent {
					if c.UnansweredSince.IsZero() {
						c.UnansweredSince = now
					}
				} else {
					c.DataReceived += 10
					c.RxBytes += 1280
					c.LastReceived, c.Path.RoundTripAt = now, now
				}
				if m.Observe(now, c).Ask.Path {
					c.Path.Asked.Sent++
					c.Path.Near.Sent++
					c.Path.Beyond.Sent++
				}
			}
		})
	}
}

func TestObserveAllocatesNothing(t *testing.T) {
	w := newWorld(1, balanced())
	shapes["pings"](w)
	w.run(10*sec, nil)
	now := at(w.now)
	if n := testing.AllocsPerRun(100, func() {
		now = now.Add(sec)
		w.m.Observe(now, w.c)
	}); n > 0 {
		t.Errorf("%v allocations a look", n)
	}
}
