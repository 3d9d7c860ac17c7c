package daemon_test

import (
	"log/slog"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/lab"
	"holdfast/service/status"
	"holdfast/store"
)

// TestClockThatJumpsAhead holds handshakes back until the person, who was told,
// connects again.
func TestClockThatJumpsAhead(t *testing.T) {
	h := newHome(t, "a")
	r := h.run()
	r.connect("g")
	stop := h.flow(r)
	defer stop()
	r.is("a", status.Protected)
	before := h.initiations()
	h.ahead.Store(int64(3 * 365 * 24 * time.Hour))
	if _, err := r.Reconnect(t.Context()); err != nil { // not told yet: this vouches for nothing
		t.Fatal(err)
	}
	until(t, "the notice", func() bool { return r.open(event.CodeClockAhead) })
	if got := h.initiations(); got != before {
		t.Errorf("%d initiations left while the clock was ahead", got-before)
	}
	r.connect("g")
	until(t, "the notice to be cleared", func() bool { return !r.open(event.CodeClockAhead) })
	until(t, "a handshake", func() bool { return h.initiations() > before })
}

// TestClockThatIsSetRight clears the notice, and asks for what was held back.
func TestClockThatIsSetRight(t *testing.T) {
	h := newHome(t, "a")
	r := h.run()
	r.connect("g")
	r.is("a", status.Idle)
	before := h.initiations()
	h.ahead.Store(int64(400 * 24 * time.Hour))
	if _, err := r.Reconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the notice", func() bool { return r.open(event.CodeClockAhead) })
	h.ahead.Store(0)
	// The device asks again by itself, and the clock is then found to be right.
	until(t, "a handshake", func() bool { return h.initiations() > before })
	until(t, "the notice to be cleared", func() bool { return !r.open(event.CodeClockAhead) })
}

// TestFloorIsKept finds the latest date that has left in the store.
func TestFloorIsKept(t *testing.T) {
	h := newHome(t, "a")
	r := h.run()
	began := time.Now()
	r.connect("g")
	r.is("a", status.Idle)
	r.stop()
	s, err := store.Open(t.Context(), store.Options{Dir: h.options().StateDir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text, err := s.Setting(t.Context(), "clock_floor")
	if err != nil {
		t.Fatal(err)
	}
	floor, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || floor.Before(began) || floor.After(time.Now()) {
		t.Errorf("got %q, want a moment of this test (%v)", text, err)
	}
}

// initiations counts those that have left for a.
func (h *home) initiations() uint64 {
	return h.lab.Server("a").Path().Counters().Up.Types[lab.Initiation]
}

// open says whether a notice is.
func (r *running) open(code event.Code) bool {
	r.t.Helper()
	for _, n := range r.status().Notices {
		if n.Code == code {
			return true
		}
	}
	return false
}
