package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Every figure here stands beside a baseline of the same run: the machines on
// which this runs are noisy, and only the ratio means something.
//
//	go test ./build/e2e -run '^$' -bench . -benchtime 1x

// tunneled is something that brings up a tunnel to the world's first server
// and takes it down again.
type tunneled struct {
	pid  int
	down func()
}

// ours brings the tunnel up with holdfastd.
func ours(w *world, s *service) tunneled {
	s.cli("up", "g")
	return tunneled{s.pid(), func() { s.cli("down") }}
}

// pid is the process of holdfastd itself: ip netns exec replaces itself by it.
func (s *service) pid() int { return s.p.cmd.Process.Pid }

// standAlone brings the same tunnel up with wireguard-go alone.
func standAlone(w *world, srv *server) tunneled {
	c := &server{w: w, name: "client", ns: w.client, iface: fmt.Sprintf("c%d-%d", os.Getpid(), worlds.Add(1))}
	p := w.start(w.client, []string{"WG_PROCESS_FOREGROUND=1", "LOG_LEVEL=error"}, programs.wgServe, "-f", c.iface)
	w.until("the baseline's socket", 10*time.Second, func() bool {
		_, err := os.Stat("/var/run/wireguard/" + c.iface + ".sock")
		return err == nil
	})
	c.configure(fmt.Sprintf("private_key=%s\npublic_key=%s\nendpoint=%s:%d\nallowed_ip=0.0.0.0/0\n",
		srv.client.RevealHex(), srv.key.Public().Hex(), srv.addr, listenPort))
	w.sh("", "ip", "-n", w.client, "addr", "add", "10.9.0.2/32", "dev", c.iface)
	w.sh("", "ip", "-n", w.client, "link", "set", c.iface, "mtu", "1420", "up")
	w.sh("", "ip", "-n", w.client, "route", "add", target+"/32", "dev", c.iface)
	return tunneled{p.cmd.Process.Pid, func() { p.end(15) }}
}

