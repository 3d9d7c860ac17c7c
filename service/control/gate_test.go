package control

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFewDoNotTakeAllPlaces: whoever comes when half of them are taken gets a
// share, and those who took the half get no more.
func TestFewDoNotTakeAllPlaces(t *testing.T) {
	g := newGate(Options{PerUser: 6, Total: 12, Share: 2, Log: slog.New(slog.DiscardHandler)}.withDefaults(), "0")
	let := func(uid int) (in int) {
		for range 20 {
			c, other := net.Pipe()
			t.Cleanup(func() { _ = other.Close() })
			if g.enter(c, Peer{UID: uid}) != nil {
				in++
			}
		}
		return in
	}
	for i, want := range []int{6, 2, 2, 2, 0} {
		if in := let(1000 + i); in != want {
			t.Errorf("person %d: %d were let in, want %d", i, in, want)
		}
	}
}

// TestKnockingDoesNotFillTheLog: anybody may connect as often as they like.
func TestKnockingDoesNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g := newGate(Options{PerUser: 1, Log: slog.New(slog.NewTextHandler(&log, nil))}.withDefaults(), "0")
		knock := func(uid int) *Conn {
			c, other := net.Pipe()
			t.Cleanup(func() { _ = other.Close() })
			return g.enter(c, Peer{UID: uid})
		}
		in := knock(1000)
		if in == nil {
			t.Fatal("the first was not let in")
		}
		for range 1000 {
			if knock(1000) != nil {
				t.Fatal("one too many was let in")
			}
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("got %d lines, want 1", n)
		}
		time.Sleep(tellEvery)
		knock(1000)
		if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "suppressed=999") {
			t.Errorf("got %d lines, want a second that counts the others: %s", n, log.String())
		}
		_ = in.Close()
		synctest.Wait()
	})
}
