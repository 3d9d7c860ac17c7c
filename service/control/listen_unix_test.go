//go:build unix

package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestMain lets a test run this program again as somebody else: told a socket
// and a number, it opens so many connections and tells how many were held.
func TestMain(m *testing.M) {
	if socket := os.Getenv("HOLDFAST_TEST_DIAL"); socket != "" {
		n, _ := strconv.Atoi(os.Getenv("HOLDFAST_TEST_COUNT"))
		dialMany(socket, n)
		return
	}
	os.Exit(m.Run())
}

// dialMany prints what the last refused connection was told, and how many were
// held, and keeps them open until its input ends.
func dialMany(socket string, n int) {
	var held []net.Conn
	told := ""
	for range n {
		c, err := net.Dial("unix", socket)
		if err != nil {
			fmt.Println("dial:", err)
			continue
		}
		// A connection that is let in is greeted by the test.
		_, _ = c.Write([]byte("hello"))
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 64)
		got, err := c.Read(buf)
		if err == nil && strings.HasPrefix(string(buf[:got]), "role ") {
			held = append(held, c)
			told = string(buf[:got])
		} else {
			fmt.Printf("refused %q\n", buf[:got])
		}
	}
	fmt.Printf("held %d %s\n", len(held), told)
	_, _ = io.Copy(io.Discard, os.Stdin)
	for _, c := range held {
		c.Close()
	}
}

