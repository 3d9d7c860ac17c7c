// Package host runs the service under whatever started it: systemd, launchd,
// the Windows service manager or a terminal. It tells that manager how far the
// service has come and turns its wish to stop into an ending context.
//
// It knows nothing of what the service does.
package host

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/pprof"
	"time"
)

// Notify tells the manager what the service is at.
type Notify struct {
	// Ready says that the service answers. It must be called once. alive says
	// whether the service still does its work; the manager's watchdog is fed
	// only while it does. It may take a few seconds. Nil: it always does.
	Ready func(alive func() bool)
}

// Options say what is known of who started the process.
type Options struct {
	// Managed says that it was the Windows service manager. Where it is not said,
	// the system is asked. It means nothing on other systems.
	Managed bool
}

// Service is what is run. It returns soon after ctx ends.
type Service func(ctx context.Context, n Notify) error

// stopWithin is how long the service may take to end after it was told to.
// A service that hangs then shows where, instead of being killed silently.
const stopWithin = 30 * time.Second

// errHung says that the service did not end when it was told to.
var errHung = errors.New("the service did not stop in time")

// watch runs s and returns its error, or errHung with all stacks on standard
// error when it outlives the end of ctx for too long.
func watch(ctx context.Context, s Service, n Notify) error {
	ended := make(chan error, 1)
	go func() { ended <- s(ctx, n) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	limit := time.NewTimer(stopWithin)
	defer limit.Stop()
	select {
	case err := <-ended:
		return err
	case <-limit.C:
		slog.Error("the service hangs; these are its goroutines")
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
		return errHung
	}
}
