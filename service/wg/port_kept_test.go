package wg

import (
	"testing"

	"golang.zx2c4.com/wireguard/conn"
)

// v4Only is a bind as it is on a kernel without IPv6: it opens, and tells no port.
type v4Only struct{ conn.Bind }

func (v v4Only) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	fns, _, err := v.Bind.Open(port)
	return fns, 0, err
}

// TestFixedPortIsKeptWithoutIPv6 opens the sockets of a fixed port twice, and
// those of a second member with the same port.
func TestFixedPortIsKeptWithoutIPv6(t *testing.T) {
	c := newClient(t, Options{NewBind: func() conn.Bind { return v4Only{conn.NewStdNetBind()} }})
	key := newKey(t)
	s, other := newServer(t, echo, key.Public()), newServer(t, echo, key.Public())
	cfg, cfg2 := configFor(key, s, s.addr), configFor(key, other, other.addr)
	cfg.Interface.ListenPort = closedPort(t).Port()
	cfg2.Interface.ListenPort = cfg.Interface.ListenPort
	c.mustStart(t, "a", cfg, StartOptions{})
	c.mustStart(t, "b", cfg2, StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	if err := c.Rebind("a"); err != nil {
		t.Fatal(err)
	}
	if got := c.LocalPort("a"); got != cfg.Interface.ListenPort {
		t.Errorf("after Rebind: got port %d, want %d", got, cfg.Interface.ListenPort)
	}
	c.mustEcho(t, 2)
}
