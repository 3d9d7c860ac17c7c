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
	dir, err := os.MkdirTemp(c.path("drive_c"), "configs")
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

// status is the picture of a service, where it answers.
func (c *computer) status(t *testing.T, socket string) (s status.Status) {
	t.Helper()
	if out := c.must(t, "status", "--json", "--socket", socket); json.Unmarshal([]byte(out), &s) != nil {
		t.Fatalf("status is %q", out)
	}
	return s
}

// TestFailover breaks the server that the traffic of a service in Windows goes
// through, and has it go through the other one.
func TestFailover(t *testing.T) {
	c := start(t)
	l := servers(t, "near", "far")
	_, dir := c.files(t, l)
	const socket = `\\.\pipe\Carrier`
	p := c.begin(t, c.tools+"/carrier.exe", `C:\carrier\etc`, `C:\carrier\var`, socket)
	until(t, "the service to answer", startWithin, func() bool {
		return c.holdfast(t, "status", "--socket", socket).code == 0
	})
	at := func(args ...string) string { return c.must(t, append(args, "--socket", socket)...) }
	at("settings", "set", "profile=fast", "third_party_checks=false")
	at("tunnel", "import", dir+`\near.conf`, dir+`\far.conf`)
	at("group", "set", "home", "near", "far")
	at("up", "home", "--wait=60s")
	until(t, "traffic through the nearer server", noticedWithin, func() bool {
		s := c.status(t, socket)
		return s.Overall == status.Protected && s.Active.Tunnel == "near" && s.Active.RxBytes > 1000
	})

	broken := time.Now()
	if err := l.Server("near").Break(lab.BlackHole); err != nil {
		t.Fatal(err)
	}
	until(t, "the traffic to go through the other server", noticedWithin, func() bool {
		s := c.status(t, socket)
		return s.Active != nil && s.Active.Tunnel == "far" && s.Overall == status.Protected
	})
	var got struct{ Events []event.Event }
	if err := json.Unmarshal([]byte(at("history", "--json")), &got); err != nil {
		t.Fatal(err)
	}
	moved := false
	for _, e := range got.Events {
		after := e.At.Sub(broken)
		if after < 0 || e.Kind != event.VerdictChanged && e.Kind != event.FailedOver {
			continue
		}
		t.Logf("%6d ms after the server broke: %s %s, %s -> %s %s", after.Milliseconds(), e.Kind, e.Tunnel, e.From, e.To, e.Cause)
		moved = moved || e.Kind == event.FailedOver
	}
	if !moved {
		t.Error("history tells of no failover")
	}
	at("down")
	if s := c.status(t, socket); s.Overall != status.Off {
		t.Errorf("after down it is %s", s.Overall)
	}
	p.end(t)
}
