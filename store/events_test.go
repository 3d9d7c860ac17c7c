package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// TestEventRoundTrip reads back what was appended, from memory and from disk.
func TestEventRoundTrip(t *testing.T) {
	told := make(chan []event.Event, 1)
	o := testOptions(t, t.TempDir())
	o.Committed = func(e []event.Event) { told <- e }
	s := mustOpen(t, o)
	local := time.FixedZone("CEST", 7200)
	in := event.Event{
		ID: 5, At: time.Date(2026, 6, 1, 1, 2, 3, 456789123, local), Kind: event.FailedOver, Tunnel: "de", From: "nl", To: "de",
		Cause: tunnel.UDPBlocked, Evidence: "ünïcode \x00 and 'quotes'", DowntimeMs: 2300,
	}
	want := in
	want.At = time.Date(2026, 5, 31, 23, 2, 3, 456789000, time.UTC)
	s.Append([]event.Event{in})
	for range 2 {
		p, err := s.Events(t.Context(), EventQuery{})
		if err != nil || len(p.Events) != 1 || p.Next != 0 {
			t.Fatalf("%+v, %v", p, err)
		}
		if d := cmp.Diff(p.Events[0], want); d != "" {
			t.Error(d)
		}
		mustFlush(t, s)
	}
	if d := cmp.Diff(<-told, []event.Event{want}); d != "" {
		t.Error(d)
	}
}

// TestEventsFilter compares every kind of query with the same filter done by hand.
func TestEventsFilter(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, testOptions(t, t.TempDir()))
	all := eventsFrom(1, 400)
	rnd := rand.New(rand.NewPCG(5, 5))
	for i := range all { // the clock is set now and then
		if rnd.IntN(10) == 0 {
			all[i].At = all[i].At.Add(-time.Duration(rnd.IntN(100)) * time.Second)
		}
	}
	s.Append(all)
	mustFlush(t, s)
	pick := func(of int) bool { return rnd.IntN(of) == 0 }
	for range 2000 {
		var q EventQuery
		if pick(2) {
			q.After = rnd.Int64N(420)
		}
		if pick(2) {
			q.Before = rnd.Int64N(420)
		}
		if pick(2) {
			q.Since = epoch.Add(time.Duration(rnd.IntN(420)) * time.Second)
		}
		if pick(2) {
			q.Until = epoch.Add(time.Duration(rnd.IntN(420)) * time.Second)
		}
		if pick(2) {
			q.Tunnel = "nl"
		}
		for _, k := range []event.Kind{event.FailedOver, event.FailedBack, event.Held} {
			if pick(3) {
				q.Kinds = append(q.Kinds, k)
			}
		}
		q.Limit, q.Descending = 1+rnd.IntN(300), pick(2)
		var want []int64
		for _, e := range all {
			if q.matches(e) {
				want = append(want, e.ID)
			}
		}
		if q.Descending {
			slices.Reverse(want)
		}
		more := len(want) > q.Limit
		want = want[:min(len(want), q.Limit)]
		p, err := s.Events(t.Context(), q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if got := ids(p.Events); !slices.Equal(got, want) || (p.Next != 0) != more {
			t.Fatalf("%+v:\ngot  %v, next %d\nwant %v", q, got, p.Next, want)
		}
	}
}

