package library

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/service/tunnel"
)

// mirror is a vault that turns every byte round, and knows its own.
var mirror = vault{
	suffix: ".conf.sealed",
	seal: func(name tunnel.Name, text []byte) ([]byte, error) {
		return turned(append([]byte(strings.ToLower(string(name))+"|"), text...)), nil
	},
	unseal: func(name tunnel.Name, data []byte) ([]byte, error) {
		as, text, found := bytes.Cut(turned(data), []byte("|"))
		switch {
		case !found:
			return nil, fmt.Errorf("%w (not ours)", errSealed)
		case string(as) != strings.ToLower(string(name)):
			return nil, errors.New("it was stored under another name")
		}
		return text, nil
	},
}

func turned(data []byte) []byte {
	out := slices.Clone(data)
	for i := range out {
		out[i] = ^out[i]
	}
	return out
}

const byHand = `# by hand
[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 10.0.0.2/32

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 0.0.0.0/0
Endpoint = vpn.example.com:51820
`

const secret = "yAnz5TF+lXXJte14tji3zlMNq"

// sealedDir is a directory of its own, with these files; under Wine what t.TempDir
// does at the end fails.
func sealedDir(t *testing.T, files map[string]string) string {
	t.Helper()
	above, err := os.MkdirTemp("", "library")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(above) })
	dir := filepath.Join(above, "Data")
	if err := makeDir(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// listed are the names in a directory, and whether a key can be read in one.
func listed(t *testing.T, dir string) (names []string, open bool) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name())
		open = open || bytes.Contains(text, []byte(secret))
	}
	return names, open
}

// testVaults goes through what must hold of every vault that seals.
func testVault(t *testing.T, v vault) {
	text, err := tunnel.Parse([]byte(byHand))
	if err != nil {
		t.Fatal(err)
	}
	dir := sealedDir(t, map[string]string{"dropped.conf": byHand, "broken.conf": "[Interface]\nPrivateKey = no\n"})
	l, err := openWith(dir, v)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Tunnels(); !slices.Equal(got, []tunnel.Name{"dropped"}) {
		t.Errorf("the tunnels are %q", got)
	}
	if err := l.Save("saved", text, false); err != nil {
		t.Fatal(err)
	}
	if err := l.Save("dropped", text, false); !errors.Is(err, ErrExists) {
		t.Errorf("a tunnel that was taken in can be saved over: %v", err)
	}
	if err := l.Rename("saved", "moved"); err != nil {
		t.Fatal(err)
	}
	names, open := listed(t, dir)
	if want := []string{"broken.conf", "dropped" + v.suffix, "moved" + v.suffix}; !slices.Equal(names, want) || open {
		t.Errorf("the files are %q, readable: %v, want %q", names, open, want)
	}
	if err := l.Problems()["broken.conf"]; err == nil {
		t.Error("a text that will not do has no problem")
	}

	// Another run reads it all, and one that only looks changes nothing.
	for range 2 {
		if l, err = openWith(dir, v); err != nil {
			t.Fatal(err)
		}
		for _, name := range []tunnel.Name{"dropped", "moved"} {
			if got, err := l.Tunnel(name); err != nil || got.Render() != text.Render() {
				t.Errorf("%s is not what it was: %v", name, err)
			}
		}
	}

	// A file that was given another name, or comes from elsewhere, is refused by
	// itself alone, and stays.
	if err := os.Rename(filepath.Join(dir, "moved"+v.suffix), filepath.Join(dir, "posing"+v.suffix)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "foreign"+v.suffix), []byte("from another computer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Tunnel("posing"); err == nil || !strings.Contains(err.Error(), "another name") {
		t.Errorf("a renamed file: %v", err)
	}
	if _, err := l.Tunnel("foreign"); !errors.Is(err, errSealed) {
		t.Errorf("a foreign file: %v", err)
	}
	if err := l.Save("foreign", text, false); !errors.Is(err, ErrExists) {
		t.Errorf("a tunnel that cannot be unsealed can be saved over unasked: %v", err)
	}
	if got := l.Tunnels(); !slices.Equal(got, []tunnel.Name{"dropped"}) {
		t.Errorf("the tunnels are %q", got)
	}
	if err := l.Save("foreign", text, true); err != nil {
		t.Errorf("it cannot be saved over when asked: %v", err)
	}
	if err := l.Remove("foreign"); err != nil {
		t.Error(err)
	}
}

func TestVault(t *testing.T) { testVault(t, mirror) }

// What is dropped beside a stored tunnel of its name never takes its place.
func TestTakeInBesideAStoredTunnel(t *testing.T) {
	sealed := func(text string) string {
		data, err := mirror.seal("nl", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, tt := range []struct {
		name, stored string
		left         []string
	}{
		{"the same", sealed(byHand), []string{"nl.conf.sealed"}}, // an interrupted run left it
		{"another", sealed(strings.Replace(byHand, "51820", "51821", 1)), []string{"nl.conf", "nl.conf.sealed"}},
		{"one that cannot be read", "?", []string{"nl.conf", "nl.conf.sealed"}},
	} {
		dir := sealedDir(t, map[string]string{"nl.conf": byHand, "nl.conf.sealed": tt.stored})
		l, err := openWith(dir, mirror)
		if err != nil {
			t.Fatal(err)
		}
		if names, _ := listed(t, dir); !slices.Equal(names, tt.left) {
			t.Errorf("%s: the files are %q, want %q", tt.name, names, tt.left)
		}
		if stored, err := os.ReadFile(filepath.Join(dir, "nl.conf.sealed")); err != nil || string(stored) != tt.stored {
			t.Errorf("%s: the stored tunnel was changed: %v", tt.name, err)
		}
		if err := l.Problems()["nl.conf"]; (err != nil) != slices.Contains(tt.left, "nl.conf") || err != nil && !errors.Is(err, ErrExists) {
			t.Errorf("%s: the problem is %v", tt.name, err)
		}
	}
}

// One who only looks reads both kinds, and leaves them.
func TestLookTakesNothingIn(t *testing.T) {
	dir := sealedDir(t, map[string]string{"nl.conf": byHand})
	l := &Library{dir: dir, vault: mirror, looks: true}
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := l.Tunnels(); !slices.Equal(got, []tunnel.Name{"nl"}) {
		t.Errorf("the tunnels are %q", got)
	}
	if names, _ := listed(t, dir); !slices.Equal(names, []string{"nl.conf"}) {
		t.Errorf("the files are %q", names)
	}
}
