//go:build unix

package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
)

const crashDir = "HOLDFAST_STORE_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		appendForever(dir)
	}
	os.Exit(m.Run())
}

// appendForever is the child of the crash test: it prints each ID once it was
// told that the event is kept.
func appendForever(dir string) {
	out := os.NewFile(1, "stdout")
	s, err := Open(context.Background(), Options{Dir: dir, Log: slog.New(slog.DiscardHandler), Committed: func(events []event.Event) {
		for _, e := range events {
			fmt.Fprintf(out, "%d\n", e.ID)
		}
	}})
	if err != nil {
		fmt.Println("open", err)
		os.Exit(1)
	}
	if r := s.Report(); r.MovedAside != "" || r.Lost || r.Unavailable {
		fmt.Printf("report %+v\n", r)
		os.Exit(1)
	}
	fmt.Fprintf(out, "last %d\n", s.LastEventID())
	for id := s.LastEventID() + 1; ; {
		n := 1 + rand.IntN(20)
		s.Append(eventsFrom(id, n))
		s.AddSample(Sample{At: time.Now(), Tunnel: "nl", RxBytes: 1, Verdict: health.Healthy})
		s.SaveNotice(event.Notice{ID: id, Code: "mtu", Since: epoch})
		id += int64(n)
		if rand.IntN(4) > 0 {
			_ = s.Flush(context.Background())
		}
	}
}

// TestKilled kills a process that appends, at random moments: every event that
// was acknowledged is there afterwards, and no ID is used twice.
func TestKilled(t *testing.T) {
	t.Parallel()
	const kills = 50
	dir := t.TempDir()
	told := map[int64]bool{}
	for range kills {
		killOne(t, dir, told)
	}
	s := mustOpen(t, testOptions(t, dir))
	if r := s.Report(); r.MovedAside != "" || r.Lost {
		t.Fatalf("report %+v", r)
	}
	found := map[int64]bool{}
	for q := (EventQuery{Limit: 1000}); ; {
		p, err := s.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			found[e.ID] = true
		}
		if q.After = p.Next; p.Next == 0 {
			break
		}
	}
	missing := 0
	for id := range told {
		if !found[id] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d acknowledged events are missing", missing, len(told))
	}
	if len(told) < kills {
		t.Errorf("only %d events in %d lives: nothing was tried", len(told), kills)
	}
	wholeDatabase(t, s.path)
	t.Logf("%d acknowledged events, %d stored, %d kills, %d missing", len(told), len(found), kills, missing)
}

// killOne lets a child live for up to 60 ms after it has opened the store.
func killOne(t *testing.T, dir string, told map[int64]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(pipe)
	first, err := lines.ReadString('\n')
	var last int64
	if _, scanErr := fmt.Sscanf(first, "last %d\n", &last); err != nil || scanErr != nil {
		_ = cmd.Process.Kill()
		t.Fatalf("child said %q, %v", first, err)
	}
	kill := time.AfterFunc(rand.N(60*time.Millisecond), func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	defer kill.Stop()
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		id, err := strconv.ParseInt(line[:len(line)-1], 10, 64)
		if err != nil {
			t.Fatalf("child said %q", line)
		}
		if told[id] || id <= last {
			t.Fatalf("ID %d was given out twice", id)
		}
		told[id] = true
	}
	_ = cmd.Wait()
}
