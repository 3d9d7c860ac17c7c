package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Every figure here stands beside a baseline of the same run: the machines on
// which this runs are noisy, and only the two together mean something.
//
//	go test ./build/e2e -run '^$' -bench . -benchtime 1x -timeout 40m

// tunneled is a tunnel to the world's first server, by whichever program.
type tunneled struct {
	pid  int
	down func()
}

// pid is the process of holdfastd itself: ip netns exec replaces itself by it.
func (s *service) pid() int { return s.p.cmd.Process.Pid }

// ours brings the tunnel up with holdfastd.
func (s *service) ours() tunneled {
	s.cli("up", "g")
	return tunneled{s.pid(), func() { s.cli("down") }}
}

// standAlone brings the same tunnel up with wireguard-go alone, and sets the
// system up for it as wg-quick does. extra are more lines for the peer in
// wireguard-go's configuration protocol.
func (w *world) standAlone(extra ...string) tunneled {
	srv := w.servers[0]
	c := &server{w: w, name: "client", ns: w.client, iface: fmt.Sprintf("c%d-%d", os.Getpid(), worlds.Add(1))}
	p := w.start(w.client, []string{"WG_PROCESS_FOREGROUND=1", "LOG_LEVEL=error"}, programs.wgServe, "-f", c.iface)
	c.answers()
	c.configure(fmt.Sprintf("private_key=%s\nfwmark=51820\npublic_key=%s\nendpoint=%s:%d\nallowed_ip=0.0.0.0/0\n%s",
		srv.client.RevealHex(), srv.key.Public().Hex(), srv.addr, listenPort, strings.Join(extra, "\n")))
	rules := []string{"not fwmark 51820 table 51820", "table main suppress_prefixlength 0"}
	ip := func(words string) { w.sh("", append([]string{"ip", "-n", w.client}, strings.Fields(words)...)...) }
	ip("addr add 10.9.0.2/32 dev " + c.iface)
	ip("link set " + c.iface + " mtu 1420 up")
	ip("route add default dev " + c.iface + " table 51820")
	for _, r := range rules {
		ip("rule add " + r)
	}
	w.sh(w.client, "sysctl", "-qw", "net.ipv4.conf.all.src_valid_mark=1")
	return tunneled{p.cmd.Process.Pid, func() {
		for _, r := range rules {
			ip("rule del " + r)
		}
		p.end(syscall.SIGTERM)
	}}
}

// often is until with a poll that costs a measured start next to nothing.
func (w *world) often(what string, within time.Duration, ok func() bool) {
	w.t.Helper()
	for limit := time.Now().Add(within); !ok(); w.rest(time.Millisecond) {
		if time.Now().After(limit) {
			w.t.Fatalf("waited %v for %s", within, what)
		}
	}
}

// load is what iperf3 measured at the receiver, with the CPU time that the
// tunnel's process spent on it.
type load struct {
	gigabits float64 // per second
	cpu      float64 // seconds
	seconds  int
}

// cost is the CPU time for each gigabit, over several loads.
func cost(loads []load) float64 {
	var cpu, gigabits float64
	for _, l := range loads {
		cpu += l.cpu
		gigabits += l.gigabits * float64(l.seconds)
	}
	return cpu / gigabits
}

// iperf sends TCP through the tunnel for some seconds.
func (w *world) iperf(b *testing.B, pid, seconds int, args ...string) load {
	b.Helper()
	before := cpuSeconds(b, pid)
	out := w.sh(w.client, append([]string{"iperf3", "-c", target, "-J", "-t", strconv.Itoa(seconds)}, args...)...)
	spent := cpuSeconds(b, pid) - before
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
	return load{r.End.Received.Bits / 1e9, spent, seconds}
}

// iperfServer answers iperf3 behind the world's first server.
func (w *world) iperfServer(b *testing.B) {
	b.Helper()
	if _, err := exec.LookPath("iperf3"); err != nil {
		b.Skip("needs iperf3")
	}
	w.start(w.servers[0].ns, nil, "iperf3", "-s")
	w.until("iperf3 to listen", 5*time.Second, func() bool {
		return strings.Contains(w.sh(w.servers[0].ns, "ss", "-Hltn", "sport = 5201"), "5201")
	})
}

// percentile is the value below which p in 100 of the values lie.
func percentile(v []float64, p int) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[(len(s)-1)*p/100]
}

// BenchmarkThroughput pairs holdfastd with stand-alone wireguard-go, each
// between servers of its own. Both tunnels are up all the time and are loaded in
// turn, second by second, the first of a pair changing: what else the machine
// does then falls on both.
func BenchmarkThroughput(b *testing.B) {
	const pairs = 40
	w, base := newWorld(b, "a"), newWorld(b, "a")
	w.iperfServer(b)
	base.iperfServer(b)
	s := w.service()
	s.group(w.servers)
	mine, alone := s.ours(), base.standAlone()
	for _, c := range []struct {
		name string
		args []string
	}{{"up", nil}, {"down", []string{"-R"}}} {
		b.Run(c.name, func(b *testing.B) {
			w.iperf(b, mine.pid, 2, c.args...) // buffers are made at the first load
			base.iperf(b, alone.pid, 2, c.args...)
			var m, a []load
			var rates, aloneRates, ratios []float64
			for i := range pairs {
				if i%2 == 0 {
					m = append(m, w.iperf(b, mine.pid, 1, c.args...))
				}
				a = append(a, base.iperf(b, alone.pid, 1, c.args...))
				if i%2 == 1 {
					m = append(m, w.iperf(b, mine.pid, 1, c.args...))
				}
				rates, aloneRates = append(rates, m[i].gigabits), append(aloneRates, a[i].gigabits)
				ratios = append(ratios, m[i].gigabits/a[i].gigabits)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(percentile(rates, 50), "Gbit/s")
			b.ReportMetric(percentile(aloneRates, 50), "Gbit/s-alone")
			b.ReportMetric(percentile(ratios, 25), "ratio-p25")
			b.ReportMetric(percentile(ratios, 50), "ratio")
			b.ReportMetric(percentile(ratios, 75), "ratio-p75")
			b.ReportMetric(cost(m)/cost(a), "ratio-of-CPU")
			b.ReportMetric(cost(a), "CPU-s/Gbit-alone")
		})
	}
}
