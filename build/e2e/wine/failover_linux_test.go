package wine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/lab"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// noticedWithin is far longer than the profile "fast" takes, which is some 2 s:
// the machine may be busy.
const noticedWithin = 30 * time.Second

// servers starts WireGuard servers in this process, the first the nearest.
func servers(t *testing.T, names ...tunnel.Name) *lab.Lab {
	t.Helper()
	l := lab.New(lab.Options{Seed: 1})
	t.Cleanup(func() { l.Close() })
	for i, name := range names {
		latency := time.Duration(4+4*i) * time.Millisecond
		if _, err := l.AddServer(name, lab.ServerOptions{Preshared: true, Path: lab.Both(lab.Link{Latency: latency})}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// files writes a config for each server, and returns their folder and its name in
// Windows.
func (c *computer) files(t *testing.T, l *lab.Lab) (dir, name string) {
	t.Helper()
	dir, err := os.MkdirTemp(c.Path("drive_c"), "configs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, s := range l.Servers() {
		if err := os.WriteFile(filepath.Join(dir, string(s.Name())+".conf"), []byte(s.ClientConfig().Render()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, `C:\` + filepath.Base(dir)
}

// a world is a service in Windows with traffic through its tunnel, and the servers
// that it leads to.
type world struct {
	*computer
	lab     *lab.Lab
	socket  string
	configs string // folder of the servers' configs, as Windows sees it
}

// carry starts a service, and imports the servers' configs as a group. All ends with
// the test.
func (c *computer) carry(t *testing.T, names ...tunnel.Name) *world {
	t.Helper()
	w := &world{computer: c, lab: servers(t, names...), socket: `\\.\pipe\` + t.Name()}
	_, w.configs = c.files(t, w.lab)
	folder := `C:\` + t.Name()
	c.begin(t, c.Tools+"/carrier.exe", folder+`\etc`, folder+`\var`, w.socket)
	until(t, "the service to answer", startWithin, func() bool {
		return c.holdfast(t, "status", "--socket", w.socket).Code == 0
	})
	w.at(t, "settings", "set", "profile=fast", "third_party_checks=false")
	group := []string{"group", "set", "home"}
	for _, name := range names {
		w.at(t, "tunnel", "import", w.configs+`\`+string(name)+".conf")
		group = append(group, string(name))
	}
	w.at(t, group...)
	return w
}

// at runs a command at the service, and wants that it ends well.
func (w *world) at(t *testing.T, args ...string) string {
	t.Helper()
	return w.must(t, append(args, "--socket", w.socket)...)
}

// status is the picture of the service.
func (w *world) status(t *testing.T) (s status.Status) {
	t.Helper()
	if out := w.at(t, "status", "--json"); json.Unmarshal([]byte(out), &s) != nil {
		t.Fatalf("status is %q", out)
	}
	return s
}

// flows waits until traffic flows through a server.
func (w *world) flows(t *testing.T, through tunnel.Name) {
	t.Helper()
	until(t, "traffic through "+string(through), noticedWithin, func() bool {
		s := w.status(t)
		return s.Overall == status.Protected && s.Active.Tunnel == through && s.Active.RxBytes > 1000
	})
}

// TestFailover breaks the server that the traffic of a service in Windows goes
// through, and has it go through the other one.
func TestFailover(t *testing.T) {
	w := start(t).carry(t, "near", "far")
	w.at(t, "up", "home", "--wait=60s")
	w.flows(t, "near")

	broken := time.Now()
	if err := w.lab.Server("near").Break(lab.BlackHole); err != nil {
		t.Fatal(err)
	}
	w.flows(t, "far")
	moved := false
	for _, e := range w.history(t, "--socket", w.socket) {
		after := e.At.Sub(broken)
		if after < 0 || e.Kind != event.VerdictChanged && e.Kind != event.FailedOver {
			continue
		}
		t.Logf("%5d ms after the server broke: %s %s, %s -> %s %s", after.Milliseconds(), e.Kind, e.Tunnel, e.From, e.To, e.Cause)
		moved = moved || e.Kind == event.FailedOver
	}
	if !moved {
		t.Error("history tells of no failover")
	}
	w.at(t, "down")
	if s := w.status(t); s.Overall != status.Off {
		t.Errorf("after down it is %s", s.Overall)
	}
}
