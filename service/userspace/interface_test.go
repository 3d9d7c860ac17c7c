package userspace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.zx2c4.com/wireguard/tun"
)

const patience = 10 * time.Second

var (
	leftV4  = netip.MustParseAddr("10.9.0.1")
	rightV4 = netip.MustParseAddr("10.9.0.2")
	otherV4 = netip.MustParseAddr("10.9.0.3")
	leftV6  = netip.MustParseAddr("fd09::1")
	rightV6 = netip.MustParseAddr("fd09::2")
)

// newInterface makes an interface with addresses that is closed with the test.
func newInterface(t *testing.T, addrs ...netip.Addr) *Interface {
	t.Helper()
	i, err := New(1420)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	if err := i.SetAddresses(hosts(addrs...)); err != nil {
		t.Fatal(err)
	}
	return i
}

func hosts(addrs ...netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range addrs {
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	return out
}

// wired makes two interfaces, each of which receives what the other sends.
func wired(t *testing.T) (left, right *Interface) {
	t.Helper()
	left, right = newInterface(t, leftV4, leftV6), newInterface(t, rightV4, rightV6)
	var copying sync.WaitGroup
	copying.Go(func() { carry(left, right) })
	copying.Go(func() { carry(right, left) })
	t.Cleanup(func() {
		left.Close()
		right.Close()
		copying.Wait()
	})
	return left, right
}

func carry(from, to *Interface) {
	const offset = 16
	bufs, sizes := make([][]byte, from.BatchSize()), make([]int, from.BatchSize())
	for {
		for i := range bufs {
			bufs[i] = make([]byte, offset+2048)
		}
		n, err := from.Read(bufs, sizes, offset)
		if err != nil {
			return
		}
		for i := range n {
			bufs[i] = bufs[i][:offset+sizes[i]]
		}
		if _, err := to.Write(bufs[:n], offset); err != nil {
			return
		}
	}
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestTCPCarriesEveryByteBothWays(t *testing.T) {
	left, right := wired(t)
	for _, addr := range []netip.Addr{rightV4, rightV6} {
		t.Run(addr.String(), func(t *testing.T) {
			l, err := right.ListenTCP(netip.AddrPortFrom(addr, 7))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				if c, err := l.Accept(); err == nil {
					_, _ = io.Copy(c, c)
					c.Close()
				}
			}()
			c, err := left.DialContext(patient(t), "tcp", netip.AddrPortFrom(addr, 7).String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			want := bytes.Repeat([]byte("holdfast"), 64<<10)
			go func() {
				_, _ = c.Write(want)
				_ = c.(interface{ CloseWrite() error }).CloseWrite()
			}()
			_ = c.SetReadDeadline(time.Now().Add(patience))
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(want))
			}
		})
	}
}

func TestUDPReachesTheListenerAndItsAnswerComesBack(t *testing.T) {
	left, right := wired(t)
	server, err := right.ListenUDP(netip.AddrPortFrom(netip.IPv4Unspecified(), 7))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, 100)
		n, from, err := server.ReadFrom(buf)
		if err == nil {
			_, _ = server.WriteTo(buf[:n], from)
		}
	}()
	c, err := left.DialContext(patient(t), "udp", "10.9.0.2:7")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte("hello"))
	_ = c.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "hello" {
		t.Fatalf("got %q, %v", buf[:n], err)
	}
}

