package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/installer/linux"
)

// testSystemd is a systemd whose programs are scripts that write down how they
// were called.
func testSystemd(t *testing.T) (s *systemd, calls func() string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	script := func(name, more string) string {
		path := filepath.Join(dir, name)
		text := "#!/bin/sh\necho " + name + " \"$@\" >> " + log + "\n" + more
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	show := `if [ "$1" = show ]; then
printf 'LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n'; fi
if [ "$1" = start ]; then echo "Unit is masked." >&2; exit 1; fi
`
	s = &systemd{
		units: filepath.Join(dir, "units"), packaged: filepath.Join(dir, "packaged"), groups: filepath.Join(dir, "groups"), booted: dir,
		systemctl: script("systemctl", show), sysusers: script("systemd-sysusers", ""),
	}
	return s, func() string {
		b, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return string(b)
	}
}

func TestInstallWritesTheUnitsAndStartsTheService(t *testing.T) {
	s, calls := testSystemd(t)
	program := rootOwned(t)
	if err := s.Install(t.Context(), program, true); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Files(program) {
		text, err := os.ReadFile(f.Path)
		if err != nil || string(text) != f.Text {
			t.Errorf("got %v, %q in %s, want %q", err, text, f.Path, f.Text)
		}
		if info, err := os.Stat(f.Path); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("got %v, %v for %s, want mode 644", info, err, f.Path)
		}
	}
	if text, _ := os.ReadFile(s.unit()); !strings.Contains(string(text), "\nExecStart="+program+" run\n") {
		t.Errorf("got no ExecStart for %s in:\n%s", program, text)
	}
	group := filepath.Join(s.groups, "holdfast.conf")
	want := "systemd-sysusers " + group + "\nsystemctl daemon-reload\n" +
		"systemctl enable holdfastd.service holdfast-earlyboot.service\nsystemctl restart holdfastd.service\n"
	if got := calls(); got != want {
		t.Errorf("got calls:\n%swant:\n%s", got, want)
	}
	if err := s.Uninstall(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Files(program) {
		if _, err := os.Stat(f.Path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v for %s, want it gone", err, f.Path)
		}
	}
	want += "systemctl disable --now holdfast-earlyboot.service\nsystemctl disable --now holdfastd.service\nsystemctl daemon-reload\n"
	if got := calls(); got != want {
		t.Errorf("got calls:\n%swant:\n%s", got, want)
	}
	if left, _ := filepath.Glob(filepath.Dir(s.units) + "/*/.*"); len(left) > 0 {
		t.Errorf("got %v left over", left)
	}
}

// What a package brought is controlled as any other, and left to the package.
func TestServiceOfAPackage(t *testing.T) {
	s, calls := testSystemd(t)
	program := rootOwned(t)
	if err := os.Mkdir(s.packaged, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.packaged, linux.Service), []byte(linux.Text(linux.Service, program)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Install(t.Context(), program, true), s.Stop(t.Context())); err != nil {
		t.Fatal(err)
	}
	want := "systemctl daemon-reload\nsystemctl enable holdfastd.service holdfast-earlyboot.service\n" +
		"systemctl restart holdfastd.service\nsystemctl stop holdfastd.service\n"
	if got := calls(); got != want {
		t.Errorf("got calls:\n%swant:\n%s", got, want)
	}
	if _, err := os.Stat(s.units); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for %s, want nothing written there", err, s.units)
	}
	if f := explain(s.Uninstall(t.Context())); f.code != exitFailed || !strings.Contains(f.hint, "remove the package") {
		t.Errorf("uninstalling: got code %d, %q, want it left to the package", f.code, f.hint)
	}
	// Another program is installed beside it, and has units of its own.
	other := filepath.Join(filepath.Dir(program), "false")
	if err := s.Install(t.Context(), other, false); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(s.unit()); err != nil || string(text) != linux.Text(linux.Service, other) {
		t.Errorf("got %v, %q in %s, want the unit of %s", err, text, s.unit(), other)
	}
}

