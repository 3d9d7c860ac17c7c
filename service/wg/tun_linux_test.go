package wg

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/tun"

	"holdfast/service/tunnel"
	"holdfast/service/underlay"
)

// inNamespace runs the rest of the test in a network namespace of its own,
// which ends with the test.
func inNamespace(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: creates a network namespace and an interface")
	}
	if _, err := os.Stat(cloneDevice); err != nil {
		t.Skipf("needs %s: %v", cloneDevice, err)
	}
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	own, err := netns.New() // has no name: it lives as long as its descriptor
	if err != nil {
		runtime.UnlockOSThread()
		t.Skipf("needs namespaces: %v", err)
	}
	t.Cleanup(func() {
		if err := netns.Set(home); err != nil {
			t.Error(err) // the thread stays locked and ends with the goroutine
		} else {
			runtime.UnlockOSThread()
		}
		own.Close()
		home.Close()
	})
	setUp(t, "lo")
}

func setUp(t testing.TB, name string) netlink.Link {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// realClient is Devices on an interface of the system, "a" active and "b" a
// standby at two echoing servers, and a socket whose datagrams go through.
type realClient struct {
	*Devices
	link   netlink.Link
	socket *net.UDPConn
}

func newRealClient(t testing.TB, o Options) *realClient {
	t.Helper()
	l := newLedger(t)
	t.Cleanup(l.mustBeShut)
	c := &realClient{Devices: New(l.guarded(o))}
	name, err := c.Open("hftest0", 1400)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	c.link = setUp(t, name)
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: clientAddr.AsSlice(), Mask: net.CIDRMask(24, 32)}}
	if err := netlink.AddrAdd(c.link, addr); err != nil {
		t.Fatal(err)
	}
	for _, name := range []tunnel.Name{"a", "b"} {
		key := newKey(t)
		s := newServer(t, echo, key.Public())
		if err := c.Start(patient(t), name, configFor(key, s, s.addr), StartOptions{Warm: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Probe(patient(t), name); err != nil {
			t.Fatal(err)
		}
	}
	// The echo swaps the addresses and leaves the ports: both are 7.
	c.socket, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(clientAddr, 7)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.socket.Close() })
	if err := c.Promote("a"); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *realClient) mustEcho(t testing.TB, text string) {
	t.Helper()
	if _, err := c.socket.WriteToUDPAddrPort([]byte(text), netip.AddrPortFrom(serverAddr, 7)); err != nil {
		t.Fatal(err)
	}
	_ = c.socket.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 2000)
	for {
		n, err := c.socket.Read(buf)
		if err != nil {
			t.Fatalf("%q did not come back: %v", text, err)
		}
		if string(buf[:n]) == text {
			return
		}
	}
}

func TestRealInterfaceIsSwitchedWhileAReadBlocks(t *testing.T) {
	inNamespace(t)
	c := newRealClient(t, Options{})
	if got := c.sw.real.BatchSize(); got != conn.IdealBatchSize {
		t.Errorf("got batches of %d: segmentation offload is off", got)
	}
	c.mustEcho(t, "through a")
	for i := range 50 {
		name := []tunnel.Name{"b", "a"}[i%2]
		before, _ := c.Counters(name)
		if err := c.Promote(name); err != nil {
			t.Fatal(err)
		}
		c.mustEcho(t, fmt.Sprint("packet ", i))
		// A packet is counted when it has left, which may be after its echo came.
		eventually(t, fmt.Sprintf("packet %d leaves through %s", i, name), func() bool {
			after, _ := c.Counters(name)
			return after.DataSent > before.DataSent
		})
	}
}

func TestRealInterfaceFollowsItsMTU(t *testing.T) {
	inNamespace(t)
	c := newRealClient(t, Options{})
	if got, _ := c.sw.real.MTU(); got != 1400 {
		t.Errorf("got MTU %d, want the one asked for", got)
	}
	if err := netlink.LinkSetMTU(c.link, 1300); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new MTU is known", func() bool { mtu, _ := c.sw.real.MTU(); return mtu == 1300 })
}

func TestRealInterfaceThatGoesAwayIsAFault(t *testing.T) {
	inNamespace(t)
	for _, tt := range []struct {
		name string
		do   func(netlink.Link) error
		want error
	}{
		{"set down", netlink.LinkSetDown, ErrInterfaceDown},
		{"removed", netlink.LinkDel, ErrInterfaceGone},
		{"renamed", func(l netlink.Link) error { return netlink.LinkSetName(l, "other0") }, ErrInterfaceRenamed},
		{"renamed while it is down", func(l netlink.Link) error {
			return errors.Join(netlink.LinkSetDown(l), netlink.LinkSetName(l, "other0"), netlink.LinkSetUp(l))
		}, ErrInterfaceRenamed},
		{"moved to another namespace", func(l netlink.Link) error { return moveAway(t, l) }, ErrInterfaceGone},
	} {
		c := newRealClient(t, Options{})
		c.mustEcho(t, "hello")
		if err := tt.do(c.link); err != nil {
			t.Fatal(err)
		}
		var fault Fault
		for found := false; !found; {
			select {
			case f := <-c.Faults():
				if f.Name != "a" {
					t.Errorf("%s: got fault of %q", tt.name, f.Name)
				}
				if c.Stale(f) {
					t.Errorf("%s: the fault is stale", tt.name)
				}
				found, fault = errors.Is(f.Err, tt.want), f
			case <-time.After(patience):
				t.Fatalf("%s: no fault", tt.name)
			}
		}
		began := time.Now()
		if err := c.Close(); err != nil {
			t.Errorf("%s: close: %v", tt.name, err)
		}
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("%s: Close took %v", tt.name, took)
		}
		if _, err := c.Open("hftest0", 1400); err != nil || !c.Stale(fault) {
			t.Errorf("%s: the fault is the next interface's too; %v", tt.name, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		c.socket.Close()
	}
}

// An interface of the same name that outlives its maker is not taken over.
func TestForeignInterfaceIsLeftAlone(t *testing.T) {
	inNamespace(t)
	link := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "hftest0"}, Mode: netlink.TUNTAP_MODE_TUN}
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{}).Open("hftest0", 1400); !errors.Is(err, unix.EBUSY) {
		t.Errorf("got %v, want that it is taken", err)
	}
	if got, err := netlink.LinkByName("hftest0"); err != nil || got.Attrs().MTU != 1500 {
		t.Errorf("it was changed: %+v, %v", got, err)
	}
}

