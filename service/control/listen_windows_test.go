package control

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// callerRights are those that clients of ours ask for; see package client.
const callerRights = windows.READ_CONTROL | windows.SYNCHRONIZE | windows.FILE_READ_DATA |
	windows.FILE_WRITE_DATA | windows.FILE_READ_EA | windows.FILE_READ_ATTRIBUTES

var pipes atomic.Int64

// listenAnew listens on a pipe of a name that nobody has.
func listenAnew(t *testing.T, o Options) (net.Listener, string) {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	path := fmt.Sprintf(`\\.\pipe\holdfast-test-%d-%d`, os.Getpid(), pipes.Add(1))
	l, err := Listen(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, systemName(path)
}

// call opens the other end, as a client does.
func call(t *testing.T, path string) *os.File {
	t.Helper()
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	const flags = windows.FILE_FLAG_OVERLAPPED | windows.SECURITY_SQOS_PRESENT | windows.SECURITY_IDENTIFICATION
	limit := time.Now().Add(5 * time.Second)
	for {
		h, err := windows.CreateFile(name, callerRights, 0, nil, windows.OPEN_EXISTING, flags, 0)
		if errors.Is(err, windows.ERROR_PIPE_BUSY) && time.Now().Before(limit) {
			continue // the next instance is being made
		}
		if err != nil {
			t.Fatalf("open %s: %v", path, err)
		}
		f := os.NewFile(uintptr(h), path)
		t.Cleanup(func() { f.Close() })
		return f
	}
}

// isWine says that Wine is in the place of Windows.
func isWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

func TestListenAndKnowTheCaller(t *testing.T) {
	l, path := listenAnew(t, Options{})
	c := call(t, path)
	// Without a buffer what is written is gone only when all of it has been read.
	written := make(chan error, 1)
	go func() {
		_, err := c.Write([]byte("hello"))
		written <- err
	}()
	served, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	p, ok := PeerOf(served)
	if !ok || p.SID != self.User.Sid.String() || p.PID != os.Getpid() || p.UID != -1 || p.GID != -1 {
		t.Errorf("got %+v, %v, want ourselves", p, ok)
	}
	if got := (&Roles{}).Role(p); got != Admin {
		t.Errorf("our own role: got %s, want admin", got)
	}
	// The byte that was read to know the caller is not lost.
	buf := make([]byte, 16)
	n := 0
	for n < len("hello") {
		got, err := served.Read(buf[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += got
	}
	if got := string(buf[:n]); got != "hello" {
		t.Errorf("got %q", got)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := served.Write([]byte("welcome"))
		written <- err
	}()
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "welcome" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

// A pipe that is there is nobody else's to make, in whatever case it is named.
func TestThePipeIsMadeOnce(t *testing.T) {
	_, path := listenAnew(t, Options{})
	for _, again := range []string{path, strings.ToLower(path)} {
		if l, err := Listen(again, Options{}); !errors.Is(err, ErrRunning) {
			if err == nil {
				l.Close()
			}
			if isWine() {
				t.Skip("Wine makes a pipe again where it is told to make a new one")
			}
			t.Errorf("%s: got %v, want %v", again, err, ErrRunning)
		}
	}
}

// The owner is by what a client trusts the pipe.
func TestThePipeIsOurs(t *testing.T) {
	_, path := listenAnew(t, Options{})
	c := call(t, path)
	sd, err := windows.GetSecurityInfo(windows.Handle(c.Fd()), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	owner, _, err := sd.Owner()
	if err != nil || !owner.Equals(self.User.Sid) {
		t.Errorf("the owner is %v, %v, want ourselves", owner, err)
	}
	rights := sd.String()
	if !strings.Contains(rights, "D:P") {
		t.Skipf("this system does not keep the rights of a pipe as they were set: %s", rights)
	}
	// Persons may not make an instance of their own (0x4).
	if !strings.Contains(rights, "(A;;0x12008b;;;IU)") {
		t.Errorf("the rights are %s", rights)
	}
}

// Callers who say nothing take nobody's place, and are dropped.
func TestSilentCallers(t *testing.T) {
	l, path := listenAnew(t, Options{})
	silent := call(t, path)
	gone := call(t, path)
	gone.Close()
	c := call(t, path)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	served, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	served.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := silent.Read(make([]byte, 1))
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a silent caller was answered")
		}
	case <-time.After(3 * firstByteWait):
		t.Error("a silent caller is still connected")
	}
}

func TestCloseEndsAccept(t *testing.T) {
	l, _ := listenAnew(t, Options{})
	ended := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Accept goes on")
	}
}

// One who takes more than their share is told, and others are served.
func TestTooManyCallers(t *testing.T) {
	l, path := listenAnew(t, Options{Admin: 1, Refusal: []byte("too many")})
	first := call(t, path)
	if _, err := first.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	served, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	second := call(t, path)
	if _, err := second.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	if n, err := second.Read(buf); err != nil || string(buf[:n]) != "too many" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	served.Close()
	third := call(t, path)
	if _, err := third.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if served, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	served.Close()
}
