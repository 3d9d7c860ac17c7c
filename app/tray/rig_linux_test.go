package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"holdfast/app/desktest"
	"holdfast/app/prefs"
	"holdfast/service/control"
	"holdfast/web"
	"holdfast/web/webtest"
)

// TestMain lets a test run this very program as the tray, in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("HOLDFAST_TEST_TRAY") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A rig is a tray in a process of its own, on a desktop of the test's, before
// a service behind a real socket.
type rig struct {
	world  *webtest.World
	role   web.Role
	dir    string
	socket string
	bus    string
	logout func() // ends the bus
	stop   func() // the service

	notes   *desktest.Notifications
	watcher *desktest.Watcher
	item    *desktest.Item

	cmd  *exec.Cmd
	log  *syncBuffer
	done chan struct{} // closed when the tray has ended
}

// newRig makes a desktop and a service, and no tray yet.
func newRig(t *testing.T) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "tray")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &rig{world: webtest.New(), role: web.Admin, dir: dir, socket: filepath.Join(dir, "s")}
	r.bus, r.logout = desktest.StartBusToEnd(t)
	for _, sub := range []string{"run", "config", "bin"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.program(t, "xdg-open", `echo "$1" >>"$HOLDFAST_TEST_DIR/opened"`)
	r.serve(t)
	return r
}

// program puts a script on the tray's path.
func (r *rig) program(t *testing.T, name, does string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "bin", name), []byte("#!/bin/sh\n"+does+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// serve begins to serve, anew after stop.
func (r *rig) serve(t *testing.T) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	l, err := control.Listen(r.socket, control.Options{Log: log, Refusal: web.Busy()})
	if err != nil {
		t.Fatal(err)
	}
	deps := r.world.Deps()
	ended := make(chan struct{})
	deps.Done, deps.Log = ended, log
	role := r.role
	srv := web.NewServer(web.New(deps), func(ctx context.Context, _ net.Conn) context.Context {
		return web.WithIdentity(ctx, func() web.Caller { return web.Caller{Role: role, UID: os.Geteuid(), User: "ann"} })
	}, log)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(l)
	}()
	r.stop = sync.OnceFunc(func() {
		close(ended)
		srv.Close()
		<-served
	})
	t.Cleanup(func() { r.stop() })
}

// desktop adds what shows icons and notifications.
func (r *rig) desktop(t *testing.T) {
	t.Helper()
	r.notes = desktest.ServeNotifications(t, r.bus, nil)
	r.watcher = desktest.ServeWatcher(t, r.bus)
}

func (r *rig) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"--socket", r.socket}, args...)...)
	cmd.Env = []string{
		"HOLDFAST_TEST_TRAY=1", "HOLDFAST_TEST_DIR=" + r.dir, "DBUS_SESSION_BUS_ADDRESS=" + r.bus,
		"XDG_RUNTIME_DIR=" + filepath.Join(r.dir, "run"), "XDG_CONFIG_HOME=" + filepath.Join(r.dir, "config"),
		"GORACE=exitcode=0", "HOME=" + r.dir, "DISPLAY=:nothing", "PATH=" + filepath.Join(r.dir, "bin") + ":/usr/bin:/bin", "LANG=C.UTF-8",
	}
	return cmd
}

// start starts the tray. It is ended with the test.
func (r *rig) start(t *testing.T, args ...string) {
	t.Helper()
	r.cmd, r.log, r.done = r.command(args...), &syncBuffer{}, make(chan struct{})
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		_ = r.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		<-r.done
		if t.Failed() {
			t.Logf("the tray said:\n%s", r.log)
		}
		for _, race := range ourRaces(r.log.String()) {
			t.Errorf("a race in the tray:\n%s", race)
		}
	})
}

// ourRaces are the reports of the race detector, but for those in which systray
// itself touches what it shares: it reads the version of its menu without the
// lock under which it counts it (v1.12.2).
func ourRaces(log string) (out []string) {
	for _, report := range strings.Split(log, "WARNING: DATA RACE")[1:] {
		inSystray := false
		lines := strings.Split(report, "\n")
		for n, line := range lines[:len(lines)-1] {
			accesses := strings.Contains(line, "ead at 0x") || strings.Contains(line, "rite at 0x")
			inSystray = inSystray || accesses && strings.HasPrefix(strings.TrimSpace(lines[n+1]), "fyne.io/systray.")
		}
		if !inSystray {
			out = append(out, report)
		}
	}
	return out
}

// startShown starts the tray on a whole desktop and waits for its icon.
func startShown(t *testing.T, prepare ...func(*rig)) *rig {
	t.Helper()
	r := newRig(t)
	r.desktop(t)
	for _, do := range prepare {
		do(r)
	}
	r.start(t)
	r.item = r.watcher.Item(t)
	return r
}

// line waits for a visible line of the menu whose label begins so.
func (r *rig) line(t *testing.T, label string) (found desktest.Line) {
	t.Helper()
	desktest.WaitFor(t, fmt.Sprintf("the line %q", label), func() bool {
		var there bool
		found, there = find(r.item.Menu(t), label)
		return there
	})
	return found
}

func find(lines []desktest.Line, label string) (desktest.Line, bool) {
	for _, l := range lines {
		if strings.HasPrefix(l.Label, label) {
			return l, true
		}
		if below, ok := find(l.Below, label); ok {
			return below, true
		}
	}
	return desktest.Line{}, false
}

// choose clicks a line of the menu.
func (r *rig) choose(t *testing.T, label string) {
	t.Helper()
	r.item.Click(t, r.line(t, label).ID)
}

// opened are the addresses that the browser was given.
func (r *rig) opened() []string {
	text, _ := os.ReadFile(filepath.Join(r.dir, "opened"))
	return strings.Fields(string(text))
}

func (r *rig) prefs() *prefs.Store {
	return prefs.Open(filepath.Join(r.dir, "config", "holdfast", "prefs.json"))
}

// wished waits until the service was asked for what the picture says then.
func (r *rig) wished(t *testing.T, what string, so func() bool) {
	t.Helper()
	desktest.WaitFor(t, what, so)
}

// syncBuffer is a buffer that one goroutine writes and another reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
