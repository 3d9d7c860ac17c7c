package wg

import (
	"context"
	"errors"
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// TestAskStamped finds out that a server has seen a later date than today's: it
// answers what is dated after that and nothing before.
func TestAskStamped(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	seen := time.Now().Add(8 * time.Hour)
	ask := func(within time.Duration, stamp time.Time) bool {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		answered, err := c.AskStamped(ctx, "a", stamp)
		if err != nil {
			t.Fatal(err)
		}
		return answered
	}
	if !ask(patience, seen) {
		t.Fatal("the first date is not answered")
	}
	if ask(time.Second, time.Now()) {
		t.Error("a date before the latest is answered")
	}
	if !ask(patience, seen.Add(3*stampStep)) {
		t.Error("the date after the latest is not answered")
	}
	c.mustEcho(t, 2) // the session goes on
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.AskStamped(ctx, "x", time.Now()); !errors.Is(err, ErrNoDevice) {
		t.Errorf("of nobody: got %v", err)
	}
}

// TestAskStampedIsAskedFor lets no date leave that the clock guard refuses.
func TestAskStampedIsAskedFor(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	began := time.Now()
	c := newClient(t, Options{Initiate: func(stamp time.Time) bool { return stamp.Before(began.Add(time.Hour)) }})
	c.mustStart(t, tunnel.Name("a"), configFor(key, s, s.addr), StartOptions{})
	if _, err := c.AskStamped(patient(t), "a", began.Add(2*time.Hour)); !errors.Is(err, ErrWithheld) {
		t.Errorf("got %v, want ErrWithheld", err)
	}
	if answered, err := c.AskStamped(patient(t), "a", time.Now().Add(time.Second)); !answered || err != nil {
		t.Errorf("got %v, %v", answered, err)
	}
}
