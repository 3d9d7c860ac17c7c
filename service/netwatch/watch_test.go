package netwatch

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/service/clock"
	"holdfast/service/failover"
)

// sleeper is a machine's clocks that can be put forward by a sleep.
type sleeper struct{ slept atomic.Int64 }

func (c *sleeper) read() clock.Reading {
	return clock.Reading{Wall: time.Unix(1e9, 0), Suspended: time.Duration(c.slept.Load())}
}

// A look at the clocks finds a sleep of which nothing told, and one that is too
// short to be told is none.
func TestLook(t *testing.T) {
	t.Parallel()
	c := &sleeper{}
	ignoreAll := func(string) bool { return true }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w, err := Watch(ctx, Options{Clock: c.read, Ignore: ignoreAll, Jumps: make(chan struct{})})
	if err != nil {
		t.Fatal(err)
	}
	if in, ok := (<-w.Inputs()).(failover.Underlay); !ok || in.Usable {
		t.Fatalf("with every interface ignored: got %+v", in)
	}
	c.slept.Add(int64(2 * time.Second))
	w.Look()
	c.slept.Add(int64(time.Minute))
	w.Look()
	select {
	case in := <-w.Inputs():
		if woke, ok := in.(failover.Woke); !ok || woke.Slept < time.Minute {
			t.Errorf("got %+v", in)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing was told")
	}
	cancel()
	for range w.Inputs() {
		t.Error("more was told")
	}
	<-w.Done()
}

// The state is told at once, with whatever network there is.
func TestFirst(t *testing.T) {
	t.Parallel()
	w, err := Watch(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	in, ok := (<-w.Inputs()).(failover.Underlay)
	if !ok || in.Usable != (in.Cause == "") {
		t.Errorf("got %+v", in)
	}
	t.Logf("%+v", in)
}
