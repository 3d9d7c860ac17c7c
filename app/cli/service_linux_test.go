package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	show := `if [ "$1" = show ]; then printf 'LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n'; fi
if [ "$1" = start ]; then echo "Unit is masked." >&2; exit 1; fi
`
	s = &systemd{
		unit: filepath.Join(dir, "holdfastd.service"), booted: dir,
		systemctl: script("systemctl", show), groupadd: script("groupadd", ""),
	}
	return s, func() string {
		b, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return string(b)
	}
}

func TestInstallWritesTheUnitAndStartsIt(t *testing.T) {
	s, calls := testSystemd(t)
	program := rootOwned(t)
	if err := s.Install(context.Background(), program, true); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.unit)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\nExecStart="+program+" run\n") {
		t.Errorf("got no ExecStart for %s in:\n%s", program, text)
	}
	if info, _ := os.Stat(s.unit); info.Mode().Perm() != 0o644 {
		t.Errorf("got mode %o", info.Mode().Perm())
	}
	want := "groupadd --system --force holdfast\nsystemctl daemon-reload\nsystemctl enable --now holdfastd.service\n"
	if got := calls(); got != want {
		t.Errorf("got calls:\n%swant:\n%s", got, want)
	}
	if err := s.Uninstall(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.unit); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for the unit, want it gone", err)
	}
	if left, _ := filepath.Glob(filepath.Dir(s.unit) + "/.holdfastd-*"); len(left) > 0 {
		t.Errorf("got %v left over", left)
	}
}

// rootOwned is a program that only root can change, or the test is skipped.
func rootOwned(t *testing.T) string {
	t.Helper()
	path, err := filepath.EvalSymlinks("/bin/true")
	if err != nil || onlyRootWrites(path) != nil {
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
		{"systemctl fails", func(s *systemd) { _ = os.WriteFile(s.unit, nil, 0o600) }, func(s *systemd) error { return s.Start(ctx) }, exitFailed},
		{"others may write the program", func(*systemd) {}, func(s *systemd) error {
			path := filepath.Join(filepath.Dir(s.unit), "holdfastd")
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
	got, err := s.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := (managed{Installed: true, AtBoot: true, Running: true, State: "active"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestUnitPath(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"/usr/bin/holdfastd", "/usr/bin/holdfastd"},
		{"/opt/my tools/holdfastd", `"/opt/my tools/holdfastd"`},
		{`/opt/%h/$x"`, `"/opt/%%h/$$x\""`},
	} {
		if got := unitPath(tt.in); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.in, got, tt.want)
		}
	}
}
