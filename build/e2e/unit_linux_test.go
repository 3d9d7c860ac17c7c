package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/installer/linux"
)

// installed boots a machine and installs the service in it, with the config of
// the first server as the tunnel a: one that uses all that the unit must allow.
func (w *world) installed() (*machine, *service) {
	w.t.Helper()
	m := w.machine()
	m.boot()
	m.sh("holdfast", "service", "install")
	s := m.service()
	w.until("holdfastd to answer", 10*time.Second, s.answers)
	// A port for which a capability is needed, and resolvers of its own.
	text := strings.Replace(w.servers[0].conf(), "[Peer]", "ListenPort = 443\nDNS = 10.77.0.1, corp.example\n[Peer]", 1)
	conf := filepath.Join(w.dir, "a.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	s.cli("tunnel", "import", conf)
	return m, s
}

// TestUnits runs the service as systemd does: with all that the unit takes from
// it. A tunnel works all the same, and what it did is undone.
func TestUnits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	// A strict filter, which has to be loosened, and an interface without IPv6.
	w.sh(w.client, "sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=1", "net.ipv6.conf.default.disable_ipv6=1")
	m, s := w.installed()
	var status struct{ Installed, AtBoot, EarlyBoot, Running bool }
	if err := json.Unmarshal([]byte(m.sh("holdfast", "service", "status", "--json")), &status); err != nil {
		t.Fatal(err)
	}
	if !status.Installed || !status.AtBoot || !status.EarlyBoot || !status.Running {
		t.Errorf("service status is %+v, want all of it", status)
	}
	m.isShutIn()
	before, dns := m.settings()
	s.cli("up", "a")
	w.flowing(w.ping(200*time.Millisecond), 10*time.Second)
	if _, now := m.settings(); !strings.Contains(now, "nameserver 10.77.0.1") || strings.Contains(now, "10.200.0.1") {
		t.Errorf("resolv.conf while up is %q, want the tunnel's DNS alone", now)
	}
	m.isQuiet()
	s.cli("down")
	m.areAsBefore(before, dns)

	m.foreign("b.conf")
	m.sh("systemctl", "restart", linux.Service)
	w.until("holdfastd to answer", 10*time.Second, s.answers)
	if notices := strings.Join(strings.Fields(s.cli("notices")), " "); !strings.Contains(notices, "chown 0 /etc/holdfast/b.conf") {
		t.Errorf("nothing says what to do about a config that is not root's: %s", notices)
	}
}

// TestTheGuardOutlivesTheService kills, restarts, stops and removes the service
// as systemd does, with a tunnel wished for. Until it is removed nothing leaves
// beside the tunnel.
func TestTheGuardOutlivesTheService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	m, s := w.installed()
	s.cli("settings", "set", "guard=auto")
	before, dns := m.settings()
	beside := w.pingTo(50*time.Millisecond, "-I", "eth0", w.servers[0].addr)
	w.flowing(beside, 5*time.Second)
	s.cli("up", "a")
	shut := time.Now()
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)

	m.sh("systemctl", "kill", "--signal=KILL", linux.Service)
	w.until("systemd to start it again", 10*time.Second, func() bool { return m.property(linux.Service, "NRestarts") == "1" && s.answers() })
	w.flowing(g, 10*time.Second)
	m.sh("systemctl", "restart", linux.Service)
	w.flowing(g, 10*time.Second)
	m.sh("holdfast", "service", "install") // an upgrade
	w.flowing(g, 10*time.Second)
	if said := m.sh("holdfast", "service", "stop"); !strings.Contains(said, "the guard stays shut") {
		t.Errorf("service stop says %q, want that the guard stays shut", said)
	}
	w.rest(500 * time.Millisecond)
	m.sh("holdfast", "service", "start")
	w.until("holdfastd to answer", 10*time.Second, s.answers)
	w.flowing(g, 10*time.Second)
	if wish := s.status().Wish; !wish.On {
		t.Error("a stop of the service took the wish away")
	}
	if at := beside.first(shut); !at.IsZero() {
		t.Errorf("a ping got out beside the tunnel %v after it was up", at.Sub(shut))
	}

	if said := m.sh("holdfast", "service", "uninstall"); !strings.Contains(said, "the guard was shut, and is open now") {
		t.Errorf("service uninstall says %q, want that the guard was shut", said)
	}
	w.flowing(beside, 5*time.Second)
	m.areAsBefore(before, dns)
	if left, _ := filepath.Glob(filepath.Join(m.folder, "units", "*", "*")); len(left) > 0 {
		t.Errorf("uninstalling left %v", left)
	}
	if out, err := m.try("holdfast", "service", "status"); err != nil || !strings.Contains(out, "not installed") {
		t.Errorf("service status after uninstalling: %v, %s", err, out)
	}
}

// areAsBefore compares the machine's settings with those of a moment without a
// tunnel.
func (m *machine) areAsBefore(network, dns string) {
	m.w.t.Helper()
	if now, nowDNS := m.settings(); now != network || nowDNS != dns {
		m.w.t.Errorf("the system differs.\nbefore:\n%s\n%s\nafter:\n%s\n%s", network, dns, now, nowDNS)
	}
}

