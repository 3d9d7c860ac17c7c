package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"holdfast/service/status"
	"holdfast/web/api"
)

// TestScreenIsRedrawnInPlace has the ages grow between two statuses, and a
// shorter picture leave nothing of the longer one before it.
func TestScreenIsRedrawnInPlace(t *testing.T) {
	var out bytes.Buffer
	w := &screenWatcher{p: &program{out: &out, env: func(string) string { return "" }}}
	came := time.Unix(1e9, 0) // this computer's clock is not the service's
	if err := w.tick(came); err != nil || out.Len() > 0 {
		t.Fatalf("got %q, %v before the first status", &out, err)
	}
	s := &api.Status{Status: picture(status.Protected)}
	if err := w.show(s, came); err != nil {
		t.Fatal(err)
	}
	first := out.String()
	if !strings.HasPrefix(first, "\x1b[2J\x1b[Hprotected") || !strings.HasSuffix(first, "\x1b[J") {
		t.Errorf("got %q, want a clear screen, then the picture from its corner", first)
	}
	if !strings.Contains(first, "14 s ago\x1b[K\n") {
		t.Errorf("got %q, want every line erased to its end", first)
	}
	out.Reset()
	if err := w.tick(came.Add(3 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "\x1b[H") || !strings.Contains(got, "17 s ago") {
		t.Errorf("got %q, want the age three seconds later", got)
	}
}