// moveAway moves an interface to a namespace that ends with the test.
func moveAway(t *testing.T, link netlink.Link) error {
	home, err := netns.Get()
	if err != nil {
		return err
	}
	defer home.Close()
	other, err := netns.New()
	if err != nil {
		return err
	}
	t.Cleanup(func() { other.Close() })
	return errors.Join(netns.Set(home), netlink.LinkSetNsFd(link, int(other)))
}

func TestRealInterfaceLeavesNothingBehind(t *testing.T) {
	inNamespace(t)
	before := runtime.NumGoroutine()
	for range 3 {
		d := New(Options{})
		name, err := d.Open("hftest1", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{}).Open("hftest1", 0); err == nil {
			t.Error("the same interface was opened twice")
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := netlink.LinkByName(name); err == nil {
			t.Error("the interface is still there")
		}
	}
	noMoreGoroutines(t, before)
	for _, tt := range []struct {
		name string
		mtu  int
	}{{"a-name-that-is-far-too-long", 1400}, {"hftest1", 1}} {
		if _, err := New(Options{}).Open(tt.name, tt.mtu); err == nil {
			t.Errorf("Open(%q, %d): got no error", tt.name, tt.mtu)
		}
	}
	noMoreGoroutines(t, before)
}

func TestEverySocketBearsTheMark(t *testing.T) {
	inNamespace(t)
	const mark = 0x4861
	var binds []conn.Bind
	c := newRealClient(t, Options{Mark: mark, NewBind: func() conn.Bind {
		b := conn.NewStdNetBind()
		binds = append(binds, b)
		return b
	}})
	if err := c.Rotate(patient(t), "a"); err != nil {
		t.Fatal(err)
	}
	// A network that refuses what bears the mark shows that everything does.
	away := netip.MustParseAddrPort("198.18.0.9:9")
	underlay, err := openTUN("hftest2", 1500)
	if err != nil {
		t.Fatal(err)
	}
	defer underlay.Close()
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(198, 18, 0, 1), Mask: net.CIDRMask(24, 32)}}
	if err := netlink.AddrAdd(setUp(t, "hftest2"), addr); err != nil {
		t.Fatal(err)
	}
	rule := netlink.NewRule()
	rule.Mark, rule.Type, rule.Priority = mark, unix.RTN_UNREACHABLE, 1
	if !hasRoute(away.Addr(), marked(mark)) || !hasRoute(away.Addr(), nil) {
		t.Fatal("there is no route to begin with")
	}
	if err := netlink.RuleAdd(rule); err != nil {
		t.Skipf("needs policy routing: %v", err)
	}
	for _, name := range []tunnel.Name{"a", "b"} {
		before, _ := c.Counters(name)
		m, _ := c.member(name)
		there, err := m.tap.ParseEndpoint(away.String())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.initiate(nil, func(b []byte) error { return m.sendTo(b, there) }); err == nil {
			t.Errorf("%s: a datagram left without the mark", name)
		}
		if after, _ := c.Counters(name); after.SendErrors != before.SendErrors+1 {
			t.Errorf("%s: got %d send errors", name, after.SendErrors-before.SendErrors)
		}
	}
	if hasRoute(away.Addr(), marked(mark)) || !hasRoute(away.Addr(), nil) {
		t.Error("the question for a route does not bear the mark")
	}
	if len(binds) != 2 {
		t.Errorf("got %d sockets", len(binds))
	}
}

// TestRealInterfaceIsWatchedAfterAnOverrun lets so many messages come at once
// that the kernel drops some.
func TestRealInterfaceIsWatchedAfterAnOverrun(t *testing.T) {
	inNamespace(t)
	dev, err := openTUN("hftest3", 1400)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	link := setUp(t, "hftest3")
	for i := range 2000 { // nobody takes the events, so that messages pile up
		if err := netlink.LinkSetMTU(link, 1300+i%2); err != nil {
			t.Fatal(err)
		}
	}
	if err := netlink.LinkSetDown(link); err != nil {
		t.Fatal(err)
	}
	for last := time.After(patience); ; {
		select {
		case ev, open := <-dev.Events():
			if !open {
				t.Fatal("the interface is no more watched")
			}
			if ev&tun.EventDown != 0 {
				return
			}
		case <-last:
			t.Fatal("that it was set down was missed")
		}
	}
}

func marked(mark uint32) lead { return underlay.Lead(mark, underlay.None) }
