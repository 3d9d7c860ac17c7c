package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/service/demo"
)

// output is a writer that can be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// waits until the output says what is wanted, for 20 s.
func (o *output) waits(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		if strings.Contains(o.String(), want) {
			return
		}
	}
	t.Fatalf("got %q, want %q", o.String(), want)
}

// pressing is a demo with a person who presses keys.
type pressing struct {
	demo *demo.Demo
	page *demoPage
	out  *output
	keys *io.PipeWriter
	done chan error
	// browsed gets the addresses that a browser was given.
	browsed chan string
}

func startPressing(t *testing.T, idle time.Duration) *pressing {
	t.Helper()
	d, err := demo.Start(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	events, cancel := d.Follow()
	in, keys := io.Pipe()
	r := &pressing{demo: d, out: &output{}, keys: keys, done: make(chan error, 1), browsed: make(chan string, 1)}
	p := &program{in: in, out: r.out, err: r.out, env: func(string) string { return "" }}
	p.browse = func(address string) error {
		select {
		case r.browsed <- address:
			return nil
		default:
			return errors.New("no browser") // the first was not taken away
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	if r.page, err = p.serveDemoPage(ctx, d, 0, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	s := newShow(p, d, events, nil)
	s.draws, s.page = true, r.page
	go func() { r.done <- newKeyboard(s).run(ctx, in, idle) }()
	t.Cleanup(func() {
		stop()
		_ = keys.Close()
		cancel()
		r.page.close()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *pressing) press(t *testing.T, keys, want string) {
	t.Helper()
	if _, err := r.keys.Write([]byte(keys)); err != nil {
		t.Fatal(err)
	}
	r.out.waits(t, want)
}

func TestPressingKeys(t *testing.T) {
	t.Parallel()
	r := startPressing(t, time.Hour)
	r.out.waits(t, "protected via berlin")
	r.press(t, "?", "NAT forgets")
	r.press(t, "#", "The key # does nothing")
	r.press(t, "\x1b[A", "") // an arrow is no key
	r.press(t, "\t", "Keys break berlin, in use or not.")
	r.press(t, "\t\t\t", "Keys break the server in use.")
	r.press(t, "7", "berlin: loss. One datagram in five")
	r.press(t, "7", "berlin: healed of loss.")
	r.press(t, "n", "offline via berlin")
	r.out.waits(t, "network off")
	r.press(t, "n", "This computer has a network again.")
	r.press(t, "1", "berlin: black hole.")
	r.out.waits(t, "broken: berlin")
	r.press(t, "h", "Everything is healed.")
	r.press(t, "o", "The page is opening in your browser.")
	r.press(t, "o", "The page was not opened: open a browser: no browser.")
	r.out.waits(t, r.page.host.URL()+"#c=")
	if address := <-r.browsed; !strings.HasPrefix(address, "file://") && !strings.HasPrefix(address, r.page.host.URL()) {
		t.Errorf("the browser was given %s", address)
	}
	r.press(t, "q", "Pings: ")
	if err := <-r.done; err != nil {
		t.Error(err)
	}
	if strings.Contains(r.out.String(), "does nothing; ? lists the keys.\r\n\r\n") || strings.Contains(r.out.String(), "The key A") {
		t.Errorf("got %q", r.out.String())
	}
}

func TestNobodyPressesAKey(t *testing.T) {
	t.Parallel()
	r := startPressing(t, time.Millisecond)
	r.out.waits(t, "the demo plays by itself now")
	r.out.waits(t, "Traffic flows through the tunnel")
	r.press(t, "?", "You have taken over.")
	_ = r.keys.Close() // the terminal is gone
	r.out.waits(t, "In ")
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// A failover by a script, as JSON: an object a line, and the figures fit.
func TestDemoScript(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.txt")
	script := "0s expect active berlin within 5s\n1s say Now.\n1s break berlin blackhole\n1s expect active paris within 9s\n4s expect overall protected within 9s\n"
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runIn(t, nil, "", "demo", "--json", "--script", file)
	if code != exitDone {
		t.Fatalf("got exit code %d and %q: %s", code, stderr, stdout)
	}
	var last struct {
		Schema  int
		Summary struct {
			OK                                                       bool
			Switches, Outages, DowntimeMs, PingsLost, PingsInOutages int
		}
	}
	for line := range strings.Lines(stdout) {
		last.Schema = 0
		if err := json.Unmarshal([]byte(line), &last); err != nil || last.Schema != 1 {
			t.Errorf("got %q, %v, want an object", line, err)
		}
	}
	if s := last.Summary; !s.OK || s.Switches != 1 || s.Outages != 1 || s.DowntimeMs < 1500 || s.DowntimeMs > 7000 {
		t.Errorf("got %+v, want 1 switch and about 3 s without service", s)
	}
	for _, want := range []string{`"kind":"failed_over"`, `"step":"1s break berlin blackhole"`, `"outage":{`, `"page":{"socket":"`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("got no %s in %s", want, stdout)
		}
	}
}

func TestDemoThatDoesNotGoAsExpected(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		name, script string
		args         []string
		code         int
		says         string
	}{
		{"missed", "0s expect active oslo within 100ms\n", nil, exitFailed, "✗ missed: active is "},
		{"syntax", "0s end\n# fine\n0s brake berlin loss\n", nil, exitFailed, "syntax:3: unknown verb"},
		{"server", "0s end\n0s heal rome\n", nil, exitFailed, `server:2: no server is called "rome"`},
		{"both", "0s end\n", []string{"--auto"}, exitUsage, "exclude each other"},
	} {
		file := filepath.Join(dir, tt.name)
		if err := os.WriteFile(file, []byte(tt.script), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := runIn(t, nil, "", append([]string{"demo", "--script", file}, tt.args...)...)
		if code != tt.code || !strings.Contains(stdout+stderr, tt.says) {
			t.Errorf("%s: got exit code %d and %q%q, want %d and %q", tt.name, code, stdout, stderr, tt.code, tt.says)
		}
	}
	if code, _, stderr := runIn(t, nil, "", "demo", "--script", filepath.Join(dir, "missing")); code != exitFailed || !strings.Contains(stderr, "read the script") {
		t.Errorf("got exit code %d and %q for a script that is not there", code, stderr)
	}
	if code, _, _ := runIn(t, nil, "", "demo", "now"); code != exitUsage {
		t.Errorf("got exit code %d for an argument", code)
	}
}