// foreign puts a config into the machine that belongs to somebody else.
func (m *machine) foreign(name string) {
	m.w.t.Helper()
	path := filepath.Join(m.folder, "etc", name)
	err := os.WriteFile(path, []byte(m.w.servers[0].conf()), 0o600)
	if err := errors.Join(err, os.Chown(path, 1000, 1000)); err != nil {
		m.w.t.Fatal(err)
	}
}

// settings are those of the machine's network, and its resolv.conf.
func (m *machine) settings() (network, dns string) {
	m.w.t.Helper()
	text, err := os.ReadFile(m.path("/etc/resolv.conf"))
	if err != nil {
		m.w.t.Fatal(err)
	}
	return m.w.network(m.w.t) + m.w.sh(m.w.client, "sysctl", "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.eth0.rp_filter") +
		m.w.sh(m.w.client, "nft", "list", "ruleset"), string(text)
}

// isShutIn sees that the running service has what the unit gives it, and no more.
func (m *machine) isShutIn() {
	t := m.w.t
	t.Helper()
	pid := m.property(linux.Service, "MainPID")
	text := m.sh("cat", "/proc/"+pid+"/status")
	has := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		has[key] = value
	}
	capabilities := fmt.Sprintf("%016x", 1<<unix.CAP_NET_ADMIN|1<<unix.CAP_NET_RAW|1<<unix.CAP_NET_BIND_SERVICE)
	for key, want := range map[string]string{
		"CapEff": capabilities, "CapBnd": capabilities, "CapAmb": "0000000000000000", "NoNewPrivs": "1", "Seccomp": strconv.Itoa(unix.SECCOMP_MODE_FILTER),
	} {
		if has[key] != want {
			t.Errorf("%s of the service is %q, want %q", key, has[key], want)
		}
	}
	inside := func(script string) (string, error) {
		return m.try("nsenter", "--target", pid, "--mount", "--root", "--wd=/", "sh", "-c", script)
	}
	for _, dir := range []string{"/usr/local/bin", "/opt", "/var", "/var/lib", "/boot", "/root", "/home", "/proc/sys/kernel", "/sys/fs/cgroup"} {
		if out, err := inside("test ! -w " + dir); err != nil {
			t.Errorf("the service can write in %s: %s", dir, out)
		}
	}
	for _, dir := range []string{"/etc", "/etc/holdfast", "/var/lib/holdfast", "/var/tmp", "/run", "/run/holdfast", "/tmp", "/dev", "/dev/shm"} {
		file := dir + "/holdfast-may-run"
		out, err := inside("echo '#!/bin/sh' > " + file + " && chmod 755 " + file)
		if err != nil {
			t.Errorf("the service cannot write in %s: %s", dir, out)
			continue
		}
		if _, err := inside(file); err == nil {
			t.Errorf("the service can run what it writes in %s", dir)
		}
		if out, err := inside("rm " + file); err != nil {
			t.Errorf("%s: %v, %s", file, err, out)
		}
	}
}

// isQuiet sees that systemd and the service had nothing to complain of.
func (m *machine) isQuiet() {
	t := m.w.t
	t.Helper()
	for line := range strings.Lines(m.sh("journalctl", "--no-pager", "--output=cat", "--unit="+linux.Service)) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") || strings.Contains(line, "permitted") || strings.Contains(line, "denied") {
			t.Errorf("the journal says: %s", line)
		}
	}
	for line := range strings.Lines(m.console.String()) {
		if strings.Contains(line, "holdfast") && strings.Contains(line, "ignoring") {
			t.Errorf("systemd says: %s", line)
		}
	}
}

// TestWatchdog stops the service as a bug would that blocks all of it: systemd
// starts it anew, and the wish is met again.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	m, s := w.installed()
	sooner := filepath.Join(m.folder, "units", linux.Service+".d")
	if err := os.Mkdir(sooner, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(sooner, "sooner.conf"), []byte("[Service]\nWatchdogSec=2s\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.sh("systemctl", "daemon-reload")
	m.sh("systemctl", "restart", linux.Service)
	s.cli("up", "a")
	g := w.ping(200 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	w.rest(5 * time.Second) // it feeds the watchdog
	if n := m.property(linux.Service, "NRestarts"); n != "0" {
		t.Fatalf("a service that works was started %s times again", n)
	}
	pid := m.property(linux.Service, "MainPID")
	stopped := time.Now()
	m.sh("kill", "-STOP", pid)
	w.until("systemd to start it again", 20*time.Second, func() bool {
		return m.property(linux.Service, "NRestarts") == "1" && m.property(linux.Service, "ActiveState") == "active"
	})
	t.Logf("started again %v after it hung, with a watchdog of 2 s", time.Since(stopped).Round(time.Millisecond))
	w.flowing(g, 10*time.Second)
	if log := m.sh("journalctl", "--no-pager", "_PID=1"); !strings.Contains(log, "Watchdog timeout") && !strings.Contains(m.console.String(), "Watchdog timeout") {
		t.Errorf("nothing says that it was the watchdog: %s", log)
	}
}
