//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/installer/macos"
)

// testLaunchd is a launchd whose launchctl is a script. It writes down how it was
// called, and has the job while the file "loaded" is there: a job that is taken away
// goes when it has been looked for once more.
func testLaunchd(t *testing.T) (l *launchd, calls func() string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	text := `#!/bin/sh
cd "` + dir + `"
case "$1" in
print)
	if [ -e leaving ]; then /bin/rm leaving; [ -e stuck ] || /bin/rm loaded; echo "	state = SIGTERMed"; exit 0; fi
	[ -e loaded ] || { echo "Could not find service" >&2; exit 113; }
	printf 'system/org.holdfast.holdfastd = {\n\tactive count = 1\n\tstate = running\n\tspawn type = interactive (4)\n\tresource = {\n\t\tstate = active\n\t}\n}\n'
	exit 0 ;;
print-disabled) /bin/cat disabled; exit 0 ;;
esac
echo "launchctl $*" >> log
case "$1" in
bootstrap) [ ! -e loaded ] || { echo "Bootstrap failed: 5: Input/output error" >&2; exit 5; }; : > loaded ;;
bootout) : > leaving; [ ! -e stuck ] || { : ; echo "Boot-out failed: 36: Operation now in progress" >&2; exit 36; } ;;
esac
`
	program := filepath.Join(dir, "launchctl")
	for name, content := range map[string]string{
		program: text, filepath.Join(dir, "disabled"): "disabled services = {\n\t\"com.apple.ftpd\" => disabled\n\t\"org.holdfast.holdfastd\" => enabled\n}\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l = &launchd{
		plist: filepath.Join(dir, "LaunchDaemons", macos.Label+".plist"), home: filepath.Join(dir, "Home"), logs: filepath.Join(dir, "Logs"), launchctl: program,
		isRoots: func(uint32) bool { return true }, leaveWithin: time.Second, leaveEvery: time.Millisecond,
	}
	return l, func() string {
		b, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		_ = os.Remove(log)
		return string(b)
	}
}

func TestLaunchdJob(t *testing.T) {
	l, calls := testLaunchd(t)
	program, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil || onlyRootWrites(program, l.isRoots) != nil {
		t.Skip("this system has no /bin/sh that only root can change")
	}
	status := func() managed {
		t.Helper()
		m, err := l.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if got, want := status(), (managed{State: "not loaded"}); got != want {
		t.Errorf("before it is installed: %+v, want %+v", got, want)
	}
	const enable, bootstrap, bootout = "launchctl enable " + job + "\n", "launchctl bootstrap system ", "launchctl bootout " + job + "\n"
	begun := bootstrap + l.plist + "\n"
	running := managed{Installed: true, AtBoot: true, Running: true, State: "running"}
	stopped := managed{Installed: true, AtBoot: true, State: "not loaded"}
	for _, step := range []struct {
		name  string
		do    func() error
		calls string
		then  managed
	}{
		{"registered", func() error { return l.Install(t.Context(), program, false) }, enable, stopped},
		{"installed", func() error { return l.Install(t.Context(), program, true) }, enable + begun, running},
		{"installed again", func() error { return l.Install(t.Context(), program, true) }, enable + bootout + begun, running},
		{"started again", func() error { return l.Start(t.Context()) }, "launchctl kickstart " + job + "\n", running},
		{"stopped", func() error { return l.Stop(t.Context()) }, bootout, stopped},
		{"stopped again", func() error { return l.Stop(t.Context()) }, "", stopped},
		{"started", func() error { return l.Start(t.Context()) }, enable + begun, running},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := calls(); got != step.calls {
			t.Errorf("%s: got calls:\n%swant:\n%s", step.name, got, step.calls)
		}
		if got := status(); got != step.then {
			t.Errorf("%s: %+v, want %+v", step.name, got, step.then)
		}
	}
	if text, err := os.ReadFile(l.plist); err != nil || string(text) != macos.PlistText(program) {
		t.Errorf("got %v, %q in %s", err, text, l.plist)
	}
	if err := l.Uninstall(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.plist); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for %s, want it gone", err, l.plist)
	}
}

// Who may run the programs may not see what the tunnels beside them are called.
func TestHideNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Home")
	inside, elsewhere := filepath.Join(dir, "bin", "holdfastd"), dir+"s/holdfastd"
	if err := hideNames(dir, elsewhere); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	for _, c := range []struct {
		before  fs.FileMode
		program string
		after   fs.FileMode
	}{
		{0o755, inside, 0o711}, {0o711, inside, 0o711}, {0o700, inside, 0o711}, {0o700, elsewhere, 0o700}, {0o755, elsewhere, 0o711},
	} {
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, c.before), hideNames(dir, c.program)); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != c.after {
			t.Errorf("%#o became %v, %v; want %#o", c.before, info.Mode(), err, c.after)
		}
	}
}

// On a Mac a shell finds the program by a link, and the service is beside the program.
func TestProgramBesideALink(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program, link := filepath.Join(dir, "bin", "holdfast"), filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(filepath.Dir(program), 0o755), os.WriteFile(program, nil, 0o755), os.Symlink(program, link)); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(dir, "bin", "holdfastd")
	for _, self := range []string{program, link} {
		if got := beside(self); got != want {
			t.Errorf("%s: got %s, want %s", self, got, want)
		}
	}
}

func TestLaunchdRefusals(t *testing.T) {
	l, _ := testLaunchd(t)
	for verb, do := range map[string]func() error{
		"uninstall": func() error { return l.Uninstall(t.Context()) },
		"start":     func() error { return l.Start(t.Context()) },
		"stop":      func() error { return l.Stop(t.Context()) },
	} {
		l.uid = 0
		if err := do(); explain(err).code != exitNotFound || explain(err).hint == "" {
			t.Errorf("%s of what is not installed: %v", verb, err)
		}
		l.uid = 501
		if err := do(); explain(err).code != exitNotPermitted || !strings.Contains(explain(err).hint, "sudo holdfast service "+verb) {
			t.Errorf("%s by a person: %v", verb, err)
		}
	}
	l.uid = 0
	if err := l.Install(t.Context(), filepath.Join(t.TempDir(), "none"), true); err == nil {
		t.Error("a program that is not there was installed")
	}
	// What others may write is not run as root.
	l.isRoots = belongsToRoot
	open := filepath.Join(t.TempDir(), "holdfastd")
	if err := errors.Join(os.WriteFile(open, nil, 0o755), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := l.Install(t.Context(), open, true); err == nil || explain(err).hint == "" {
		t.Errorf("a program that others may write: %v", err)
	}
}

// A job that does not go is told of, with what launchctl said.
func TestLaunchdJobThatStays(t *testing.T) {
	l, _ := testLaunchd(t)
	l.leaveWithin = 20 * time.Millisecond
	dir := filepath.Dir(l.launchctl)
	for _, name := range []string{"loaded", "stuck", "disabled"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("\t\""+macos.Label+"\" => true\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Dir(l.plist), 0o755), os.WriteFile(l.plist, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := l.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "Boot-out failed: 36") {
		t.Errorf("got %v", err)
	}
	if m, err := l.Status(t.Context()); err != nil || m.AtBoot || !m.Running {
		t.Errorf("got %+v, %v, want a job that runs and does not begin by itself", m, err)
	}
}
