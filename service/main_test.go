package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/service/daemon"
)

// exec runs the program with these arguments, and returns its exit code and
// what it wrote on standard error.
func exec(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = w
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		text <- string(b)
	}()
	code = run(args)
	os.Stderr = stderr
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return code, <-text
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	// Seal shuts the guard of the system: it is only asked for nothing here.
	if err := errors.Join(os.Mkdir(in("off"), 0o700), os.WriteFile(in("off/holdfast.toml"), []byte("[settings]\nguard = \"off\"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"run", "--userspace", "--config-dir", file}, daemon.ExitCode(daemon.OpenLibrary), "hint: "},
		{[]string{"run", "--userspace", "--config-dir", in("etc"), "--state-dir", file}, daemon.ExitCode(daemon.OpenStore), "cannot open the history"},
		{[]string{"run", "--userspace", "--config-dir", in("etc"), "--state-dir", in("var"), "--socket", file}, daemon.ExitCode(daemon.OpenSocket), "cannot open the socket"},
		{[]string{"run", "--nonsense"}, usage, "hint: holdfastd run --help"},
		{[]string{"run", "more"}, usage, "hint: "},
		{[]string{"seal", "--config-dir", in("off"), "--state-dir", in("none")}, 0, "set=open"},
		{[]string{"seal", "--userspace"}, usage, "hint: "},
		{[]string{"seal", "more"}, usage, "hint: "},
		{[]string{"run", "--log-level", "loud"}, usage, "hint: "},
	} {
		if code, said := exec(t, tt.args...); code != tt.code || !strings.Contains(said, tt.says) {
			t.Errorf("%q: exit code %d, want %d; said %q, want %q in it", tt.args, code, tt.code, said, tt.says)
		}
	}
}

// What fails after the arguments were understood is not their fault.
func TestReport(t *testing.T) {
	stage := &daemon.StageError{Stage: daemon.OpenStore, Err: errors.New("no")}
	for err, want := range map[error]int{
		nil: 0,
		fmt.Errorf("%w: %w", errServe, errors.New("it hung")): failed,
		fmt.Errorf("%w: %w", errServe, stage):                 daemon.ExitCode(daemon.OpenStore),
		fmt.Errorf("%w: %w", errSeal, errors.New("no nft")):   failed,
		errors.New("unknown flag"):                            usage,
	} {
		if got := report(err); got != want {
			t.Errorf("%v: exit code %d, want %d", err, got, want)
		}
	}
}
