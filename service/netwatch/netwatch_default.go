//go:build !linux

package netwatch

import (
	"context"

	"holdfast/service/failover"
)

// Watch returns a Watcher that sees nothing: network changes, sleep and jumps of
// the wall clock are only watched on Linux so far. It reports a usable underlay once, so that tunnels
// are tried, and nothing more until the context ends; health checks find out
// the rest, later.
func Watch(ctx context.Context, o Options) (*Watcher, error) {
	o = o.withDefaults()
	o.Log.Warn("network changes are not watched on this system")
	w := &Watcher{inputs: make(chan failover.Input, 1), done: make(chan struct{})}
	w.inputs <- failover.Underlay{Usable: true}
	go func() {
		<-ctx.Done()
		close(w.inputs)
		close(w.done)
	}()
	return w, nil
}
