package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/sys/windows"
)

// logon is a person's session on this computer: an object in it is made once.
type logon struct{ mutex windows.Handle }

func enterDesktop(socket string) (desktop, error) {
	sum := sha256.Sum256([]byte(socket))
	name, err := windows.UTF16PtrFromString(`Local\Holdfast-tray-` + hex.EncodeToString(sum[:4]))
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateMutex(nil, false, name)
	if errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		_ = windows.CloseHandle(h)
		return nil, errThereAlready
	}
	if err != nil {
		return nil, fmt.Errorf("mark that there is a tray: %w", err)
	}
	return logon{h}, nil
}

func (logon) hasTray() bool         { return true }
func (logon) gone() <-chan struct{} { return nil }
func (l logon) leave()              { _ = windows.CloseHandle(l.mutex) }
