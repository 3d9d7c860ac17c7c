package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/windows"
	"golang.zx2c4.com/wireguard/ipc/namedpipe"
)

var pipes atomic.Int64

// pipe is the name of a pipe that nobody has. Wine minds the case of its first part.
func pipe() string { return fmt.Sprintf(`\\.\PIPE\holdfast-client-%d-%d`, os.Getpid(), pipes.Add(1)) }

// serve makes a pipe with these rights.
func serve(t *testing.T, path, rights string) (net.Listener, error) {
	t.Helper()
	sd, err := windows.SecurityDescriptorFromString(rights)
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&namedpipe.ListenConfig{SecurityDescriptor: sd}).Listen(path)
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	return l, err
}

func self(t *testing.T) string {
	t.Helper()
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	return user.User.Sid.String()
}

func TestDialTrustsOurselves(t *testing.T) {
	path := pipe()
	l, err := serve(t, path, "O:"+self(t)+"D:P(A;;GA;;;WD)")
	if err != nil {
		t.Fatal(err)
	}
	echoed := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			echoed <- err
			return
		}
		buf := make([]byte, 16)
		n, err := c.Read(buf)
		if err == nil {
			_, err = c.Write(buf[:n])
		}
		echoed <- err
	}()
	c, err := dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	if err := <-echoed; err != nil {
		t.Error(err)
	}
}

// A pipe that somebody else has made in the service's place is not sent a byte.
func TestDialRefusesAPipeOfOthers(t *testing.T) {
	path := pipe()
	l, err := serve(t, path, "O:BUD:P(A;;GA;;;WD)") // the owner is the group Users
	if err != nil {
		t.Skipf("this system lets us make no pipe for somebody else: %v", err)
	}
	heard := make(chan int, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			heard <- -1
			return
		}
		n, _ := c.Read(make([]byte, 16))
		heard <- n
	}()
	c, err := dial(t.Context(), path)
	if !errors.Is(err, ErrUntrusted) {
		if err == nil {
			c.Close()
		}
		t.Fatalf("got %v, want %v", err, ErrUntrusted)
	}
	select {
	case n := <-heard:
		if n > 0 {
			t.Errorf("the stranger was sent %d bytes", n)
		}
	case <-time.After(5 * time.Second):
		t.Error("the connection is still open")
	}
}

func TestDialWhereNobodyListens(t *testing.T) {
	if _, err := dial(t.Context(), pipe()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A pipe all of whose instances are taken is waited for, as long as one may.
func TestDialWaitsForAPlace(t *testing.T) {
	path := pipe()
	if _, err := serve(t, path, "O:"+self(t)+"D:P(A;;GA;;;WD)"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := dial(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}
