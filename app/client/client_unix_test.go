//go:build unix

package client_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/app/client"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web"
	"holdfast/web/api"
	"holdfast/web/webtest"
)

// service is the API behind a real listener that knows its callers.
type service struct {
	world  *webtest.World
	socket string
	stop   func()
}

func serve(t testing.TB) *service {
	t.Helper()
	dir, err := os.MkdirTemp("", "client")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &service{world: webtest.New(), socket: filepath.Join(dir, "s")}
	s.serve(t)
	return s
}

// serve begins to serve, anew after stop.
func (s *service) serve(t testing.TB) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	listener, identify := listen(t, s.socket, log)
	deps := s.world.Deps()
	done := make(chan struct{})
	deps.Done, deps.Log = done, log
	srv := web.NewServer(web.New(deps), identify, log)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(listener)
	}()
	var once atomic.Bool
	s.stop = func() {
		if once.CompareAndSwap(false, true) {
			close(done)
			srv.Close()
			<-served
		}
	}
	t.Cleanup(func() { s.stop() })
}

func TestEveryMethod(t *testing.T) {
	s := serve(t)
	c := client.New(s.socket)
	defer c.Close()
	ctx := t.Context()

	if got, err := c.Version(ctx); err != nil || got.Version != "1.2.3" {
		t.Errorf("Version: %+v, %v", got, err)
	}
	if got, err := c.Status(ctx); err != nil || got.Overall != status.Off || got.Limited || got.Members == nil {
		t.Errorf("Status: %+v, %v", got, err)
	}
	if _, err := c.Reconnect(ctx); !errors.Is(err, api.ErrConflict) {
		t.Errorf("Reconnect when off: %v", err)
	}
	if got, err := c.Connect(ctx, "home"); err != nil || got.Active == nil || got.Active.Tunnel != "nl" {
		t.Errorf("Connect: %+v, %v", got, err)
	}
	if got, err := c.SwitchTo(ctx, "de"); err != nil || got.Active.Tunnel != "de" {
		t.Errorf("SwitchTo: %+v, %v", got, err)
	}
	if _, err := c.Reconnect(ctx); err != nil {
		t.Errorf("Reconnect: %v", err)
	}
	if got, err := c.Me(ctx); err != nil || got.Role != "admin" || got.User == "" {
		t.Errorf("Me: %+v, %v", got, err)
	}
	if got, err := c.Disconnect(ctx); err != nil || got.Wish.On {
		t.Errorf("Disconnect: %+v, %v", got, err)
	}
	if got, err := c.Connect(ctx, ""); err != nil || got.Wish.Target != "home" {
		t.Errorf("Connect to the last: %+v, %v", got, err)
	}
	c.Disconnect(ctx)

	if got, err := c.ImportTunnel(ctx, api.Import{Name: "a+b=c", Text: webtest.Conf}); err != nil || got.Name != "a+b=c" || len(got.Config.Peers) != 1 {
		t.Errorf("ImportTunnel: %+v, %v", got, err)
	}
	if _, err := c.ReplaceTunnel(ctx, "a+b=c", webtest.Conf); err != nil {
		t.Errorf("ReplaceTunnel: %v", err)
	}
	if got, err := c.RenameTunnel(ctx, "a+b=c", "x"); err != nil || got.Name != "x" {
		t.Errorf("RenameTunnel: %+v, %v", got, err)
	}
	if got, err := c.Tunnel(ctx, "x"); err != nil || got.Config.PublicKey == "" || len(got.Config.Scripts) != 1 {
		t.Errorf("Tunnel: %+v, %v", got, err)
	}
	if got, err := c.ExportTunnel(ctx, "x"); err != nil || !strings.Contains(got.Text, webtest.PrivateKey) {
		t.Errorf("ExportTunnel: %+v, %v", got, err)
	}
	if got, err := c.Tunnels(ctx); err != nil || len(got.Tunnels) != 3 || got.Tunnels[2].Name != "x" {
		t.Errorf("Tunnels: %+v, %v", got, err)
	}
	if got, err := c.CheckTunnel(ctx, "[Interface]\nColour=red"); err != nil || got.Valid || len(got.Problems) == 0 {
		t.Errorf("CheckTunnel of a bad one: %+v, %v", got, err)
	}
	if got, err := c.CheckTunnel(ctx, webtest.Conf); err != nil || !got.Valid || got.Config == nil || !got.Config.Full {
		t.Errorf("CheckTunnel: %+v, %v", got, err)
	}
	if got, err := c.SetGroup(ctx, "g", []tunnel.Name{"x", "nl"}); err != nil || len(got.Groups) != 2 || got.Groups[0].Members[0] != "x" {
		t.Errorf("SetGroup: %+v, %v", got, err)
	}
	if got, err := c.Groups(ctx); err != nil || len(got.Groups) != 2 {
		t.Errorf("Groups: %+v, %v", got, err)
	}
	if err := c.RemoveTunnel(ctx, "x"); !errors.Is(err, api.ErrConflict) {
		t.Errorf("RemoveTunnel of a member: %v", err)
	}
	if err := c.RemoveGroup(ctx, "g"); err != nil {
		t.Errorf("RemoveGroup: %v", err)
	}
	if got, err := c.TunnelText(ctx, "x"); err != nil || !strings.Contains(got.Text, "PrivateKey = (kept)") {
		t.Errorf("TunnelText: %+v, %v", got, err)
	} else if check, err := c.CheckDraft(ctx, api.Draft{Name: "x", Text: got.Text}); err != nil || !check.Valid {
		t.Errorf("CheckDraft: %+v, %v", check, err)
	}
	for range 2 {
		if err := c.RemoveTunnel(ctx, "x"); err != nil {
			t.Errorf("RemoveTunnel: %v", err)
		}
		if got, err := c.RestoreTunnel(ctx, "x"); err != nil || got.Name != "x" {
			t.Errorf("RestoreTunnel: %+v, %v", got, err)
		}
	}
	if err := c.RemoveTunnel(ctx, "x"); err != nil {
		t.Errorf("RemoveTunnel: %v", err)
	}
	everyOtherMethod(t, c)
}

