package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
	"holdfast/service/userspace"
)

var (
	innerAddr  = netip.MustParseAddr("10.66.0.1")
	innerAddr6 = netip.MustParseAddr("fd66::1")
	worldAddr  = netip.MustParseAddr("198.51.100.7")
)

// client is an ordinary wireguard-go device on a stack of its own.
type client struct {
	device *device.Device
	net    *userspace.Interface
	config *tunnel.Config
}

func newTestLab(t testing.TB, options Options) *Lab {
	t.Helper()
	l := New(options)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close lab: %v", err)
		}
	})
	return l
}

func addServer(t testing.TB, l *Lab, name tunnel.Name, o ServerOptions) *Server {
	t.Helper()
	s, err := l.AddServer(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newClient(t testing.TB, config *tunnel.Config) *client {
	t.Helper()
	mtu := config.Interface.MTU
	if mtu == 0 {
		mtu = defaultMTU
	}
	stack, err := userspace.New(mtu)
	if err != nil {
		t.Fatal(err)
	}
	if err := stack.SetAddresses(config.Interface.Addresses); err != nil {
		t.Fatal(err)
	}
	c := &client{net: stack, config: config}
	c.device = device.NewDevice(stack, conn.NewStdNetBind(), device.NewLogger(device.LogLevelSilent, ""))
	t.Cleanup(c.device.Close)
	if err := c.device.IpcSet("private_key=" + config.Interface.PrivateKey.RevealHex() + "\n" + c.peer()); err != nil {
		t.Fatal(err)
	}
	if err := c.device.Up(); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *client) peer() string {
	var b strings.Builder
	p := c.config.Peers[0]
	fmt.Fprintf(&b, "replace_peers=true\npublic_key=%s\npreshared_key=%s\nendpoint=%s\n", p.PublicKey.Hex(), p.PresharedKey.RevealHex(), p.Endpoint)
	for _, a := range p.AllowedIPs {
		fmt.Fprintf(&b, "allowed_ip=%s\n", a)
	}
	if p.Keepalive > 0 {
		fmt.Fprintf(&b, "persistent_keepalive_interval=%d\n", p.Keepalive)
	}
	return b.String()
}

// reconnect forgets the session, so that the next packet begins a handshake.
func (c *client) reconnect(t testing.TB) {
	t.Helper()
	// A server takes one handshake per client in 20 ms.
	<-time.After(50 * time.Millisecond)
	if err := c.device.IpcSet(c.peer()); err != nil {
		t.Fatal(err)
	}
}

// ping sends one echo of this many bytes and returns its round trip.
func (c *client) ping(to netip.Addr, size int, within time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	const echoHeader = 8
	return c.net.PingSized(ctx, to, size-echoHeader)
}

func (c *client) mustPing(t testing.TB, to netip.Addr) {
	t.Helper()
	var err error
	for range 4 {
		if _, err = c.ping(to, 64, time.Second); err == nil {
			return
		}
	}
	t.Fatalf("ping %s: %v", to, err)
}

func (c *client) mustLosePing(t testing.TB, to netip.Addr) {
	t.Helper()
	if rtt, err := c.ping(to, 64, 300*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("ping %s was answered after %v (%v), want silence", to, rtt, err)
	}
}

// pingUntil pings until one is answered.
func (c *client) pingUntil(t testing.TB, to netip.Addr, within time.Duration) {
	t.Helper()
	for end := time.Now().Add(within); ; {
		_, err := c.ping(to, 64, 200*time.Millisecond)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("ping %s: not one answer in %v: %v", to, within, err)
		}
	}
}

// mustEcho sends bytes through TCP and wants them back.
func (c *client) mustEcho(t testing.TB, size int) {
	t.Helper()
	if err := c.echo(size, 5*time.Second); err != nil {
		t.Fatalf("echo of %d bytes: %v", size, err)
	}
}

func (c *client) echo(size int, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tcp, err := c.net.DialContext(ctx, "tcp", netip.AddrPortFrom(worldAddr, PortEcho).String())
	if err != nil {
		return err
	}
	defer tcp.Close()
	if err := tcp.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	sent := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	wrote := make(chan error, 1)
	go func() { _, err := tcp.Write(sent); wrote <- err }()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(tcp, got); err != nil {
		return errors.Join(err, <-wrote)
	}
	if !bytes.Equal(got, sent) {
		return errors.New("other bytes came back")
	}
	return <-wrote
}

// dial opens a connection through the tunnel.
func (c *client) dial(t testing.TB, network string, to netip.AddrPort) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	n, err := c.net.DialContext(ctx, network, to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	if err := n.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return n
}

// eventually waits until the condition holds.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	end := time.After(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}
