package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"holdfast/app/desktest"
	"holdfast/service/demo"
	"holdfast/service/lab"
)

// The real service with real tunnels: one is broken, the tray tells of the move
// as soon as the service knows of it, and of the return in the same place.
func TestARealFailoverIsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	d, err := demo.Start(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	r := newRig(t)
	r.stop()
	r.socket = d.Socket()
	r.desktop(t)
	r.start(t)
	r.item = r.watcher.Item(t)
	r.line(t, "Protected via berlin")

	do := func(s lab.Step) {
		t.Helper()
		if err := d.Do(s); err != nil {
			t.Fatal(err)
		}
	}
	active := func() string { return d.Now(lab.SubjectActive) }
	do(lab.Step{Verb: lab.VerbBreak, Server: "berlin", Faults: []lab.Fault{"blackhole"}})
	desktest.WaitFor(t, "the move", func() bool { return active() == "paris" })
	moved := time.Now()
	desktest.WaitFor(t, "the notification", func() bool { return len(r.notes.On()) == 1 })
	took := time.Since(moved)
	n := r.notes.On()[0]
	t.Logf("%q, %q: %s after the move", n.Title, n.Body, took.Round(time.Millisecond))
	if n.Title != "Moved to paris" || !strings.HasPrefix(n.Body, "Switched from berlin to paris") || took > 5*time.Second {
		t.Errorf("%q, %q after %s", n.Title, n.Body, took)
	}
	r.line(t, "Protected via paris")

	do(lab.Step{Verb: lab.VerbHeal, Server: "berlin"})
	for end := time.Now().Add(2 * time.Minute); active() != "berlin"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no return to berlin")
		}
	}
	desktest.WaitFor(t, "the return in its place", func() bool {
		on := r.notes.On()
		return len(on) == 1 && on[0].ID == n.ID && on[0].Title == "Back on berlin"
	})
}
