package store

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"holdfast/service/event"
)

// TestStall lets the disk not answer at all, neither yes nor no: streams go on,
// Health says so, and nothing is lost.
func TestStall(t *testing.T) {
	told := make(chan []event.Event, 100)
	o := testOptions(t, t.TempDir())
	o.Committed = func(e []event.Event) { told <- e }
	s := mustOpen(t, o, func(tu *tuning) { tu.announceAfter = 50 * time.Millisecond })
	s.Append(eventsFrom(1, 1))
	<-told
	other, err := sql.Open("sqlite3", dbURI(s.path, "mode=rw"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	s.Append(eventsFrom(2, 3))
	if got := <-told; len(got) != 3 || time.Since(started) < 50*time.Millisecond {
		t.Errorf("told of %d events after %v", len(got), time.Since(started))
	}
	if err := s.Health(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("health %v", err)
	}
	if p, err := s.Events(t.Context(), EventQuery{}); err != nil || len(p.Events) != 4 {
		t.Errorf("%d events, %v", len(p.Events), err)
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	mustFlush(t, s)
	if err := s.Health(); err != nil {
		t.Errorf("health %v", err)
	}
	select {
	case again := <-told:
		t.Errorf("told twice of %v", ids(again))
	default:
	}
}