func everyOtherMethod(t *testing.T, c *client.Client) {
	ctx := t.Context()
	since := webtest.Now.Add(-time.Hour)
	if got, err := c.History(ctx, api.EventQuery{Limit: 1, OldestFirst: true}); err != nil || len(got.Events) != 1 || got.Events[0].ID != 1 {
		t.Errorf("History, oldest first: %+v, %v", got, err)
	}
	if got, err := c.History(ctx, api.EventQuery{Limit: 2, Since: since, Kinds: []event.Kind{event.WishChanged, event.Woke}}); err != nil || len(got.Events) != 2 || got.Next == "" {
		t.Errorf("History: %+v, %v", got, err)
	}
	var table, archive, figures bytes.Buffer
	if err := c.HistoryCSV(ctx, api.EventQuery{}, &table); err != nil || !strings.HasPrefix(table.String(), "id,at,kind") {
		t.Errorf("HistoryCSV: %q, %v", table.String(), err)
	}
	if got, err := c.Summary(ctx, since, time.Time{}); err != nil || !got.Since.Equal(since) || got.Failovers != 1 {
		t.Errorf("Summary: %+v, %v", got, err)
	}
	if got, err := c.Timeline(ctx, since, webtest.Now, 9); err != nil || !got.Since.Equal(since) || len(got.Spans) == 0 {
		t.Errorf("Timeline: %+v, %v", got, err)
	}
	if got, err := c.Samples(ctx, api.SampleQuery{Since: since, Until: webtest.Now, Step: time.Minute, Tunnel: "nl"}); err != nil || got.StepMs != 60_000 || len(got.Samples) != 2 {
		t.Errorf("Samples: %+v, %v", got, err)
	}
	if got, err := c.Notices(ctx, true); err != nil || got.Notices == nil {
		t.Errorf("Notices: %+v, %v", got, err)
	}
	if err := c.AckNotice(ctx, 7); err != nil {
		t.Errorf("AckNotice: %v", err)
	}
	if err := c.AckNotice(ctx, 8); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("AckNotice of nothing: %v", err)
	}
	if _, err := c.Diagnosis(ctx); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("Diagnosis before any: %v", err)
	}
	var steps []string
	if got, err := c.DiagnoseStep(ctx, func(f api.Finding) { steps = append(steps, f.Name+" "+f.Result) }); err != nil || got.Code != event.CodeNothingWrong ||
		strings.Join(steps, ", ") != "router running, router ok" {
		t.Errorf("DiagnoseStep: %+v, %v, after %v", got, err, steps)
	}
	if got, err := c.Diagnose(ctx); err != nil || got.Title == "" {
		t.Errorf("Diagnose: %+v, %v", got, err)
	}
	if _, err := c.Diagnosis(ctx); err != nil {
		t.Errorf("Diagnosis: %v", err)
	}
	if got, err := c.SetSettings(ctx, map[string]string{"traffic_timeout": "5s", "guard": "off"}); err != nil || len(got.Settings) < 10 {
		t.Errorf("SetSettings: %+v, %v", got, err)
	}
	if got, err := c.Settings(ctx); err != nil || got.Settings[2].Value != "5s" {
		t.Errorf("Settings: %+v, %v", got, err)
	}
	if _, err := c.SetSettings(ctx, map[string]string{"traffic_timeout": "6s", "colour": "red"}); !errors.Is(err, api.ErrInvalid) {
		t.Errorf("SetSettings of a wrong one: %v", err)
	}
	if got, err := c.Guard(ctx); err != nil || got.Mode == "" {
		t.Errorf("Guard: %+v, %v", got, err)
	}
	if got, err := c.SetGuard(ctx, api.GuardRequest{Action: api.GuardOn}); err != nil || got.Mode != failover.GuardAuto || !got.Verified {
		t.Errorf("SetGuard: %+v, %v", got, err)
	}
	if got, err := c.Logs(ctx, 5); err != nil || len(got.Lines) != 1 {
		t.Errorf("Logs: %+v, %v", got, err)
	}
	for line, err := range c.FollowLogs(ctx, 5) {
		if err != nil {
			t.Errorf("FollowLogs: %v", err)
		}
		if line.Text == "later" {
			break
		}
	}
	if err := c.Bundle(ctx, &archive); err != nil {
		t.Errorf("Bundle: %v", err)
	} else if _, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len())); err != nil {
		t.Errorf("Bundle: %v", err)
	}
	if err := c.Metrics(ctx, &figures); err != nil || !strings.Contains(figures.String(), "holdfast_build_info") {
		t.Errorf("Metrics: %q, %v", figures.String(), err)
	}
}

