package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/service/event"
)

// smallDisk mounts a disk of 2 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		t.Skipf("mount a small disk: %v (needs root)", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes what room is left and returns the file that holds it.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	_ = f.Close()
	return path
}

// TestFullDisk fills the disk under an open store: Append never waits, streams
// go on, Health says why, and with the room everything comes back.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t)
	var mu sync.Mutex
	var told []int64
	o := testOptions(t, dir)
	o.Log = quiet()
	o.Committed = func(events []event.Event) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			told = append(told, e.ID)
		}
	}
	heard := func() int { mu.Lock(); defer mu.Unlock(); return len(told) }
	s := mustOpen(t, o, func(tu *tuning) {
		tu.announceAfter, tu.retryMost, tu.backlog = 300*time.Millisecond, 200*time.Millisecond, 1000
	})
	s.Append(eventsFrom(1, 10))
	mustFlush(t, s)
	ballast := fill(t, dir)

	next, slowest := int64(11), time.Duration(0)
	for range 50 {
		batch := eventsFrom(next, 100)
		for i := range batch {
			batch[i].Evidence = strings.Repeat("x", 500)
		}
		started := time.Now()
		s.Append(batch)
		s.AddSample(Sample{At: epoch, Tunnel: "nl", RxBytes: 1})
		slowest = max(slowest, time.Since(started))
		next += 100
	}
	if slowest > 100*time.Millisecond {
		t.Errorf("Append took %v", slowest)
	}
	eventually(t, "streams went on", func() bool { return heard() == int(next-1) })
	if err := s.Health(); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "full") {
		t.Errorf("health %v", err)
	}
	if err := s.PutSetting(t.Context(), "a", "b"); err == nil {
		t.Error("PutSetting: no error on a full disk")
	}
	p, err := s.Events(t.Context(), EventQuery{Descending: true, Limit: 1})
	if err != nil || p.Events[0].ID != next-1 {
		t.Errorf("latest: %v, %v", p, err)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, "healthy again", func() bool { return s.Health() == nil })
	mustFlush(t, s)
	s.Append(eventsFrom(next, 1))
	mustFlush(t, s)
	eventually(t, "everybody was told", func() bool { return heard() == int(next) })
	mu.Lock()
	inOrder := slices.Clone(told)
	mu.Unlock()
	for i, id := range inOrder {
		if id != int64(i+1) {
			t.Fatalf("event %d was told of as number %d", id, i+1)
		}
	}
	checkGap(t, s, next)
	mustClose(t, s)
	wholeDatabase(t, s.path)
	t.Logf("slowest Append %v", slowest)
}

// checkGap looks for one row in place of what did not fit into memory.
func checkGap(t *testing.T, s *Store, last int64) {
	t.Helper()
	p, err := s.Events(t.Context(), EventQuery{Kinds: []event.Kind{KindGap}})
	if err != nil || len(p.Events) == 0 {
		t.Fatalf("no word about lost events: %v, %v", p, err)
	}
	latest, err := s.Events(t.Context(), EventQuery{Descending: true, Limit: 600})
	if err != nil || len(latest.Events) != 600 || latest.Events[0].ID != last {
		t.Errorf("latest events: %d, %v", len(latest.Events), err)
	}
	t.Logf("%d gap rows, the last: %s", len(p.Events), p.Events[len(p.Events)-1].Evidence)
}

// TestFullDiskAtOpen opens a store where there is no room for one.
func TestFullDiskAtOpen(t *testing.T) {
	dir := smallDisk(t)
	ballast := fill(t, dir)
	o := testOptions(t, dir)
	o.Log = quiet()
	s := mustOpen(t, o, func(tu *tuning) { tu.retryMost = 100 * time.Millisecond })
	if r := s.Report(); !r.Unavailable || !errors.Is(s.Health(), ErrUnavailable) {
		t.Fatalf("report %+v, health %v", r, s.Health())
	}
	s.Append(eventsFrom(1, 5))
	p, err := s.Events(t.Context(), EventQuery{})
	if err != nil || len(p.Events) != 5 {
		t.Errorf("%d events, %v", len(p.Events), err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	mustFlush(t, s)
	if r := s.Report(); !r.Fresh || r.Unavailable || s.Health() != nil {
		t.Errorf("report %+v, health %v", r, s.Health())
	}
	mustClose(t, s)
	if s = mustOpen(t, o); s.LastEventID() < 5 {
		t.Errorf("last ID %d", s.LastEventID())
	}
}

// TestFullDiskEverywhere lets the disk run full after every number of free
// pages: the store opens or says why, works on and comes back whole.
func TestFullDiskEverywhere(t *testing.T) {
	dir := smallDisk(t)
	for pages := range 60 {
		ballast := fill(t, dir)
		if err := os.Truncate(ballast, max(0, fileSize(t, ballast)-int64(pages)*pageSize)); err != nil {
			t.Fatal(err)
		}
		state := filepath.Join(dir, "state")
		o := testOptions(t, state)
		o.Log = quiet()
		s, err := open(t.Context(), o, func() tuning { tu := defaultTuning(); tu.retryMost = 5 * time.Millisecond; return tu }())
		if err != nil {
			t.Fatalf("%d pages: %v", pages, err)
		}
		for id := int64(1); id < 300; id += 30 {
			s.Append(eventsFrom(id, 30))
		}
		wishErr := s.SaveWish(wish{On: true, Target: "home"})
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		mustFlush(t, s)
		mustClose(t, s)
		wholeDatabase(t, s.path)
		if w, err := s.LoadWish(); wishErr == nil && (err != nil || !w.On) {
			t.Errorf("%d pages: wish %+v, %v", pages, w, err)
		}
		if s = mustOpen(t, o); s.LastEventID() < 300 || s.Report().MovedAside != "" {
			t.Errorf("%d pages: last ID %d, report %+v", pages, s.LastEventID(), s.Report())
		}
		mustClose(t, s)
		if err := os.RemoveAll(state); err != nil {
			t.Fatal(err)
		}
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestReadOnlyDisk opens a store on a disk that nobody can write to, not even
// its lock: what is new is kept in memory until the disk can be written again,
// and no ID is given out twice.
func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t)
	o := testOptions(t, dir)
	o.Log = quiet()
	s := mustOpen(t, o)
	s.Append(eventsFrom(1, 10))
	mustFlush(t, s)
	mustClose(t, s)
	remount := func(flags uintptr) {
		t.Helper()
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	s = mustOpen(t, o, func(tu *tuning) { tu.retryMost = 100 * time.Millisecond })
	if r := s.Report(); !r.Unavailable || !errors.Is(s.Health(), ErrUnavailable) {
		t.Errorf("report %+v, health %v", r, s.Health())
	}
	next := s.LastEventID() + 1
	if next <= 10 {
		t.Errorf("the next ID is %d, and was given out before", next)
	}
	s.Append(eventsFrom(next, 5))
	if p, err := s.Events(t.Context(), EventQuery{}); err != nil || len(p.Events) != 5 {
		t.Errorf("%d events, %v", len(p.Events), err)
	}
	remount(0)
	mustFlush(t, s)
	if p, err := s.Events(t.Context(), EventQuery{}); err != nil || len(p.Events) != 15 || s.Health() != nil {
		t.Errorf("when it can be written again: %d events, %v, health %v", len(p.Events), err, s.Health())
	}
	mustClose(t, s)
}
