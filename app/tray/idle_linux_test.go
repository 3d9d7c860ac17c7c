package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/app/desktest"
)

// While nothing happens nothing runs: what wakes the tray is the heartbeat of
// the stream, every 15 s, and nothing of its own. A minute of it is measured in
// the long tests, a few seconds otherwise.
func TestIdleIsIdle(t *testing.T) {
	seconds := 5
	if os.Getenv("HOLDFAST_SOAK") != "" {
		seconds = 60
	}
	r := startShown(t)
	r.choose(t, "Connect to home")
	r.line(t, "Protected via nl")
	last := 0
	desktest.WaitFor(t, "the end of the start", func() bool {
		before := r.wakes(t)
		time.Sleep(time.Second)
		last = r.wakes(t)
		return before == last
	})
	first, awake := last, 0
	for range seconds {
		time.Sleep(time.Second)
		now := r.wakes(t)
		if now != last {
			awake++
		}
		last = now
	}
	t.Logf("in %d s: %d wake-ups of all threads, in %d of the seconds", seconds, last-first, awake)
	if beats := seconds/15 + 2; awake > beats {
		t.Errorf("it was awake in %d of %d seconds, and there were %d heartbeats at most", awake, seconds, beats)
	}
}

// wakes counts how often the threads of the tray have gone to sleep.
func (r *rig) wakes(t *testing.T) (n int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", r.cmd.Process.Pid))
	if err != nil || len(files) == 0 {
		t.Fatal("the threads cannot be seen: ", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
				k, err := strconv.Atoi(strings.TrimSpace(v))
				if err != nil {
					t.Fatal(err)
				}
				n += k
			}
		}
	}
	return n
}
