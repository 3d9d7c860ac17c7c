package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// running is a command that goes on until it is interrupted.
type running struct {
	t         *testing.T
	lines     chan string
	code      chan int
	interrupt context.CancelFunc
	errs      *lockedBuffer
}

// lockedBuffer may be written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// begin runs a command against a service, and hands on its lines.
func begin(t *testing.T, f *fakeService, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	run := &running{t: t, lines: make(chan string, 100), code: make(chan int, 1), interrupt: cancel, errs: &lockedBuffer{}}
	p := &program{in: strings.NewReader(""), out: w, err: run.errs, env: func(key string) string {
		if key == "HOLDFAST_SOCKET" {
			return f.socket
		}
		return ""
	}}
	go func() {
		run.code <- p.run(ctx, args)
		_ = w.Close()
	}()
	go func() {
		defer close(run.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			run.lines <- s.Text()
		}
	}()
	t.Cleanup(cancel)
	return run
}

// line is the next line of the command.
func (r *running) line() string {
	r.t.Helper()
	select {
	case line, open := <-r.lines:
		if !open {
			r.t.Fatalf("the command ended: %s", r.errs)
		}
		return line
	case <-time.After(10 * time.Second):
		r.t.Fatalf("no line came: %s", r.errs)
		return ""
	}
}

// wants wants the next line to hold some words.
func (r *running) wants(words ...string) {
	r.t.Helper()
	line := r.line()
	for _, w := range words {
		if !strings.Contains(line, w) {
			r.t.Errorf("got line %q, want %q in it", line, w)
		}
	}
}

// ends interrupts the command, as a person does, and wants no error.
func (r *running) ends() {
	r.t.Helper()
	r.interrupt()
	select {
	case code := <-r.code:
		if code != exitDone {
			r.t.Errorf("got exit code %d after an interrupt: %s", code, r.errs)
		}
	case <-time.After(10 * time.Second):
		r.t.Error("the command did not end")
	}
}

// followed waits until n commands follow the stream.
func (f *fakeService) followed(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		f.mu.Lock()
		got := len(f.listeners)
		f.mu.Unlock()
		if got >= n {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Fatal("nobody follows the stream")
}

func TestWatchPrintsALineForEachChange(t *testing.T) {
	f := startFake(t)
	r := begin(t, f, "status", "--watch")
	r.wants("off")
	f.stand(func(s *api.Status) { s.Status = picture(status.Connecting) })
	r.wants("connecting", "nl")
	f.stand(func(s *api.Status) { s.Active.RxBytes++ }) // worth no line
	f.stand(func(s *api.Status) { s.Overall = status.Protected })
	r.wants("protected by way of nl, group home")
	f.stop()
	r.wants("service unreachable")
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	r.wants("protected")
	r.ends()
}

func TestWatchAsJSON(t *testing.T) {
	f := startFake(t)
	r := begin(t, f, "status", "--watch", "--json")
	r.wants(`{"schema":1,`, `"overall":"off"`)
	f.stand(func(s *api.Status) { s.Overall = status.Idle })
	r.wants(`{"schema":1,`, `"overall":"idle"`)
	f.stop()
	r.wants(`"overall":"service unreachable"`, `"wish":null`)
	r.ends()
}

func TestEventsFollow(t *testing.T) {
	f := startFake(t)
	f.happen(event.Event{Kind: event.ServiceStarted})
	plain := begin(t, f, "events", "--follow")
	asJSON := begin(t, f, "events", "--follow", "--json", "--after", "0")
	f.followed(t, 2)
	f.happen(event.Event{Kind: event.FailedOver, Tunnel: "de", From: "nl", To: "de", Cause: tunnel.Unanswered, DowntimeMs: 31000})
	plain.wants("de", "nl")
	asJSON.wants(`{"schema":1,"id":2,`, `"kind":"failed_over"`, `"downtimeMs":31000`)

	// Nothing is lost while the service is away: it goes on after the last event.
	f.stop()
	f.happen(event.Event{Kind: event.FailedBack, Tunnel: "nl", From: "de", To: "nl"})
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	plain.wants("nl", "de")
	asJSON.wants(`"id":3`, `"kind":"failed_back"`)
	if !strings.Contains(plain.errs.String(), "the service is back") {
		t.Errorf("got %q on stderr, want to be told that the service came back", plain.errs)
	}
	plain.ends()
	asJSON.ends()
}

func TestEventsAfterAKnownOne(t *testing.T) {
	f := startFake(t)
	for range 5 {
		f.happen(event.Event{Kind: event.Woke})
	}
	r := begin(t, f, "events", "--follow", "--json", "--after", "3")
	r.wants(`"id":4`)
	r.wants(`"id":5`)
	r.ends()
}

func TestInterruptWhileWaitingIsAFailure(t *testing.T) {
	f := startFake(t)
	f.tunnels["nl"], f.silent = conf(t, "192.0.2.1"), true
	r := begin(t, f, "up", "nl")
	f.followed(t, 1)
	r.interrupt()
	if code := <-r.code; code != exitFailed || !strings.Contains(r.errs.String(), "interrupted") {
		t.Errorf("got exit code %d: %s", code, r.errs)
	}
}

// TestUpEndsWhenTheWishIsTakenBack tries another person's down during the wait.
func TestUpEndsWhenTheWishIsTakenBack(t *testing.T) {
	f := startFake(t)
	f.tunnels["nl"], f.silent = conf(t, "192.0.2.1"), true
	r := begin(t, f, "up", "nl")
	f.followed(t, 1)
	f.stand(func(s *api.Status) { s.Wish.On = false })
	if code := <-r.code; code != exitFailed || !strings.Contains(r.errs.String(), "no longer wished for") {
		t.Errorf("got exit code %d: %s", code, r.errs)
	}
}

// TestUpTellsTheAdvice has the wait end with the best hint there is.
func TestUpTellsTheAdvice(t *testing.T) {
	f := startFake(t)
	f.tunnels["nl"], f.silent = conf(t, "192.0.2.1"), true
	f.status.Notices = []event.Notice{{ID: 1, Title: "no answer", Advice: "look whether the server runs"}}
	code, _, stderr := runIn(t, f, "", "up", "nl", "--wait=50ms")
	if code != exitTimedOut || !strings.Contains(stderr, "hint: look whether the server runs") {
		t.Errorf("got exit code %d: %s", code, stderr)
	}
}
