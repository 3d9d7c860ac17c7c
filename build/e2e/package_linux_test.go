package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/installer/linux"
)

// only is the one file of a folder that a pattern matches.
func only(t testing.TB, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s in %s: %v %v, want one", pattern, dir, found, err)
	}
	return found[0]
}

// manager is how a package manager is asked.
type manager struct {
	file                    string // which package is its own
	install, upgrade, erase []string
}

// life installs a package in a clean Debian, works with it as people do, and
// upgrades it with a tunnel up, while everything around is flooded: nothing may
// leave beside the tunnel. Then it removes the package.
func (l *laboratory) life(by manager) (m *machine, clean map[string]string) {
	t := l.t
	t.Helper()
	older, newer := l.released()
	l.pour(floodRate)
	l.control(time.Second)
	m = l.debian()
	m.boot()
	for _, person := range []string{"ann", "bob"} {
		m.sh("useradd", person)
	}
	clean = m.listing()
	network, dns := m.settings()

	m.logged(append(by.install, m.take(only(t, older, by.file)))...)
	l.s = m.service()
	l.until("holdfastd to answer", 15*time.Second, l.s.answers)
	m.isInstalled()
	l.begin("guard=auto")
	m.roles()

	l.near.Strays()
	l.near.Hold(l.allowed(&state{}))
	cell := l.enter()
	m.logged(append(by.upgrade, m.take(only(t, newer, by.file)))...)
	l.until("the new holdfastd to answer", 15*time.Second, func() bool {
		said, err := m.try("holdfast", "version")
		return err == nil && strings.Count(said, "0.1.1") == 2
	})
	l.flowing(l.pings, 10*time.Second)
	l.leave()
	f := l.nothing(cell, "the upgrade")
	t.Logf("upgrade with a tunnel up: %d packets sent, %d left beside the tunnel", f.tried, f.leaked())
	if wish := l.s.status().Wish; !wish.On {
		t.Error("the upgrade took the wish away")
	}
	l.near.Hold(nil)

	m.logged(by.erase...)
	m.areAsBefore(network, dns)
	l.control(time.Second) // all of it leaves again
	l.complete()
	return m, clean
}

// logged runs a command inside and logs what it says.
func (m *machine) logged(args ...string) {
	m.w.t.Helper()
	began := time.Now()
	said := m.sh(args...)
	m.w.t.Logf("%s took %v:\n%s", strings.Join(args, " "), time.Since(began).Round(time.Millisecond), said)
}

// isInstalled sees that the service runs, now and at boot, and is shut in.
func (m *machine) isInstalled() {
	t := m.w.t
	t.Helper()
	var status struct{ Installed, AtBoot, EarlyBoot, Running bool }
	if err := json.Unmarshal([]byte(m.sh("holdfast", "service", "status", "--json")), &status); err != nil {
		t.Fatal(err)
	}
	if !status.Installed || !status.AtBoot || !status.EarlyBoot || !status.Running {
		t.Errorf("service status is %+v, want all of it", status)
	}
	for _, unit := range []string{linux.Service, linux.EarlyBoot} {
		text, err := os.ReadFile(m.path(m.property(unit, "FragmentPath")))
		if err != nil || string(text) != linux.Text(unit, "/usr/bin/holdfastd") {
			t.Errorf("the package's %s is not what holdfast service install writes: %v", unit, err)
		}
	}
	m.isShutIn()
}

// roles sees what people may do: members of the group act, all others look.
func (m *machine) roles() {
	t := m.w.t
	t.Helper()
	m.sh("usermod", "--append", "--groups", "holdfast", "ann")
	as := func(person string, args ...string) (string, error) {
		return m.try(append([]string{"runuser", "-u", person, "--", "holdfast"}, args...)...)
	}
	if said, err := as("ann", "status"); err != nil || !strings.Contains(said, "protected by way of") {
		t.Errorf("a member of the group sees: %v\n%s", err, said)
	}
	if said, err := as("ann", "reconnect"); err != nil {
		t.Errorf("a member of the group may not reconnect: %v\n%s", err, said)
	}
	m.w.until("the tunnel to be back", 15*time.Second, func() bool {
		said, err := as("ann", "status")
		return err == nil && strings.Contains(said, "protected by way of")
	})
	if said, err := as("bob", "status"); err != nil || strings.Contains(said, "by way of") {
		t.Errorf("one who is no member sees: %v\n%s", err, said)
	}
	if said, err := as("bob", "down"); err == nil || !strings.Contains(said, "permi") && !strings.Contains(said, "group") {
		t.Errorf("one who is no member may end the tunnel: %v\n%s", err, said)
	}
}

// TestDeb is the life of the Debian package, from a clean system to a clean one.
func TestDeb(t *testing.T) {
	l := newLaboratory(t)
	m, clean := l.life(manager{
		file:    "holdfast_*.deb",
		install: []string{"dpkg", "-i"}, upgrade: []string{"dpkg", "-i"}, erase: []string{"dpkg", "-r", "holdfast"},
	})
	for _, kept := range []string{"/etc/holdfast/a.conf", "/var/lib/holdfast/holdfast.db", "/etc/xdg/autostart/holdfast-tray.desktop"} {
		if _, err := os.Stat(m.path(kept)); err != nil {
			t.Errorf("removing the package took away what a purge is for: %v", err)
		}
	}
	m.logged("dpkg", "-P", "holdfast")
	m.isClean(clean)
}

