package host

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"

	"golang.org/x/sys/windows/svc"
)

// name is the service's name at the Windows service manager.
const name = "Holdfast"

// Run runs s until it returns, or until the service manager, Ctrl-C or the end
// of the session stops it.
func Run(s Service, o Options) error {
	if !o.Managed {
		var err error
		if o.Managed, err = svc.IsWindowsService(); err != nil {
			return fmt.Errorf("ask the service manager: %w", err)
		}
	}
	if o.Managed {
		h := &handler{service: s}
		if err := svc.Run(name, h); err != nil {
			return fmt.Errorf("run as a service: %w", err)
		}
		return h.err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return watch(ctx, s, Notify{Ready: func(func() bool) {}})
}

// handler speaks with the service manager.
type handler struct {
	service Service
	err     error // what the service ended with
}

// Execute is called by the service manager; see svc.Handler.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, state chan<- svc.Status) (bool, uint32) {
	const accepts = svc.AcceptStop | svc.AcceptShutdown | svc.AcceptPreShutdown
	state <- svc.Status{State: svc.StartPending}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- watch(ctx, h.service, Notify{Ready: func(func() bool) { close(ready) }}) }()
	for {
		select {
		case <-ready:
			ready = nil
			state <- svc.Status{State: svc.Running, Accepts: accepts}
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				state <- r.CurrentStatus
			case svc.Stop, svc.Shutdown, svc.PreShutdown:
				state <- svc.Status{State: svc.StopPending}
				stop()
			}
		case h.err = <-ended:
			if h.err != nil {
				return true, 1
			}
			return false, 0
		}
	}
}