// openDir is a temporary folder that others may enter, unlike that of testing.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// listenIn listens in a new folder that everybody may enter.
func listenIn(t *testing.T, o Options) (net.Listener, string) {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	path := filepath.Join(openDir(t), "run", "s")
	l, err := Listen(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, path
}

func TestListenAndKnowTheCaller(t *testing.T) {
	l, path := listenIn(t, Options{})
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil || folder.Mode() != fs.ModeDir|0o755 {
		t.Errorf("the folder: got %v, %v, want 0755", folder.Mode(), err)
	}
	socket, err := os.Lstat(path)
	if err != nil || socket.Mode() != fs.ModeSocket|0o666 {
		t.Errorf("the socket: got %v, %v, want 0666", socket.Mode(), err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	served, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	p, ok := PeerOf(served)
	if !ok || p.UID != os.Geteuid() || p.PID != os.Getpid() || p.GID != os.Getegid() && p.GID != -1 {
		t.Errorf("got %+v, %v, want ourselves", p, ok)
	}
	if got := (&Roles{}).Role(p); got != Admin {
		t.Errorf("our own role: got %s, want admin", got)
	}
	if _, ok := PeerOf(c); ok {
		t.Error("a connection that nobody accepted has a peer")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: got %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	// What a service that was killed in the middle of it leaves too.
	if err := os.Mkdir(path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path + ".new/s", path + ".lock"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := Listen(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestOneServiceAtATime(t *testing.T) {
	l, path := listenIn(t, Options{})
	if _, err := Listen(path, Options{}); !errors.Is(err, ErrRunning) {
		t.Fatalf("got %v, want ErrRunning", err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the first one after the attempt: %v", err)
	}
	c.Close()
	l.Close()
	again, err := Listen(path, Options{})
	if err != nil {
		t.Fatalf("after the first one: %v", err)
	}
	again.Close()
}

// TestSquatters pairs each with the same place when it is safe.
func TestSquatters(t *testing.T) {
	write := func(t *testing.T, path string) {
		t.Helper()
		if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// A person's own group may write to a person's folder, by the usual umask of
	// some systems; where root serves, no group may.
	unsafeForRoot := ErrUnsafe
	if os.Geteuid() != 0 {
		unsafeForRoot = nil
	}
	for _, c := range []struct {
		name string
		want error
		make func(t *testing.T, dir, path string)
	}{
		{"file", ErrOccupied, func(t *testing.T, _, path string) { write(t, path) }},
		{"folder", ErrOccupied, func(t *testing.T, _, path string) { os.Mkdir(path, 0o755) }},
		{"link to a file", ErrOccupied, func(t *testing.T, dir, path string) {
			write(t, filepath.Join(dir, "target"))
			os.Symlink(filepath.Join(dir, "target"), path)
		}},
		{"link to a socket", ErrOccupied, func(t *testing.T, dir, path string) {
			l, err := net.Listen("unix", filepath.Join(dir, "target"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			os.Symlink(filepath.Join(dir, "target"), path)
		}},
		{"link as the lock", syscall.ELOOP, func(t *testing.T, dir, path string) {
			write(t, filepath.Join(dir, "target"))
			os.Symlink(filepath.Join(dir, "target"), path+".lock")
		}},
		{"folder others may write to", ErrUnsafe, func(t *testing.T, dir, _ string) { os.Chmod(dir, 0o777) }},
		{"folder a group may write to", unsafeForRoot, func(t *testing.T, dir, _ string) { os.Chmod(dir, 0o775) }},
		{"folder of somebody else", ErrUnsafe, func(t *testing.T, dir, _ string) {
			if err := os.Chown(dir, 4242, 4242); err != nil {
				t.Skip("only root can give a folder away:", err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "s")
			c.make(t, dir, path)
			l, err := Listen(path, Options{})
			if err == nil {
				l.Close()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			for _, name := range []string{path, filepath.Join(dir, "target")} {
				text, err := os.ReadFile(name)
				if err == nil && string(text) != "precious" {
					t.Errorf("%s was changed to %q", name, text)
				}
			}
		})
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(filepath.Join(dir, "s"), Options{})
	if err != nil {
		t.Fatalf("a folder like /tmp: %v", err)
	}
	l.Close()
}

// /var/run of a Mac is root's, and open to the group daemon.
func TestIsOpen(t *testing.T) {
	for _, c := range []struct {
		mode    fs.FileMode
		trusted bool
		want    bool
	}{
		{0o755, false, false},
		{0o775, false, true},
		{0o775, true, false},
		{0o757, true, true},
		{0o777, true, true},
		{0o777 | fs.ModeSticky, false, false},
	} {
		if got := isOpen(fs.ModeDir|c.mode, c.trusted); got != c.want {
			t.Errorf("%v, trusted %v: got %v", c.mode, c.trusted, got)
		}
	}
}

// TestNoLooseModeAtAnyMoment watches the folder while the socket is made over
// and over.
func TestNoLooseModeAtAnyMoment(t *testing.T) {
	dir := openDir(t)
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(dir, "s")
	var stop atomic.Bool
	var looks, seen int
	watched := make(chan error, 1)
	go func() {
		for !stop.Load() {
			looks++
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				info, err := os.Lstat(filepath.Join(dir, e.Name()))
				if err != nil {
					continue
				}
				want := map[string]fs.FileMode{"s": fs.ModeSocket | 0o666, "s.new": fs.ModeDir | 0o700, "s.lock": 0o600}[e.Name()]
				if info.Mode() != want {
					watched <- fmt.Errorf("%s has the mode %v, want %v", e.Name(), info.Mode(), want)
					return
				}
				seen++
			}
		}
		watched <- nil
	}()
	for range 100 {
		l, err := Listen(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	stop.Store(true)
	if err := <-watched; err != nil {
		t.Error(err)
	}
	if seen == 0 {
		t.Errorf("nothing was seen in %d looks", looks)
	}
}

// serveRoles greets every caller with their role and keeps the connection until
// the caller leaves.
func serveRoles(l net.Listener, roles *Roles) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			p, _ := PeerOf(c)
			fmt.Fprintf(c, "role %s uid %d gid %d", roles.Role(p), p.UID, p.GID)
			_, _ = io.Copy(io.Discard, c)
		}()
	}
}

// other runs this program as another person, who opens n connections; it
// returns what it said and how to end it.
func other(t *testing.T, uid, gid uint32, socket string, n int) (said string, end func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Skip("this program cannot be copied:", err)
	}
	program := filepath.Join(openDir(t), "other")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = "/"
	cmd.Env = []string{"HOLDFAST_TEST_DIAL=" + socket, "HOLDFAST_TEST_COUNT=" + strconv.Itoa(n)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(said, "held") || !strings.HasSuffix(said, "\n") {
		buf := make([]byte, 4096)
		n, err := out.Read(buf)
		said += string(buf[:n])
		if err != nil {
			t.Fatalf("the other said %q: %v", said, err)
		}
	}
	return said, func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestRolesOfOtherPersons(t *testing.T) {
	l, path := listenIn(t, Options{})
	go serveRoles(l, &Roles{Groups: []string{"54321"}})
	for _, c := range []struct {
		name     string
		uid, gid uint32
		want     string
	}{
		{"a stranger", 4242, 4242, "role viewer uid 4242 gid 4242"},
		{"a member of the group", 4242, 54321, "role operator uid 4242 gid 54321"},
		{"root", 0, 0, "role admin uid 0 gid 0"},
		{"root by group only", 4242, 0, "role viewer uid 4242 gid 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, end := other(t, c.uid, c.gid, path, 1)
			defer end()
			if !strings.Contains(said, c.want) {
				t.Errorf("got %q, want %q", said, c.want)
			}
		})
	}
}

// TestNobodyTakesAllPlaces: a flood by one person is capped, and others, root
// above all, are still let in; places are given back.
func TestNobodyTakesAllPlaces(t *testing.T) {
	l, path := listenIn(t, Options{PerUser: 3, Total: 5, Admin: 2, Refusal: []byte("full")})
	go serveRoles(l, &Roles{})
	said, endFirst := other(t, 4242, 4242, path, 50)
	if !strings.Contains(said, "held 3 ") || strings.Count(said, `refused "full"`) != 47 {
		t.Errorf("one person: got %q, want 3 held and 47 told why", said)
	}
	said, endSecond := other(t, 4243, 4243, path, 50)
	if !strings.Contains(said, "held 2 ") {
		t.Errorf("another, of 5 in all: got %q, want 2", said)
	}
	said, endRoot := other(t, 0, 0, path, 10)
	if !strings.Contains(said, "held 2 ") {
		t.Errorf("root, who has places of their own: got %q, want 2", said)
	}
	endFirst()
	said, endThird := other(t, 4244, 4244, path, 50)
	if !strings.Contains(said, "held 3 ") {
		t.Errorf("a third, after the first has left: got %q, want 3", said)
	}
	for _, end := range []func(){endSecond, endThird, endRoot} {
		end()
	}
	g := l.(*listener).gate
	for deadline := time.Now().Add(5 * time.Second); ; {
		g.mu.Lock()
		total, inner := g.total, len(g.inner)
		g.mu.Unlock()
		if total == 0 && inner == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not given back: %d places of %d persons", total, inner)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestCallerWithoutIdentityIsRefused(t *testing.T) {
	l, path := listenIn(t, Options{})
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	served, err := l.(*listener).AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	served.Close() // the kernel can no longer be asked
	if p, err := peerOf(served); err == nil {
		t.Errorf("got %+v, want an error", p)
	}
}
