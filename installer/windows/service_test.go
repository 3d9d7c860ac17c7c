package windows

import (
	"strings"
	"testing"
	"time"
)

func TestDefine(t *testing.T) {
	s := Define(`C:\Program Files\Holdfast\holdfastd.exe`)
	if want := `"C:\Program Files\Holdfast\holdfastd.exe" run --service`; s.CommandLine != want {
		t.Errorf("command line %s, want %s", s.CommandLine, want)
	}
	// Any of these would let a flaw in the service reach further than the network.
	for _, far := range []string{"Debug", "Impersonate", "Tcb", "Backup", "Restore", "TakeOwnership", "AssignPrimaryToken", "CreateToken"} {
		for _, have := range s.Privileges {
			if have == "Se"+far+"Privilege" {
				t.Errorf("the service keeps %s", have)
			}
		}
	}
	for i, wait := range s.Restarts {
		if wait < time.Second || i > 0 && wait < s.Restarts[i-1] {
			t.Errorf("restarts after %v", s.Restarts)
		}
	}
	text := s.Text()
	for _, want := range []string{s.CommandLine, "LocalSystem", "SeLoadDriverPrivilege", "Nsi, Tcpip, BFE", "1s, 5s, 30s"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}
