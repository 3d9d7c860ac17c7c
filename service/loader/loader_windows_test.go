package loader

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A library beside the program, or in the folder that it was started in, is not
// found by its name; one of Windows is.
func TestOnlyTheLibrariesOfWindows(t *testing.T) {
	system, err := os.ReadFile(filepath.Join(os.Getenv("SystemRoot"), "System32", "version.dll"))
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	const name = "holdfast-planted.dll"
	for _, dir := range []string{filepath.Dir(self), here} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, system, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(path) })
	}
	if _, err := syscall.LoadLibrary(name); !errors.Is(err, syscall.ERROR_MOD_NOT_FOUND) {
		t.Errorf("a library that somebody planted: got %v", err)
	}
	if _, err := syscall.LoadLibrary("version.dll"); err != nil {
		t.Errorf("a library of Windows: %v", err)
	}
	// There was something to be found: by its path it can be loaded.
	if _, err := syscall.LoadLibrary(filepath.Join(here, name)); err != nil {
		t.Fatalf("the planted library is none: %v", err)
	}
}