func ids(events []event.Event) []int64 {
	var out []int64
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

// TestEventsPaging reads page after page in both directions while others append:
// all pages together are all events, none twice.
func TestEventsPaging(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, testOptions(t, t.TempDir()))
	const first, most = 1000, 6000
	s.Append(eventsFrom(1, first))
	var wg sync.WaitGroup
	wg.Go(func() {
		for id := int64(first + 1); id <= most; id += 10 {
			s.Append(eventsFrom(id, 10))
		}
	})
	for limit := 1; limit < 300; limit += 37 {
		for _, kinds := range [][]event.Kind{nil, {event.FailedOver}, {event.FailedOver, event.FailedBack}} {
			up := pages(t, s, EventQuery{Limit: limit, Kinds: kinds, Until: epoch.Add((first + 1) * time.Second)})
			down := pages(t, s, EventQuery{Limit: limit, Kinds: kinds, Before: first + 1, Descending: true})
			slices.Reverse(down)
			want := []int64{}
			for id := int64(1); id <= first; id++ {
				if len(kinds) == 0 || id%4 == 1 || len(kinds) == 2 && id%4 == 3 {
					want = append(want, id)
				}
			}
			if !slices.Equal(up, want) || !slices.Equal(down, want) {
				t.Fatalf("limit %d, kinds %v: %d up, %d down, want %d", limit, kinds, len(up), len(down), len(want))
			}
		}
	}
	// Follow the growing end, as a client that resumes does: no gap ever.
	var seen int64
	for q := (EventQuery{Limit: 50}); seen < most; q.After = seen {
		p, err := s.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			if e.ID != seen+1 {
				t.Fatalf("event %d after %d", e.ID, seen)
			}
			seen = e.ID
		}
	}
	wg.Wait()
}

func pages(t *testing.T, s *Store, q EventQuery) []int64 {
	t.Helper()
	out := []int64{}
	for {
		p, err := s.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, ids(p.Events)...)
		if p.Next == 0 {
			return out
		}
		if q.Descending {
			q.Before = p.Next
		} else {
			q.After = p.Next
		}
	}
}

// TestNumbering gives the store numbers that it must not take.
func TestNumbering(t *testing.T) {
	o := testOptions(t, t.TempDir())
	o.Log = quiet()
	s := mustOpen(t, o)
	s.Append([]event.Event{{ID: 0, Kind: event.Woke}, {ID: 3, Kind: event.Held, At: epoch}, {ID: 3, Kind: event.Woke}, {ID: 4, Kind: event.Woke}})
	mustFlush(t, s)
	p, err := s.Events(t.Context(), EventQuery{})
	if err != nil || !slices.Equal(ids(p.Events), []int64{3, 4}) || p.Events[0].Kind != event.Held {
		t.Errorf("%+v, %v", p, err)
	}
	mustClose(t, s)
	if s = mustOpen(t, o); s.LastEventID() != 4 {
		t.Errorf("last ID %d", s.LastEventID())
	}
}

// TestClose keeps what was queued, and takes nothing afterwards.
func TestClose(t *testing.T) {
	var told []int64
	o := testOptions(t, t.TempDir())
	o.Committed = func(e []event.Event) { told = append(told, ids(e)...) }
	s := mustOpen(t, o)
	s.Append(eventsFrom(1, 3000))
	s.AddSample(Sample{At: time.Now(), Tunnel: "nl", RxBytes: 1})
	mustClose(t, s)
	s.Append(eventsFrom(3001, 1))
	if err := s.PutSetting(t.Context(), "a", "b"); err == nil {
		t.Error("PutSetting after Close: no error")
	}
	if len(told) != 3000 || !slices.IsSorted(told) {
		t.Errorf("told of %d events", len(told))
	}
	s = mustOpen(t, o)
	if s.LastEventID() != 3000 || s.Report().From != 1 {
		t.Errorf("last ID %d, report %+v", s.LastEventID(), s.Report())
	}
	if rx, _ := total(t, s, SampleQuery{Since: time.Now().Add(-time.Minute), Until: time.Now().Add(time.Minute)}); rx != 1 {
		t.Error("the sample is missing")
	}
}

