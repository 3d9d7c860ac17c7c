package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/installer/linux"
	"holdfast/service/status"
	"holdfast/store"
)

// impatient is a unit that uses the network as soon as it is there, before the
// service starts. It keeps what it saw.
const impatient = `[Unit]
DefaultDependencies=no
After=network-pre.target local-fs.target
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=-/bin/sh -c 'ping -n -c 5 -i 0.1 -W 1 10.200.1.2 >/run/impatient 2>&1'
ExecStart=/bin/sh -c 'nft list tables >>/run/impatient'
[Install]
WantedBy=sysinit.target
`

// flusher is the unit of nftables with the file that it has on many systems. It
// takes its time, so that who does not wait for it is flushed.
const flusher = `[Unit]
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'sleep 0.5; nft flush ruleset'
[Install]
WantedBy=sysinit.target
`

// TestEarlyBoot starts a machine again and again, with another wish on its disk
// each time: what uses the network before the service has started gets out only
// where nothing is to be kept in.
func TestEarlyBoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	m, _ := w.installed()
	for name, text := range map[string]string{"impatient.service": impatient, "nftables.service": flusher} {
		if err := os.WriteFile(filepath.Join(m.folder, "units", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		m.sh("systemctl", "enable", name)
	}
	off, on := status.Wish{Target: "a"}, status.Wish{On: true, Target: "a"}
	for _, tt := range []struct {
		name, guard string
		wish        status.Wish
		damage      bool
		out         bool // the impatient one got out
	}{
		{"wish off", "auto", off, false, true},
		{"wish on", "auto", on, false, false},
		{"wish on, guard off", "off", on, false, true},
		{"wish off, guard always", "always", off, false, false},
		{"wish damaged", "auto", on, true, false},
	} {
		m.service().cli("settings", "set", "guard="+tt.guard)
		m.powerOff()
		w.forget()
		m.wish(tt.wish, tt.damage)
		m.boot()
		seen := m.sh("cat", "/run/impatient")
		if out := strings.Contains(seen, "bytes from"); out != tt.out {
			t.Errorf("%s: got out: %t, want %t:\n%s", tt.name, out, tt.out, seen)
		}
		if ruled := strings.Contains(seen, "table inet holdfast"); ruled == tt.out {
			t.Errorf("%s: the guard's rules are there: %t, want %t:\n%s", tt.name, ruled, !tt.out, seen)
		}
		if result := m.property(linux.EarlyBoot, "Result"); result != "success" || m.property(linux.EarlyBoot, "ActiveState") != "active" {
			t.Errorf("%s: the unit for the boot ended with %s", tt.name, result)
		}
		t.Logf("%s: shutting took %v", tt.name, m.took(linux.EarlyBoot))
		w.until("holdfastd to answer", 10*time.Second, m.service().answers)
		if tt.wish.On && !tt.damage {
			w.flowing(w.ping(100*time.Millisecond), 15*time.Second)
		}
	}
}

// wish puts a wish on the disk of a machine that is off.
func (m *machine) wish(wish status.Wish, damage bool) {
	m.w.t.Helper()
	dir := filepath.Join(m.folder, "var")
	if err := store.NewWishFile(dir).Save(wish); err != nil {
		m.w.t.Fatal(err)
	}
	for _, name := range []string{"wish.json", "wish.json.1"} {
		if damage {
			if err := os.Truncate(filepath.Join(dir, name), 10); err != nil {
				m.w.t.Fatal(err)
			}
		}
	}
}

// forget makes the client's kernel forget what it was told, as a power cut does.
func (w *world) forget() {
	w.t.Helper()
	w.sh(w.client, "nft", "flush", "ruleset")
	for _, family := range []string{"-4", "-6"} {
		for _, args := range [][]string{{"rule", "flush"}, {"rule", "add", "priority", "32766", "table", "main"}, {"rule", "add", "priority", "32767", "table", "default"},
			{"route", "flush", "proto", "104", "table", "all"}} {
			_, _ = w.try(w.client, append([]string{"ip", family}, args...)...)
		}
	}
}

// took is how long a unit's program ran, by the clock of systemd.
func (m *machine) took(unit string) time.Duration {
	m.w.t.Helper()
	moment := func(name string) int64 {
		n, err := strconv.ParseInt(m.property(unit, name), 10, 64)
		if err != nil {
			m.w.t.Fatal(err)
		}
		return n
	}
	return time.Duration(moment("ExecMainExitTimestampMonotonic")-moment("ExecMainStartTimestampMonotonic")) * time.Microsecond
}

// sealWithin is how long the network may wait for the guard at boot. What is
// shut in this time is one table and a few routes.
const sealWithin = 100 * time.Millisecond

// TestSeal shuts the guard where the disk cannot be written, in time, and again
// where it is shut already.
func TestSeal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.prepare()
	if err := os.MkdirAll(s.config, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.config, "a.conf"), []byte(w.servers[0].conf()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.config, "holdfast.toml"), []byte("[settings]\nguard = \"auto\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.NewWishFile(s.state).Save(status.Wish{On: true, Target: "a"}); err != nil {
		t.Fatal(err)
	}
	reach := func() bool {
		_, err := w.try(w.client, "ping", "-n", "-c", "2", "-i", "0.1", "-W", "1", w.servers[0].addr)
		return err == nil
	}
	if !reach() {
		t.Fatal("the server cannot be reached before")
	}
	// Of the whole disk nothing is writable; namespaces of ip(8) keep their own /sys.
	const readOnly = `mount --make-rprivate / && mount -o remount,ro,bind / && ! touch "$0" 2>/dev/null && exec "$@"`
	seal := []string{"unshare", "--mount", "sh", "-c", readOnly, filepath.Join(s.state, "touched"),
		programs.holdfastd, "seal", "--config-dir", s.config, "--state-dir", s.state}
	var took []time.Duration
	for range 9 {
		if out, err := w.try(w.client, seal...); err != nil {
			t.Fatalf("seal: %v\n%s", err, out)
		}
		if reach() {
			t.Fatal("the server can be reached although the guard is shut")
		}
		cmd := exec.Command("ip", append([]string{"netns", "exec", w.client}, seal...)...)
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		took = append(took, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	slices.Sort(took)
	t.Logf("CPU time of seal: %v in the middle, %v at most", took[len(took)/2], took[len(took)-1])
	if took[0] > sealWithin {
		t.Errorf("seal took %v of CPU time at least, want at most %v", took[0], sealWithin)
	}
	s.run()
	w.flowing(w.ping(100*time.Millisecond), 15*time.Second)
}

// TestSealLeavesARunningServiceAlone has the unit for the boot started by hand.
func TestSealLeavesARunningServiceAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "guard=auto")
	s.cli("up", "a")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	before := w.network(t)
	out := w.sh(w.client, programs.holdfastd, "seal", "--config-dir", s.config, "--state-dir", s.state)
	if !strings.Contains(out, "a service runs") {
		t.Errorf("seal says %q, want that a service runs", out)
	}
	if after := w.network(t); after != before {
		t.Errorf("seal changed the network of a service that runs.\nbefore:\n%s\nafter:\n%s", before, after)
	}
	w.flowing(g, 5*time.Second)
}
