package brain

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// TestCalm says when the buffers of a load may be freed: once nothing but a
// trickle has flowed for a while, and not in the pauses of a load.
func TestCalm(t *testing.T) {
	const trickle, heavy = 200, 10 << 20 // bytes a second
	for _, c := range []struct {
		name  string
		rates []uint64 // one a second
		calm  bool
	}{
		{"a load has just ended", []uint64{heavy, heavy, 0, 0}, false},
		{"a pause of nine seconds", []uint64{heavy, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false},
		{"still for ten seconds", []uint64{heavy, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true},
		{"a trickle goes on", []uint64{heavy, trickle, trickle, trickle, trickle, trickle, trickle, trickle, trickle, trickle, trickle}, true},
		{"a load comes back", []uint64{heavy, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, heavy}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m meter
			now, bytes := time.Unix(1, 0), uint64(0)
			m.take(now, tunnel.Counters{})
			for _, rate := range c.rates {
				now, bytes = now.Add(time.Second), bytes+rate
				m.take(now, tunnel.Counters{RxBytes: bytes, DataReceived: bytes})
			}
			if got := m.calm(now); got != c.calm {
				t.Errorf("calm is %v, want %v", got, c.calm)
			}
			if m.still(now) && !m.calm(now) {
				t.Error("a still line must be calm: nothing looks at it again")
			}
			if m.load != bytes {
				t.Errorf("load is %d, want %d", m.load, bytes)
			}
		})
	}
}

// TestStill says that a still line is quiet and calm, however close together
// its last looks were: nothing looks at it again until something is sent.
func TestStill(t *testing.T) {
	var m meter
	now := time.Unix(1, 0)
	m.take(now, tunnel.Counters{})
	load := tunnel.Counters{RxBytes: 10 << 20, DataReceived: 1}
	for _, after := range []time.Duration{time.Second, 200 * time.Millisecond} {
		now = now.Add(after)
		m.take(now, load)
		load.RxBytes += 10 << 20
		load.DataReceived++
	}
	load = m.counters // nothing more comes
	for range 20 {
		now = now.Add(time.Second)
		m.take(now, load)
		if m.still(now) && (!m.quiet(now) || !m.calm(now)) {
			t.Fatalf("still %s after the load, and quiet is %v, calm %v", now.Sub(m.movedAt), m.quiet(now), m.calm(now))
		}
	}
	if !m.still(now) {
		t.Error("it never becomes still")
	}
}
