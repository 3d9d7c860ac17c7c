package host

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
)

const (
	// name is the service's name at the Windows service manager, and the source of
	// its lines in the Event Log.
	name = "Holdfast"
	// progressEvery is how often the manager is told that starting or stopping goes
	// on, and progressHint by when it may expect to hear that again.
	progressEvery = time.Second
	progressHint  = 10 * time.Second
)

// accepts are the orders that the service takes while it runs. Sleep, waking and
// sessions are told it for the log alone: package netwatch hears of sleep by itself,
// also in a terminal.
const accepts = svc.AcceptStop | svc.AcceptShutdown | svc.AcceptPreShutdown | svc.AcceptPowerEvent | svc.AcceptSessionChange

// Run runs s until it returns, or until the service manager, Ctrl-C or the end
// of the session stops it.
func Run(s Service, o Options) error {
	o = o.withDefaults()
	if !o.Managed {
		var err error
		if o.Managed, err = svc.IsWindowsService(); err != nil {
			return fmt.Errorf("ask the service manager: %w", err)
		}
	}
	if o.Managed {
		harden(o)
		h := &handler{service: s, opt: o, tell: func(string) {}}
		if events, err := eventlog.Open(name); err == nil {
			// What the log does not take is told by the state of the service.
			h.tell = func(text string) { _ = events.Info(eventTold, text) }
			defer func() { _ = events.Close() }()
		}
		if err := svc.Run(name, h); err != nil {
			return fmt.Errorf("run as a service: %w", err)
		}
		return h.err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return watch(ctx, s, Notify{Ready: func(func() bool) {}}, o)
}

// handler speaks with the service manager.
type handler struct {
	service Service
	opt     Options
	tell    func(text string) // in the Event Log
	err     error             // what the service ended with
}

// Execute is called by the service manager; see svc.Handler.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, state chan<- svc.Status) (bool, uint32) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- watch(ctx, h.service, Notify{Ready: func(func() bool) { close(ready) }}, h.opt) }()

	// While it waits for something, now says so again and again: see progressEvery.
	progress := time.NewTicker(progressEvery)
	defer progress.Stop()
	now := pending(svc.StartPending)
	state <- now
	for {
		select {
		case <-ready:
			ready = nil
			if now.State == svc.StartPending {
				progress.Stop()
				h.tell("Holdfast has started.")
				now = svc.Status{State: svc.Running, Accepts: accepts}
				state <- now
			}
		case <-progress.C:
			now.CheckPoint++
			state <- now
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				state <- now
			case svc.Stop, svc.Shutdown, svc.PreShutdown:
				h.opt.Log.Info("told to stop", "order", order(r.Cmd))
				progress.Reset(progressEvery)
				now = pending(svc.StopPending)
				state <- now
				stop()
			case svc.PowerEvent, svc.SessionChange:
				h.opt.Log.Debug("told of a change", "of", order(r.Cmd), "kind", r.EventType)
			default: // it was not asked for
			}
		case h.err = <-ended:
			return h.end(ctx.Err() != nil)
		}
	}
}

func pending(s svc.State) svc.Status {
	return svc.Status{State: s, WaitHint: uint32(progressHint.Milliseconds())}
}

// end is what the manager is told at the end. It starts the service anew for a code
// that is not 0: never after it was told to stop it.
func (h *handler) end(told bool) (specific bool, code uint32) {
	switch {
	case h.err == nil:
		h.tell("Holdfast has stopped.")
		return false, 0
	case told:
		h.opt.Log.Error("the service stopped with an error", "err", h.err)
		return false, 0
	}
	if coded, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](h.err); ok {
		return true, uint32(coded.ExitCode())
	}
	return true, 1
}

// order is an order of the manager in words.
func order(c svc.Cmd) string {
	switch c {
	case svc.Stop:
		return "stop"
	case svc.Shutdown, svc.PreShutdown:
		return "shutdown"
	case svc.PowerEvent:
		return "power"
	case svc.SessionChange:
		return "session"
	default:
		return fmt.Sprint(uint32(c))
	}
}
