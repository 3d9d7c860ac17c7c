package main

import (
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"

	installer "holdfast/installer/windows"
)

// The system reads a list of texts up to an empty one.
func TestBlock(t *testing.T) {
	for _, texts := range [][]string{nil, {"Nsi"}, {"Nsi", "Tcpip", "BFE"}} {
		p := block(texts)
		var got []string
		for at := unsafe.Pointer(p); ; {
			text := windows.UTF16PtrToString((*uint16)(at))
			if text == "" {
				break
			}
			got = append(got, text)
			at = unsafe.Add(at, 2*(len(text)+1))
		}
		if strings.Join(got, ",") != strings.Join(texts, ",") {
			t.Errorf("got %q, want %q", got, texts)
		}
	}
}

// What is registered is known again as ours.
func TestFilesAreWhatIsRegistered(t *testing.T) {
	const program = `C:\Program Files\Holdfast\holdfastd.exe`
	files := (&scm{}).Files(program)
	service := files[len(files)-1]
	if !strings.HasSuffix(service.Path, `\Holdfast`) || !strings.Contains(service.Text, `"`+program+`" run --service`) {
		t.Errorf("the service's own is %+v", service)
	}
	words, err := windows.DecomposeCommandLine(installer.Define(program).CommandLine)
	if err != nil || strings.Join(words, "|") != program+"|run|--service" {
		t.Errorf("the system reads the command line as %q, %v", words, err)
	}
}

func TestStateWords(t *testing.T) {
	for state, want := range map[svc.State]string{svc.Running: "running", svc.Stopped: "stopped", 77: "state 77"} {
		if got := stateWord(state); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
