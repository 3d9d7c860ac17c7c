//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

func firstLine(out []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
	return string(line)
}

// onlyRootWrites refuses a program that somebody else could replace: the system
// would run it as root. Groups whose members are as good as root may write too.
func onlyRootWrites(path string, isRoots func(gid uint32) bool) error {
	for at := path; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || stat.Uid != 0 {
			return fmt.Errorf("%s does not belong to root", at)
		}
		// Others may write in /tmp, but with the sticky bit not replace what is
		// root's.
		open := info.Mode()&0o002 != 0 || info.Mode()&0o020 != 0 && !isRoots(stat.Gid)
		if open && (!info.IsDir() || info.Mode()&os.ModeSticky == 0) {
			return fmt.Errorf("others than root may write %s", at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// writeFile puts the text in place at once: nobody ever sees half of it.
func writeFile(f serviceFile) error {
	dir := filepath.Dir(f.Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	temp, err := os.CreateTemp(dir, ".holdfast-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // it is gone after the rename
	_, err = temp.WriteString(f.Text)
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), f.Path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	return nil
}
