package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/web/api"
)

func TestSchemaComesFirst(t *testing.T) {
	for _, tt := range []struct {
		in   any
		want string
	}{
		{struct{}{}, `{"schema":1}`},
		{map[string]int{"a": 1}, `{"schema":1,"a":1}`},
		{api.Done{Schema: 1}, `{"schema":1}`},
		{struct {
			A string `json:"a"`
		}{`"}`}, `{"schema":1,"a":"\"}"}`},
	} {
		got, err := schemaed(tt.in)
		if err != nil || string(got) != tt.want {
			t.Errorf("%+v: got %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
	if _, err := schemaed(make(chan int)); err == nil {
		t.Error("got no error for what is no JSON")
	}
}

func TestWritePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	put := func(text string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
	}
	read := func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if err := writePrivate(path, false, put("one")); err != nil || read() != "one" {
		t.Fatalf("got %v", err)
	}
	if err := writePrivate(path, false, put("two")); explain(err).hint == "" || read() != "one" {
		t.Errorf("got %v and %q, want a hint and the old text", err, read())
	}
	if err := writePrivate(path, true, put("three")); err != nil || read() != "three" {
		t.Errorf("got %v and %q, want the new text", err, read())
	}
	cut := errors.New("cut off")
	err := writePrivate(path, true, func(w io.Writer) error { _, _ = w.Write([]byte("fo")); return cut })
	if !errors.Is(err, cut) || read() != "three" {
		t.Errorf("got %v and %q, want the whole old text after half a write", err, read())
	}
	if err := os.Symlink("/nonexistent/target", filepath.Join(dir, "link")); err == nil {
		if err := writePrivate(filepath.Join(dir, "link"), false, put("x")); err == nil {
			t.Error("got a link overwritten")
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".holdfast-*")); len(left) > 0 {
		t.Errorf("got %v left over", left)
	}
}

// fullWriter is a stdout on a full disk.
type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	f := startFake(t)
	for _, args := range [][]string{
		{"status"}, {"status", "--json"}, {"keys", "gen"}, {"history", "--csv"}, {"tunnel", "export", "nl"}, {"version"},
		{"completion", "bash"}, {"settings", "get"}, {"status", "--watch"}, {"bundle", "-"},
	} {
		f.tunnels["nl"] = conf(t, "192.0.2.1")
		var errs bytes.Buffer
		p := &program{in: strings.NewReader(""), out: fullWriter{}, err: &errs, env: func(string) string { return f.socket }}
		if code := p.run(t.Context(), args); code != exitFailed {
			t.Errorf("%v: got exit code %d: %s", args, code, &errs)
		}
	}
}

// TestCompletionDoesNotWaitForAServiceThatHangs has a listener that never answers.
func TestCompletionDoesNotWaitForAServiceThatHangs(t *testing.T) {
	f := newFakeService(t.TempDir())
	listener, err := net.Listen("unix", f.socket)
	if err != nil {
		t.Skipf("the path of the folder for tests is too long for a socket: %v", err)
	}
	defer listener.Close() //nolint:errcheck // the test is over
	began := time.Now()
	code, stdout, stderr := runIn(t, f, "", "__complete", "up", "")
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("got an answer after %s", took)
	}
	if code != exitDone || strings.Contains(stderr, "holdfast:") || !strings.HasPrefix(stdout, ":") {
		t.Errorf("got exit code %d, stdout %q, stderr %q, want silence", code, stdout, stderr)
	}
}

// TestASocketThatIsNoSocket is told from a service that is not running.
func TestASocketThatIsNoSocket(t *testing.T) {
	f := newFakeService(t.TempDir())
	if err := os.WriteFile(f.socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runIn(t, f, "", "status")
	if code != exitUnreachable || !strings.Contains(stderr, "nothing was sent") {
		t.Errorf("got exit code %d: %s", code, stderr)
	}
}
