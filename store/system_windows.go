package store

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile takes the lock that keeps a second service away. Windows gives it up
// with the handle, however the process ends.
func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}

// syncDir does nothing: NTFS journals renames, and a directory cannot be
// flushed through a handle opened for reading.
func syncDir(string) error { return nil }

// closeDir does nothing: the directory has the rights that the installer gave it.
func closeDir(string, fs.FileInfo) error { return nil }
