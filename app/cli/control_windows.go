package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	sys "golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"

	"holdfast/installer/windows"
)

const (
	// changeWithin bounds the wait for the service to start or to stop: a little more
	// than it gives itself.
	changeWithin = 45 * time.Second
	// askEvery is how often the manager is asked meanwhile; it tells nobody.
	askEvery = 100 * time.Millisecond
)

// withService opens the service for a change.
func withService(do func(*mgr.Service) error) error {
	m, err := mgr.Connect()
	if err != nil {
		return failed(err, "", "reach the service control manager")
	}
	defer func() { _ = m.Disconnect() }()
	service, err := m.OpenService(windows.Define("").Name)
	if errors.Is(err, sys.ERROR_SERVICE_DOES_NOT_EXIST) {
		return notInstalled()
	}
	if err != nil {
		return failed(err, "", "open the service")
	}
	defer func() { _ = service.Close() }()
	return do(service)
}

// startService starts it and waits until it runs; one that runs is left alone.
func startService(ctx context.Context, service *mgr.Service) error {
	if err := service.Start(); err != nil && !errors.Is(err, sys.ERROR_SERVICE_ALREADY_RUNNING) {
		return failed(startReason(err), "see: holdfast doctor", "start the service")
	}
	state, err := await(ctx, service, svc.StartPending)
	if err != nil {
		return failed(err, "see: holdfast doctor", "start the service")
	}
	if state.State != svc.Running {
		return failed(nil, "see the Event Log, source "+windows.EventSource+", and: holdfast doctor",
			"start the service: it ended with code %d", exitCode(state))
	}
	return nil
}

// exitCode is what a service that ended told the manager: a code of its own, or of
// the system's.
func exitCode(s svc.Status) uint32 {
	if s.Win32ExitCode == uint32(sys.ERROR_SERVICE_SPECIFIC_ERROR) {
		return s.ServiceSpecificExitCode
	}
	return s.Win32ExitCode
}

// startReason puts into words what people meet.
func startReason(err error) error {
	if errors.Is(err, sys.ERROR_SERVICE_DISABLED) {
		return errors.New("it is disabled; install it again")
	}
	return err
}

// stopService stops it and waits until it has ended; one that does not run is left
// alone.
func stopService(ctx context.Context, service *mgr.Service) error {
	_, err := service.Control(svc.Stop)
	if errors.Is(err, sys.ERROR_SERVICE_NOT_ACTIVE) {
		return nil
	}
	// One that is still starting takes no orders yet.
	if errors.Is(err, sys.ERROR_SERVICE_CANNOT_ACCEPT_CTRL) {
		if _, err = await(ctx, service, svc.StartPending); err == nil {
			_, err = service.Control(svc.Stop)
		}
	}
	if err != nil && !errors.Is(err, sys.ERROR_SERVICE_NOT_ACTIVE) {
		return failed(err, "", "stop the service")
	}
	if _, err := await(ctx, service, svc.StopPending, svc.Running); err != nil {
		return failed(err, "", "stop the service")
	}
	return nil
}

// await waits for the service to leave these states, and returns where it is then.
func await(ctx context.Context, service *mgr.Service, leave ...svc.State) (svc.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, changeWithin)
	defer cancel()
	look := time.NewTicker(askEvery)
	defer look.Stop()
	for {
		state, err := service.Query()
		if err != nil || !slices.Contains(leave, state.State) {
			return state, err
		}
		select {
		case <-ctx.Done():
			return state, fmt.Errorf("it is still %s: %w", stateWord(state.State), ctx.Err())
		case <-look.C:
		}
	}
}
