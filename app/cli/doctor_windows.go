package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	sys "golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"

	"holdfast/build/version"
	"holdfast/installer/windows"
	"holdfast/service/acl"
)

// systemFindings checks what the service needs of Windows.
func systemFindings() []finding {
	program := registeredProgram()
	return []finding{
		registeredFinding((&scm{}).Status(context.Background())),
		programFinding(program),
		wintunFinding(program),
		folderFinding(defaultStateDir),
		filterFinding(),
		rivalsFinding(interfacesUp()),
		clockFinding(time.Now(), version.Built),
	}
}

// registeredProgram is the path of the program that the service manager starts. "":
// there is none, or it cannot be known.
func registeredProgram() string {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, servicesKey+windows.Define("").Name, registry.QUERY_VALUE)
	if err != nil {
		return ""
	}
	defer func() { _ = key.Close() }()
	line, _, err := key.GetStringValue("ImagePath")
	if err != nil {
		return ""
	}
	words, err := sys.DecomposeCommandLine(line)
	if err != nil || len(words) == 0 || line != windows.Define(words[0]).CommandLine {
		return ""
	}
	return words[0]
}

// programFinding sees whether the service's program is there, and nobody's to change.
func programFinding(path string) finding {
	f := finding{Name: "program"}
	if path == "" {
		f.Result, f.Detail = skipped, "no program of ours is registered with the service manager"
		return f
	}
	if _, err := os.Stat(path); err != nil {
		f.Result, f.Detail = broken, path+": "+reason(err)
		f.Hint = "install Holdfast again"
		return f
	}
	if err := acl.OnlyAdministratorsWrite(path); err != nil {
		f.Result, f.Detail = broken, "the service runs as SYSTEM, and "+reason(err)
		f.Hint = `install it where only administrators may write, such as C:\Program Files\Holdfast`
		return f
	}
	f.Result, f.Detail = passed, path+" is there, and only administrators may change it"
	return f
}

// wintunFinding sees whether the driver of the interface lies beside the program, and
// is the one that belongs there.
func wintunFinding(program string) finding {
	f := finding{Name: "wintun"}
	if program == "" {
		f.Result, f.Detail = skipped, "no program of ours is registered with the service manager"
		return f
	}
	path := filepath.Join(filepath.Dir(program), "wintun.dll")
	switch err := windows.CheckWintunFile(path, runtime.GOARCH); {
	case errors.Is(err, fs.ErrNotExist):
		f.Result, f.Detail = broken, "there is no "+path+": no tunnel can have an interface"
		f.Hint = "install Holdfast again"
	case err != nil:
		f.Result, f.Detail = broken, err.Error()
		f.Hint = "install Holdfast again"
	default:
		f.Result, f.Detail = passed, "wintun.dll "+windows.WintunVersion+" lies beside the service"
	}
	return f
}

// folderFinding sees whether tunnels and history are administrators' alone.
func folderFinding(dir string) finding {
	f := finding{Name: "folder"}
	others, err := acl.Strangers(dir, acl.Use)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Result, f.Detail = passed, "nothing is stored yet"
	case errors.Is(err, fs.ErrPermission):
		f.Result, f.Detail = skipped, "only administrators may look into "+dir+", as it should be"
	case err != nil:
		f.Result, f.Detail = broken, reason(err)
	case len(others) > 0:
		f.Result, f.Detail = broken, dir+" may be used by "+strings.Join(others, ", ")
		f.Hint = "restart the service, which takes it from them"
	default:
		f.Result, f.Detail = passed, dir+" is for administrators alone"
	}
	return f
}

// filterFinding sees whether the engine that keeps the guard's filters runs.
func filterFinding() finding {
	f := finding{Name: "filters"}
	state, err := serviceState("BFE")
	switch {
	case err != nil:
		f.Result, f.Detail = broken, "the Base Filtering Engine cannot be asked: "+err.Error()
		f.Hint = "the guard needs it: restore the service BFE"
	case state != svc.Running:
		f.Result, f.Detail = broken, "the Base Filtering Engine is "+stateWord(state)+": the guard cannot keep anything in"
		f.Hint = "start it: " + asRoot("sc start BFE")
	default:
		f.Result, f.Detail = passed, "the Base Filtering Engine runs"
	}
	return f
}

// serviceState asks for the state of any service, with no more rights than everybody
// has.
func serviceState(name string) (svc.State, error) {
	m, err := sys.OpenSCManager(nil, nil, sys.SC_MANAGER_CONNECT)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sys.CloseServiceHandle(m) }()
	h, err := sys.OpenService(m, utf16(name), sys.SERVICE_QUERY_STATUS)
	if err != nil {
		return 0, err
	}
	service := &mgr.Service{Handle: h}
	defer func() { _ = service.Close() }()
	state, err := service.Query()
	return state.State, err
}

// interfacesUp are the names of the interfaces that are up, as people gave them.
func interfacesUp() []string {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var names []string
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 {
			names = append(names, i.Name)
		}
	}
	return names
}
