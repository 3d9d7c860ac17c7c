package main

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	sys "golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"

	"holdfast/installer/windows"
	"holdfast/service/acl"
)

const (
	servicesKey = `SYSTEM\CurrentControlSet\Services\`
	eventKey    = servicesKey + `EventLog\Application\` + windows.EventSource
)

// scm is the service control manager of Windows.
type scm struct {
	note func(format string, args ...any)
}

func newManager(p *program) (manager, error) { return &scm{note: p.note}, nil }

// Files implements manager: they are keys of the registry, and a folder with its
// rights.
func (*scm) Files(program string) []serviceFile {
	def := windows.Define(program)
	return []serviceFile{
		{defaultStateDir, "rights " + acl.Private(acl.Administrators, true) + "\n"},
		{`HKLM\` + eventKey, "messages of " + windows.EventMessages + "\n"},
		{`HKLM\` + windows.Crashes, windows.Program + " 1\n"},
		{`HKLM\` + servicesKey + def.Name, def.Text()},
	}
}

// Install implements manager. A service that runs is started anew, so that it is
// the program that was installed.
func (s *scm) Install(ctx context.Context, program string, start bool) error {
	if err := mayChange("install"); err != nil {
		return err
	}
	if err := acl.OnlyAdministratorsWrite(program); err != nil {
		return failed(err, `put it where only administrators may write, such as C:\Program Files\Holdfast`, "install %s", program)
	}
	if err := acl.MakePrivate(defaultStateDir); err != nil {
		return failed(err, "", "install")
	}
	if err := errors.Join(addEventSource(), excludeCrashes(true)); err != nil {
		return failed(err, "", "install: write to the registry")
	}
	def := windows.Define(program)
	m, err := mgr.Connect()
	if err != nil {
		return failed(err, "", "install: reach the service control manager")
	}
	defer func() { _ = m.Disconnect() }()
	service, err := s.register(m, def)
	if err != nil {
		return err
	}
	defer func() { _ = service.Close() }()
	if !start {
		return nil
	}
	if err := stopService(ctx, service); err != nil {
		return err
	}
	return startService(ctx, service)
}

// Uninstall implements manager.
func (s *scm) Uninstall(ctx context.Context) error {
	if err := mayChange("uninstall"); err != nil {
		return err
	}
	err := withService(func(service *mgr.Service) error {
		if err := stopService(ctx, service); err != nil {
			return err
		}
		if err := service.Delete(); err != nil && !errors.Is(err, sys.ERROR_SERVICE_MARKED_FOR_DELETE) {
			return failed(err, "", "uninstall: remove the service")
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = registry.DeleteKey(registry.LOCAL_MACHINE, eventKey)
	if errors.Is(err, registry.ErrNotExist) {
		err = nil
	}
	if err := errors.Join(err, excludeCrashes(false)); err != nil {
		return failed(err, "", "uninstall: write to the registry")
	}
	return nil
}

// Start implements manager.
func (s *scm) Start(ctx context.Context) error {
	if err := mayChange("start"); err != nil {
		return err
	}
	return withService(func(service *mgr.Service) error { return startService(ctx, service) })
}

// Stop implements manager.
func (s *scm) Stop(ctx context.Context) error {
	if err := mayChange("stop"); err != nil {
		return err
	}
	return withService(func(service *mgr.Service) error { return stopService(ctx, service) })
}

// Status implements manager. It asks for no more rights than everybody has.
func (s *scm) Status(context.Context) (managed, error) {
	m, err := sys.OpenSCManager(nil, nil, sys.SC_MANAGER_CONNECT)
	if err != nil {
		return managed{}, failed(err, "", "reach the service control manager")
	}
	defer func() { _ = sys.CloseServiceHandle(m) }()
	h, err := sys.OpenService(m, utf16(windows.Define("").Name), sys.SERVICE_QUERY_STATUS|sys.SERVICE_QUERY_CONFIG)
	if errors.Is(err, sys.ERROR_SERVICE_DOES_NOT_EXIST) {
		return managed{State: "none"}, nil
	}
	if err != nil {
		return managed{}, failed(err, "", "ask the service control manager")
	}
	service := &mgr.Service{Handle: h}
	defer func() { _ = service.Close() }()
	state, err := service.Query()
	if err != nil {
		return managed{}, failed(err, "", "ask the service control manager")
	}
	start, err := startType(h)
	if err != nil {
		return managed{}, failed(err, "", "ask the service control manager")
	}
	return managed{
		Installed: true,
		AtBoot:    start == mgr.StartAutomatic,
		// The guard's rules are the system's own, and stand before any service.
		EarlyBoot: true,
		Running:   state.State == svc.Running,
		State:     stateWord(state.State),
	}, nil
}

// startType says when a service is started.
func startType(h sys.Handle) (uint32, error) {
	buf := make([]uint64, 1024) // aligned for the structure inside
	size := uint32(len(buf) * 8)
	config := (*sys.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&buf[0]))
	if err := sys.QueryServiceConfig(h, config, size, &size); err != nil {
		return 0, err
	}
	return config.StartType, nil
}

// stateWord is a state as sc.exe calls it.
func stateWord(s svc.State) string {
	words := map[svc.State]string{
		svc.Stopped: "stopped", svc.StartPending: "starting", svc.StopPending: "stopping", svc.Running: "running",
		svc.ContinuePending: "continuing", svc.PausePending: "pausing", svc.Paused: "paused",
	}
	if word, known := words[s]; known {
		return word
	}
	return fmt.Sprintf("state %d", s)
}

// mayChange says whether this process may register and control services.
func mayChange(verb string) error {
	if isRoot() {
		return nil
	}
	return &failure{
		code:    exitNotPermitted,
		message: "only an administrator may " + verb + " the service",
		hint:    `open a terminal with "Run as administrator", and try there: holdfast service ` + verb,
	}
}

func notInstalled() error {
	return &failure{
		code: exitNotFound, message: "holdfastd is not installed as a service",
		hint: "install it with: holdfast service install",
	}
}
