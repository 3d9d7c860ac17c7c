package netcfg

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const originalConf = "# of the network\nnameserver 192.0.2.1\noptions edns0\n"

// fileManager is a Manager whose only way is the file, in a namespace with hf0.
func fileManager(t *testing.T) *Manager {
	t.Helper()
	ownNamespace(t)
	openTun(t, "hf0")
	return New(testOptions(t))
}

func writeConf(t *testing.T, m *Manager, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(m.ResolvConf, []byte(originalConf), mode); err != nil {
		t.Fatal(err)
	}
}

func readConf(t *testing.T, m *Manager) string {
	t.Helper()
	text, err := os.ReadFile(m.ResolvConf)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustClear(t *testing.T, m *Manager) {
	t.Helper()
	if err := m.Clear(t.Context()); err != nil {
		t.Fatal("clear:", err)
	}
}

func TestResolvConf(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, m *Manager)
	}{
		{"a file", func(t *testing.T, m *Manager) { writeConf(t, m, 0o640) }},
		{"a file that nobody may write", func(t *testing.T, m *Manager) { writeConf(t, m, 0o444) }},
		{"an empty file", func(t *testing.T, m *Manager) {
			if err := os.WriteFile(m.ResolvConf, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{"no file", func(*testing.T, *Manager) {}},
		{"a link", func(t *testing.T, m *Manager) {
			target := filepath.Join(filepath.Dir(m.ResolvConf), "real.conf")
			if err := errors.Join(os.WriteFile(target, []byte(originalConf), 0o600), os.Symlink("real.conf", m.ResolvConf)); err != nil {
				t.Fatal(err)
			}
		}},
		{"a link to nothing", func(t *testing.T, m *Manager) {
			if err := os.Symlink("nothing", m.ResolvConf); err != nil {
				t.Fatal(err)
			}
		}},
		{"what a lost process left", func(t *testing.T, m *Manager) {
			writeConf(t, m, 0o644)
			f := keptFile{Path: m.ResolvConf}
			if err := os.WriteFile(f.temp(), []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := fileManager(t)
			tt.prepare(t, m)
			before := folder(t, m.Options)
			if tt.name == "what a lost process left" {
				before = strings.ReplaceAll(before, ".holdfast-resolv.conf.new -rw-------  \"half\"\n", "")
			}
			mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1", "fd00:8::1"))
			want := resolvConfHeader + "nameserver 10.8.0.1\nnameserver fd00:8::1\nsearch example.com\n"
			if got := readConf(t, m); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if info, err := os.Lstat(m.ResolvConf); err != nil || info.Mode() != 0o644 {
				t.Errorf("got mode %v, want a file that all may read: %v", info.Mode(), err)
			}
			if got := m.DNSBackend(); got != "file" {
				t.Errorf("backend %q", got)
			}
			mustApply(t, m, withDNS(splitTunnel(), "10.8.0.9"))
			if got := readConf(t, m); !strings.Contains(got, "10.8.0.9") || strings.Contains(got, "10.8.0.1\n") {
				t.Errorf("after the next spec: %q", got)
			}
			mustApply(t, m, splitTunnel())
			if got := folder(t, m.Options); strings.ReplaceAll(got, "state/"+journalName+"\n", "") != before {
				t.Errorf("with a spec without resolvers got\n%s\nwant\n%s", got, before)
			}
			mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
			mustClear(t, m)
			if got := folder(t, m.Options); got != before {
				t.Errorf("got\n%s\nwant\n%s", got, before)
			}
			if got := m.DNSBackend(); got != "" {
				t.Errorf("backend %q after clear", got)
			}
		})
	}
}

// What somebody writes meanwhile is theirs and stays.
func TestResolvConfChangedMeanwhile(t *testing.T) {
	const theirs = "nameserver 192.0.2.99\n"
	for name, write := range map[string]func(path string) error{
		"in place": func(path string) error { return os.WriteFile(path, []byte(theirs), 0o644) },
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".x", []byte(theirs), 0o644), os.Rename(path+".x", path))
		},
		"by a link": func(path string) error {
			return errors.Join(os.WriteFile(path+".x", []byte(theirs), 0o644), os.Remove(path), os.Symlink(path+".x", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := fileManager(t)
			writeConf(t, m, 0o644)
			mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
			if err := write(m.ResolvConf); err != nil {
				t.Fatal(err)
			}
			mustClear(t, m)
			if got := readConf(t, m); got != theirs {
				t.Errorf("got %q, want what somebody wrote", got)
			}
			if _, err := os.Lstat((&keptFile{Path: m.ResolvConf}).aside()); err == nil {
				t.Error("the old original is left")
			}
		})
		t.Run(name+", then applied again", func(t *testing.T) {
			m := fileManager(t)
			writeConf(t, m, 0o644)
			mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
			if err := write(m.ResolvConf); err != nil {
				t.Fatal(err)
			}
			mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
			if got := readConf(t, m); !strings.Contains(got, "10.8.0.1") {
				t.Errorf("got %q, want ours again", got)
			}
			mustClear(t, m)
			if got := readConf(t, m); got != theirs {
				t.Errorf("got %q, want what somebody wrote", got)
			}
		})
	}
	t.Run("removed", func(t *testing.T) {
		m := fileManager(t)
		writeConf(t, m, 0o644)
		mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
		if err := os.Remove(m.ResolvConf); err != nil {
			t.Fatal(err)
		}
		mustClear(t, m)
		if got := readConf(t, m); got != originalConf {
			t.Errorf("got %q, want the original", got)
		}
	})
}

// mountOver mounts a file over resolv.conf, as containers do, in a mount
// namespace of the test's own.
func mountOver(t *testing.T, m *Manager, flags uintptr) {
	t.Helper()
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		t.Skip("needs a mount namespace:", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Skip("needs private mounts:", err)
	}
	below := filepath.Join(t.TempDir(), "mounted")
	if err := os.WriteFile(below, []byte(originalConf), 0o640); err != nil {
		t.Fatal(err)
	}
	writeConf(t, m, 0o644)
	if err := unix.Mount(below, m.ResolvConf, "", unix.MS_BIND, ""); err != nil {
		t.Skip("needs to mount:", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(m.ResolvConf, unix.MNT_DETACH) })
	if flags != 0 {
		if err := unix.Mount("", m.ResolvConf, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
}

func TestResolvConfMounted(t *testing.T) {
	t.Run("written in place", func(t *testing.T) {
		m := fileManager(t)
		mountOver(t, m, 0)
		before := folder(t, m.Options)
		mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
		if got := readConf(t, m); !strings.Contains(got, "10.8.0.1") {
			t.Errorf("got %q", got)
		}
		mustApply(t, m, withDNS(fullTunnel(), "10.8.0.9"))
		if err := New(m.Options).Recover(t.Context()); err != nil { // as after a kill
			t.Fatal(err)
		}
		if got := folder(t, m.Options); got != before {
			t.Errorf("got\n%s\nwant\n%s", got, before)
		}
	})
	t.Run("cut short by a crash", func(t *testing.T) {
		for _, cut := range []int{0, 20} {
			m := fileManager(t)
			mountOver(t, m, 0)
			mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
			if err := os.Truncate(m.ResolvConf, int64(cut)); err != nil {
				t.Fatal(err)
			}
			if err := New(m.Options).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := readConf(t, m); got != originalConf {
				t.Errorf("cut at %d: got %q", cut, got)
			}
		}
	})
	t.Run("changed meanwhile", func(t *testing.T) {
		m := fileManager(t)
		mountOver(t, m, 0)
		mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
		if err := os.WriteFile(m.ResolvConf, []byte("nameserver 192.0.2.99\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		mustClear(t, m)
		if got := readConf(t, m); got != "nameserver 192.0.2.99\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("read-only", func(t *testing.T) {
		m := fileManager(t)
		mountOver(t, m, unix.MS_RDONLY)
		before := folder(t, m.Options)
		tables := listing(t)
		if err := m.Apply(t.Context(), withDNS(fullTunnel(), "10.8.0.1")); !errors.Is(err, unix.EROFS) {
			t.Fatalf("got %v, want EROFS", err)
		}
		listingBecomes(t, listing, tables)
		if got := folder(t, m.Options); got != before {
			t.Errorf("got\n%s\nwant\n%s", got, before)
		}
	})
}
