package library

import (
	"os"
	"path/filepath"
	"testing"

	"holdfast/service/acl"
)

func TestSystemVault(t *testing.T) { testVault(t, system) }

// What is written is for administrators and ourselves alone, and so is the folder.
func TestFilesAreClosedToOthers(t *testing.T) {
	dir := sealedDir(t, nil)
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, documentName)
	if err := writeFile(path, []byte("[settings]\n")); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{dir, path} {
		if others, err := acl.Strangers(at, acl.Use); err != nil || len(others) > 0 {
			t.Errorf("%s may be used by %v, %v", at, others, err)
		}
	}
}

// A folder with things of others in it is not taken from them, and not used where
// they may write to it.
func TestFolderOfOthers(t *testing.T) {
	above, err := os.MkdirTemp("", "library")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(above) })
	dir := filepath.Join(above, "theirs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := acl.Strangers(dir, acl.Use)
	if err != nil {
		t.Fatal(err)
	}
	if len(before) == 0 {
		t.Skip("this system lets nobody else into a new folder")
	}
	_ = closeToOthers(dir)
	if after, err := acl.Strangers(dir, acl.Use); err != nil || len(after) != len(before) {
		t.Errorf("it was taken from %v: now %v, %v", before, after, err)
	}
}
