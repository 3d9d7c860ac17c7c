package msi

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/build/e2e/wine/prefix"
)

// windows is a Windows, which is removed with the test.
type windows struct{ *prefix.Prefix }

func newWindows(t *testing.T) *windows {
	t.Helper()
	p, err := prefix.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.End(); err != nil {
			t.Error(err)
		}
	})
	w := &windows{p}
	w.must(t, "winecfg", "-v", "win10") // the installer refuses older ones
	return w
}

// path is that of a file on drive C, as Linux sees it.
func (w *windows) path(name string) string { return w.Path("drive_c", name) }

// run runs a program to its end, and returns its exit code and what it said.
func (w *windows) run(t *testing.T, program string, args ...string) (code int, said string) {
	t.Helper()
	r, err := w.Run(program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return r.Code, strings.ReplaceAll(r.Out+r.Err, "\r", "")
}

// must runs a program, and wants that it ends well.
func (w *windows) must(t *testing.T, program string, args ...string) string {
	t.Helper()
	code, said := w.run(t, program, args...)
	if code != 0 {
		t.Fatalf("%s %q: exit code %d\n%s", program, args, code, said)
	}
	return said
}

// files are all on drive C.
func (w *windows) files(t *testing.T) []string {
	t.Helper()
	var all []string
	root := w.path("")
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		all = append(all, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// exists is nil, or why a file cannot be looked at.
func exists(path string) error {
	_, err := os.Stat(path)
	return err
}
