package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/installer/linux"
)

func TestStoredTunnelsAreCheckedWithTheirRights(t *testing.T) {
	good := conf(t, "192.0.2.1")
	for _, tt := range []struct {
		name string
		make func(dir string) error
		want result
		says string
	}{
		{"none", func(string) error { return nil }, passed, "0 tunnels"},
		{"good", func(dir string) error { return os.WriteFile(dir+"/nl.conf", []byte(good), 0o600) }, passed, "1 tunnel"},
		{"others may read", func(dir string) error { return os.WriteFile(dir+"/nl.conf", []byte(good), 0o644) }, broken, "nl.conf can be read by others"},
		{"not valid", func(dir string) error { return os.WriteFile(dir+"/nl.conf", []byte("x"), 0o600) }, broken, "nl.conf has "},
		{"a link", func(dir string) error { return os.Symlink("/etc/passwd", dir+"/nl.conf") }, broken, "nl.conf cannot be opened"},
		{"a folder", func(dir string) error { return os.Mkdir(dir+"/nl.conf", 0o700) }, broken, "nl.conf is no plain file"},
		{"other files", func(dir string) error { return os.WriteFile(dir+"/holdfast.toml", nil, 0o644) }, passed, "0 tunnels"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tt.make(dir); err != nil {
				t.Fatal(err)
			}
			if got := confFinding(dir); got.Result != tt.want || !strings.Contains(got.Detail, tt.says) {
				t.Errorf("got %s: %s, want %s: %s", got.Result, got.Detail, tt.want, tt.says)
			}
		})
	}
	if got := confFinding(filepath.Join(t.TempDir(), "none")); got.Result != passed {
		t.Errorf("got %s for a folder that is not there yet: %s", got.Result, got.Detail)
	}
}

func TestSystemFindings(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	dangling := filepath.Join(dir, "dangling")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "none"), dangling); err != nil {
		t.Fatal(err)
	}
	both := filepath.Join(dir, "both")
	for _, unit := range []string{linux.Service, linux.EarlyBoot} {
		if err := errors.Join(os.MkdirAll(both, 0o755), os.WriteFile(filepath.Join(both, unit), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		got  finding
		want result
	}{
		{"no tun", tunFinding(filepath.Join(dir, "none")), broken},
		{"tun is no device", tunFinding(plain), broken},
		{"a device", tunFinding("/dev/null"), passed},
		{"resolv.conf", resolvFinding(plain), passed},
		{"resolv.conf leads nowhere", resolvFinding(dangling), broken},
		{"no systemd", unitFinding(filepath.Join(dir, "none"), nil), skipped},
		{"no unit", unitFinding(dir, []string{filepath.Join(dir, "none")}), warned},
		{"one unit", unitFinding(dir, []string{plain}), warned},
		{"both units", unitFinding(dir, []string{filepath.Join(both, linux.Service)}), passed},
	} {
		if tt.got.Result != tt.want || tt.got.Detail == "" || tt.want == broken && tt.got.Hint == "" {
			t.Errorf("%s: got %+v, want %s", tt.name, tt.got, tt.want)
		}
	}
}

func TestDoctorTextTellsEveryResult(t *testing.T) {
	text := doctorText([]finding{
		{Name: "a", Result: passed, Detail: "fine"}, {Name: "b", Result: warned, Detail: "so so", Hint: "do this"},
		{Name: "c", Result: broken, Detail: strings.Repeat("long ", 40)}, {Name: "d", Result: skipped, Detail: ""},
	}, paint{})
	checkLines(t, text)
	for _, want := range []string{"ok       a: fine\n", "warning  b: so so\n         → do this\n", "failed   c: long", "skipped  d:\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %q in:\n%s", want, text)
		}
	}
}
