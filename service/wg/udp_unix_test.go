//go:build !windows

package wg

import (
	"errors"
	"net"
	"slices"
	"sync"
	"testing"

	"golang.zx2c4.com/wireguard/conn"

	"holdfast/service/tunnel"
)

// ties is a client's pair of plain sockets, tied by r, with what they were bound to.
type ties struct {
	mu    sync.Mutex
	bound []int
}

func (x *ties) bindTo(_ uintptr, index int, v6 bool) error {
	if v6 {
		return errors.New("nobody sends by IPv6 here")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.bound = append(x.bound, index)
	return nil
}

func (x *ties) all() []int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.bound)
}

// A device on plain tied sockets works as on the usual ones: it asks, carries,
// keeps its port when it is bound anew, and follows the network without that.
func TestDeviceOnTiedSockets(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	r := &roads{to: map[string]int{"127.0.0.1": 3}}
	x := &ties{}
	c := newUnguarded(t, Options{NewBind: func() conn.Bind {
		b := &udpBind{bindTo: x.bindTo}
		return newTied(b, b, r.way)
	}})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustProbe(t, "a")
	c.mustEcho(t, 1)
	if got := x.all(); !slices.Equal(got, []int{3}) {
		t.Errorf("bound to %v", got)
	}
	before := c.sourcePort(t, "a")
	if err := c.Rebind("a"); err != nil {
		t.Fatal(err)
	}
	if after := c.sourcePort(t, "a"); after != before || before == 0 {
		t.Errorf("the port was %d and is %d", before, after)
	}
	c.mustEcho(t, 2)
	r.set("127.0.0.1", 5)
	c.Reroute()
	c.mustEcho(t, 3)
	if got := x.all(); !slices.Equal(got, []int{3, 3, 5}) {
		t.Errorf("bound to %v", got)
	}
	r.lose("127.0.0.1")
	c.Reroute()
	failed := c.mustCount(t, "a").SendErrors
	c.tun.send(clientAddr, serverAddr, 4)
	eventually(t, "what has no way fails", func() bool { return c.mustCount(t, "a").SendErrors > failed })
	r.set("127.0.0.1", 6)
	c.Reroute()
	c.mustEcho(t, 5)
}

// sourcePort is the port that a device's sockets have.
func (c *client) sourcePort(t *testing.T, name tunnel.Name) uint16 {
	t.Helper()
	m, err := c.member(name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(m.dev)
	if err != nil {
		t.Fatal(err)
	}
	return got.port
}

// Both sockets have the same port, a closed bind sends nothing, and one that is
// open is not opened again.
func TestUDPBind(t *testing.T) {
	b := &udpBind{bindTo: func(uintptr, int, bool) error { return nil }}
	to := endpoint("127.0.0.1:9")
	if err := b.Send([][]byte{{4}}, to); !errors.Is(err, net.ErrClosed) {
		t.Errorf("before it was opened: %v", err)
	}
	fns, port, err := b.Open(0)
	if err != nil || port == 0 || len(fns) == 0 {
		t.Fatalf("got %d functions, port %d, %v", len(fns), port, err)
	}
	if _, _, err := b.Open(0); !errors.Is(err, conn.ErrBindAlreadyOpen) {
		t.Errorf("opened twice: %v", err)
	}
	if _, _, err := (&udpBind{}).Open(port); err == nil {
		t.Error("two have the same port")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for _, fn := range fns {
		if _, err := fn([][]byte{make([]byte, 8)}, make([]int, 1), make([]conn.Endpoint, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("receives on: %v", err)
		}
	}
	if _, again, err := b.Open(port); err != nil || again != port {
		t.Errorf("opened again on port %d: %d, %v", port, again, err)
	}
	_ = b.Close()
}
