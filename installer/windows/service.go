package windows

import (
	"fmt"
	"strings"
	"time"
)

// The names by which Windows knows Holdfast, and what is in its folder.
const (
	// Folder is below the folder for programs, and Data in it.
	Folder = "Holdfast"
	Data   = "Data"
	// Program is the file of holdfastd.
	Program = "holdfastd.exe"
	// Crashes is the key that says of which programs no dump is made: one of holdfastd
	// would hold keys.
	Crashes = `SOFTWARE\Microsoft\Windows\Windows Error Reporting\ExcludedApplications`
	// EventSource is by what the Event Log knows who wrote.
	EventSource = "Holdfast"
	// EventMessages is the file of Windows with messages that are just one text.
	EventMessages = `%SystemRoot%\System32\EventCreate.exe`
)

// Service is how the service control manager is to keep holdfastd. It is what
// `holdfast service install` registers, on its own and when it is called by the
// installer.
type Service struct {
	Name        string
	DisplayName string
	Description string
	// CommandLine starts holdfastd; the program is quoted in it.
	CommandLine string
	// Account is whose rights it has, and Privileges are those that it keeps of the
	// account's: none for opening what belongs to others, for acting as somebody
	// else or for debugging.
	Account    string
	Privileges []string
	// Dependencies are the services that must run before it.
	Dependencies []string
	// Restarts are the waits before it is started again after a failure, whether it
	// crashed or ended with an error: the first, the second, and every later one.
	// After ResetAfter without a failure the first comes first again.
	Restarts   []time.Duration
	ResetAfter time.Duration
	// StopWithin is how long the system waits for it before it shuts down.
	StopWithin time.Duration
}

// Define is the service that runs holdfastd at the absolute path program.
func Define(program string) Service {
	return Service{
		Name:        "Holdfast",
		DisplayName: "Holdfast",
		Description: "Keeps WireGuard tunnels working, and lets nothing leave beside them.",
		CommandLine: quote(program) + " run --service",
		Account:     "LocalSystem",
		Privileges: []string{
			// To pass folders that it may not list, as every program may.
			"SeChangeNotifyPrivilege",
			// For wintun, which makes the tunnel's interface.
			"SeLoadDriverPrivilege",
		},
		// The network's own service, TCP/IP, and the engine that keeps the guard.
		Dependencies: []string{"Nsi", "Tcpip", "BFE"},
		Restarts:     []time.Duration{time.Second, 5 * time.Second, 30 * time.Second},
		ResetAfter:   24 * time.Hour,
		// Longer than the service gives itself.
		StopWithin: 40 * time.Second,
	}
}

// quote writes a path as the system takes command lines apart: no path has a quote
// in it.
func quote(path string) string { return `"` + path + `"` }

// Text tells the service to a person.
func (s Service) Text() string {
	var restarts []string
	for _, wait := range s.Restarts {
		restarts = append(restarts, wait.String())
	}
	var b strings.Builder
	for _, line := range []struct{ key, value string }{
		{"name", s.Name},
		{"display name", s.DisplayName},
		{"description", s.Description},
		{"command line", s.CommandLine},
		{"type", "own process"},
		{"start", "automatic, not delayed"},
		{"account", s.Account},
		{"SID type", "unrestricted"},
		{"privileges", strings.Join(s.Privileges, ", ")},
		{"dependencies", strings.Join(s.Dependencies, ", ")},
		{"restart after", strings.Join(restarts, ", ") + "; also after an error that is no crash"},
		{"reset after", s.ResetAfter.String()},
		{"stop within", s.StopWithin.String() + " when the system shuts down"},
	} {
		fmt.Fprintf(&b, "%-14s %s\n", line.key, line.value)
	}
	return b.String()
}
