package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/netcfg"
)

// Whoever stops the service and opens the guard right after it need not guess when
// it has ended; one that goes on keeps the guard.
func TestReleaseWaitsForAServiceThatEnds(t *testing.T) {
	broken := errors.New("no network")
	for _, tt := range []struct {
		name   string
		held   time.Duration // by another service
		then   error
		cancel time.Duration
		took   time.Duration
		want   error
	}{
		{"nobody has it", 0, nil, time.Hour, 0, nil},
		{"a service ends", 2 * time.Second, nil, time.Hour, 2 * time.Second, nil},
		{"a service goes on", time.Hour, nil, time.Hour, endsWithin, ErrHeld},
		{"the person thinks better of it", time.Hour, nil, time.Second, time.Second, context.Canceled},
		{"it cannot be known", 0, broken, time.Hour, 0, broken},
		{"it cannot be known after a while", time.Second, broken, time.Hour, time.Second, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer time.AfterFunc(tt.cancel, cancel).Stop()
				defer cancel()
				begun, ours := time.Now(), false
				release, err := claimAfter(ctx, func() (func(), error) {
					switch {
					case time.Since(begun) < tt.held:
						return nil, netcfg.ErrClaimed
					case tt.then != nil:
						return nil, tt.then
					}
					ours = true
					return func() { ours = false }, nil
				})
				if took := time.Since(begun); took != tt.took || !errors.Is(err, tt.want) {
					t.Errorf("it took %v and got %v, want %v and %v", took, err, tt.took, tt.want)
				}
				if ours != (tt.want == nil) {
					t.Errorf("it has claimed the network: %v", ours)
				}
				if err == nil {
					release()
				}
			})
		})
	}
}
