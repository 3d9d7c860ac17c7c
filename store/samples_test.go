package store

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func options(t testing.TB, c *clock) Options {
	o := testOptions(t, t.TempDir())
	o.Now = c.Now
	return o
}

// total sums up what Samples answers.
func total(t *testing.T, s *Store, q SampleQuery) (rx, tx uint64) {
	t.Helper()
	points, err := s.Samples(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if len(points) > 5000 {
		t.Errorf("%d points", len(points))
	}
	for i, p := range points {
		rx, tx = rx+p.RxBytes, tx+p.TxBytes
		if i > 0 && !p.At.After(points[i-1].At) {
			t.Fatalf("points out of order: %v after %v", p.At, points[i-1].At)
		}
	}
	return rx, tx
}

// TestSamplesYear lives through a year of samples, with the clock set back and
// forth, closing and opening in between: whatever the step, the sums are those
// of the samples, and what is too old for a tier is gone from it.
func TestSamplesYear(t *testing.T) {
	t.Parallel()
	c := &clock{now: epoch}
	o := options(t, c)
	s := mustOpen(t, o)
	rnd := rand.New(rand.NewPCG(1, 2))
	names := []tunnel.Name{"nl", "de"}
	var rx, tx uint64
	byName := map[tunnel.Name]uint64{}
	for n := 0; c.Now().Before(epoch.Add(360 * 24 * time.Hour)); n++ {
		sample := Sample{
			At: c.Now(), Tunnel: names[rnd.IntN(2)], RxBytes: rnd.Uint64N(1e6), TxBytes: rnd.Uint64N(1e6),
			RTT: time.Duration(rnd.IntN(1e6)) * time.Microsecond, Verdict: health.Healthy, Overall: status.Protected,
		}
		if n%50 == 0 {
			sample.At = sample.At.Add(-time.Duration(rnd.Int64N(int64(30 * time.Minute)))) // the clock was set back for a moment
		}
		s.AddSample(sample)
		rx, tx = rx+sample.RxBytes, tx+sample.TxBytes
		byName[sample.Tunnel] += sample.RxBytes
		c.Set(c.Now().Add(time.Duration(rnd.Int64N(int64(40 * time.Minute)))))
		if n%100 == 0 {
			mustFlush(t, s)
		}
		if n%5000 == 4999 {
			mustClose(t, s)
			s = mustOpen(t, o)
		}
	}
	mustFlush(t, s)
	year := SampleQuery{Since: epoch.Add(-time.Hour), Until: c.Now()}
	for _, step := range []time.Duration{0, time.Hour, 7 * time.Hour, 24 * time.Hour} {
		year.Step = step
		if r, x := total(t, s, year); r != rx || x != tx {
			t.Errorf("step %v: sums %d, %d, want %d, %d", step, r, x, rx, tx)
		}
	}
	for name, want := range byName {
		year.Tunnel = name
		if r, _ := total(t, s, year); r != want {
			t.Errorf("%s: sum %d, want %d", name, r, want)
		}
	}
	mustClose(t, s)
	s = mustOpen(t, o) // prunes
	mustFlush(t, s)
	eventually(t, "old samples pruned", func() bool { return tiersWithin(t, s, c.Now()) })
	year.Tunnel = ""
	if r, x := total(t, s, year); r != rx || x != tx {
		t.Errorf("after pruning: sums %d, %d, want %d, %d", r, x, rx, tx)
	}
	mustClose(t, s)
	wholeDatabase(t, s.path)
}

// tiersWithin says that no tier has rows older than it keeps, but for what is
// not summed up yet.
func tiersWithin(t *testing.T, s *Store, now time.Time) bool {
	t.Helper()
	for i, k := range s.tune.tiers {
		slack := time.Hour
		if i+1 < len(s.tune.tiers) {
			slack += s.tune.tiers[i+1].step
		}
		var n int
		if err := s.db.Load().reader.QueryRow("SELECT count(*) FROM sample WHERE step = ? AND at < ?",
			int64(k.step/time.Second), now.Add(-k.keep-slack).UnixMicro()).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return false
		}
	}
	return true
}

