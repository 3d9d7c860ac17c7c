package netcfg

import (
	"errors"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const echoServer = "203.0.113.9:7777"

// startEcho starts an echo server in a namespace of its own, behind eth0's
// default route: it takes over the far end of the cable.
func startEcho(t *testing.T) {
	t.Helper()
	entered, cabled, ready := make(chan int), make(chan bool), make(chan net.PacketConn)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			close(entered)
			return
		}
		entered <- unix.Gettid()
		if !<-cabled {
			return
		}
		defer close(ready)
		for _, line := range []string{
			"ip link set lo up", "ip addr add 203.0.113.9/32 dev lo",
			"ip link set peer0 up", "ip addr add 192.0.2.1/24 dev peer0",
		} {
			run(t, line)
		}
		pc, err := net.ListenPacket("udp4", echoServer)
		if err != nil {
			t.Error(err)
			return
		}
		ready <- pc
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(buf[:n], from)
		}
	}()
	tid, ok := <-entered
	if !ok {
		t.Skip("needs a second network namespace")
	}
	run(t, "ip link set peer0 netns "+strconv.Itoa(tid))
	cabled <- true
	pc, ok := <-ready
	if !ok {
		t.FailNow()
	}
	t.Cleanup(func() { _ = pc.Close() })
	cableIsUp(t)
}

// cableIsUp waits until eth0 has found the far end of its cable again.
func cableIsUp(t *testing.T) {
	t.Helper()
	eventually(t, "the cable is whole again", func() bool { return strings.Contains(run(t, "ip link show eth0"), "state UP") })
}

// echoes says that the server's answer to a packet with the mark comes back.
func echoes(t *testing.T, mark int) bool {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, mark); err != nil {
				t.Error(err)
			}
		})
	}}
	c, err := d.DialContext(t.Context(), "udp4", echoServer)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	buf := make([]byte, 10)
	for range 5 {
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(buf); err == nil {
			return true
		} else if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	}
	return false
}

// Marked packets leave beside the tunnel and their answers come in, also where
// the kernel's reverse path filter is strict; all others go into the tunnel.
func TestTraffic(t *testing.T) {
	ownNamespace(t)
	tun := openTun(t, "hf0")
	startEcho(t)
	for _, f := range []string{"ipv4/conf/all/rp_filter", "ipv4/conf/eth0/rp_filter"} {
		if err := writeSysctl(f, "1"); err != nil {
			t.Fatal(err)
		}
	}
	before := listing(t)
	if !echoes(t, 0) {
		t.Fatal("the server does not answer without a tunnel")
	}
	m := New(testOptions(t))
	mustApply(t, m, fullTunnel())
	if !echoes(t, testMark) {
		t.Error("marked packets get no answer")
	}
	if echoes(t, 0) {
		t.Error("packets without a mark leave beside the tunnel")
	}
	packet := make([]byte, 1500)
	if n, err := unix.Read(int(tun.Fd()), packet); err != nil || n < 20 || !net.IP(packet[16:20]).Equal(net.IPv4(203, 0, 113, 9)) {
		t.Errorf("in the tunnel: %x, %v", packet[:n], err)
	}
	if err := writeSysctl(allRPFilter, "1"); err != nil {
		t.Fatal(err)
	}
	if echoes(t, testMark) {
		t.Error("a strict filter makes no difference, so this test shows nothing")
	}
	if err := writeSysctl(allRPFilter, "2"); err != nil {
		t.Fatal(err)
	}
	mustApply(t, m, splitTunnel())
	if !echoes(t, 0) {
		t.Error("with a split tunnel the server does not answer")
	}
	mustClear(t, m)
	listingBecomes(t, listing, before)
}
