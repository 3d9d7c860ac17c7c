//go:build unix

package library

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// makeDir makes a directory for ourselves alone, where there is none.
func makeDir(dir string) error { return os.MkdirAll(dir, 0o700) }

// closeToOthers makes the directory 0700, if nothing but ours is in it: /etc
// given by mistake stays as it is. One in which others can write is refused
// then, as they could put files of theirs in the place of ours.
func closeToOthers(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case info.Mode().Perm()&0o077 == 0:
		return nil
	}
	ours, err := holdsOnlyOurs(dir)
	switch {
	case err != nil:
		return err
	case ours && info.Mode()&os.ModeSticky == 0:
		return os.Chmod(dir, 0o700)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others can write in %s; use a directory of its own, with mode 0700", dir)
	}
	return nil
}

// ownerOnly is the mode of every file: it may hold a private key.
const ownerOnly fs.FileMode = 0o600

// readFile reads a regular file of at most so many bytes, and takes the rights of
// others to it away. It never follows a link, nor waits for a pipe.
func readFile(path string, most int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) {
		return nil, errNotAFile
	}
	if errors.Is(err, syscall.EACCES) {
		// A service that is shut in opens only what is its own, even as root.
		return nil, fmt.Errorf("the service may not read it; give it to its user: chown %d %s (%w)", os.Geteuid(), path, syscall.EACCES)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotAFile
	}
	if info.Mode().Perm() != ownerOnly {
		// It may fail on a read-only disk. The directory keeps others out then.
		_ = f.Chmod(ownerOnly)
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(text) > most {
		err = errTooLarge
	}
	return text, err
}

// writeFile puts text at path, whole or not at all, and brings it to the disk.
func writeFile(path string, text []byte) error {
	dir := filepath.Dir(path)
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir), renameio.WithStaticPermissions(ownerOnly))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir brings the names in a directory to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
