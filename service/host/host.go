// Package host runs the service under whatever started it: systemd, launchd,
// the Windows service manager or a terminal. It tells that manager how far the
// service has come, turns its wish to stop into an ending context, and keeps the
// log where there is no journal to write to.
//
// It knows nothing of what the service does.
package host

import (
	"context"
	"errors"
	"io"
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

// Options say what is known of who started the process. The zero value fits a
// terminal, systemd and launchd.
type Options struct {
	// Managed says that it was the Windows service manager. Where it is not said,
	// the system is asked. It means nothing on other systems.
	Managed bool
	// Privileges are those that a process of the Windows service manager keeps; it
	// gives the others of its account away.
	Privileges []string
	// Log gets what is worth telling of starting and stopping. Nil: slog.Default.
	Log *slog.Logger
	// Stacks gets the goroutines of a service that does not end. Nil: os.Stderr.
	Stacks io.Writer
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Stacks == nil {
		o.Stacks = os.Stderr
	}
	return o
}

// Service is what is run. It returns soon after ctx ends. The manager is told the
// code of an error that has a method ExitCode() int, and else 1.
type Service func(ctx context.Context, n Notify) error

// stopWithin is how long the service may take to end after it was told to.
// A service that hangs then shows where, instead of being killed silently.
const stopWithin = 30 * time.Second

// errHung says that the service did not end when it was told to.
var errHung = errors.New("the service did not stop in time")

// watch runs s and returns its error, or errHung with all stacks on o.Stacks
// when it outlives the end of ctx for too long.
func watch(ctx context.Context, s Service, n Notify, o Options) error {
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
		o.Log.Error("the service hangs; its goroutines follow")
		_ = pprof.Lookup("goroutine").WriteTo(o.Stacks, 2)
		return errHung
	}
}