// gigabits measures a TCP stream to the target, in Gbit/s.
func (w *world) gigabits(b *testing.B, seconds int, args ...string) float64 {
	b.Helper()
	out := w.sh(w.client, append([]string{"iperf3", "-c", target, "-J", "-t", strconv.Itoa(seconds)}, args...)...)
	var r struct {
		End struct {
			Received struct {
				Bits float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		b.Fatal(err)
	}
	return r.End.Received.Bits / 1e9
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// BenchmarkThroughput pairs holdfastd with stand-alone wireguard-go, in turn.
func BenchmarkThroughput(b *testing.B) {
	if _, err := exec.LookPath("iperf3"); err != nil {
		b.Skip("needs iperf3")
	}
	w := newWorld(b, "a")
	w.start(w.servers[0].ns, nil, "iperf3", "-s")
	s := w.service()
	s.group(w.servers)
	for _, c := range []struct {
		name string
		args []string
	}{{"up", nil}, {"down", []string{"-R"}}} {
		b.Run(c.name, func(b *testing.B) {
			var mine, base, ratio []float64
			for range 5 {
				t := ours(w, s)
				m := w.gigabits(b, 3, c.args...)
				t.down()
				t = standAlone(w, w.servers[0])
				s := w.gigabits(b, 3, c.args...)
				t.down()
				mine, base, ratio = append(mine, m), append(base, s), append(ratio, m/s)
			}
			b.ReportMetric(median(mine), "Gbit/s")
			b.ReportMetric(median(base), "Gbit/s-alone")
			b.ReportMetric(median(ratio), "ratio")
		})
	}
}

// BenchmarkMemory reads the resident memory fresh and a minute after a load.
func BenchmarkMemory(b *testing.B) {
	if _, err := exec.LookPath("iperf3"); err != nil {
		b.Skip("needs iperf3")
	}
	w := newWorld(b, "a")
	w.start(w.servers[0].ns, nil, "iperf3", "-s")
	s := w.service()
	s.group(w.servers)
	t := ours(w, s)
	w.flowing(w.ping(time.Second), 10*time.Second)
	b.ReportMetric(resident(b, t.pid), "MiB-fresh")
	alone := standAloneAfterLoad(b)
	w.gigabits(b, 8, "-P", "4")
	b.ReportMetric(resident(b, t.pid), "MiB-loaded")
	w.rest(60 * time.Second)
	b.ReportMetric(resident(b, t.pid), "MiB-after-60s")
	b.ReportMetric(alone, "MiB-alone-after-load")
}

// standAloneAfterLoad is the baseline: wireguard-go right after the same load.
func standAloneAfterLoad(b *testing.B) float64 {
	w := newWorld(b, "a")
	w.start(w.servers[0].ns, nil, "iperf3", "-s")
	t := standAlone(w, w.servers[0])
	defer t.down()
	w.gigabits(b, 8, "-P", "4")
	return resident(b, t.pid)
}

// resident is VmRSS in MiB.
func resident(b *testing.B, pid int) float64 { return proc(b, pid, "status", "VmRSS:") / 1024 }

// proc reads a number from a file of /proc/PID.
func proc(b *testing.B, pid int, file, key string) float64 {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == key {
			n, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("%s has no %s", file, key)
	return 0
}

// switchesOf sums the voluntary context switches of all threads.
func switchesOf(b *testing.B, pid int) (n float64) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(tasks) == 0 {
		b.Fatal("no tasks", err)
	}
	for _, task := range tasks {
		tid, _ := strconv.Atoi(filepath.Base(task))
		n += proc(b, tid, "status", "voluntary_ctxt_switches:")
	}
	return n
}

// BenchmarkIdle counts the context switches of an idle tunnel.
func BenchmarkIdle(b *testing.B) {
	const watch = 60 * time.Second
	for _, keepalive := range []int{0, 25} {
		b.Run(fmt.Sprintf("keepalive=%d", keepalive), func(b *testing.B) {
			w := newWorld(b, "a")
			s := w.service()
			s.group(w.servers, fmt.Sprintf("PersistentKeepalive = %d", keepalive))
			t := ours(w, s)
			w.rest(30 * time.Second)
			before := switchesOf(b, t.pid)
			w.rest(watch)
			b.ReportMetric((switchesOf(b, t.pid)-before)/watch.Seconds(), "switches/s")
			t.down()
			t = standAlone(w, w.servers[0])
			w.rest(10 * time.Second)
			before = switchesOf(b, t.pid)
			w.rest(watch)
			b.ReportMetric((switchesOf(b, t.pid)-before)/watch.Seconds(), "switches/s-alone")
			t.down()
		})
	}
}

// BenchmarkStart times the program from its start, with the wish on, to the
// first answered handshake, and the command from up to down.
func BenchmarkStart(b *testing.B) {
	w := newWorld(b, "a")
	s := w.service()
	s.group(w.servers)
	s.cli("up", "g")
	var start, stop []float64
	for range 10 {
		s.p.end(15)
		began := time.Now()
		s.p = w.start(w.client, nil, programs.holdfastd, "run", "--config-dir", s.config, "--state-dir", s.state, "--socket", s.socket)
		w.until("a ping", 10*time.Second, func() bool {
			_, err := w.try(w.client, "ping", "-c", "1", "-W", "1", target)
			return err == nil
		})
		start = append(start, float64(time.Since(began).Milliseconds()))
		w.until("the socket", 5*time.Second, s.answers)
		began = time.Now()
		s.cli("down")
		stop = append(stop, float64(time.Since(began).Milliseconds()))
		s.cli("up", "g")
	}
	b.ReportMetric(median(start), "ms-to-first-ping")
	b.ReportMetric(median(stop), "ms-down")
}

// BenchmarkStatus times `holdfast status --json` from exec to exit, beside a
// program that does nothing.
func BenchmarkStatus(b *testing.B) {
	w := newWorld(b, "a")
	s := w.service()
	s.group(w.servers)
	s.cli("up", "g")
	var mine, base []float64
	for range 50 {
		began := time.Now()
		s.cli("status", "--json")
		mine = append(mine, float64(time.Since(began).Microseconds())/1000)
		began = time.Now()
		if err := exec.Command("true").Run(); err != nil {
			b.Fatal(err)
		}
		base = append(base, float64(time.Since(began).Microseconds())/1000)
	}
	b.ReportMetric(median(mine), "ms")
	b.ReportMetric(median(base), "ms-of-true")
}

// BenchmarkMove measures the gap that a planned move to a warm standby leaves
// in a stream of pings, over a path of 50 ms, and what leaves outside the tunnel.
func BenchmarkMove(b *testing.B) {
	w := newWorld(b, "a", "b")
	for _, iface := range []string{"s1", "s2"} {
		w.sh(w.router, "tc", "qdisc", "add", "dev", iface, "root", "netem", "delay", "50ms")
	}
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "standby=warm", "minimum_hold=0", "auto_failback=false", "failback_when=never")
	w.sh(w.router, "nft", "add table ip leak; add chain ip leak f { type filter hook forward priority -1; }; add rule ip leak f ip daddr "+target+" counter")
	s.cli("up", "g")
	g := w.ping(5 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	s.cli("switch", "b")
	w.rest(3 * time.Second)
	var gaps []float64
	for i := range 40 {
		s.cli("switch", string("ab"[i%2]))
		w.rest(500 * time.Millisecond)
		gaps = append(gaps, g.gap(time.Now().Add(-900*time.Millisecond)))
	}
	slices.Sort(gaps)
	b.ReportMetric(gaps[len(gaps)/2], "ms-median")
	b.ReportMetric(gaps[len(gaps)*95/100], "ms-p95")
	b.ReportMetric(50, "ms-RTT")
	if counters := w.sh(w.router, "nft", "list", "table", "ip", "leak"); !strings.Contains(counters, "packets 0 bytes 0") {
		b.Errorf("packets left outside the tunnel:\n%s", counters)
	}
	b.ReportMetric(0, "leaked")
}

// gap is the longest time without an answer since a moment, in ms.
func (g *pinger) gap(since time.Time) float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	var at []time.Time
	for _, t := range g.answered {
		if t.After(since) {
			at = append(at, t)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	var longest time.Duration
	for i := 1; i < len(at); i++ {
		longest = max(longest, at[i].Sub(at[i-1]))
	}
	return float64(longest.Microseconds()) / 1000
}
