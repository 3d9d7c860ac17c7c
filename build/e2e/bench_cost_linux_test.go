package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ticksPerSecond is the unit of CPU time in /proc, the same on every Linux.
const ticksPerSecond = 100

// cpuSeconds is the CPU time that a process has used.
func cpuSeconds(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / ticksPerSecond
}

// statusLine is a number of /proc/PID/status. False: the process is gone.
func statusLine(pid int, key string) (float64, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == key {
			n, err := strconv.ParseFloat(f[1], 64)
			return n, err == nil
		}
	}
	return 0, false
}

// resident is the memory of a process in MiB.
func resident(b testing.TB, pid int) float64 {
	b.Helper()
	kib, ok := statusLine(pid, "VmRSS:")
	if !ok {
		b.Fatalf("process %d is gone", pid)
	}
	return kib / 1024
}

// switchesOf counts the voluntary context switches of all threads.
func switchesOf(b testing.TB, pid int) (n float64) {
	b.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(tasks) == 0 {
		b.Fatalf("process %d has no threads: %v", pid, err)
	}
	for _, task := range tasks {
		tid, _ := strconv.Atoi(filepath.Base(task))
		if c, ok := statusLine(tid, "voluntary_ctxt_switches:"); ok {
			n += c
		}
	}
	return n
}

// BenchmarkMemory reads the resident memory fresh, right after a load, and a
// minute later, with a ping a second flowing all the time.
func BenchmarkMemory(b *testing.B) {
	w, base := newWorld(b, "a"), newWorld(b, "a")
	w.iperfServer(b)
	base.iperfServer(b)
	s := w.service()
	s.group(w.servers)
	mine, alone := s.ours(), base.standAlone()
	w.flowing(w.ping(time.Second), 10*time.Second)
	base.flowing(base.ping(time.Second), 10*time.Second)
	b.ReportMetric(0, "ns/op")
	report := func(when string) {
		b.ReportMetric(resident(b, mine.pid), "MiB-"+when)
		b.ReportMetric(resident(b, alone.pid), "MiB-alone-"+when)
	}
	report("fresh")
	base.iperf(b, alone.pid, 8, "-P", "4")
	w.iperf(b, mine.pid, 8, "-P", "4")
	report("loaded")
	w.rest(60 * time.Second)
	report("60s-later")
}

// BenchmarkIdle counts the context switches of tunnels that carry nothing, side
// by side.
func BenchmarkIdle(b *testing.B) {
	// The minute of the tunnel's beginning is written to the history when it ends.
	const settle, watch = 75 * time.Second, 60 * time.Second
	for _, keepalive := range []int{0, 25} {
		b.Run(fmt.Sprintf("keepalive=%d", keepalive), func(b *testing.B) {
			w, base := newWorld(b, "a"), newWorld(b, "a")
			s := w.service()
			s.group(w.servers, fmt.Sprintf("PersistentKeepalive = %d", keepalive))
			mine := s.ours()
			alone := base.standAlone(fmt.Sprintf("persistent_keepalive_interval=%d\n", keepalive))
			w.rest(settle)
			m, a := switchesOf(b, mine.pid), switchesOf(b, alone.pid)
			c := cpuSeconds(b, mine.pid)
			w.rest(watch)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric((switchesOf(b, mine.pid)-m)/watch.Seconds(), "switches/s")
			b.ReportMetric((switchesOf(b, alone.pid)-a)/watch.Seconds(), "switches/s-alone")
			b.ReportMetric((cpuSeconds(b, mine.pid)-c)/watch.Minutes(), "CPU-s/min")
		})
	}
}
