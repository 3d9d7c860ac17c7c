package netcfg

import (
	"context"
	"errors"
	"testing"
)

// What a watcher says may be lost is looked for, put back and told; a watcher that
// ends by itself ends the keeping.
func TestKeeper(t *testing.T) {
	f := newFake(onMacOS)
	m := newMover(f)
	if err := m.Apply(t.Context(), closed(fullTunnel(), everything)); err != nil {
		t.Fatal(err)
	}
	lost, broke := make(chan struct{}, 1), make(chan error, 1)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := signs{lost: lost, broke: broke, culprit: func() string { return "route (pid 4242)" }}
	run := func() { ended <- (&keeper{outlet: &m.outlet, of: m}).run(ctx, s) }
	take := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		f.now.ways = f.now.ways[1:]
	}
	go run()
	take()
	poke(lost)
	want := Change{By: "route (pid 4242)", What: "Taken from the tunnel: a route."}
	if got := <-m.Changes(); got != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
	broke <- errFake
	if err := <-ended; !errors.Is(err, errFake) {
		t.Errorf("it ended with %v", err)
	}
	go run()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
