package demo_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"holdfast/service/demo"
	"holdfast/service/event"
	"holdfast/service/lab"
	"holdfast/service/status"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// The demo shows a failover, survives the loss of the network, and leaves
// nothing behind.
func TestDemo(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	d, err := demo.Start(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(filepath.Dir(d.Socket()))
	events, unfollow := d.Follow()
	is := func(o status.Overall) func() bool {
		return func() bool { return d.Status().Overall == o }
	}
	flowing := func() {
		t.Helper()
		until(t, "the tunnel to work", is(status.Protected))
		before := d.Traffic().Answered
		until(t, "traffic to flow", func() bool { return d.Traffic().Answered > before })
	}
	flowing()
	first := d.Servers()[0]
	step := lab.Step{Verb: lab.VerbBreak, Server: first, Faults: []lab.Fault{lab.BlackHole}}
	if err := d.Do(step); err != nil || len(d.Broken(first)) != 1 {
		t.Fatalf("break %s: %v, %v", first, d.Broken(first), err)
	}
	limit := time.After(patience)
	for over := false; !over; {
		select {
		case e := <-events:
			over = e.Kind == event.FailedOver
		case <-limit:
			t.Fatal("no failover")
		}
	}
	unfollow()
	flowing()
	if now := d.Now(lab.SubjectActive); now == string(first) {
		t.Errorf("active is still %s", now)
	}
	if err := d.Do(lab.Step{Verb: lab.VerbNetwork}); err != nil {
		t.Fatal(err)
	}
	until(t, "it to say that there is no network", is(status.Offline))
	if err := d.Heal(); err != nil {
		t.Fatal(err)
	}
	flowing()
	if err := d.Do(lab.Step{Verb: lab.VerbBreak, Server: "nowhere"}); !errors.Is(err, lab.ErrNoSuchServer) {
		t.Errorf("break nowhere: %v", err)
	}

	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder %s is left: %v", folder, err)
	}
	until(t, "every goroutine to end", func() bool { return runtime.NumGoroutine() <= goroutines })
}