func TestNotices(t *testing.T) {
	s := mustOpen(t, testOptions(t, t.TempDir()))
	n := event.Notice{ID: 9, Code: "mtu", Severity: event.High, Tunnel: "nl", Title: "t", What: "w", Advice: "a", Evidence: "e", Since: epoch}
	s.SaveNotice(n)
	check := func(wantOpen int, want event.Notice) {
		t.Helper()
		open, err := s.OpenNotices(t.Context())
		if err != nil || len(open) != wantOpen {
			t.Errorf("open: %+v, %v", open, err)
		}
		all, err := s.Notices(t.Context(), 10)
		if err != nil || len(all) == 0 {
			t.Fatalf("%+v, %v", all, err)
		}
		if d := cmp.Diff(all[len(all)-1], want); d != "" {
			t.Error(d)
		}
	}
	check(1, n)
	mustFlush(t, s)
	check(1, n)
	if err := s.Acknowledge(t.Context(), 9); err != nil {
		t.Fatal(err)
	}
	n.Acknowledged = true
	check(1, n)
	n.ClearedAt, n.Acknowledged = epoch.Add(time.Minute), false
	s.SaveNotice(n)
	n.Acknowledged = true
	check(0, n)
	mustFlush(t, s)
	check(0, n)
	s.SaveNotice(event.Notice{ID: 10, Since: epoch})
	check(1, n)
	if err := s.Acknowledge(t.Context(), 10); err != nil {
		t.Error("a notice that waits for the disk:", err)
	}
	if err := s.Acknowledge(t.Context(), 11); err == nil || fmt.Sprint(err) != "acknowledge notice 11: not found" {
		t.Errorf("got %v", err)
	}
}

func TestSettings(t *testing.T) {
	o := testOptions(t, t.TempDir())
	s := mustOpen(t, o)
	if _, err := s.Setting(t.Context(), "a"); err == nil {
		t.Error("no error for a setting that was never put")
	}
	for _, v := range []string{"1", "2", ""} {
		if err := s.PutSetting(t.Context(), "a", v); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Setting(t.Context(), "a"); err != nil || got != v {
			t.Errorf("got %q, %v, want %q", got, err, v)
		}
	}
}

func TestSummary(t *testing.T) {
	s := mustOpen(t, testOptions(t, t.TempDir()))
	s.Append([]event.Event{
		{ID: 1, At: epoch, Kind: event.FailedOver, DowntimeMs: 999},
		{ID: 2, At: epoch.Add(time.Hour), Kind: event.FailedOver, DowntimeMs: 1500},
		{ID: 3, At: epoch.Add(2 * time.Hour), Kind: event.FailedBack},
		{ID: 4, At: epoch.Add(3 * time.Hour), Kind: event.Restarted, DowntimeMs: 500},
		{ID: 5, At: epoch.Add(4 * time.Hour), Kind: event.Restarted, DowntimeMs: 250},
	})
	mustFlush(t, s)
	for _, tt := range []struct {
		since, until time.Time
		want         Summary
	}{
		{want: Summary{Outages: 4, Downtime: 3249 * time.Millisecond, Failovers: 2, Failbacks: 1, Restarts: 2}},
		{epoch.Add(time.Minute), epoch.Add(4 * time.Hour),
			Summary{Outages: 2, Downtime: 2 * time.Second, Failovers: 1, Failbacks: 1, Restarts: 1}},
		{time.Time{}, epoch.Add(time.Minute), Summary{Outages: 1, Downtime: 999 * time.Millisecond, Failovers: 1}},
		{epoch.Add(5 * time.Hour), time.Time{}, Summary{}},
	} {
		got, err := s.Summary(t.Context(), tt.since, tt.until)
		if err != nil || got != tt.want {
			t.Errorf("from %s to %s: got %+v, %v, want %+v", tt.since, tt.until, got, err, tt.want)
		}
	}
}

// TestSettingsOfSQLite reads back what the options asked for.
func TestSettingsOfSQLite(t *testing.T) {
	s := mustOpen(t, testOptions(t, t.TempDir()))
	s.Append(eventsFrom(1, 1))
	mustFlush(t, s)
	db := s.db.Load()
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "auto_vacuum": "2", "busy_timeout": "5000",
		"application_id": fmt.Sprint(appID), "page_size": fmt.Sprint(pageSize),
	} {
		var got string
		err := s.do(t.Context(), func(ctx context.Context, tx execer) error {
			return tx.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got)
		})
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", pragma, got, err, want)
		}
	}
	if _, err := db.reader.Exec("DELETE FROM event"); err == nil {
		t.Error("a reader may write")
	}
}
