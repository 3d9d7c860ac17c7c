package store

import (
	"context"
	"database/sql"
	"log/slog"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

func testOptions(t testing.TB, dir string) Options {
	t.Helper()
	return Options{Dir: dir, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}
}

// mustOpen opens a store that is closed at the end of the test.
func mustOpen(t testing.TB, o Options, tune ...func(*tuning)) *Store {
	t.Helper()
	tu := defaultTuning()
	for _, f := range tune {
		f(&tu)
	}
	s, err := open(t.Context(), o, tu)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func mustFlush(t testing.TB, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until what is so; it fails the test after ten seconds.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not so after 10 s: %s", what)
		}
	}
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// numbered events, a second apart.
func eventsFrom(first int64, n int) []event.Event {
	kinds := []event.Kind{event.VerdictChanged, event.FailedOver, event.HandshakeFailed, event.FailedBack}
	out := make([]event.Event, n)
	for i := range out {
		id := first + int64(i)
		out[i] = event.Event{
			ID: id, At: epoch.Add(time.Duration(id) * time.Second), Kind: kinds[id%4],
			Tunnel: []tunnel.Name{"nl", "de", ""}[id%3], From: "a", To: "b", Evidence: "12 packets went out, none came back",
		}
	}
	return out
}

func TestOpenFresh(t *testing.T) {
	s := mustOpen(t, testOptions(t, t.TempDir()))
	if r := s.Report(); !r.Fresh || r.From != 0 || r.To != 1 || r.Lost || r.Unavailable {
		t.Errorf("report %+v", r)
	}
	s.Append(eventsFrom(1, 10))
	mustFlush(t, s)
	p, err := s.Events(t.Context(), EventQuery{})
	if err != nil || len(p.Events) != 10 {
		t.Fatalf("got %d events, %v", len(p.Events), err)
	}
	mustClose(t, s)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// wholeDatabase has SQLite look through a database, through a connection of its own.
func wholeDatabase(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite3", dbURI(path, "mode=rw"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check: %q, %v", verdict, err)
	}
}
