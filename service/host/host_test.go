//go:build unix

package host

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// manager listens as systemd does and returns what it is told.
func manager(t *testing.T) <-chan string {
	t.Helper()
	dir, err := os.MkdirTemp("", "host")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	told := make(chan string, 64)
	go func() {
		buf := make([]byte, 256)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			told <- string(buf[:n])
		}
	}()
	return told
}

func hears(t *testing.T, told <-chan string, want string) {
	t.Helper()
	limit := time.After(5 * time.Second)
	for {
		select {
		case got := <-told:
			if got == want {
				return
			}
		case <-limit:
			t.Fatalf("the manager never heard %q", want)
		}
	}
}

func TestRunTellsTheManagerAndStopsOnSIGTERM(t *testing.T) {
	told := manager(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	ended := make(chan error, 1)
	go func() {
		ended <- Run(func(ctx context.Context, n Notify) error {
			n.Ready(nil)
			<-ctx.Done()
			return nil
		}, Options{})
	}()
	hears(t, told, "READY=1")
	hears(t, told, "WATCHDOG=1")
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hears(t, told, "STOPPING=1")
	if err := <-ended; err != nil {
		t.Errorf("Run ended with %v, want nil", err)
	}
}

// A service that is stuck is not kept alive.
func TestWatchdogStarvesAStuckService(t *testing.T) {
	told := manager(t)
	t.Setenv("WATCHDOG_USEC", "10000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	asked := make(chan struct{})
	times := 0
	err := Run(func(_ context.Context, n Notify) error {
		n.Ready(func() bool {
			if times++; times == 3 {
				close(asked)
			}
			return false
		})
		<-asked
		return nil
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	hears(t, told, "READY=1")
	for len(told) > 0 {
		if got := <-told; got == "WATCHDOG=1" {
			t.Error("the watchdog was fed")
		}
	}
}

func TestRunReturnsTheServicesError(t *testing.T) {
	want := errors.New("no interface")
	if err := Run(func(context.Context, Notify) error { return want }, Options{}); !errors.Is(err, want) {
		t.Errorf("Run = %v, want %v", err, want)
	}
}

func TestWatchdogOfAnotherProcessIsNotOurs(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "1000000")
	t.Setenv("WATCHDOG_PID", "1")
	if every := watchdog(); every != 0 {
		t.Errorf("watchdog = %v, want 0", every)
	}
	t.Setenv("WATCHDOG_PID", "")
	if every := watchdog(); every != 500*time.Millisecond {
		t.Errorf("watchdog = %v, want 500ms", every)
	}
}