// An installation of before there was the unit for the boot has only the other.
func TestUninstallOfOneUnit(t *testing.T) {
	s, calls := testSystemd(t)
	if err := os.Mkdir(s.units, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.unit(), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Uninstall(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "systemctl disable --now holdfastd.service\nsystemctl daemon-reload\n"
	if got := calls(); got != want {
		t.Errorf("got calls:\n%swant:\n%s", got, want)
	}
}

// The guard's rules outlive the service. A stop says so, and an uninstall takes
// them away.
func TestTheGuardAfterTheService(t *testing.T) {
	broken := errors.New("no netlink")
	for _, tt := range []struct {
		name     string
		do       func(*program, context.Context, manager) error
		shut     bool
		seen     error
		release  error
		says     string
		released int
		code     int
	}{
		{"stop, open", (*program).serviceStop, false, nil, nil, "stopped\n", 0, exitDone},
		{"stop, shut", (*program).serviceStop, true, nil, nil, "the guard stays shut", 0, exitDone},
		{"uninstall, open", (*program).serviceUninstall, false, nil, nil, "were kept\n", 1, exitDone},
		{"uninstall, open, and it fails", (*program).serviceUninstall, false, nil, broken, "may not be as it was: no netlink\nhint: ", 1, exitFailed},
		{"uninstall, shut", (*program).serviceUninstall, true, nil, nil, "the guard was shut, and is open now", 1, exitDone},
		{"uninstall, not known", (*program).serviceUninstall, false, broken, nil, "is open now", 1, exitDone},
		{"uninstall, no guard", (*program).serviceUninstall, false, fmt.Errorf("guard: %w", errors.ErrUnsupported), nil, "were kept\n", 1, exitDone},
		{"uninstall, nothing can be kept in", (*program).serviceUninstall, false, nil, errors.ErrUnsupported, "were kept\n", 1, exitDone},
		{"uninstall, stuck", (*program).serviceUninstall, true, nil, broken, "the guard is still shut: no netlink\nhint: ", 1, exitFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := testSystemd(t)
			if err := os.Mkdir(s.units, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s.unit(), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			released := 0
			p := &program{out: &said, err: &said,
				shut: func() (bool, error) { return tt.shut, tt.seen },
				release: func(context.Context, string, string) error {
					released++
					return tt.release
				}}
			code := p.report(tt.do(p, t.Context(), s))
			if code != tt.code || !strings.Contains(said.String(), tt.says) || released != tt.released {
				t.Errorf("got exit code %d, released %d times, %q; want %d, %d times, %q", code, released, said.String(), tt.code, tt.released, tt.says)
			}
		})
	}
}

// rootOwned is a program that only root can change, or the test is skipped.
func rootOwned(t *testing.T) string {
	t.Helper()
	path, err := filepath.EvalSymlinks("/bin/true")
	if err != nil || onlyRootWrites(path, belongsToRoot) != nil {
		t.Skip("this system has no /bin/true that only root can change")
	}
	return path
}

func TestServiceCommandsSayWhatIsMissing(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		name string
		with func(*systemd)
		do   func(*systemd) error
		code int
	}{
		{"not root", func(s *systemd) { s.uid = 1000 }, func(s *systemd) error { return s.Start(ctx) }, exitNotPermitted},
		{"no systemd", func(s *systemd) { s.booted += "/none" }, func(s *systemd) error { return s.Stop(ctx) }, exitFailed},
		{"no systemd, status", func(s *systemd) { s.booted += "/none" }, func(s *systemd) error {
			_, err := s.Status(ctx)
			return err
		}, exitFailed},
		{"not installed", func(*systemd) {}, func(s *systemd) error { return s.Uninstall(ctx) }, exitNotFound},
		{"systemctl fails", func(s *systemd) { _ = os.Mkdir(s.units, 0o755); _ = os.WriteFile(s.unit(), nil, 0o600) }, func(s *systemd) error { return s.Start(ctx) }, exitFailed},
		{"others may write the program", func(*systemd) {}, func(s *systemd) error {
			path := filepath.Join(filepath.Dir(s.units), "holdfastd")
			_ = os.WriteFile(path, nil, 0o755)
			_ = os.Chmod(path, 0o777)
			return s.Install(ctx, path, true)
		}, exitFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := testSystemd(t)
			tt.with(s)
			f := explain(tt.do(s))
			if f.code != tt.code || f.hint == "" {
				t.Errorf("got code %d, hint %q, message %q; want code %d and a hint", f.code, f.hint, f.message, tt.code)
			}
		})
	}
}

func TestServiceStatus(t *testing.T) {
	s, _ := testSystemd(t)
	got, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (managed{Installed: true, AtBoot: true, Running: true, State: "active"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRunnable(t *testing.T) {
	for path, want := range map[string]bool{
		"/usr/bin/holdfastd": true, "/usr/local/bin/holdfastd": true, "/opt/holdfast/holdfastd": true, "/nix/store/x/bin/holdfastd": true,
		"/root/holdfastd": false, "/home/ann/holdfastd": false, "/tmp/holdfastd": false, "/var/tmp/holdfastd": false, "/run/holdfastd": false,
	} {
		if err := runnable(path); (err == nil) != want {
			t.Errorf("%s: got %v, want it runnable: %t", path, err, want)
		}
	}
}
