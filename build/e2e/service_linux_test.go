package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
)

// service is a holdfastd in the client's namespace.
type service struct {
	w      *world
	config string
	state  string
	socket string
	p      *process
}

// service starts holdfastd with empty folders.
func (w *world) service() *service {
	w.t.Helper()
	s := w.prepare()
	s.run()
	return s
}

// prepare names the folders of a holdfastd, which run starts.
func (w *world) prepare() *service {
	s := &service{w: w, config: filepath.Join(w.dir, "etc"), state: filepath.Join(w.dir, "var"), socket: filepath.Join(w.dir, "run", "s.sock")}
	w.t.Cleanup(func() {
		if w.t.Failed() && s.p != nil {
			w.t.Logf("holdfastd of %s said:\n%s", w.id, tail(s.p.out.String(), 60))
		}
	})
	return s
}

// run starts the program and waits until it answers.
func (s *service) run() {
	s.w.t.Helper()
	s.p = s.w.start(s.w.client, nil, programs.holdfastd, "run", "--config-dir", s.config, "--state-dir", s.state, "--socket", s.socket)
	s.w.until("holdfastd to answer", 15*time.Second, func() bool {
		_, err := s.try("version", "--json")
		return err == nil && s.answers()
	})
}

func (s *service) answers() bool { _, err := s.try("status", "--json"); return err == nil }

// kill ends the program with SIGKILL.
func (s *service) kill() { s.p.end(syscall.SIGKILL) }

// try runs the command line against the service.
func (s *service) try(args ...string) (string, error) {
	cmd := exec.Command(programs.holdfast, append(args, "--socket", s.socket)...)
	var out, msg strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("holdfast %s: %w\n%s", strings.Join(args, " "), err, msg.String())
	}
	return out.String(), nil
}

// cli runs the command line and fails the test when it fails.
func (s *service) cli(args ...string) string {
	s.w.t.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.w.t.Fatal(err)
	}
	return out
}

// exit runs the command line and returns its exit code.
func (s *service) exit(args ...string) int {
	_, err := s.try(args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}

// group imports the servers' configs and makes them the group g.
func (s *service) group(servers []*server, extra ...string) {
	s.w.t.Helper()
	var files []string
	set := []string{"group", "set", "g"}
	for _, srv := range servers {
		file := filepath.Join(s.w.dir, srv.name+".conf")
		if err := os.WriteFile(file, []byte(srv.conf(extra...)), 0o600); err != nil {
			s.w.t.Fatal(err)
		}
		files = append(files, file)
		set = append(set, srv.name)
	}
	s.cli(append([]string{"tunnel", "import"}, files...)...)
	s.cli(set...)
}

func (s *service) status() status.Status {
	s.w.t.Helper()
	var st status.Status
	if err := json.Unmarshal([]byte(s.cli("status", "--json")), &st); err != nil {
		s.w.t.Fatal(err)
	}
	return st
}

func (s *service) active() string {
	if a := s.status().Active; a != nil {
		return string(a.Tunnel)
	}
	return ""
}

// events returns the history, oldest first.
func (s *service) events(kinds ...event.Kind) []event.Event {
	s.w.t.Helper()
	var h struct{ Events []event.Event }
	if err := json.Unmarshal([]byte(s.cli("history", "--json", "--since", "24h", "--limit", "1000")), &h); err != nil {
		s.w.t.Fatal(err)
	}
	var out []event.Event
	for _, e := range h.Events {
		for _, k := range kinds {
			if e.Kind == k {
				out = append(out, e)
			}
		}
		if len(kinds) == 0 {
			out = append(out, e)
		}
	}
	if len(out) > 1 && out[0].ID > out[len(out)-1].ID {
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
	}
	return out
}

// switches are the moves from one member to another.
func (s *service) switches() []event.Event { return s.events(event.FailedOver, event.FailedBack) }

// pinger sends pings from the client's namespace and notes the answers.
type pinger struct {
	mu       sync.Mutex
	answered map[int]time.Time // by sequence number
	pending  string
	p        *process
}

var answer = regexp.MustCompile(`icmp_seq=(\d+) .*time=`)

// ping starts a ping of the target every interval.
func (w *world) ping(every time.Duration) *pinger {
	w.t.Helper()
	return w.pingTo(every, target)
}

// pingTo starts a ping of something else, with what ping needs to be told.
func (w *world) pingTo(every time.Duration, args ...string) *pinger {
	w.t.Helper()
	g := &pinger{answered: map[int]time.Time{}}
	args = append([]string{"netns", "exec", w.client, "ping", "-n", "-i", strconv.FormatFloat(every.Seconds(), 'f', 3, 64)}, args...)
	cmd := exec.Command("ip", args...)
	g.p = &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout = g
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { _ = cmd.Wait(); close(g.p.ended) }()
	w.t.Cleanup(func() { g.p.end(syscall.SIGINT) })
	return g
}

// Write takes what ping prints.
func (g *pinger) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	lines := strings.Split(g.pending+string(b), "\n")
	g.pending = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		if m := answer.FindStringSubmatch(line); m != nil {
			seq, _ := strconv.Atoi(m[1])
			g.answered[seq] = time.Now()
		}
	}
	return len(b), nil
}

// first is when the first answer after a moment came. Zero: none did.
func (g *pinger) first(after time.Time) (at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.answered {
		if t.After(after) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// lost counts the pings between the first and the last answer in a stretch of
// time that were never answered.
func (g *pinger) lost(from, to time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	low, high, n := 0, 0, 0
	for seq, t := range g.answered {
		if t.Before(from) || t.After(to) {
			continue
		}
		n++
		if low == 0 || seq < low {
			low = seq
		}
		high = max(high, seq)
	}
	if n == 0 {
		return -1
	}
	return high - low + 1 - n
}

// flowing waits until pings are answered.
func (w *world) flowing(g *pinger, within time.Duration) {
	w.t.Helper()
	from := time.Now()
	w.until("pings to be answered", within, func() bool { return !g.first(from).IsZero() })
}

// rest lets time pass: the test is about what happens, or does not, meanwhile.
func (w *world) rest(d time.Duration) {
	w.t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.t.Context().Done():
	}
}

// tail returns the last lines of a text.
func tail(s string, lines int) string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}

// network lists what the system is set to in the client's namespace.
func (w *world) network(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for _, args := range [][]string{
		{"ip", "-4", "rule"}, {"ip", "-6", "rule"}, {"ip", "route", "show", "table", "all"}, {"ip", "-br", "addr"},
		{"sysctl", "net.ipv4.conf.all.src_valid_mark"},
	} {
		fmt.Fprintf(&b, "== %s\n%s", strings.Join(args, " "), w.sh(w.client, args...))
	}
	return b.String()
}

// ruleset lists the firewall of the client's namespace.
func (w *world) ruleset() string {
	w.t.Helper()
	return w.sh(w.client, "nft", "list", "ruleset")
}
