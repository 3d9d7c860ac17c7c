package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/app/client"
	"holdfast/web/api"
)

// manyStreams is how many follow a service at once, and mostGrown what they may
// cost it in all, in MiB.
const (
	manyStreams = 200
	mostGrown   = 20
)

// TestManyStreams: two hundred pages at once cost the service little, and those
// that do not read what they are told cost it no more.
func TestManyStreams(t *testing.T) {
	if programs.holdfastd == "" {
		t.Skip(cannot())
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s.sock")
	cmd := exec.Command(programs.holdfastd, "run", "--userspace", "--config-dir", filepath.Join(dir, "etc"), "--state-dir", filepath.Join(dir, "var"), "--socket", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	c := client.New(socket)
	t.Cleanup(c.Close)
	eventually(t, "the service answers", func() bool { _, err := c.Status(t.Context()); return err == nil })
	stir(t, c, 20) // what is needed once is there
	rest := resident(t, cmd.Process.Pid)

	ctx, cancel := context.WithCancel(t.Context())
	var following, told sync.WaitGroup
	for range manyStreams {
		told.Add(1)
		following.Go(func() { follow(t, ctx, socket, told.Done) })
	}
	told.Wait()
	stir(t, c, 50)
	reading := resident(t, cmd.Process.Pid)
	t.Logf("at rest %.1f MiB; with %d streams %.1f MiB more", rest, manyStreams, reading-rest)
	if reading-rest > mostGrown {
		t.Errorf("%d streams cost %.1f MiB, want %d at most", manyStreams, reading-rest, mostGrown)
	}
	cancel()
	following.Wait()

	for range manyStreams {
		deaf(t, socket)
	}
	most := 0.0
	for range 10 {
		stir(t, c, 30)
		most = max(most, resident(t, cmd.Process.Pid))
	}
	t.Logf("with %d streams that nobody reads %.1f MiB more at most", manyStreams, most-rest)
	if most-rest > mostGrown {
		t.Errorf("%d streams that nobody reads cost %.1f MiB, want %d at most", manyStreams, most-rest, mostGrown)
	}
}

// follow reads a stream, with figures, as a page does. begun is called when it
// has begun.
func follow(t *testing.T, ctx context.Context, socket string, begun func()) {
	c := client.New(socket)
	defer c.Close()
	begun = sync.OnceFunc(begun)
	defer begun()
	for m, err := range c.Stream(ctx, 0, client.WithFigures()) {
		switch {
		case err != nil && ctx.Err() == nil:
			t.Errorf("a stream ended: %v", err)
			return
		case m.Kind == client.Measured:
			begun()
		}
	}
}

// deaf opens a stream that nobody reads any further than its beginning.
func deaf(t *testing.T, socket string) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, "GET /api/v1/stream?figures=true HTTP/1.1\r\nHost: "+api.Host+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	begins := make([]byte, 15)
	if _, err := io.ReadFull(c, begins); err != nil || !strings.HasSuffix(string(begins), "200 OK") {
		t.Fatalf("got %q, %v, want a stream", begins, err)
	}
}

// stir has the service tell of so many changes, of a kind that costs it nothing
// else.
func stir(t *testing.T, c *client.Client, times int) {
	t.Helper()
	for i := range times {
		if _, err := c.SetSettings(t.Context(), map[string]string{"cooldown": fmt.Sprintf("%ds", 300+i%2)}); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits for something that must become true soon.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
