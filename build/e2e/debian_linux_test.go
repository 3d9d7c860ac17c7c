package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// debianRoot is a folder with a clean Debian, or why there is none.
var debianRoot = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	archive := filepath.Join(cache, "holdfast", "debian-bookworm.tar")
	if _, err := os.Stat(archive); err != nil {
		if _, err := exec.LookPath("debootstrap"); err != nil {
			return "", err
		}
	}
	if out, err := exec.Command("testdata/debian.sh", archive).CombinedOutput(); err != nil {
		return "", fmt.Errorf("make a clean Debian: %w\n%s", err, out)
	}
	root := filepath.Join(programs.dir, "debian")
	if err := os.Mkdir(root, 0o755); err != nil {
		return "", err
	}
	if out, err := exec.Command("tar", "-C", root, "--numeric-owner", "-xpf", archive).CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack a clean Debian: %w\n%s", err, out)
	}
	return root, nil
})

// debian prepares a clean Debian in the client's namespace, which boot starts.
func (w *world) debian() *machine {
	w.t.Helper()
	root, err := debianRoot()
	if err != nil {
		w.t.Skipf("needs a clean Debian: %v", err)
	}
	m := w.machine()
	if err := os.Symlink(root, filepath.Join(m.folder, "root")); err != nil {
		w.t.Fatal(err)
	}
	return m
}

// packages are the packages of two releases, one after the other, made once.
var packages = sync.OnceValues(func() (made [2]string, err error) {
	for i, version := range []string{"0.1.0", "0.1.1"} {
		made[i] = filepath.Join(programs.dir, "packages-"+version)
		if err := makePackages(".", made[i], version); err != nil {
			return made, err
		}
	}
	return made, nil
})

// makePackages makes the packages of a work tree.
func makePackages(dir, out, version string) error {
	cmd := exec.Command("go", "run", "holdfast/build/package", "-out", out, "-version", version)
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make packages: %w\n%s", err, said)
	}
	return nil
}

// released returns the folders with the packages of two releases.
func (w *world) released() (older, newer string) {
	w.t.Helper()
	made, err := packages()
	if err != nil {
		w.t.Fatal(err)
	}
	return made[0], made[1]
}

// take copies a package into the machine, and returns where it is there.
func (m *machine) take(file string) string {
	m.w.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		m.w.t.Fatal(err)
	}
	inside := filepath.Join("/tmp", filepath.Base(file))
	if err := os.WriteFile(m.path(inside), data, 0o644); err != nil {
		m.w.t.Fatal(err)
	}
	return inside
}

// listing tells of every file of the machine what it is: its permissions, its
// owner, and for those in /etc what it says. What the system itself writes while
// it runs is left out, and so are the package manager's own records of the past.
func (m *machine) listing() map[string]string {
	m.w.t.Helper()
	root := m.path("/")
	own := []string{"/proc", "/sys", "/dev", "/run", "/tmp", "/var/log", "/var/tmp", "/var/cache", "/var/lib/systemd/timers", "/var/lib/systemd/random-seed",
		"/var/lib/dpkg/status", "/var/lib/dpkg/lock", "/var/lib/dpkg/triggers", "/var/lib/rpm", "/etc/group-", "/etc/gshadow-"}
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
		for _, skip := range own {
			if strings.HasPrefix(name, skip) {
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out[name] = info.Mode().String()
		if info.Mode().IsRegular() && strings.HasPrefix(name, "/etc/") {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			out[name] += "\n" + string(bytes.TrimSpace(data))
		}
		return nil
	})
	if err != nil {
		m.w.t.Fatal(err)
	}
	return out
}

// isClean compares the machine's files with those of an earlier moment.
func (m *machine) isClean(before map[string]string) {
	m.w.t.Helper()
	now := m.listing()
	for name, is := range now {
		if was, known := before[name]; !known {
			m.w.t.Errorf("left behind: %s %s", name, is)
		} else if was != is {
			m.w.t.Errorf("%s is changed: %s\nit was: %s", name, is, was)
		}
	}
	for name := range before {
		if _, there := now[name]; !there {
			m.w.t.Errorf("taken away: %s", name)
		}
	}
}
