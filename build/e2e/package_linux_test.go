package e2e

import (
	"encoding/json"
	"os"
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
	name, file              string // file: which package is its own
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

	m.logged(append(by.install, m.take(l.one(older, by.file)))...)
	l.s = m.service()
	l.until("holdfastd to answer", 15*time.Second, l.s.answers)
	m.isInstalled()
	l.begin("guard=auto")
	m.roles()

	l.near.Strays()
	l.near.Hold(l.allowed(&state{}))
	cell := l.enter()
	m.logged(append(by.upgrade, m.take(l.one(newer, by.file)))...)
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
		name: "dpkg", file: "holdfast_*.deb",
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
		name: "rpm", file: "holdfast-*.rpm",
		install: []string{"rpm", "-i", "--nodeps"}, upgrade: []string{"rpm", "-U", "--nodeps"}, erase: []string{"rpm", "-e", "holdfast"},
	})
	m.sh("rm", "-r", "/etc/holdfast", "/var/lib/holdfast")
	m.sh("groupdel", "holdfast")
	m.isClean(clean)
}
