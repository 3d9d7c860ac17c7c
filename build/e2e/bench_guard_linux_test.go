package e2e

import (
	"testing"
	"time"
)

// BenchmarkGuard pairs seconds of load through one tunnel with the guard on and
// off, the first of a pair changing, and times down until everything that the
// guard and the tunnel set in the system is gone.
func BenchmarkGuard(b *testing.B) {
	const pairs = 40
	w := newWorld(b, "a")
	w.iperfServer(b)
	s := w.service()
	s.group(w.servers)
	guard := func(mode string) {
		s.cli("settings", "set", "guard="+mode)
		w.until("the guard to be "+mode, 5*time.Second, func() bool { g := s.status().Guard; return string(g.Mode) == mode && g.Verified == (mode != "off") })
	}
	guard("off")
	mine := s.ours()
	for _, c := range []struct {
		name string
		args []string
	}{{"up", nil}, {"down", []string{"-R"}}} {
		b.Run(c.name, func(b *testing.B) {
			w.iperf(b, mine.pid, 2, c.args...) // buffers are made at the first load
			loads := map[string][]load{}
			var ratios []float64
			for i := range pairs {
				modes := []string{"auto", "off"}
				if i%2 == 1 {
					modes = []string{"off", "auto"}
				}
				for _, mode := range modes {
					guard(mode)
					loads[mode] = append(loads[mode], w.iperf(b, mine.pid, 1, c.args...))
				}
				ratios = append(ratios, loads["auto"][i].gigabits/loads["off"][i].gigabits)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(percentile(rates(loads["auto"]), 50), "Gbit/s-guarded")
			b.ReportMetric(percentile(rates(loads["off"]), 50), "Gbit/s-without")
			b.ReportMetric(percentile(ratios, 25), "ratio-p25")
			b.ReportMetric(percentile(ratios, 50), "ratio")
			b.ReportMetric(percentile(ratios, 75), "ratio-p75")
			b.ReportMetric(cost(loads["auto"])/cost(loads["off"]), "ratio-of-CPU")
			found(30, "- Throughput %s through the tunnel with the guard on, of that without, in %d pairs of seconds in turn: median %.3f (quartiles %.3f and %.3f); %.2f and %.2f Gbit/s.",
				c.name, pairs, percentile(ratios, 50), percentile(ratios, 25), percentile(ratios, 75),
				percentile(rates(loads["auto"]), 50), percentile(rates(loads["off"]), 50))
		})
	}
	guard("auto")
	s.cli("down")
	b.Run("off", func(b *testing.B) { w.timeDown(b, s) })
}

// rates are the throughputs of loads.
func rates(loads []load) (out []float64) {
	for _, l := range loads {
		out = append(out, l.gigabits)
	}
	return out
}

// timeDown times down, from the start of the command until a listing of routes,
// rules, addresses and firewall is what it was before up.
func (w *world) timeDown(b *testing.B, s *service) {
	const rounds = 30
	list := func() string { return stable(w.network(b)) + w.sh(w.client, "nft", "list", "ruleset") }
	before := list()
	looking := millis(func() { list() })
	g := w.ping(20 * time.Millisecond)
	var took, commands []float64
	for range rounds {
		s.cli("up", "g")
		w.flowing(g, 10*time.Second)
		began := time.Now()
		commands = append(commands, millis(func() { s.cli("down") }))
		asked := time.Now()
		w.often("everything to be as before", 10*time.Second, func() bool {
			asked = time.Now()
			return list() == before
		})
		// A look that found it so has seen how it was when it began.
		took = append(took, float64(asked.Sub(began).Microseconds())/1000)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(percentile(took, 50), "ms-to-nothing-left")
	b.ReportMetric(percentile(took, 95), "ms-to-nothing-left-p95")
	b.ReportMetric(percentile(took, 100), "ms-to-nothing-left-max")
	b.ReportMetric(percentile(commands, 50), "ms-command")
	b.ReportMetric(looking, "ms-to-look")
	found(31, "- From `down` to all rules and routes gone, compared with a listing from before, %d times: median %.0f ms, 95th of 100 %.0f ms, longest %.0f ms.",
		rounds, percentile(took, 50), percentile(took, 95), percentile(took, 100))
}
