package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// TestInterruptWhileReading: who interrupts a command that waits for its input
// is obeyed at once.
func TestInterruptWhileReading(t *testing.T) {
	for _, args := range []string{"keys pub", "tunnel check -", "tunnel import --name x -"} {
		in, other := io.Pipe()
		defer other.Close()
		ctx, interrupt := context.WithCancel(t.Context())
		p := &program{in: in, out: io.Discard, err: io.Discard, env: func(string) string { return "" }}
		code := make(chan int, 1)
		go func() { code <- p.run(ctx, strings.Fields(args)) }()
		interrupt()
		select {
		case got := <-code:
			if got != exitFailed {
				t.Errorf("%s: got exit code %d, want 1", args, got)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: it goes on", args)
		}
	}
}
