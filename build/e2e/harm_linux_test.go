package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
)

// TestAnotherProgramInterferes takes away, one after the other, what the
// tunnel needs of the system. Each comes back, and traffic with it.
func TestAnotherProgramInterferes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.service()
	s.group(w.servers)
	s.cli("up", "g")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	steady := stable(w.network(t))
	for _, cut := range []string{
		"ip route flush table 26726",
		"ip rule del priority 26727",
		"ip rule del priority 26726",
		"ip route replace default via 10.200.0.1 dev eth0 table 26726",
		"ip -4 addr flush dev holdfast0",
		"ip link set holdfast0 down",
	} {
		w.sh(w.client, strings.Fields(cut)...)
		w.until("the system to be set again after "+cut, 5*time.Second, func() bool { return stable(w.network(t)) == steady })
		w.flowing(g, 5*time.Second)
	}
	w.sh(w.client, "ip", "link", "del", "holdfast0")
	w.flowing(g, 15*time.Second) // it broke a moment ago: this time it waits
	if n := len(s.events(event.StateChanged)); n < 4 {
		t.Errorf("%d changes of state were told, want those of an interface set down and of one deleted", n)
	}
}

// TestSecondService starts the program beside itself: the second one refuses,
// says why, and harms nothing.
func TestSecondService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.service()
	s.group(w.servers)
	s.cli("up", "g")
	w.flowing(w.ping(100*time.Millisecond), 10*time.Second)
	steady := w.network(t)
	other := filepath.Join(w.dir, "other")
	for _, args := range [][]string{
		{"--config-dir", s.config, "--state-dir", s.state, "--socket", s.socket},
		{"--config-dir", s.config, "--state-dir", s.state, "--socket", filepath.Join(other, "s.sock")},
		{"--config-dir", filepath.Join(other, "etc"), "--state-dir", filepath.Join(other, "var"), "--socket", filepath.Join(other, "s.sock")},
		{"--config-dir", filepath.Join(other, "etc"), "--state-dir", filepath.Join(other, "var"), "--socket", s.socket},
	} {
		p := w.start(w.client, nil, append([]string{programs.holdfastd, "run"}, args...)...)
		w.until("the second service to end", 10*time.Second, func() bool {
			select {
			case <-p.ended:
				return true
			default:
				return false
			}
		})
		if code := p.cmd.ProcessState.ExitCode(); code < 10 || !strings.Contains(p.out.String(), "another") {
			t.Errorf("a second service with %v exits with %d and says %q", args, code, p.out.String())
		}
	}
	if now := w.network(t); now != steady {
		t.Errorf("a second service changed the system from\n%s\nto\n%s", steady, now)
	}
	if !s.answers() {
		t.Error("the first service no longer answers")
	}
}

// TestFullDisk fills the file system of the state folder while a tunnel is up:
// it lives on, is rebuilt, moves, and can be turned off.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	s := w.serviceOn("600k")
	s.group(w.servers)
	s.cli("up", "g")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	fill := filepath.Join(s.state, "fill")
	_, _ = w.try("", "dd", "if=/dev/zero", "of="+fill, "bs=1k")
	s.cli("switch", "b")
	s.cli("reconnect")
	w.flowing(g, 5*time.Second)
	if got := s.active(); got != "b" {
		t.Errorf("active is %q, want b", got)
	}
	if code := s.exit("settings", "set", "profile=classic"); code != 0 {
		t.Errorf("settings of another file system: exit code %d", code)
	}
	_, err := s.try("down")
	if err == nil || !strings.Contains(err.Error(), "returns when the service starts again") {
		t.Errorf("down on a full disk: %v, want a word that it will not last", err)
	}
	w.until("the tunnel to be off", 5*time.Second, func() bool { return s.status().Overall == "off" })
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	s.cli("up", "g")
	w.flowing(g, 5*time.Second)
	s.cli("down")
	if n := len(s.events(event.StateChanged)); n < 4 {
		t.Errorf("the history holds %d changes of state; what was not written is lost", n)
	}
}

// serviceOn starts holdfastd with a state folder on a file system of a size.
func (w *world) serviceOn(size string) *service {
	w.t.Helper()
	dir := filepath.Join(w.dir, "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.sh("", "mount", "-t", "tmpfs", "-o", "mode=700,size="+size, "tmpfs", dir)
	w.t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	s := w.prepare()
	s.state = dir
	s.run()
	return s
}
