//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock that keeps a second service away. The kernel gives it
// up with the file, however the process ends.
func lockFile(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

// syncDir makes a rename in dir last through a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ownNames is how the names of what the service keeps in its directories begin.
var ownNames = []string{"holdfast", "wish.json", "addresses.json", "netcfg.json", "resolv.conf.kept"}

// closeDir takes the rights of others to the directory away, if nothing but ours
// is in it: /var/lib given by mistake stays as it is.
func closeDir(dir string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	isForeign := slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		name := strings.TrimPrefix(e.Name(), ".")
		return !strings.HasSuffix(name, ".conf") &&
			!slices.ContainsFunc(ownNames, func(own string) bool { return strings.HasPrefix(name, own) })
	})
	switch {
	case !isForeign && info.Mode()&fs.ModeSticky == 0:
		return os.Chmod(dir, 0o700)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others can write in %s; use a directory of its own: %w", dir, ErrUnsafe)
	}
	return nil
}
