//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestModes keeps others from reading the history.
func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a ?b%20#c")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, filepath.Join(dir, dbName), nil)
	if err := os.Chmod(filepath.Join(dir, dbName), 0o644); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, testOptions(t, dir))
	s.Append(eventsFrom(1, 1))
	mustFlush(t, s)
	if err := s.SaveWish(wish{On: true}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 6 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

// TestFolderOfOthersKeepsItsMode: a folder given by mistake, such as /var/lib,
// must not be closed to everybody else.
func TestFolderOfOthersKeepsItsMode(t *testing.T) {
	for _, c := range []struct {
		name string
		mode os.FileMode
		want error
	}{
		{"others read", 0o755, nil},
		{"others write", 0o777, ErrUnsafe},
		{"as /tmp", 0o777 | os.ModeSticky, ErrUnsafe},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			mustWrite(t, filepath.Join(dir, "passwd"), nil)
			if err := os.Chmod(dir, c.mode); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), testOptions(t, dir))
			if err == nil {
				err = s.Close()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if info, err := os.Stat(dir); err != nil || info.Mode()&^os.ModeDir != c.mode {
				t.Errorf("got mode %v, %v, want %v", info.Mode(), err, c.mode)
			}
		})
	}
}
