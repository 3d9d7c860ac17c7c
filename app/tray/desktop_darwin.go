package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// login is a person's session: a lock in their own folder is had once.
type login struct{ lock *os.File }

func enterDesktop(socket string) (desktop, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find your folder: %w", err)
	}
	dir = filepath.Join(dir, "Holdfast")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make your folder: %w", err)
	}
	sum := sha256.Sum256([]byte(socket))
	lock, err := os.OpenFile(filepath.Join(dir, "tray-"+hex.EncodeToString(sum[:4])+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("mark that there is a tray: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errThereAlready
		}
		return nil, fmt.Errorf("mark that there is a tray: %w", err)
	}
	return login{lock}, nil
}

func (login) hasTray() bool         { return true }
func (login) gone() <-chan struct{} { return nil }
func (l login) leave()              { _ = l.lock.Close() }
