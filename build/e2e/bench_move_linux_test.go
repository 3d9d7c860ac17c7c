package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netns"
)

// inNamespace runs do in a network namespace; sockets that it opens stay there.
func (w *world) inNamespace(name string, do func() error) {
	w.t.Helper()
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with its namespace
		ns, err := netns.GetFromName(name)
		if err == nil {
			defer ns.Close()
			err = netns.Set(ns)
		}
		if err == nil {
			err = do()
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		w.t.Fatal(err)
	}
}

// delayed is a datagram on its way through a relay.
type delayed struct {
	due  time.Time
	data []byte
	to   netip.AddrPort
}

// slow puts a relay for UDP into the router in front of a server, which holds
// every datagram for half of rtt. Not every kernel has netem.
func (w *world) slow(s *server, routerAddr string, rtt time.Duration) {
	w.t.Helper()
	var near, far *net.UDPConn // towards the client, towards the server
	w.inNamespace(w.router, func() (err error) {
		if near, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(routerAddr), Port: listenPort}); err != nil {
			return err
		}
		far, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(routerAddr)})
		return err
	})
	w.t.Cleanup(func() { near.Close(); far.Close() })
	server := netip.AddrPortFrom(netip.MustParseAddr(s.addr), listenPort)
	var client atomic.Pointer[netip.AddrPort] // where the latest datagram came from
	go carry(near, far, rtt/2, func(from netip.AddrPort) netip.AddrPort { client.Store(&from); return server })
	go carry(far, near, rtt/2, func(netip.AddrPort) netip.AddrPort { return *client.Load() })
	s.addr = routerAddr
}

// carry passes datagrams on, each after the same time, until a socket is closed.
func carry(from, to *net.UDPConn, after time.Duration, where func(netip.AddrPort) netip.AddrPort) {
	queue := make(chan delayed, 4096)
	go func() {
		for d := range queue {
			time.Sleep(time.Until(d.due))
			_, _ = to.WriteToUDPAddrPort(d.data, d.to)
		}
	}()
	defer close(queue)
	buf := make([]byte, 2048)
	for {
		n, addr, err := from.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		queue <- delayed{time.Now().Add(after), slices.Clone(buf[:n]), where(addr)}
	}
}

// BenchmarkMove measures the gap that a planned move to a warm standby leaves
// in a stream of pings over a path of 50 ms, and what leaves outside the
// tunnel. The baseline is the longest gap of as long a time without a move.
func BenchmarkMove(b *testing.B) {
	const (
		rtt   = 50 * time.Millisecond
		moves = 60
		look  = 400 * time.Millisecond
	)
	w := newWorld(b, "a", "b")
	w.slow(w.servers[0], "10.200.1.1", rtt)
	w.slow(w.servers[1], "10.200.2.1", rtt)
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "standby=warm", "minimum_hold=0s", "auto_failback=false", "failback_when=never")
	w.sh(w.router, "nft", "add table ip leak; add chain ip leak f { type filter hook prerouting priority -1; }; add rule ip leak f ip daddr "+target+" counter")
	s.cli("up", "g")
	g := w.ping(5 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	w.rest(2 * time.Second)
	began := time.Now()
	var gaps, still, commands []float64
	for i := range moves {
		from := time.Now()
		w.rest(look)
		still = append(still, g.gap(from, time.Now()))
		from = time.Now()
		to := string("ba"[i%2])
		commands = append(commands, millis(func() { s.cli("switch", to) }))
		w.rest(look)
		gaps = append(gaps, g.gap(from, time.Now()))
		if got := s.active(); got != to {
			b.Fatalf("the active member is %q after a move to %q", got, to)
		}
	}
	lost := g.lost(began, time.Now())
	g.p.end(syscall.SIGINT)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(w.roundTrip(b), "ms-RTT")
	b.ReportMetric(percentile(gaps, 50), "ms-gap")
	b.ReportMetric(percentile(gaps, 95), "ms-gap-p95")
	b.ReportMetric(percentile(still, 50), "ms-gap-without")
	b.ReportMetric(percentile(still, 95), "ms-gap-without-p95")
	b.ReportMetric(percentile(commands, 50), "ms-command")
	b.ReportMetric(float64(lost)/moves, "pings-lost/move")
	var leaked float64
	counter := w.sh(w.router, "nft", "list", "table", "ip", "leak")
	_, packets, _ := strings.Cut(counter, "counter packets ")
	if _, err := fmt.Sscan(packets, &leaked); err != nil {
		b.Fatalf("read %q: %v", counter, err)
	}
	b.ReportMetric(leaked, "leaked")
}

// roundTrip is the mean time of some pings through the tunnel, in ms.
func (w *world) roundTrip(b *testing.B) (mean float64) {
	b.Helper()
	out := w.sh(w.client, "ping", "-q", "-n", "-c", "10", "-i", "0.1", target)
	_, figures, _ := strings.Cut(out, "mdev = ")
	if f := strings.Split(figures, "/"); len(f) == 4 {
		if _, err := fmt.Sscan(f[1], &mean); err == nil {
			return mean
		}
	}
	b.Fatalf("read %q", out)
	return 0
}

// gap is the longest time between two answers within a stretch, in ms.
func (g *pinger) gap(from, to time.Time) float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	var at []time.Time
	for _, t := range g.answered {
		if t.After(from) && t.Before(to) {
			at = append(at, t)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	longest := to.Sub(from)
	if len(at) > 1 {
		longest = 0
	}
	for i := 1; i < len(at); i++ {
		longest = max(longest, at[i].Sub(at[i-1]))
	}
	return float64(longest.Microseconds()) / 1000
}
