package wg

import (
	"testing"
	"time"
)

// TestInitiationsDoNotOvertakeResponses asks for a handshake, and again at the
// very moment at which the response to the first arrives.
func TestInitiationsDoNotOvertakeResponses(t *testing.T) {
	needsPace(t)
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, blindSpacing/2) // so that a round trip takes one spacing
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	for round := range uint64(soak(8, 100)) {
		for range 2 {
			if err := c.Rebind("a"); err != nil {
				t.Fatal(err)
			}
		}
		c.mustEcho(t, 2+round)
	}
}

// TestSettling tells when a response may still be worked on.
func TestSettling(t *testing.T) {
	now := sinceBegan()
	ago := func(d time.Duration) int64 { return now - int64(d) }
	for _, c := range []struct {
		name                  string
		asked, answered, used int64
		settles               bool
	}{
		{"nothing was asked", 0, 0, 0, false},
		{"not answered yet", ago(time.Second), 0, 0, false},
		{"an earlier one was answered", ago(time.Millisecond), ago(5 * time.Millisecond), ago(5 * time.Millisecond), false},
		{"answered just now", ago(100 * time.Millisecond), ago(time.Millisecond), 0, true},
		{"answered and not taken over", ago(300 * time.Millisecond), ago(200 * time.Millisecond), ago(time.Second), true},
		{"taken over just now", ago(300 * time.Millisecond), ago(200 * time.Millisecond), ago(time.Millisecond), true},
		{"taken over", ago(300 * time.Millisecond), ago(200 * time.Millisecond), ago(199 * time.Millisecond), false},
		{"answered long ago", ago(time.Second), ago(900 * time.Millisecond), 0, false},
	} {
		var tp tap
		tp.initiatedAt.Store(c.asked)
		tp.matchedAt.Store(c.answered)
		tp.usedAt.Store(c.used)
		if got := tp.settling(); (got > 0) != c.settles || got > takeTime+minSpacing {
			t.Errorf("%s: settling for %v", c.name, got)
		}
	}
}