func TestErrorsCarryTheirWords(t *testing.T) {
	s := serve(t)
	c := client.New(s.socket)
	defer c.Close()
	_, err := c.ImportTunnel(t.Context(), api.Import{Name: "x", Text: "[Interface]\nColour=red\n"})
	var e *api.Error
	if !errors.As(err, &e) || e.Code != api.Invalid || len(e.Problems) < 2 || e.Problems[2].Line != 2 {
		t.Errorf("got %+v, want the problems with their lines", err)
	}
	_, err = c.Tunnel(t.Context(), "zz")
	if !errors.Is(err, api.ErrNotFound) || !errors.As(err, &e) || e.Hint == "" {
		t.Errorf("got %v, want not found with a hint", err)
	}
	// A name that is none is sent as one part of the path, whatever it holds.
	if _, err := c.Tunnel(t.Context(), "../status"); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

func TestNobodyListens(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{"nothing there": filepath.Join(dir, "none"), "no folder": filepath.Join(dir, "a", "b")} {
		_, err := client.New(path).Status(t.Context())
		if !errors.Is(err, client.ErrUnreachable) || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: got %v, want unreachable with its cause", name, err)
		}
	}
	path := filepath.Join(dir, "dead")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if _, err := client.New(path).Status(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("a dead socket: got %v, want unreachable", err)
	}
}

