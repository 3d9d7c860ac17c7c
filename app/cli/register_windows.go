package main

import (
	"errors"
	"slices"
	"unsafe"

	sys "golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"

	"holdfast/installer/windows"
)

// register makes the service, or gives the one that is there all that it should
// have.
func (s *scm) register(m *mgr.Mgr, def windows.Service) (*mgr.Service, error) {
	config := mgr.Config{
		ServiceType:      sys.SERVICE_WIN32_OWN_PROCESS,
		StartType:        mgr.StartAutomatic,
		ErrorControl:     mgr.ErrorNormal,
		BinaryPathName:   def.CommandLine,
		Dependencies:     def.Dependencies,
		ServiceStartName: def.Account,
		DisplayName:      def.DisplayName,
	}
	service, err := openOrCreate(m, def.Name, config)
	if errors.Is(err, sys.ERROR_SERVICE_MARKED_FOR_DELETE) {
		return nil, failed(nil, "close the windows that show services, or restart the computer, and try again",
			"install: the service that was removed is still held by a program")
	}
	if err != nil {
		return nil, failed(err, "", "install: register the service")
	}
	for _, part := range []struct {
		what string
		set  func() error
	}{
		{"the description", func() error { return setDescription(service, def.Description) }},
		{"the delay of the start", func() error {
			return change2(service, sys.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, new(sys.SERVICE_DELAYED_AUTO_START_INFO))
		}},
		{"the SID type", func() error {
			kind := uint32(sys.SERVICE_SID_TYPE_UNRESTRICTED)
			return change2(service, sys.SERVICE_CONFIG_SERVICE_SID_INFO, &kind)
		}},
		{"the privileges", func() error { return setPrivileges(service, def.Privileges) }},
		{"what follows a failure", func() error { return setRecovery(service, def) }},
		{"what follows an error", func() error { return service.SetRecoveryActionsOnNonCrashFailures(true) }},
		{"the time to stop", func() error {
			wait := uint32(def.StopWithin.Milliseconds())
			return change2(service, sys.SERVICE_CONFIG_PRESHUTDOWN_INFO, &wait)
		}},
	} {
		switch err := part.set(); {
		// Every Windows of today knows all of them; what runs in the place of Windows
		// may not.
		case errors.Is(err, sys.ERROR_INVALID_LEVEL):
			s.note("note: this system cannot set %s of a service", part.what)
		case err != nil:
			_ = service.Close()
			return nil, failed(err, "", "install: set %s", part.what)
		}
	}
	return service, nil
}

// openOrCreate gives an existing service the config, or makes it.
func openOrCreate(m *mgr.Mgr, name string, c mgr.Config) (*mgr.Service, error) {
	service, err := m.OpenService(name)
	if errors.Is(err, sys.ERROR_SERVICE_DOES_NOT_EXIST) {
		h, err := sys.CreateService(m.Handle, utf16(name), utf16(c.DisplayName), sys.SERVICE_ALL_ACCESS, c.ServiceType, c.StartType,
			c.ErrorControl, utf16(c.BinaryPathName), nil, nil, block(c.Dependencies), utf16(c.ServiceStartName), nil)
		if err != nil {
			return nil, err
		}
		return &mgr.Service{Name: name, Handle: h}, nil
	}
	if err != nil {
		return nil, err
	}
	err = sys.ChangeServiceConfig(service.Handle, c.ServiceType, c.StartType, c.ErrorControl, utf16(c.BinaryPathName),
		nil, nil, block(c.Dependencies), utf16(c.ServiceStartName), nil, utf16(c.DisplayName))
	if err != nil {
		_ = service.Close()
		return nil, err
	}
	return service, nil
}

// change2 sets one of the extended settings; info is its structure.
func change2[T any](service *mgr.Service, level uint32, info *T) error {
	return sys.ChangeServiceConfig2(service.Handle, level, (*byte)(unsafe.Pointer(info)))
}

func setDescription(service *mgr.Service, text string) error {
	return change2(service, sys.SERVICE_CONFIG_DESCRIPTION, &sys.SERVICE_DESCRIPTION{Description: utf16(text)})
}

// setPrivileges says which privileges of the account's the service keeps.
func setPrivileges(service *mgr.Service, names []string) error {
	info := struct{ names *uint16 }{block(names)} // SERVICE_REQUIRED_PRIVILEGES_INFOW
	return change2(service, sys.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &info)
}

func setRecovery(service *mgr.Service, def windows.Service) error {
	var actions []mgr.RecoveryAction
	for _, wait := range def.Restarts {
		actions = append(actions, mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: wait})
	}
	return service.SetRecoveryActions(actions, uint32(def.ResetAfter.Seconds()))
}

// utf16 is text for the system. It panics where there is a NUL in it, which no name
// of ours has.
func utf16(text string) *uint16 {
	p, err := sys.UTF16PtrFromString(text)
	if err != nil {
		panic(err)
	}
	return p
}

// block is a list of texts for the system.
func block(texts []string) *uint16 {
	var all []uint16
	for _, text := range texts {
		all = slices.Concat(all, sys.StringToUTF16(text))
	}
	return &append(all, 0)[0]
}

// excludeCrashes has the system make no dump of the service, or no longer says so.
func excludeCrashes(exclude bool) error {
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, windows.Crashes, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer func() { _ = key.Close() }()
	if exclude {
		return key.SetDWordValue(windows.Program, 1)
	}
	if err := key.DeleteValue(windows.Program); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return err
	}
	return nil
}

// addEventSource lets the Event Log show what the service writes.
func addEventSource() error {
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, eventKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer func() { _ = key.Close() }()
	return errors.Join(
		key.SetDWordValue("CustomSource", 1),
		key.SetExpandStringValue("EventMessageFile", windows.EventMessages),
		key.SetDWordValue("TypesSupported", eventlog.Error|eventlog.Warning|eventlog.Info),
	)
}
