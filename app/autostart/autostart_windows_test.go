package autostart

import (
	"errors"
	"testing"

	"golang.org/x/sys/windows/registry"

	"holdfast/installer/windows"
)

// mayChange keeps the test off a registry that somebody uses: it runs where no tray
// is entered and nothing of ours is kept.
func mayChange(t *testing.T) {
	t.Helper()
	if hasValue(registry.CURRENT_USER) || hasValue(registry.LOCAL_MACHINE) || declined() {
		t.Skip("needs an account in which no tray starts at login")
	}
	t.Cleanup(func() {
		if err := forget(); err != nil {
			t.Error(err)
		}
	})
}

func TestForOnePerson(t *testing.T) {
	mayChange(t)
	if err := enable(`C:\Program Files\Holdfast\holdfast-tray.exe`); err != nil || !enabled() {
		t.Errorf("turned on: %v", err)
	}
	for range 2 {
		if err := disable(); err != nil || enabled() || declined() {
			t.Errorf("turned off: %v", err)
		}
	}
}

// The installer's entry is not the person's to remove, but theirs to decline.
func TestForEveryone(t *testing.T) {
	mayChange(t)
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, windows.RunKey, registry.SET_VALUE)
	if err != nil {
		t.Skip("needs the rights of an administrator: ", err)
	}
	defer key.Close()
	if err := key.SetStringValue(windows.RunValue, "tray"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := key.DeleteValue(windows.RunValue); err != nil && !errors.Is(err, registry.ErrNotExist) {
			t.Error(err)
		}
	}()
	if !enabled() {
		t.Error("off at first")
	}
	for range 2 {
		if err := disable(); err != nil || enabled() {
			t.Errorf("turned off: %v", err)
		}
	}
	for range 2 {
		if err := enable("tray"); err != nil || !enabled() || hasValue(registry.CURRENT_USER) {
			t.Errorf("turned on: %v, in the person's own list too: %v", err, hasValue(registry.CURRENT_USER))
		}
	}
}
