package wine

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/build/e2e/wine/prefix"
)

// endWithin is how long a program may take to end once it is told to.
const endWithin = 30 * time.Second

// program is one that runs beside the test.
type program struct {
	in    io.WriteCloser
	lines chan string // of its standard output; closed with it
	said  text        // its standard error
	done  chan error
	kill  context.CancelFunc
}

// begin starts a program. It ends with the test.
func (c *computer) begin(t *testing.T, name string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	return follow(t, c.Command(ctx, name, args...), cancel)
}

// follow starts a program of either system, which cancel kills. It ends with the
// test.
func follow(t *testing.T, cmd *exec.Cmd, cancel context.CancelFunc) *program {
	t.Helper()
	p := &program{lines: make(chan string, 64), done: make(chan error, 1), kill: cancel}
	cmd.Stderr = &p.said
	cmd.WaitDelay = time.Second // Wine's own processes may keep its output open
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the program, or with its output
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- strings.TrimRight(s.Text(), "\r")
		}
	}()
	go func() { p.done <- cmd.Wait() }()
	t.Cleanup(func() {
		p.end(t)
		if t.Failed() {
			t.Logf("%q said:\n%s", cmd.Args, p.said.String())
		}
	})
	return p
}

// line is the next line of its standard output.
func (p *program) line(t *testing.T) string {
	t.Helper()
	select {
	case line, more := <-p.lines:
		if more {
			return line
		}
		t.Fatalf("the program ended: %s", p.said.String())
	case <-time.After(prefix.Within):
		t.Fatalf("waited %v for a line: %s", prefix.Within, p.said.String())
	}
	return ""
}

// end ends it, if it still runs.
func (p *program) end(t *testing.T) {
	t.Helper()
	_ = p.in.Close()
	p.kill()
	go func() {
		for range p.lines { // nobody reads them any more
		}
	}()
	select {
	case <-p.done:
		p.done <- nil
	case <-time.After(endWithin):
		t.Error("the program did not end")
	}
}

// text is what is written, for whoever asks meanwhile.
type text struct {
	mu sync.Mutex
	b  strings.Builder // protected by mu
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}