// TestServiceThatIsSilent: the caller's deadline holds, and is told as such.
func TestServiceThatIsSilent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.New(path).Status(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v, want the deadline", err)
	}
}

// TestServiceThatTalksNonsense is an error, never a crash.
func TestServiceThatTalksNonsense(t *testing.T) {
	for name, reply := range map[string]string{
		"nothing":           "",
		"no HTTP":           "SSH-2.0-x\r\n\r\n",
		"no JSON":           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"cut off":           "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"schema\":1",
		"error, no JSON":    "HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhello",
		"error of no code":  "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
		"redirect":          "HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n",
		"JSON of something": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
	} {
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				buf := make([]byte, 4096)
				_, _ = c.Read(buf)
				_, _ = io.WriteString(c, reply)
				c.Close()
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := client.New(path).Status(ctx); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want an error of its own", name, err)
		}
		for _, err := range client.New(path).Stream(ctx, 0) {
			if err == nil {
				t.Errorf("%s: the stream went on", name)
			}
		}
		cancel()
		l.Close()
	}
}

func TestStreamEndsWhenItIsLeft(t *testing.T) {
	s := serve(t)
	c := client.New(s.socket)
	defer c.Close()
	for m, err := range c.Stream(t.Context(), 0, client.WithFigures()) {
		if err == nil && m.Kind == client.Measured {
			if m.Figures == nil || !m.Figures.At.Equal(webtest.Now) {
				t.Errorf("got %+v, want the figures of the world", m.Figures)
			}
			break
		}
		if err != nil || m.Kind != client.Snapshot || m.Status.Overall != status.Off {
			t.Fatalf("got %+v, %v, want a snapshot", m, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var last error
	for m, err := range c.In("de").Stream(ctx, 0) {
		if last = err; m.Kind == client.Snapshot {
			s.world.Happen(event.Woke)
		}
		if m.Kind == client.Happened {
			if m.Sentence != m.Event.SentenceIn(event.German) {
				t.Errorf("got %q, want it in German", m.Sentence)
			}
			cancel()
		}
	}
	cancel()
	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v, want the context's error", last)
	}
}

// TestFollowSurvivesTheService: every event arrives once, in order, though the
// service is stopped and started in between.
func TestFollowSurvivesTheService(t *testing.T) {
	s := serve(t)
	s.world.Happen(event.ServiceStarted)
	c := client.New(s.socket)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []int64
	snapshots, failures := 0, 0
	for m, err := range c.Follow(ctx, 1) {
		switch {
		case err != nil:
			if !errors.Is(err, client.ErrUnreachable) {
				t.Fatalf("got %v, want unreachable", err)
			}
			if failures++; failures == 2 {
				s.world.Happen(event.ServiceStopped, event.ServiceStarted) // while nobody hears
				s.serve(t)
			}
		case m.Kind == client.Snapshot:
			snapshots++
			s.world.Happen(event.Woke)
		case m.Kind == client.Happened:
			if got = append(got, m.Event.ID); len(got) == 1 {
				s.stop()
			}
		}
		if len(got) == 4 {
			break
		}
	}
	if len(got) != 4 || got[0] != 2 || got[3] != 5 || snapshots != 2 || failures < 2 {
		t.Errorf("got the events %v, %d snapshots, %d failures, want 2 to 5 once", got, snapshots, failures)
	}
}

func TestFollowGivesUpWhenRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"code":"not_permitted","message":"no","hint":"h"}`)
	})}
	go srv.Serve(l)
	defer srv.Close()
	n := 0
	for _, err := range client.New(path).Follow(t.Context(), 0) {
		if n++; !errors.Is(err, api.ErrNotPermitted) {
			t.Fatalf("got %v, want a refusal", err)
		}
	}
	if n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}
