package autostart

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// world is a person's and a system's folder, empty.
func world(t *testing.T) places {
	t.Helper()
	dir := t.TempDir()
	p := places{own: filepath.Join(dir, "own", "autostart", entryName), system: []string{filepath.Join(dir, "etc", entryName)}}
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o700); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWithoutAPackage(t *testing.T) {
	p := world(t)
	if p.enabled() {
		t.Error("on at first")
	}
	if err := p.enable("/opt/holdfast/holdfast-tray"); err != nil || !p.enabled() {
		t.Errorf("turned on: %v", err)
	}
	text, err := os.ReadFile(p.own)
	if err != nil || !strings.Contains(string(text), "\nExec=\"/opt/holdfast/holdfast-tray\"\n") {
		t.Errorf("the entry is %s, %v", text, err)
	}
	for range 2 {
		if err := p.disable(); err != nil || p.enabled() {
			t.Errorf("turned off: %v", err)
		}
	}
	if _, err := os.Stat(p.own); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an entry is left: %v", err)
	}
}

// TestWithAPackage: the system's entry is not ours to remove, but can be hidden.
func TestWithAPackage(t *testing.T) {
	p := world(t)
	if err := os.WriteFile(p.system[0], []byte("[Desktop Entry]\nExec=holdfast-tray\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !p.enabled() {
		t.Error("off at first")
	}
	if err := p.disable(); err != nil || p.enabled() {
		t.Errorf("turned off: %v", err)
	}
	if text, err := os.ReadFile(p.own); err != nil || !strings.Contains(string(text), "\nHidden=true\n") {
		t.Errorf("the entry is %s, %v", text, err)
	}
	for range 2 {
		if err := p.enable("/usr/bin/holdfast-tray"); err != nil || !p.enabled() {
			t.Errorf("turned on: %v", err)
		}
	}
	if _, err := os.Stat(p.own); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an entry of our own is left: %v", err)
	}
}

// TestTurnedOffByTheDesktop: GNOME says it in another line.
func TestTurnedOffByTheDesktop(t *testing.T) {
	p := world(t)
	if err := p.write("[Desktop Entry]\nExec=holdfast-tray\nX-GNOME-Autostart-enabled=false\n"); err != nil {
		t.Fatal(err)
	}
	if p.enabled() {
		t.Error("it counts as on")
	}
	if err := p.enable("/usr/bin/holdfast-tray"); err != nil || !p.enabled() {
		t.Errorf("turned on: %v", err)
	}
}

func TestQuote(t *testing.T) {
	for path, want := range map[string]string{
		`/usr/bin/holdfast-tray`: `"/usr/bin/holdfast-tray"`,
		`/my files/100%/tray`:    `"/my files/100%%/tray"`,
		`/a"b`:                   `"/a\\"b"`,
		"/a`$b":                  `"/a\\` + "`" + `\\$b"`,
		`/a\b`:                   `"/a\\\\b"`,
	} {
		if got := quote(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestNoTray(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	if Supported() {
		t.Error("there is a tray where there is none")
	}
	if err := Set(true); !errors.Is(err, ErrNoTray) {
		t.Errorf("got %v", err)
	}
	if err := Set(false); err != nil {
		t.Errorf("turning off what is off: %v", err)
	}
	tray := filepath.Join(os.Getenv("PATH"), trayName)
	if err := os.WriteFile(tray, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CONFIG_DIRS", t.TempDir())
	if err := Set(true); err != nil || !Supported() || !Enabled() {
		t.Errorf("with a tray: %v", err)
	}
}
