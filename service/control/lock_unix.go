//go:build unix

package control

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// lockFile is held as long as the service runs; the kernel lets go of it when
// the process ends, however it ends.
type lockFile struct {
	file *os.File
	once sync.Once
}

// lock takes the lock file at path. ErrRunning: another process has it.
func lock(path string) (*lockFile, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			_ = f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, ErrRunning
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		held, err := f.Stat()
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		// One that stops removes the file while it holds the lock: then the
		// lock just taken is one that nobody else will look for.
		if there, err := os.Lstat(path); err == nil && os.SameFile(there, held) {
			return &lockFile{file: f}, nil
		}
		_ = f.Close()
	}
}

// release removes the lock file and lets go of it. It may be called again.
func (l *lockFile) release() {
	l.once.Do(func() {
		_ = os.Remove(l.file.Name())
		_ = l.file.Close()
	})
}
