package guard

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/service/guardset"
)

// BenchmarkPermit permits an address and takes it back.
func BenchmarkPermit(b *testing.B) {
	host := newSpace(b)
	g := host.guard()
	host.set(g, full())
	to := netip.MustParseAddrPort("192.0.2.1:51820")
	for b.Loop() {
		g.Permit("udp", to)()
	}
}

// BenchmarkSet puts a set in force and reads it back.
func BenchmarkSet(b *testing.B) {
	for _, c := range []struct {
		name string
		sets [2]guardset.Set
	}{
		{"same", [2]guardset.Set{full(), full()}},
		{"lan", [2]guardset.Set{full(), withLAN(full())}},
		{"blocked", [2]guardset.Set{full(), blocked()}},
		{"open", [2]guardset.Set{full(), open()}},
		{"carry", [2]guardset.Set{full(), split()}},
	} {
		b.Run(c.name, func(b *testing.B) {
			host := newSpace(b)
			g := host.guard()
			host.set(g, c.sets[0])
			for i := 0; b.Loop(); i++ {
				host.set(g, c.sets[i%2])
			}
		})
	}
}

// BenchmarkSend sends packets of 1,400 bytes to where they may go, without rules
// and with them.
func BenchmarkSend(b *testing.B) {
	l := newLab(b)
	g := l.host.guard()
	defer g.Permit("udp", netip.MustParseAddrPort(endpoint.to))()
	tunnel := packet{kind: "udp", to: "10.99.1.1:53"}
	for _, c := range []struct {
		name   string
		set    guardset.Set
		packet packet
	}{
		{"uplink/open", open(), endpoint},
		{"uplink/full", full(), endpoint},
		{"uplink/split", split(), packet{kind: "udp", to: "198.51.100.7:9"}},
		{"tunnel/open", open(), tunnel},
		{"tunnel/full", full(), tunnel},
	} {
		b.Run(c.name, func(b *testing.B) {
			l.host.set(g, c.set)
			l.host.do(func() {
				fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
				if err != nil {
					b.Error(err)
					return
				}
				defer unix.Close(fd)
				if err := c.packet.options(fd, false); err != nil {
					b.Error(err)
					return
				}
				payload, to := make([]byte, 1400), sockaddr(c.packet.address())
				began := threadTime()
				for b.Loop() {
					if err := unix.Sendto(fd, payload, 0, to); err != nil {
						b.Error(err)
						return
					}
				}
				b.ReportMetric(float64(threadTime()-began)/float64(b.N), "cpu-ns/op")
			})
		})
	}
}

// threadTime is how long a processor has worked for the calling thread.
func threadTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}