// TestSamplesResolution asks for spans of every length.
func TestSamplesResolution(t *testing.T) {
	c := &clock{now: epoch}
	s := mustOpen(t, options(t, c))
	var rx uint64
	for i := range 3 * 3600 {
		s.AddSample(Sample{At: epoch.Add(time.Duration(i) * time.Second), Tunnel: "nl", RxBytes: uint64(i)})
		rx += uint64(i)
		if i%5000 == 0 {
			mustFlush(t, s)
		}
	}
	mustFlush(t, s)
	c.Set(epoch.Add(3 * time.Hour))
	tests := []struct {
		since, step, want time.Duration
	}{
		{time.Hour, 0, time.Second},
		{time.Hour, 15 * time.Second, 20 * time.Second},
		{3 * time.Hour, 0, 10 * time.Second}, // seconds are kept for an hour
		{3 * time.Hour, time.Minute, time.Minute},
		{24 * time.Hour, 0, 20 * time.Second}, // 5000 points at most
		{25 * time.Hour, 0, time.Minute},
		{30 * 24 * time.Hour, 0, 9 * time.Minute},
		{365 * 24 * time.Hour, 0, 2 * time.Hour},
	}
	for _, tt := range tests {
		q := SampleQuery{Since: c.Now().Add(-tt.since), Step: tt.step}
		points, err := s.Samples(t.Context(), q)
		if err != nil || len(points) == 0 || points[0].Step != tt.want {
			t.Errorf("%v by %v: %d points of %v, %v; want %v", tt.since, tt.step, len(points), points[:min(1, len(points))], err, tt.want)
		}
		if got, _ := total(t, s, q); tt.since >= 3*time.Hour && got != rx {
			t.Errorf("%v by %v: sum %d, want %d", tt.since, tt.step, got, rx)
		}
	}
}

// TestSamplesWorst keeps the worst verdict, the mean round trip and, over all
// tunnels, whose bytes they were.
func TestSamplesWorst(t *testing.T) {
	c := &clock{now: epoch.Add(time.Minute)}
	s := mustOpen(t, options(t, c))
	s.AddSample(Sample{At: epoch, Tunnel: "nl", RxBytes: 1, RTT: 10 * time.Millisecond, Verdict: health.Healthy, Overall: status.Protected})
	s.AddSample(Sample{At: epoch.Add(time.Second), Tunnel: "nl", Verdict: health.Unhealthy, Overall: status.Stalled})
	s.AddSample(Sample{At: epoch.Add(2 * time.Second), Tunnel: "de", Verdict: health.Idle, Overall: status.Idle, RTT: 30 * time.Millisecond})
	s.AddSample(Sample{At: epoch.Add(15 * time.Second), Tunnel: "de", TxBytes: 1 << 63})
	mustFlush(t, s)
	points, err := s.Samples(t.Context(), SampleQuery{Since: epoch, Step: 10 * time.Second})
	if err != nil || len(points) != 2 {
		t.Fatalf("%+v, %v", points, err)
	}
	want := Sample{
		At: epoch, Step: 10 * time.Second, Tunnel: "nl", RxBytes: 1, RTT: 20 * time.Millisecond,
		Verdict: health.Unhealthy, Overall: status.Stalled,
	}
	if points[0] != want {
		t.Errorf("got %+v, want %+v", points[0], want)
	}
	if points[1].TxBytes != mostBytes {
		t.Errorf("got %d bytes", points[1].TxBytes)
	}
}

