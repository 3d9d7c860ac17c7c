package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/app/client"
	"holdfast/service/clock"
	"holdfast/service/daemon"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/lab"
	"holdfast/service/library"
	"holdfast/service/netwatch"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// patience is how long a test waits for what must come.
const patience = 15 * time.Second

// home is a service's place on disk, with servers to connect to.
type home struct {
	t        *testing.T
	dir      string
	lab      *lab.Lab
	underlay chan failover.Input
	// ahead is how far the machine's clock is ahead.
	ahead atomic.Int64
}

// quick are settings with which a failover takes some three seconds.
var quick = map[string]string{
	"profile": "classic", "health_check_interval": "1s", "traffic_timeout": "2s", "handshake_timeout": "4s", "minimum_hold": "1s",
}

// newHome makes the group g of a server for each name.
func newHome(t *testing.T, names ...tunnel.Name) *home {
	t.Helper()
	goroutines := runtime.NumGoroutine()
	dir, err := os.MkdirTemp("", "daemon") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t: t, dir: dir, lab: lab.New(lab.Options{Seed: 1}), underlay: make(chan failover.Input)}
	t.Cleanup(func() {
		if err := errors.Join(h.lab.Close(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
		until(t, "every goroutine to end", func() bool { return runtime.NumGoroutine() <= goroutines })
	})
	if len(names) == 0 {
		return h
	}
	l, err := library.Open(h.options().ConfigDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		s, err := h.lab.AddServer(name, lab.ServerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Save(name, s.ClientConfig(), false); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.SetGroup("g", names); err != nil {
		t.Fatal(err)
	}
	if _, err := l.SetSettings(quick); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *home) options() daemon.Options {
	return daemon.Options{
		ConfigDir: filepath.Join(h.dir, "etc"), StateDir: filepath.Join(h.dir, "var"), Socket: filepath.Join(h.dir, "run", "s.sock"),
		Userspace: true, Underlay: h.underlay, Clock: h.clock, Log: slog.New(slog.DiscardHandler),
	}
}

// clock is the machine's clock.
func (h *home) clock() clock.Reading {
	r := netwatch.ReadClock()
	r.Wall = r.Wall.Add(time.Duration(h.ahead.Load()))
	return r
}

// write puts a file below the home.
func (h *home) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		h.t.Fatal(err)
	}
}

// running is a service that runs, and a client of it.
type running struct {
	*client.Client
	t      *testing.T
	daemon *daemon.Daemon
	stop   func()
}

// run runs the service until stop, or the end of the test.
func (h *home) run() *running {
	h.t.Helper()
	d, err := daemon.Open(h.t.Context(), h.options())
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- d.Run(ctx, func() { close(ready) }) }()
	<-ready
	r := &running{Client: client.New(h.options().Socket), t: h.t, daemon: d}
	r.stop = sync.OnceFunc(func() {
		cancel()
		began := time.Now()
		select {
		case err := <-ended:
			if err != nil {
				h.t.Error(err)
			}
		case <-time.After(patience):
			h.t.Fatal("the service did not end")
		}
		if took := time.Since(began); took > 3*time.Second {
			h.t.Errorf("the service took %s to end", took)
		}
		r.Close()
	})
	h.t.Cleanup(r.stop)
	return r
}

// flow pings through the tunnel until the returned function is called.
func (h *home) flow(r *running) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	to := h.lab.Servers()[0].Inner()[0]
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			try, done := context.WithTimeout(ctx, 200*time.Millisecond)
			_, _ = r.daemon.Inside().Ping(try, to)
			done()
		}
	})
	return func() { cancel(); wg.Wait() }
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			buf := make([]byte, 1<<20)
			t.Fatalf("waited too long for %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

func (r *running) status() status.Status {
	r.t.Helper()
	st, err := r.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return st.Status
}

// is waits until a member is active and the whole is so.
func (r *running) is(active tunnel.Name, overall status.Overall) {
	r.t.Helper()
	until(r.t, fmt.Sprintf("%s to be %s", active, overall), func() bool {
		st := r.status()
		return st.Overall == overall && (active == "" && st.Active == nil || st.Active != nil && st.Active.Tunnel == active)
	})
}

func (r *running) connect(target tunnel.Name) {
	r.t.Helper()
	if _, err := r.Connect(r.t.Context(), target); err != nil {
		r.t.Fatal(err)
	}
}

// notices returns the codes of the open notices, and makes sure that the
// history and the picture know the same.
func (r *running) notices() (codes []event.Code) {
	r.t.Helper()
	kept, err := r.Notices(r.t.Context(), false)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, n := range kept.Notices {
		codes = append(codes, n.Code)
	}
	var shown []event.Code
	for _, n := range r.status().Notices {
		shown = append(shown, n.Code)
	}
	slices.Sort(codes)
	slices.Sort(shown)
	if !slices.Equal(codes, shown) {
		r.t.Errorf("the history has the notices %v, the picture %v", codes, shown)
	}
	return codes
}

func (r *running) wantNotices(want ...event.Code) {
	r.t.Helper()
	if got := r.notices(); !slices.Equal(got, want) {
		r.t.Errorf("open notices are %v, want %v", got, want)
	}
}

// history returns everything that happened, the oldest first.
func (r *running) history() []event.Event {
	r.t.Helper()
	h, err := r.History(r.t.Context(), api.EventQuery{Limit: api.MaxPage})
	if err != nil {
		r.t.Fatal(err)
	}
	var events []event.Event
	for _, e := range slices.Backward(h.Events) {
		events = append(events, e.Event)
	}
	return events
}
