// Package autostart starts the tray when the person logs in, in the way of their
// desktop: a file or a registry value of their own, which needs no privileges and
// concerns nobody else.
//
// It starts nothing itself.
package autostart

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNoTray says that this computer has no tray program that could be started.
var ErrNoTray = errors.New("the tray program is not installed")

// trayPath is the tray program: beside this one, or on the path.
func trayPath() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), trayName)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath(trayName)
	if err != nil {
		return "", ErrNoTray
	}
	return filepath.Abs(path)
}

// Supported says that the tray can be started at login: it is installed, and so
// is the person's own folder for it.
func Supported() bool {
	_, err := trayPath()
	return err == nil
}

// Enabled says that the tray starts at login.
func Enabled() bool { return enabled() }

// Set starts the tray at login from now on, or no more. ErrNoTray: there is none
// to start.
func Set(on bool) error {
	if !on {
		return disable()
	}
	tray, err := trayPath()
	if err != nil {
		return err
	}
	return enable(tray)
}

// Forget removes what the person decided about starting at login: they are as one
// who never did.
func Forget() error { return forget() }
