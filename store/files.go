package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/service/swap"
)

const (
	dbName = "holdfast.db"
	// asideMark stands between the name of a damaged database and the date.
	asideMark = ".damaged-"
	// asideKept is how many damaged databases are kept; the oldest goes first.
	asideKept = 3
)

// sidecars are the files that SQLite keeps beside a database.
var sidecars = []string{"-wal", "-shm", "-journal"}

// makeDir makes the state directory, readable by its owner alone. It answers
// ErrUnsafe for one in which others can write and which is not ours to close.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s: %w", dir, ErrUnsafe)
	}
	return closeDir(dir, info)
}

// holdLock opens the lock file and takes its lock until the file is closed.
func holdLock(dir string) (*os.File, error) {
	path := filepath.Join(dir, dbName+".lock")
	if err := refuseLink(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// refuseLink answers ErrUnsafe for a path that exists and is a link: following
// it, a privileged service would write wherever the link's maker wants.
func refuseLink(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s is a link: %w", path, ErrUnsafe)
	}
	return nil
}

// ownOnly lets nobody but the owner read the database and what belongs to it.
func ownOnly(path string) error {
	for _, s := range append([]string{""}, sidecars...) {
		if err := os.Chmod(path+s, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// dbURI is how SQLite is told the path, with its options.
func dbURI(path, options string) string {
	p := filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		p = "/" + p
	}
	return "file:" + (&url.URL{Path: p}).EscapedPath() + "?" + options
}

// moveAside renames the database and what belongs to it to a dated name,
// which it returns, and deletes the oldest such copies.
func moveAside(path string, now time.Time) (string, error) {
	to := path + asideMark + now.UTC().Format("20060102T150405.000000000")
	if err := os.Rename(path, to); err != nil {
		return "", err
	}
	for _, s := range sidecars {
		if err := os.Rename(path+s, to+s); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	if err := dropOldAside(path); err != nil {
		return "", err
	}
	return to, syncDir(filepath.Dir(path))
}

func dropOldAside(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	var aside []string
	for _, e := range entries {
		name := e.Name()
		isMain := !slices.ContainsFunc(sidecars, func(s string) bool { return strings.HasSuffix(name, s) })
		if isMain && strings.HasPrefix(name, filepath.Base(path)+asideMark) {
			aside = append(aside, filepath.Join(filepath.Dir(path), name))
		}
	}
	slices.Sort(aside)
	for len(aside) > asideKept {
		for _, s := range append([]string{""}, sidecars...) {
			if err := os.RemoveAll(aside[0] + s); err != nil {
				return err
			}
		}
		aside = aside[1:]
	}
	return nil
}

// writeFile replaces a file so that after a power cut it is the old one or the
// new one.
func writeFile(path string, data []byte) (err error) {
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = swap.Into(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
