//go:build unix

package library_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"holdfast/service/library"
	"holdfast/service/tunnel"
)

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestPermissions(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir := filepath.Join(t.TempDir(), "new", "holdfast")
	l := open(t, dir, "nl")
	if err := l.SetGroup("home", []tunnel.Name{"nl"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Save("nl", config(t), true); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		for path, want := range map[string]fs.FileMode{dir: fs.ModeDir | 0o700, filepath.Join(dir, "nl.conf"): 0o600, filepath.Join(dir, "holdfast.toml"): 0o600} {
			if got := mode(t, path); got != want {
				t.Errorf("%s has %v, want %v", path, got, want)
			}
		}
	}
	check()
	for path, wide := range map[string]fs.FileMode{dir: 0o775, filepath.Join(dir, "nl.conf"): 0o644, filepath.Join(dir, "holdfast.toml"): 0o666} {
		if err := os.Chmod(path, wide); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	check()
}

// A directory that is not ours alone keeps its mode, and one in which others can
// write is refused.
func TestForeignDirectory(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "passwd", "")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if got := mode(t, dir).Perm(); got != 0o755 {
		t.Errorf("mode is %v, want it as it was", got)
	}
	for _, wide := range []fs.FileMode{0o777 | fs.ModeSticky, 0o775} {
		if err := os.Chmod(dir, wide); err != nil {
			t.Fatal(err)
		}
		if _, err := library.Open(dir); err == nil || !strings.Contains(err.Error(), "others can write") {
			t.Errorf("%v: got %v", wide, err)
		}
	}
	put(t, dir, "file", "")
	if _, err := library.Open(filepath.Join(dir, "file")); err == nil {
		t.Error("a file is not a directory")
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	put(t, outside, "target", conf)
	target := filepath.Join(outside, "target")
	for _, file := range []string{"link.conf", "holdfast.toml"} {
		if err := os.Symlink(target, filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := library.Open(dir)
	wantError(t, err, library.ErrDamaged, "not a file")
	if err := os.Remove(filepath.Join(dir, "holdfast.toml")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.conf"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling.conf")); err != nil {
		t.Fatal(err)
	}
	l := open(t, dir)
	wantNames(t, l)
	for _, file := range []string{"link.conf", "pipe.conf", "dangling.conf"} {
		if err := l.Problems()[file]; err == nil || !strings.Contains(err.Error(), "not a file") {
			t.Errorf("%s: got %v", file, err)
		}
	}
	wantError(t, l.Save("dangling", config(t), false), library.ErrExists)

	changed := config(t)
	changed.Interface.MTU = 1300
	if err := l.Save("link", changed, true); err != nil {
		t.Fatal(err)
	}
	if got := read(t, outside, "target"); got != conf {
		t.Errorf("wrote through a link:\n%s", got)
	}
	if got := mode(t, filepath.Join(dir, "link.conf")); got != 0o600 {
		t.Errorf("the link is now %v, want a file", got)
	}
	if err := l.Remove("dangling"); err != nil {
		t.Error(err)
	}
	if err := l.Remove("pipe"); err != nil {
		t.Error(err)
	}
	wantNames(t, open(t, dir), "link")
}

// When a file cannot be written, what is there stays, on disk and in memory.
func TestFailedWrite(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, "nl")
	if err := os.Mkdir(filepath.Join(dir, "de.conf"), 0o700); err != nil {
		t.Fatal(err)
	}
	changed := config(t)
	changed.Interface.MTU = 1300
	if err := l.Save("de", changed, true); err == nil {
		t.Error("a directory was replaced by a file")
	}
	wantNames(t, l, "nl")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Save("nl", changed, true); err == nil {
		t.Error("saved into a directory that is gone")
	}
	if c, err := l.Tunnel("nl"); err != nil || c.Interface.MTU != 0 {
		t.Errorf("the failed save is visible: %v", err)
	}
	if _, err := l.SetSettings(map[string]string{"mtu": "1300"}); err == nil || l.Policy().MTU == 1300 {
		t.Errorf("the failed setting is visible: %v", err)
	}
}
