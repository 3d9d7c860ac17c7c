package store

import (
	"math/rand/v2"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

const yearLong = 365 * 24 * time.Hour

// year fills a store with what a busy year leaves: a million samples of two
// tunnels and ten thousand events. It ends at the moment it returns.
func year(b *testing.B) (s *Store, now time.Time) {
	const samples, events = 1_000_000, 10_000
	c := &clock{now: epoch}
	s = mustOpen(b, options(b, c), roomy)
	rnd := rand.New(rand.NewPCG(1, 1))
	l := &life{rnd: rnd, now: epoch}
	l.tell(event.Event{Kind: event.ServiceStarted})
	l.connect()
	for len(l.events) < events {
		l.happen(yearLong / events * 5) // a happening is some three events, after half of that
	}
	s.Append(l.events)
	now = epoch
	for i := range samples {
		// Three quarters spread over the year, the rest in its last three days.
		if i < samples*3/4 {
			now = now.Add(yearLong * 4 / 3 / samples)
		} else {
			now = now.Add(time.Second)
		}
		s.AddSample(Sample{At: now, Tunnel: []tunnel.Name{"nl", "de"}[i/7%2], RxBytes: rnd.Uint64N(1e6), TxBytes: rnd.Uint64N(1e6),
			RTT: 20 * time.Millisecond, Verdict: health.Healthy, Overall: status.Protected})
		if i%20_000 == 0 {
			c.Set(now)
			mustFlush(b, s)
		}
	}
	c.Set(now)
	mustFlush(b, s)
	return s, now
}

// BenchmarkYear asks a history of a year for what a page shows of it.
func BenchmarkYear(b *testing.B) {
	began := time.Now()
	s, now := year(b)
	b.Logf("a year was written in %s", time.Since(began).Round(time.Second))
	for _, span := range []struct {
		name string
		long time.Duration
	}{{"24 h", 24 * time.Hour}, {"7 d", 7 * 24 * time.Hour}, {"30 d", 30 * 24 * time.Hour}, {"1 y", yearLong}} {
		since := now.Add(-span.long)
		b.Run("timeline of "+span.name, func(b *testing.B) {
			for b.Loop() {
				k, err := s.Story(b.Context(), since, now)
				if err != nil || len(k.Events) == 0 {
					b.Fatal(err)
				}
				k.Timeline(since, now).Merge(500)
			}
		})
		b.Run("samples of "+span.name, func(b *testing.B) {
			for b.Loop() {
				if p, err := s.Samples(b.Context(), SampleQuery{Since: since, Until: now, Step: span.long / 1000}); err != nil || len(p) < 300 {
					b.Fatalf("%d points, %v", len(p), err)
				}
			}
		})
	}
}