func TestPing(t *testing.T) {
	left, _ := wired(t)
	for _, addr := range []netip.Addr{rightV4, rightV6} {
		if rtt, err := left.Ping(patient(t), addr); err != nil || rtt <= 0 || rtt > patience {
			t.Errorf("ping %s: got %v, %v", addr, rtt, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := left.Ping(ctx, otherV4); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ping of nobody: got %v, want deadline exceeded", err)
	}
	alone := newInterface(t, leftV4)
	if _, err := alone.Ping(patient(t), rightV6); err == nil {
		t.Error("ping without an address of the family: got no error")
	}
}

func TestConcurrentPingsDoNotTakeEachOthersReply(t *testing.T) {
	left, _ := wired(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := left.Ping(patient(t), rightV4); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestChangedAddressesEndTheirConnectionsAndSpareTheRest(t *testing.T) {
	left, right := wired(t)
	l, err := right.ListenTCP(netip.AddrPortFrom(netip.IPv4Unspecified(), 7))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
	old, err := left.DialContext(patient(t), "tcp", "10.9.0.2:7")
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := left.SetAddresses(hosts(otherV4, leftV4)); err != nil {
		t.Fatal(err)
	}
	echoed(t, old)
	if err := left.SetAddresses(hosts(otherV4)); err != nil {
		t.Fatal(err)
	}
	_ = old.SetReadDeadline(time.Now().Add(patience))
	if _, err := old.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection of the removed address: got %v, want it ended", err)
	}
	fresh, err := left.DialContext(patient(t), "tcp", "10.9.0.2:7")
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	echoed(t, fresh)
	if got := fresh.LocalAddr().(*net.TCPAddr).AddrPort().Addr(); got != otherV4 {
		t.Errorf("got source %s, want %s", got, otherV4)
	}
	if got := left.Addresses(); len(got) != 1 || got[0] != otherV4 {
		t.Errorf("got addresses %v", got)
	}
}

func echoed(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	buf := make([]byte, 4)
	if _, err := c.Write([]byte("echo")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "echo" {
		t.Fatalf("got %q, %v", buf, err)
	}
}

// serveDNS answers every question for A with rightV4 and for AAAA with nothing.
func serveDNS(t *testing.T, i *Interface) {
	t.Helper()
	server, err := i.ListenUDP(netip.AddrPortFrom(rightV4, 53))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			var msg dnsmessage.Message
			if msg.Unpack(buf[:n]) != nil || len(msg.Questions) == 0 {
				continue
			}
			q := msg.Questions[0]
			answer := dnsmessage.Message{Header: dnsmessage.Header{ID: msg.ID, Response: true, RecursionAvailable: true}, Questions: msg.Questions[:1]}
			if q.Type == dnsmessage.TypeA {
				answer.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
					Body:   &dnsmessage.AResource{A: rightV4.As4()},
				}}
			}
			out, err := answer.Pack()
			if err == nil {
				_, _ = server.WriteTo(out, from)
			}
		}
	}()
}

func TestNamesAreAskedThroughTheInterface(t *testing.T) {
	left, right := wired(t)
	serveDNS(t, right)
	l, err := right.ListenTCP(netip.AddrPortFrom(rightV4, 80))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := left.DialContext(patient(t), "tcp", "inside.test:80"); !errors.Is(err, ErrNoDNS) {
		t.Fatalf("got %v, want ErrNoDNS", err)
	}
	left.SetDNS([]netip.Addr{rightV4})
	c, err := left.DialContext(patient(t), "tcp", "inside.test:80")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := left.DialContext(patient(t), "tcp6", "inside.test:80"); err == nil {
		t.Error("a name without IPv6 was dialled by tcp6")
	}
}

func TestBadRequestsAreErrors(t *testing.T) {
	i := newInterface(t, leftV4)
	for _, tt := range []struct{ network, addr string }{
		{"tcp", "10.9.0.2"}, {"tcp", "10.9.0.2:http"}, {"tcp", "10.9.0.2:70000"}, {"unix", "10.9.0.2:1"}, {"tcp6", "10.9.0.2:1"},
	} {
		if _, err := i.DialContext(patient(t), tt.network, tt.addr); err == nil {
			t.Errorf("dial %s %s: got no error", tt.network, tt.addr)
		}
	}
	if err := i.SetAddresses([]netip.Prefix{{}}); err == nil {
		t.Error("an invalid prefix was taken")
	}
	for _, mtu := range []int{0, MinMTU - 1, MaxMTU + 1} {
		if _, err := New(mtu); err == nil {
			t.Errorf("New(%d): got no error", mtu)
		}
		if err := i.SetMTU(mtu); err == nil {
			t.Errorf("SetMTU(%d): got no error", mtu)
		}
	}
	if _, err := i.Write([][]byte{[]byte("\x00 is no IP packet")}, 0); err == nil {
		t.Error("what is no IP packet was taken")
	}
}

