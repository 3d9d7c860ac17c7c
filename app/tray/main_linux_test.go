package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"holdfast/app/autostart"
	"holdfast/app/prefs"
)

// own gives the test folders of its own in the place of the person's.
func own(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "LOCALAPPDATA"} {
		t.Setenv(name, filepath.Join(dir, name))
	}
}

func TestForget(t *testing.T) {
	own(t)
	path, err := prefs.Path()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prefs.Open(path).Change(func(p *prefs.Prefs) error { p.Theme = "dark"; return nil }); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		o, code := parse([]string{"--forget"}, io.Discard, io.Discard)
		if code >= 0 || run(o, io.Discard) != exitDone {
			t.Fatal("what is kept of the person cannot be removed")
		}
		if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("preferences are left: %v", err)
		}
	}
}

// Who does not want the tray at login gets none, without a word.
func TestAtLoginLeaves(t *testing.T) {
	own(t)
	if autostart.Enabled() {
		t.Skip("needs an account in which no tray starts at login")
	}
	o, code := parse([]string{"--at-login"}, io.Discard, io.Discard)
	if code >= 0 {
		t.Fatalf("exit code %d", code)
	}
	if code := run(o, io.Discard); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}