// TestClockAhead sets the clock ten years ahead for a moment: nothing is lost.
func TestClockAhead(t *testing.T) {
	c := &clock{now: epoch}
	s := mustOpen(t, options(t, c))
	s.Append(eventsFrom(1, 50))
	s.AddSample(Sample{At: epoch, Tunnel: "nl", RxBytes: 7})
	mustFlush(t, s)
	c.Set(epoch.AddDate(10, 0, 0))
	s.Append([]event.Event{{ID: 51, At: c.Now(), Kind: event.Woke}})
	s.AddSample(Sample{At: c.Now(), Tunnel: "nl", RxBytes: 1})
	mustFlush(t, s)
	c.Set(epoch.Add(time.Minute))
	s.AddSample(Sample{At: c.Now(), Tunnel: "nl", RxBytes: 2})
	mustFlush(t, s)
	if p, err := s.Events(t.Context(), EventQuery{}); err != nil || len(p.Events) != 51 {
		t.Errorf("%d events, %v", len(p.Events), err)
	}
	if rx, _ := total(t, s, SampleQuery{Since: epoch, Until: epoch.Add(time.Hour), Step: time.Minute}); rx != 9 {
		t.Errorf("sum %d", rx)
	}
}

func TestEventsRetention(t *testing.T) {
	c := &clock{now: epoch}
	s := mustOpen(t, options(t, c))
	old := eventsFrom(1, 2500)
	s.Append(old)
	s.SaveNotice(event.Notice{ID: 1, Since: epoch, ClearedAt: epoch.Add(time.Minute)})
	s.SaveNotice(event.Notice{ID: 2, Since: epoch})
	mustFlush(t, s)
	for range 13 { // a machine that is used every month
		c.Set(c.Now().AddDate(0, 1, 0))
		s.AddSample(Sample{At: c.Now(), Tunnel: "nl"})
		mustFlush(t, s)
	}
	eventually(t, "old events pruned", func() bool {
		p, err := s.Events(t.Context(), EventQuery{})
		return err == nil && len(p.Events) == 1 && p.Events[0].ID == 2500 // numbering goes on from it
	})
	eventually(t, "the cleared notice pruned, and the open one kept", func() bool {
		n, err := s.Notices(t.Context(), 0)
		return err == nil && len(n) == 1 && n[0].ID == 2
	})
}

// TestSizeCap appends far more than there is room for.
func TestSizeCap(t *testing.T) {
	c := &clock{now: epoch}
	o := options(t, c)
	s := mustOpen(t, o, func(tu *tuning) { tu.maxPages, tu.fullPages = 1000, 800 })
	const roof = 1000*pageSize + sizeEvery*3 + 2*walLimit
	most := int64(0)
	for round := range 30 {
		batch := eventsFrom(int64(round*500+1), 500)
		for i := range batch {
			batch[i].Evidence = strings.Repeat("e", 1000)
		}
		s.Append(batch)
		for i := range 300 {
			s.AddSample(Sample{At: epoch.Add(time.Duration(round*300+i) * time.Second), Tunnel: "nl", RxBytes: 1})
		}
		mustFlush(t, s)
		size := int64(0)
		for _, f := range append([]string{""}, sidecars...) {
			if info, err := os.Stat(filepath.Join(o.Dir, dbName+f)); err == nil {
				size += info.Size()
			}
		}
		most = max(most, size)
	}
	if most > roof {
		t.Errorf("the files grew to %d bytes, more than %d", most, roof)
	}
	p, err := s.Events(t.Context(), EventQuery{Descending: true, Limit: 1000})
	if err != nil || len(p.Events) != 1000 || p.Events[0].ID != 15000 {
		t.Errorf("%d events, %v", len(p.Events), err)
	}
	mustClose(t, s)
	wholeDatabase(t, s.path)
	if size := func() int64 { i, _ := os.Stat(s.path); return i.Size() }(); size > roof-2*walLimit {
		t.Errorf("closed at %d bytes", size)
	}
	t.Logf("most %d KiB for 15,000 events of 1,000 bytes; limit of the database %d KiB", most>>10, 1000*pageSize>>10)
}
