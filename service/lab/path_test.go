package lab

import (
	"encoding/binary"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// echoServer sends every datagram back, as a server behind a path.
func echoServer(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopbackAny))
	if err != nil {
		t.Fatal(err)
	}
	growBuffers(c)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, datagramMost)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-ended })
	return c
}

func newTestPath(t testing.TB, server *net.UDPConn, c Conditions, seed uint64) *Path {
	t.Helper()
	p, err := openPath("test", server.LocalAddr().(*net.UDPAddr).AddrPort(), c, seed, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

func dialPath(t testing.TB, p *Path) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(p.Endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	growBuffers(c)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestTheSameSeedLosesTheSameDatagrams(t *testing.T) {
	t.Parallel()
	server := echoServer(t)
	const n = 400
	arrived := func(seed uint64) []uint32 {
		p := newTestPath(t, server, Conditions{Up: Link{Loss: 0.3}}, seed)
		c := dialPath(t, p)
		var got []uint32
		buf := make([]byte, 64)
		for i := range uint32(n) {
			if _, err := c.Write(binary.LittleEndian.AppendUint32(nil, i)); err != nil {
				t.Fatal(err)
			}
			lost := func() bool { return p.Counters().Up.Lost()+uint64(len(got)) > uint64(i) }
			for !lost() {
				if err := c.SetReadDeadline(time.Now().Add(2 * time.Millisecond)); err != nil {
					t.Fatal(err)
				}
				if k, err := c.Read(buf); err == nil && k == 4 {
					got = append(got, binary.LittleEndian.Uint32(buf))
				}
			}
		}
		return got
	}
	first, second, other := arrived(11), arrived(11), arrived(12)
	if !slices.Equal(first, second) {
		t.Error("two runs with one seed lost other datagrams")
	}
	if slices.Equal(first, other) {
		t.Error("two seeds lost the same datagrams")
	}
	if share := float64(len(first)) / n; share < 0.6 || share > 0.8 {
		t.Errorf("got %.2f through, want about 0.7", share)
	}
}

func TestDelayedDatagramsKeepTheirOrderAndTime(t *testing.T) {
	t.Parallel()
	p := newTestPath(t, echoServer(t), Both(Link{Latency: 30 * time.Millisecond}), 0)
	c := dialPath(t, p)
	const n = 500
	sent := make([]time.Time, n)
	for i := range sent {
		sent[i] = time.Now()
		if _, err := c.Write(binary.LittleEndian.AppendUint32(nil, uint32(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(3 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	for i := range sent {
		if _, err := c.Read(buf); err != nil {
			t.Fatal(err)
		}
		if got := binary.LittleEndian.Uint32(buf); got != uint32(i) {
			t.Fatalf("got datagram %d, want %d", got, i)
		}
		if took := time.Since(sent[i]); took < 60*time.Millisecond {
			t.Fatalf("datagram %d took %v, want at least 60 ms", i, took)
		}
	}
}

func TestManyClientsHavePortsOfTheirOwn(t *testing.T) {
	t.Parallel()
	p := newTestPath(t, echoServer(t), Conditions{}, 0)
	for i := range flowsMost + 10 {
		c := dialPath(t, p)
		if _, err := c.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4)
		if n, err := c.Read(buf); err != nil || n != 1 || buf[0] != byte(i) {
			t.Fatalf("client %d got %v (%v)", i, buf[:n], err)
		}
		_ = c.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.flows) != flowsMost {
		t.Errorf("the path remembers %d clients, want %d", len(p.flows), flowsMost)
	}
}

func TestTypesAreTold(t *testing.T) {
	t.Parallel()
	packet := func(kind byte, size int) []byte { b := make([]byte, size); b[0] = kind; return b }
	for _, c := range []struct {
		data []byte
		want PacketType
	}{
		{packet(1, 148), Initiation}, {packet(2, 92), Response}, {packet(3, 64), Cookie},
		{packet(4, 32), Keepalive}, {packet(4, 48), Data}, {packet(4, 16), Other},
		{packet(1, 147), Other}, {packet(9, 100), Other}, {nil, Other}, {[]byte{4}, Other},
	} {
		if got := typeOf(c.data); got != c.want {
			t.Errorf("%d bytes: got %s, want %s", len(c.data), got, c.want)
		}
	}
}

func BenchmarkRelay(b *testing.B) {
	for _, c := range []struct {
		name string
		link Link
	}{{"direct", Link{}}, {"delayed", Link{Latency: 20 * time.Millisecond}}, {"lossy", Link{Latency: 5 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.01}}} {
		b.Run(c.name, func(b *testing.B) { benchmarkRelay(b, c.link) })
	}
}

// benchmarkRelay offers datagrams in bursts of one millisecond, at a rate well
// above what a test or the demo needs, and reports how many come out.
func benchmarkRelay(b *testing.B, link Link) {
	const each = 60 // a millisecond: 60,000 a second
	sink, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopbackAny))
	if err != nil {
		b.Fatal(err)
	}
	growBuffers(sink)
	var got atomic.Uint64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, datagramMost)
		for {
			if _, _, err := sink.ReadFromUDPAddrPort(buf); err != nil {
				return
			}
			got.Add(1)
		}
	}()
	b.Cleanup(func() { _ = sink.Close(); <-ended })
	p := newTestPath(b, sink, Conditions{Up: link}, 1)
	c := dialPath(b, p)
	data := make([]byte, 1300)
	data[0] = 4
	next := time.Now()
	start := next
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if n++; n%each == 0 {
			next = next.Add(time.Millisecond)
			<-time.After(time.Until(next))
		}
		if _, err := c.Write(data); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(start)
	b.ReportMetric(float64(n)/took.Seconds(), "offered/s")
	lost := p.Counters().Up.Lost()
	eventually(b, time.Second, "what was not lost arrives", func() bool {
		return float64(got.Load()) > 0.9*(float64(n)-float64(lost)) || time.Since(start) > took+900*time.Millisecond
	})
	b.ReportMetric(100*float64(got.Load())/float64(n), "%arrived")
}
