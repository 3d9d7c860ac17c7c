package e2e

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a systemd of its own in the client's namespace, with processes and
// files of its own. What it kept in its folder lasts from one start to the next.
type machine struct {
	w       *world
	folder  string
	console buffer
	p       *process
	first   int // the number of its first process outside
}

// machine prepares a systemd, which boot starts. It skips the test where none
// can run.
func (w *world) machine() *machine {
	w.t.Helper()
	for _, program := range []string{"/lib/systemd/systemd", "/usr/bin/unshare", "/usr/bin/nsenter"} {
		if _, err := os.Stat(program); err != nil {
			w.t.Skip("needs " + program)
		}
	}
	m := &machine{w: w, folder: filepath.Join(w.dir, "machine")}
	for _, dir := range []string{"units", "etc", "var", "mnt"} {
		if err := os.MkdirAll(filepath.Join(m.folder, dir), 0o700); err != nil {
			w.t.Fatal(err)
		}
	}
	bin := filepath.Join(m.folder, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		w.t.Fatal(err)
	}
	for name, program := range map[string]string{"holdfastd": programs.holdfastd, "holdfast": programs.holdfast} {
		if err := os.Link(program, filepath.Join(bin, name)); err != nil {
			w.t.Fatal(err)
		}
	}
	return m
}

// boot starts it, and waits until all units have started or failed.
func (m *machine) boot() {
	w := m.w
	w.t.Helper()
	script, err := filepath.Abs("testdata/machine.sh")
	if err != nil {
		w.t.Fatal(err)
	}
	hierarchies, groups := m.groups()
	// What ip makes anew for a namespace does not show the cgroups.
	join := "set -e; for g in " + strings.Join(groups, " ") + "; do echo $$ > $g/cgroup.procs; done; exec \"$@\""
	m.p = w.spawn(nil, append([]string{"sh", "-c", join, "sh", "ip", "netns", "exec", w.client,
		"unshare", "--cgroup", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child",
		script, m.folder, m.terminal()}, hierarchies...)...)
	w.t.Cleanup(func() {
		if m.first == 0 {
			return
		}
		if w.t.Failed() {
			journal, _ := m.try("journalctl", "--no-pager", "--output=short-monotonic")
			w.t.Logf("the machine's console:\n%s\nits journal:\n%s", tail(m.console.String(), 40), tail(journal, 80))
		}
		m.powerOff()
	})
	began := time.Now()
	for m.first == 0 {
		m.first = child(m.p.cmd.Process.Pid)
		select {
		case <-m.p.ended:
			w.t.Skipf("no systemd can run here: %s%s", m.p.out.String(), m.console.String())
		default:
		}
	}
	w.until("systemd to have started", 60*time.Second, func() bool {
		state, _ := m.try("systemctl", "is-system-running")
		select {
		case <-m.p.ended:
			w.t.Skipf("no systemd can run here: %s%s", m.p.out.String(), m.console.String())
		default:
		}
		return slices.Contains([]string{"running", "degraded"}, strings.TrimSpace(state))
	})
	w.t.Logf("systemd started in %v", time.Since(began).Round(time.Millisecond))
}

// powerOff ends it at once, as when the plug is pulled.
func (m *machine) powerOff() {
	m.w.t.Helper()
	m.p.end(syscall.SIGKILL)
	m.first = 0
}

// groups makes a cgroup for the machine in every hierarchy, so that it sees none
// above. They go with the test.
func (m *machine) groups() (hierarchies, groups []string) {
	m.w.t.Helper()
	const root = "/sys/fs/cgroup"
	folders := map[string]string{}
	if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err == nil {
		folders["unified"] = root
	} else {
		for _, h := range []string{"systemd", "unified", "devices", "memory", "pids"} {
			if _, err := os.Stat(filepath.Join(root, h, "cgroup.procs")); err == nil {
				folders[h] = filepath.Join(root, h)
			}
		}
	}
	if folders["unified"] == "" {
		m.w.t.Skip("needs cgroups")
	}
	for h, folder := range folders {
		group := filepath.Join(folder, m.w.id)
		if err := os.Mkdir(group, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			m.w.t.Skipf("needs cgroups of its own: %v", err)
		}
		hierarchies, groups = append(hierarchies, h), append(groups, group)
		m.w.t.Cleanup(func() {
			err := removeGroup(group)
			poll := time.NewTicker(20 * time.Millisecond)
			defer poll.Stop()
			for limit := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(limit); err = removeGroup(group) {
				<-poll.C
			}
			if err != nil {
				m.w.t.Errorf("the machine's cgroup stays: %v", err)
			}
		})
	}
	return hierarchies, groups
}

// removeGroup removes a cgroup in which nothing runs any more.
func removeGroup(group string) error {
	var all []string
	_ = filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, path)
		}
		return nil
	})
	for _, path := range slices.Backward(all) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// terminal makes a terminal of which the machine's end has a name, and reads
// what is written there.
func (m *machine) terminal() string {
	m.w.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		m.w.t.Skipf("needs terminals: %v", err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	if err != nil {
		m.w.t.Fatal(err)
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	// While nobody has it open, what is read from it ends.
	slave, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		m.w.t.Fatal(err)
	}
	go func() { _, _ = io.Copy(&m.console, master) }()
	m.w.t.Cleanup(func() { slave.Close(); master.Close() })
	return name
}

// child is the first child of a process, or 0.
func child(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	n, _ := strconv.Atoi(first)
	return n
}

// try runs a command inside.
func (m *machine) try(args ...string) (string, error) {
	cmd := exec.Command("nsenter", append([]string{"--target", strconv.Itoa(m.first), "--all", "--root", "--wd=/"}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_COLORS=0"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// sh runs a command inside and fails the test when it fails.
func (m *machine) sh(args ...string) string {
	m.w.t.Helper()
	out, err := m.try(args...)
	if err != nil {
		m.w.t.Fatalf("%s in the machine: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// property is what systemd says of a unit.
func (m *machine) property(unit, name string) string {
	m.w.t.Helper()
	return strings.TrimSpace(m.sh("systemctl", "show", "--value", "--property="+name, unit))
}

// path is a file of the machine, as seen from outside.
func (m *machine) path(file string) string {
	return filepath.Join("/proc", strconv.Itoa(m.first), "root", file)
}

// service is the holdfastd that systemd runs.
func (m *machine) service() *service {
	return &service{w: m.w, config: filepath.Join(m.folder, "etc"), state: filepath.Join(m.folder, "var"), socket: m.path("/run/holdfast/holdfast.sock")}
}