// TestRPM is the life of the RPM package. What is not the package's own stays
// when it is erased, as is usual there.
func TestRPM(t *testing.T) {
	l := newLaboratory(t)
	m, clean := l.life(manager{
		file:    "holdfast-*.rpm",
		install: []string{"rpm", "-i", "--nodeps"}, upgrade: []string{"rpm", "-U", "--nodeps"}, erase: []string{"rpm", "-e", "holdfast"},
	})
	m.sh("rm", "-r", "/etc/holdfast", "/var/lib/holdfast")
	m.sh("groupdel", "holdfast")
	m.isClean(clean)
}

// TestPackagesAreTheSameElsewhere makes the packages again in another folder:
// every byte is the same.
func TestPackagesAreTheSameElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	here, _ := w.released()
	// A clone holds what is committed: where more is, the same folder is used again.
	dir := "."
	if changes := w.sh("", "git", "status", "--porcelain"); changes == "" {
		dir = filepath.Join(w.dir, "clone")
		w.sh("", "git", "clone", "--quiet", "--shared", strings.TrimSpace(w.sh("", "git", "rev-parse", "--show-toplevel")), dir)
	} else {
		t.Log("the work tree holds changes: made again in the same folder")
	}
	elsewhere := filepath.Join(w.dir, "elsewhere")
	if err := makePackages(dir, elsewhere, "0.1.0"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(here)
	if err != nil || len(entries) < 5 {
		t.Fatalf("made %v, %v, want a deb, an rpm, an archive, a bill of materials and a list of sums", entries, err)
	}
	for _, e := range entries {
		a, errA := os.ReadFile(filepath.Join(here, e.Name()))
		b, errB := os.ReadFile(filepath.Join(elsewhere, e.Name()))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", e.Name(), errA, errB)
		}
	}
	cmd := exec.Command("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
	cmd.Dir = elsewhere
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the sums: %v\n%s", err, out)
	}
}

// lintFilter leaves out what rpmlint has to say of packages that nobody signed:
// the key is an input, and tests have none.
const lintFilter = `Filters = ["no-signature"]
`

// extractor stands in for cpio, for rpmlint: paths in our rpm begin with a slash,
// and would lead out of the folder into which it unpacks.
const extractor = "#!/bin/sh\nexec /usr/bin/cpio --no-absolute-filenames \"$@\"\n"

// TestLint has the distributions' own checks look at the packages.
func TestLint(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"lintian", "rpmlint", "rpm", "/usr/bin/cpio"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs " + program)
		}
	}
	w := newWorld(t)
	made, _ := w.released()
	deb, rpm := only(t, made, "*.deb"), only(t, made, "*.rpm")
	if out, err := w.try("", "lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", deb); err != nil {
		t.Errorf("lintian: %v\n%s", err, out)
	}
	if out := w.sh("", "rpm", "--checksig", "--verbose", rpm); !strings.Contains(out, "Payload SHA256 digest: OK") {
		t.Errorf("rpm --checksig: %s", out)
	}
	bin, config := filepath.Join(w.dir, "bin"), filepath.Join(w.dir, "rpmlint.toml")
	err := errors.Join(os.Mkdir(bin, 0o755), os.WriteFile(filepath.Join(bin, "cpio"), []byte(extractor), 0o755), os.WriteFile(config, []byte(lintFilter), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("rpmlint", "--config", config, rpm)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), " 0 errors") {
		t.Errorf("rpmlint: %v\n%s", err, out)
	}
	// Both hold the same, but for what each system wants its own of.
	inDeb, inRPM := w.sh("", "sh", "-c", "dpkg-deb --fsys-tarfile "+deb+" | tar -tf - | grep -v '/$' | sed 's/^[.]//'"), w.sh("", "rpm", "-qpl", rpm)
	for _, file := range []string{"/usr/bin/holdfast", "/usr/bin/holdfastd", "/usr/bin/holdfast-tray", "/usr/lib/systemd/system/" + linux.Service,
		"/usr/lib/systemd/system/" + linux.EarlyBoot, "/usr/lib/sysusers.d/" + linux.Group, "/etc/xdg/autostart/holdfast-tray.desktop",
		"/usr/share/applications/holdfast-tray.desktop", "/usr/share/icons/hicolor/scalable/apps/holdfast.svg",
		"/usr/share/bash-completion/completions/holdfast", "/usr/share/fish/vendor_completions.d/holdfast.fish",
		"/usr/share/man/man1/holdfast.1.gz", "/usr/share/man/man1/holdfast-status.1.gz", "/usr/share/man/man8/holdfastd.8.gz"} {
		if !strings.Contains(inDeb, file+"\n") || !strings.Contains(inRPM, file+"\n") {
			t.Errorf("%s is not in both packages", file)
		}
	}
	for file, list := range map[string]string{"/usr/share/zsh/vendor-completions/_holdfast": inDeb, "/usr/share/doc/holdfast/copyright": inDeb,
		"/usr/share/zsh/site-functions/_holdfast": inRPM, "/usr/share/licenses/holdfast/THIRD-PARTY.txt": inRPM} {
		if !strings.Contains(list, file+"\n") {
			t.Errorf("%s is missing", file)
		}
	}
}