func TestSetMTUBoundsThePacketsAndTellsTheDevice(t *testing.T) {
	i := newInterface(t, leftV4)
	if got := <-i.Events(); got != tun.EventUp {
		t.Fatalf("got event %v, want up", got)
	}
	if err := i.SetMTU(1280); err != nil {
		t.Fatal(err)
	}
	if got := <-i.Events(); got != tun.EventMTUUpdate {
		t.Fatalf("got event %v, want MTU", got)
	}
	if got, _ := i.MTU(); got != 1280 {
		t.Fatalf("got MTU %d", got)
	}
	c, err := i.DialContext(patient(t), "udp", "10.9.0.2:7")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(bytes.Repeat([]byte("x"), 3000)); err != nil {
		t.Fatal(err)
	}
	bufs, sizes := make([][]byte, 8), make([]int, 8)
	for k := range bufs {
		bufs[k] = make([]byte, 4096)
	}
	n, err := i.Read(bufs, sizes, 0)
	if err != nil || n != 3 {
		t.Fatalf("got %d fragments, %v, want 3", n, err)
	}
	for _, size := range sizes[:n] {
		if size > 1280 {
			t.Errorf("got a packet of %d bytes", size)
		}
	}
}

func TestInterruptAndCloseEndARead(t *testing.T) {
	i := newInterface(t, leftV4)
	read := make(chan error)
	go func() {
		bufs, sizes := [][]byte{make([]byte, 2000)}, make([]int, 1)
		for range 2 {
			_, err := i.Read(bufs, sizes, 0)
			read <- err
		}
	}()
	i.Interrupt()
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("interrupted: got %v", err)
	}
	i.Close()
	if err := <-read; !errors.Is(err, os.ErrClosed) {
		t.Fatalf("closed: got %v", err)
	}
	for _, err := range []error{i.Close(), i.SetMTU(1400), i.SetAddresses(nil)} {
		if err != nil && !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: got %v", err)
		}
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		i, err := New(1420)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.SetAddresses(hosts(leftV4)); err != nil {
			t.Fatal(err)
		}
		l, err := i.ListenTCP(netip.AddrPortFrom(leftV4, 7))
		if err != nil {
			t.Fatal(err)
		}
		accepted := make(chan error, 1)
		go func() {
			_, err := l.Accept()
			accepted <- err
		}()
		c, err := i.DialContext(patient(t), "tcp", "10.9.0.1:7")
		if err != nil {
			t.Fatal(err)
		}
		if err := <-accepted; err != nil {
			t.Fatal(err)
		}
		i.Close()
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Fatal("a connection outlived the interface")
		}
		l.Close()
		c.Close()
	}
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), strings.TrimSpace(string(stacks)))
		}
		runtime.Gosched()
	}
}

// Below the least MTU of IPv6 there is IPv4, and IPv6 comes back with its MTU.
func TestSmallMTUCarriesIPv4(t *testing.T) {
	left, _ := wired(t)
	for _, mtu := range []int{MinMTU, 1280} {
		if err := left.SetMTU(mtu); err != nil {
			t.Fatal(err)
		}
		if _, err := left.PingSized(patient(t), rightV4, 1400); err != nil {
			t.Errorf("MTU %d: %v", mtu, err)
		}
	}
	if _, err := left.Ping(patient(t), rightV6); err != nil {
		t.Error(err)
	}
}
