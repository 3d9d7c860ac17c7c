package wg

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// A driver that is missing or is not the pinned one is refused, with what to do.
func TestDriverIsRefused(t *testing.T) {
	dir, err := os.MkdirTemp("", "driver") // t.TempDir cannot be removed under Wine
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, driverName)
	refused := func(when, says string) {
		t.Helper()
		release, err := holdFile(path, "amd64")
		if err == nil {
			release()
			t.Fatalf("%s: it is taken", when)
		}
		if !errors.Is(err, errDriver) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), driverAdvice) {
			t.Errorf("%s: got %v", when, err)
		}
	}
	refused("missing", "there is no")
	for _, c := range []struct{ name, content, says string }{
		{"empty", "", "has been changed, or is something else"},
		{"tampered with", "MZ" + strings.Repeat("x", 4096), "has been changed, or is something else"},
		{"too large", strings.Repeat("x", maxDriver+1), "has been changed, or is something else"},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(c.name, c.says)
		if err := os.Remove(path); err != nil {
			t.Errorf("%s: it is held: %v", c.name, err)
		}
	}
}

// The genuine driver is taken, and cannot be changed while it is held. It is not in
// this repository: HOLDFAST_WINTUN names it.
func TestDriverIsHeld(t *testing.T) {
	path := os.Getenv("HOLDFAST_WINTUN")
	if path == "" {
		t.Skip("needs the genuine wintun.dll of amd64 in HOLDFAST_WINTUN")
	}
	release, err := holdFile(path, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if f, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
		_ = f.Close()
		t.Error("it can be written to")
	}
	release()
	if f, err := os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		t.Errorf("it is held for ever: %v", err)
	} else {
		_ = f.Close()
	}
	if _, err := holdFile(path, "arm64"); err == nil || !strings.Contains(err.Error(), "not for arm64") {
		t.Errorf("the one for another computer: %v", err)
	}
}

// Without the driver beside the program there is no interface, and the error says why.
func TestOpenWithoutDriver(t *testing.T) {
	if _, err := New(Options{}).Open("Holdfast", 0); !errors.Is(err, errDriver) {
		t.Errorf("got %v", err)
	}
}

// Only reasons that pass are waited for.
func TestPasses(t *testing.T) {
	for err, want := range map[error]bool{
		windows.ERROR_ALREADY_EXISTS: true, windows.ERROR_FILE_NOT_FOUND: true, windows.ERROR_NO_SUCH_DEVINST: true,
		windows.ERROR_ACCESS_DENIED: false, windows.ERROR_INVALID_PARAMETER: false, windows.ERROR_NOT_SUPPORTED: false,
	} {
		if got := passes(fmt.Errorf("create: %w", err)); got != want {
			t.Errorf("%v: got %t", err, got)
		}
	}
}
