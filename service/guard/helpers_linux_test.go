package guard

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/service/guardset"
)

const testMark = 0x6866

// space is a network namespace of its own: that of a thread, which works on one
// thing after another and ends with the test.
type space struct {
	t    testing.TB
	work chan func()
	// file is open on the namespace.
	file *os.File
}

// newSpace makes a namespace that holds lo only.
func newSpace(t testing.TB) *space {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for a network namespace")
	}
	s := &space{t: t, work: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			s.file, err = os.Open("/proc/thread-self/ns/net")
		}
		made <- err
		for f := range s.work {
			f()
		}
	}()
	if err := <-made; err != nil {
		close(s.work)
		t.Skip("needs a network namespace:", err)
	}
	t.Cleanup(func() {
		close(s.work)
		_ = s.file.Close()
	})
	s.run("ip link set lo up")
	return s
}

// do runs f in the namespace. It must not end the test: see space.run.
func (s *space) do(f func()) {
	done := make(chan struct{})
	s.work <- func() {
		defer close(done)
		f()
	}
	<-done
}

// run runs a command line of words without blanks and returns what it printed.
func (s *space) run(line string) string {
	s.t.Helper()
	out, err := s.try(line)
	if err != nil {
		s.t.Fatalf("%s: %v: %s", line, err, out)
	}
	return out
}

func (s *space) try(line string) (out string, err error) {
	words := strings.Fields(line)
	s.do(func() {
		var b []byte
		b, err = exec.Command(words[0], words[1:]...).CombinedOutput()
		out = string(b)
	})
	return out, err
}

// guard is a Guard of this namespace, whose rules outlive it.
func (s *space) guard() *Guard {
	g := New(Options{Interface: "hf0", Mark: testMark})
	s.t.Cleanup(func() { g.Close() })
	return g
}

func (s *space) trySet(g *Guard, set guardset.Set) (err error) {
	s.do(func() { err = g.Set(context.Background(), set) })
	return err
}

func (s *space) set(g *Guard, set guardset.Set) {
	s.t.Helper()
	if err := s.trySet(g, set); err != nil {
		s.t.Fatal(err)
	}
}

// watch has the Guard watch until the returned function is called.
func (s *space) watch(g *Guard) (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s.beside(func(err error) {
		if err == nil {
			err = g.Watch(ctx)
		}
		ended <- err
	})
	eventually(s.t, "it watches", func() bool { return g.State().Watched })
	return func() {
		s.t.Helper()
		cancel()
		if err := <-ended; err != nil {
			s.t.Error("watch:", err)
		}
	}
}

// beside runs f on another thread of the namespace, at the same time.
func (s *space) beside(f func(error)) {
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is in another namespace
		f(unix.Setns(int(s.file.Fd()), unix.CLONE_NEWNET))
	}()
}

// rules is what nft(8) shows of all tables.
func (s *space) rules() string {
	s.t.Helper()
	return s.run("nft list ruleset")
}

// eventually waits for what happens by itself soon.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("not in time:", what)
		}
	}
}

func sameListing(t testing.TB, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := line(g, i), line(w, i)
		if a != b {
			t.Fatalf("the listing differs in line %d:\ngot  %q\nwant %q\n\nall of it:\n%s", i+1, a, b, got)
		}
	}
}

func line(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}
