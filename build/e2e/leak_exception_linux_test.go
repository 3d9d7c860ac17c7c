package e2e

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/build/e2e/leak"
)

// TestLeakExceptions shows what SECURITY.md says that the guard cannot keep in:
// a promise with exceptions is kept by those who know them. Where one is kept in
// all the same, its sentence there is out of date.
func TestLeakExceptions(t *testing.T) {
	t.Parallel()
	l := newLaboratory(t)
	l.pour(floodRate / 5)
	l.control(time.Second)
	l.begin("guard=auto")
	l.near.Hold(nil)
	found(50, "\n## What it cannot keep in, shown\n\nConnected, with the guard on. See \"What it cannot keep in\" in SECURITY.md.\n\n| exception | sent | left beside the tunnel |\n|---|---|---|")
	l.exception("a program of root's puts frames on the link itself (AF_PACKET)", l.client, leak.Way{
		To: addrs(publicHost), Kinds: []leak.Kind{leak.UDP}, Send: l.frames()})
	l.exception("root sends with Holdfast's mark to the endpoint's own port", l.client, leak.Way{
		To: addrs(l.servers[0].addr), Port: listenPort, Mark: ourMark, Device: "eth0", Kinds: []leak.Kind{leak.UDP}})
	l.beside("macvlan", "link add mv1 link eth0 type macvlan mode bridge")
	l.exception("a container with an interface of its own on the link (macvlan)", l.id+"-macvlan", leak.Way{To: addrs(publicHost)})
	l.near.Hold(l.allowed(&state{}))
	l.near.Strays()
	cell := l.flooded(500 * time.Millisecond)
	if f := l.figures(nil, cell); f.leaked() > 0 {
		t.Errorf("meanwhile %d of %d packets of the rest left; %s", f.leaked(), f.tried, l.breakdown(cell))
	}
	l.complete()
}

// exception sends by one way, and wants to see it.
func (l *laboratory) exception(what, ns string, w leak.Way) {
	l.t.Helper()
	const number = 250
	flood := leak.NewFlood(l.run, 500)
	ctx, stop := context.WithCancel(l.t.Context())
	var sending sync.WaitGroup
	sending.Go(func() { l.inNamespace(ns, func() error { flood.Send(ctx, number, []leak.Way{w}, 1); return nil }) })
	l.cell++
	flood.Enter(l.cell)
	l.rest(300 * time.Millisecond)
	flood.Enter(0)
	l.rest(60 * time.Millisecond)
	stop()
	sending.Wait()
	sent, seen := 0, 0
	for _, n := range flood.Sent(l.cell) {
		sent += n.Tried
	}
	near, _ := l.near.Seen(l.cell)
	for _, n := range near {
		seen += n
	}
	if sent == 0 || seen < sent/2 {
		l.t.Errorf("%s: of %d packets %d left: SECURITY.md says that it cannot be kept in", what, sent, seen)
	}
	found(51, "| %s | %s | %s |", what, thousands(sent), thousands(seen))
}

// frames returns what puts a payload on the uplink as a datagram in a frame of
// its own, below all that is looked at by nf_tables.
func (l *laboratory) frames() func(leak.Kind, netip.Addr, []byte) error {
	l.t.Helper()
	var fd, index int
	l.inNamespace(l.client, func() error {
		eth0, err := net.InterfaceByName("eth0")
		if err == nil {
			index = eth0.Index
			fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		}
		return err
	})
	l.t.Cleanup(func() { _ = unix.Close(fd) })
	everybody := unix.SockaddrLinklayer{Protocol: 0x0008, Ifindex: index, Halen: 6, Addr: [8]byte{255, 255, 255, 255, 255, 255}} // IPv4
	return func(_ leak.Kind, to netip.Addr, payload []byte) error {
		b := []byte{0x45, 0, 0, byte(28 + len(payload)), 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0}
		b = append(b, netip.MustParseAddr(uplinkAddr).AsSlice()...)
		b = append(b, to.AsSlice()...)
		b = append(b, 0x27, 0x0f, 0x27, 0x0f, 0, byte(8+len(payload)), 0, 0)
		return unix.Sendto(fd, append(b, payload...), 0, &everybody)
	}
}

// beside makes an interface in the client's namespace by a command of ip, and
// moves it to a namespace of its own, with a way out of its own.
func (l *laboratory) beside(what, made string) {
	l.t.Helper()
	ns := l.namespace(what)
	l.ip(l.client, made)
	l.ip(l.client, "link set mv1 netns "+ns)
	l.ip(ns, "addr add 10.200.0.8/24 dev mv1")
	l.ip(ns, "link set mv1 up")
	l.ip(ns, "route add default via "+routerAddr)
	l.sh(ns, "sysctl", "-qw", "net.ipv4.tcp_fastopen=5")
}
