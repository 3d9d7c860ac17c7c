package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"holdfast/service/event"
)

// sleeper is a service on a machine whose clocks can be shifted.
type sleeper struct {
	*service
	shifts string
	slept  time.Duration
	ahead  time.Duration
}

// sleeper builds and starts the service with shifted clocks.
func (w *world) sleeper() *sleeper {
	w.t.Helper()
	program := filepath.Join(w.dir, "sleeper")
	if msg, err := exec.Command("go", "build", "-o", program, "holdfast/build/e2e/sleeper").CombinedOutput(); err != nil {
		w.t.Fatalf("build: %v\n%s", err, msg)
	}
	s := &sleeper{service: w.prepare(), shifts: filepath.Join(w.dir, "shifts")}
	s.p = w.start(w.client, nil, program, "--config-dir", s.config, "--state-dir", s.state, "--socket", s.socket, "--shifts", s.shifts)
	w.until("the service to answer", 15*time.Second, s.answers)
	return s
}

// signal sends a signal to the program.
func (s *sleeper) signal(sig syscall.Signal) {
	s.w.t.Helper()
	if err := syscall.Kill(s.p.cmd.Process.Pid, sig); err != nil {
		s.w.t.Fatal(err)
	}
}

// shift writes the shifts of the clocks for the next look at them.
func (s *sleeper) shift() {
	s.w.t.Helper()
	if err := os.WriteFile(s.shifts+".new", fmt.Appendf(nil, "%v %v\n", s.slept, s.ahead), 0o600); err != nil {
		s.w.t.Fatal(err)
	}
	if err := os.Rename(s.shifts+".new", s.shifts); err != nil {
		s.w.t.Fatal(err)
	}
}

// forget makes a server drop its session, as it does after three minutes.
func (s *server) forget() {
	s.w.t.Helper()
	s.configure(fmt.Sprintf("public_key=%s\nremove=true\n", s.client.Public().Hex()))
	s.configure(fmt.Sprintf("public_key=%s\nallowed_ip=10.9.0.2/32\n", s.client.Public().Hex()))
}

// TestWake lets the machine sleep for eight hours. What it does not know, and
// its own clocks do not tell it, is that the server has forgotten it. When the
// link is back after the waking, so is the traffic.
func TestWake(t *testing.T) {
	t.Parallel()
	rounds := 6
	if soak() {
		rounds = 48
	}
	w := newWorld(t, "a")
	s := w.sleeper()
	s.group(w.servers)
	s.cli("up", "g")
	g := w.ping(20 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	// How long after the waking the link is back. At 0 it was never lost.
	delays := []time.Duration{0, 100 * time.Millisecond, 700 * time.Millisecond, 2500 * time.Millisecond}
	var took []time.Duration
	for i := range rounds {
		delay := delays[i%len(delays)]
		s.signal(syscall.SIGSTOP)
		if delay > 0 {
			w.sh("", "ip", "-n", w.router, "link", "set", "c", "down")
		}
		w.servers[0].forget()
		s.slept += 8 * time.Hour
		s.shift()
		w.rest(300 * time.Millisecond)
		s.signal(syscall.SIGCONT)
		s.signal(syscall.SIGUSR1)
		link := time.Now()
		if delay > 0 {
			w.rest(delay)
			w.sh("", "ip", "-n", w.router, "link", "set", "c", "up")
			link = time.Now()
		}
		w.flowing(g, 20*time.Second)
		d := g.first(link).Sub(link)
		took = append(took, d)
		t.Logf("link after %v: traffic %v later", delay, d.Round(time.Millisecond))
		w.rest(1500 * time.Millisecond)
	}
	slices.Sort(took)
	t.Logf("%d wakings: traffic after the link: median %v, longest %v", len(took),
		took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	if most := took[len(took)-1]; most > 1500*time.Millisecond {
		t.Errorf("traffic came %v after the link, want 1.5s at most", most)
	}
	if n := len(s.events(event.Woke)); n != rounds {
		t.Errorf("%d wakings were told, want %d", n, rounds)
	}
	for _, e := range s.events(event.VerdictChanged) {
		if e.To == "unhealthy" {
			t.Errorf("a verdict about the tunnel: %+v", e)
		}
	}
}

// TestClockAhead sets the clock two years forward. No handshake leaves, and the
// person is told; when the person connects again, the clock counts as right.
func TestClockAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.sleeper()
	s.group(w.servers)
	s.cli("settings", "set", "third_party_checks=false")
	count := w.initiations()
	s.cli("up", "g")
	g := w.ping(50 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	ahead := func() bool {
		for _, n := range s.status().Notices {
			if n.Code == event.CodeClockAhead {
				return true
			}
		}
		return false
	}
	s.ahead = 2 * 365 * 24 * time.Hour
	s.shift()
	s.signal(syscall.SIGUSR1)
	before := count(w.servers[0])
	w.flowing(g, time.Second) // the session goes on
	w.servers[0].forget()
	// The first question for a handshake makes it known.
	w.until("the notice", 30*time.Second, ahead)
	w.rest(2 * time.Second)
	if n := count(w.servers[0]) - before; n != 0 {
		t.Errorf("%d initiations left with a date two years ahead", n)
	}
	s.cli("up", "g")
	w.flowing(g, 5*time.Second)
	if ahead() {
		t.Error("the notice is still there")
	}
}

// TestAnotherNetwork takes the client from one link to another. The tunnel
// follows, with its session and its endpoint, and a change that does not touch
// the way to the server goes unnoticed.
func TestAnotherNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	w.sh("", "ip", "-n", w.router, "link", "add", "c2", "type", "veth", "peer", "name", "eth1", "netns", w.client)
	w.sh("", "ip", "-n", w.router, "addr", "add", "10.201.0.1/24", "dev", "c2")
	w.sh("", "ip", "-n", w.router, "link", "set", "c2", "up")
	w.sh("", "ip", "-n", w.client, "link", "set", "eth1", "up")
	s := w.service()
	s.group(w.servers)
	s.cli("up", "g")
	g := w.ping(20 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	w.rest(3 * time.Second)
	was := len(s.events(event.Restarted))
	w.sh("", "ip", "-n", w.client, "addr", "add", "10.201.0.2/24", "dev", "eth1")
	w.sh("", "ip", "-n", w.client, "addr", "add", "10.200.0.9/24", "dev", "eth0")
	w.rest(3 * time.Second)
	if n := len(s.events(event.Restarted)) - was; n != 0 {
		t.Errorf("%d rebuilds after changes beside the way to the server", n)
	}
	moved := time.Now()
	w.sh("", "ip", "-n", w.client, "route", "replace", "default", "via", "10.201.0.1")
	w.sh("", "ip", "-n", w.router, "link", "set", "c", "down")
	w.until("the rebuild", 5*time.Second, func() bool { return len(s.events(event.Restarted)) > was })
	w.flowing(g, 5*time.Second)
	w.rest(time.Second)
	t.Logf("rebuilt after another network: %d pings lost", g.lost(moved.Add(-time.Second), time.Now()))
	if got := s.status().Active; got == nil || got.Endpoint != "10.200.1.2:51820" {
		t.Errorf("the active member is %+v, want the endpoint of the config", got)
	}
	if n := len(s.events(event.Restarted)) - was; n != 1 {
		t.Errorf("%d rebuilds, want 1", n)
	}
}
