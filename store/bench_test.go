package store

import (
	"context"
	"math"
	"testing"
	"time"

	"holdfast/service/event"
)

func roomy(tu *tuning) { tu.maxPages, tu.backlog = math.MaxInt64, 100_000 }

// BenchmarkAppendQueue is what the caller of Append waits for.
func BenchmarkAppendQueue(b *testing.B) {
	s := mustOpen(b, testOptions(b, b.TempDir()), roomy)
	id := int64(1)
	e := eventsFrom(1, 1)
	for b.Loop() {
		e[0].ID = id
		s.Append(e)
		if id++; id%10_000 == 0 {
			b.StopTimer()
			mustFlush(b, s)
			b.StartTimer()
		}
	}
}

// BenchmarkAppendFull is one event after the other, each through to the disk.
func BenchmarkAppendFull(b *testing.B) { benchAppend(b, 1) }

// BenchmarkAppendBatch is a hundred events at a time, through to the disk.
func BenchmarkAppendBatch(b *testing.B) { benchAppend(b, 100) }

// BenchmarkPlainInsert is the same row by SQLite alone: what BenchmarkAppendFull
// is to be held against.
func BenchmarkPlainInsert(b *testing.B) {
	s := mustOpen(b, testOptions(b, b.TempDir()), roomy)
	mustFlush(b, s)
	if err := s.db.Load().setLasting(b.Context(), true); err != nil {
		b.Fatal(err)
	}
	conn := s.db.Load().conn
	id := int64(1)
	for b.Loop() {
		e := eventsFrom(id, 1)[0]
		id++
		if _, err := conn.ExecContext(b.Context(), insertEvent, e.ID, e.At.UnixMicro(), string(e.Kind), string(e.Tunnel),
			e.From, e.To, string(e.Cause), e.Evidence, e.DowntimeMs); err != nil {
			b.Fatal(err)
		}
	}
}

func benchAppend(b *testing.B, n int) {
	s := mustOpen(b, testOptions(b, b.TempDir()), roomy)
	id := int64(1)
	for b.Loop() {
		s.Append(eventsFrom(id, n))
		id += int64(n)
		if err := s.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(id)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkSample(b *testing.B) {
	s := mustOpen(b, testOptions(b, b.TempDir()), roomy)
	at := epoch
	for b.Loop() {
		at = at.Add(time.Second)
		s.AddSample(Sample{At: at, Tunnel: "nl", RxBytes: 1})
		if err := s.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSaveWish(b *testing.B) {
	f := NewWishFile(b.TempDir())
	for b.Loop() {
		if err := f.Save(wish{On: true, Target: "home"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMillion asks a history of a million events.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	s := mustOpen(b, testOptions(b, b.TempDir()), roomy)
	for id := int64(1); id <= n; id += 50_000 {
		s.Append(eventsFrom(id, 50_000))
		mustFlush(b, s)
	}
	at := func(id int64) time.Time { return epoch.Add(time.Duration(id) * time.Second) }
	for _, q := range []struct {
		name string
		q    EventQuery
	}{
		{"latest", EventQuery{Descending: true}},
		{"page from the middle", EventQuery{After: n / 2}},
		{"tunnel", EventQuery{Tunnel: "nl", Descending: true}},
		{"two kinds", EventQuery{Kinds: []event.Kind{event.FailedOver, event.FailedBack}, Descending: true}},
		{"kind that never was", EventQuery{Kinds: []event.Kind{event.Held}}},
		{"a day in the middle", EventQuery{Since: at(n / 2), Until: at(n/2 + 86400)}},
		{"kind in the last hour", EventQuery{Kinds: []event.Kind{event.FailedOver}, Since: at(n - 3600)}},
		{"since the beginning", EventQuery{Since: at(0)}},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Events(b.Context(), q.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("summary of a day", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Summary(b.Context(), at(n-86400), time.Time{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkOpen opens a history of about 60 MiB, closed properly or not.
func BenchmarkOpen(b *testing.B) {
	o := testOptions(b, b.TempDir())
	s := mustOpen(b, o, roomy)
	for id := int64(1); id <= 320_000; id += 40_000 {
		s.Append(eventsFrom(id, 40_000))
		mustFlush(b, s)
	}
	mustClose(b, s)
	for _, clean := range []bool{true, false} {
		name := "clean"
		if !clean {
			name = "checked"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				if err := s.known.change(func(n *note) { n.Clean = clean }); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				again, err := open(b.Context(), o, s.tune)
				if err != nil || again.Report().MovedAside != "" {
					b.Fatal(err)
				}
				b.StopTimer()
				mustClose(b, again)
				s.known.load()
				b.StartTimer()
			}
		})
	}
}
