package wg

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// TestWithheldInitiations lets no initiation leave, be it the device's own or
// one of a question, and counts them as neither sent nor refused.
func TestWithheldInitiations(t *testing.T) {
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 0)
	var trusted atomic.Bool
	var asked atomic.Pointer[time.Time]
	c := newClient(t, Options{Initiate: func(stamp time.Time) bool {
		asked.Store(&stamp)
		return trusted.Load()
	}})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustPromote(t, "a")
	eventually(t, "the device's own is withheld", func() bool { return c.mustCount(t, "a").Withheld > 0 })
	if at := asked.Load(); time.Since(*at) > time.Minute || time.Since(*at) < 0 {
		t.Errorf("asked about %v", at)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Probe(ctx, "a"); !errors.Is(err, ErrUnanswered) {
		t.Errorf("a probe: got %v", err)
	}
	if err := c.Rebind("a"); err != nil {
		t.Error("rebind:", err)
	}
	got := c.mustCount(t, "a")
	if got.Initiations != 0 || got.SendErrors != 0 || len(p.initiations()) != 0 {
		t.Errorf("%d initiations left, the server saw %d, %d errors; want none", got.Initiations, len(p.initiations()), got.SendErrors)
	}
	if got.InitiatingSince.IsZero() {
		t.Error("it is not known that the device asks")
	}
	trusted.Store(true)
	if err := c.Rebind("a"); err != nil {
		t.Fatal(err)
	}
	c.mustEcho(t, 1)
	if got := c.mustCount(t, "a"); got.Initiations == 0 || got.LastHandshake.IsZero() {
		t.Errorf("after it may: got %+v", got)
	}
}

// TestRotateBeginsANewSessionAtOnce lets the server forget the session, as it
// does while a machine sleeps. Nothing that is sent after Rotate is lost, and
// the name of the endpoint is not asked for first.
func TestRotateBeginsANewSessionAtOnce(t *testing.T) {
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	peer := "public_key=" + key.Public().Hex() + "\n"
	for _, text := range []string{peer + "remove=true\n", peer + "allowed_ip=" + clientAddr.String() + "/32\n"} {
		if err := s.dev.IpcSet(text); err != nil {
			t.Fatal(err)
		}
	}
	port := c.LocalPort("a")
	began := time.Now()
	if err := c.Rotate(patient(t), "a"); err != nil {
		t.Fatal(err)
	}
	c.mustEcho(t, 2)
	if took := time.Since(began); took > 500*time.Millisecond {
		t.Errorf("the first packet came back after %v", took)
	}
	if c.LocalPort("a") == port {
		t.Error("the port is the same")
	}
}
