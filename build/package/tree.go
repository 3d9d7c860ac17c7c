package main

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// tree is what a package installs: files by their slashed paths, without one at
// the beginning. Folders follow from the paths.
type tree map[string]file

// file is the content of a file, with the permissions that it gets; root owns it.
type file struct {
	mode fs.FileMode
	data []byte
}

// text is a file that everyone may read.
func text(content string) file { return file{0o644, []byte(content)} }

// paths are those of all files, sorted.
func (t tree) paths() []string { return slices.Sorted(maps.Keys(t)) }

// write puts the files below a folder, all of one time.
func (t tree) write(dir string, at time.Time) error {
	for _, name := range t.paths() {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, t[name].data, t[name].mode); err != nil {
			return err
		}
		// The umask may have taken permissions away.
		if err := os.Chmod(to, t[name].mode); err != nil {
			return err
		}
		if err := os.Chtimes(to, at, at); err != nil {
			return err
		}
	}
	return nil
}

// tarGz writes the files as a compressed archive with one folder on top.
func (t tree) tarGz(w io.Writer, top string, at time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	a := tar.NewWriter(z)
	made := map[string]bool{".": true}
	header := func(name string, mode fs.FileMode, size int, kind byte) error {
		return a.WriteHeader(&tar.Header{
			Typeflag: kind, Name: name, Size: int64(size), Mode: int64(mode.Perm()),
			ModTime: at, Uname: "root", Gname: "root", Format: tar.FormatPAX,
		})
	}
	var folder func(string) error
	folder = func(name string) error {
		if made[name] {
			return nil
		}
		made[name] = true
		if err := folder(path.Dir(name)); err != nil {
			return err
		}
		return header(name+"/", 0o755, 0, tar.TypeDir)
	}
	for _, name := range t.paths() {
		f, full := t[name], path.Join(top, name)
		if err := folder(path.Dir(full)); err != nil {
			return err
		}
		if err := header(full, f.mode, len(f.data), tar.TypeReg); err != nil {
			return err
		}
		if _, err := a.Write(f.data); err != nil {
			return fmt.Errorf("pack %s: %w", full, err)
		}
	}
	if err := a.Close(); err != nil {
		return err
	}
	return z.Close()
}

// read adds the files of a folder.
func (t tree) read(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		t[filepath.ToSlash(name)] = file{info.Mode().Perm(), data}
		return nil
	})
}
