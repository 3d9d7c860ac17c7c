//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/service/tunnel"
)

// confFinding reads every stored tunnel where the person may, and sees that
// nobody else may.
func confFinding(dir string) finding {
	f := finding{Name: "tunnels"}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Result, f.Detail = passed, "none is stored yet"
		return f
	case errors.Is(err, fs.ErrPermission):
		f.Result, f.Detail = skipped, "only root may read "+dir+", as it should be"
		return f
	case err != nil:
		f.Result, f.Detail = broken, "read "+dir+": "+reason(err)
		return f
	}
	var wrong []string
	read := 0
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".conf" {
			continue
		}
		read++
		if fault := confFault(filepath.Join(dir, e.Name())); fault != "" {
			wrong = append(wrong, e.Name()+" "+fault)
		}
	}
	if len(wrong) > 0 {
		f.Result, f.Detail = broken, strings.Join(wrong, "; ")
		f.Hint = "see: holdfast tunnel check " + filepath.Join(dir, "*.conf")
		return f
	}
	f.Result, f.Detail = passed, count(read, "tunnel")+" can be read, by root alone"
	return f
}

// confFault is what is wrong with one stored tunnel, or "".
func confFault(path string) string {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "cannot be opened: " + reason(err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	info, err := file.Stat()
	if err != nil {
		return "cannot be looked at: " + reason(err)
	}
	if !info.Mode().IsRegular() {
		return "is no plain file"
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Sprintf("can be read by others (%#o)", info.Mode().Perm())
	}
	text, err := readLimited(file, tunnel.MaxBytes)
	if err != nil {
		return "cannot be read: " + reason(err)
	}
	var problems tunnel.Problems
	if _, err := tunnel.Parse(text); errors.As(err, &problems) {
		return "has " + count(len(problems), "problem")
	}
	return ""
}
