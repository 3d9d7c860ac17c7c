package wg

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"holdfast/service/underlay"
)

// ownAddress is an address of this machine that is not loopback.
func ownAddress(t *testing.T) netip.Addr {
	t.Helper()
	table, err := underlay.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range table.Addrs {
		if l, ok := table.Link(a.Link); ok && l.Up && !l.Loopback && !l.Tunnel && a.Net.Addr().Is4() && a.Net.Addr().IsGlobalUnicast() {
			return a.Net.Addr()
		}
	}
	t.Skip("needs a network: this machine has no address")
	return netip.Addr{}
}

// A device on the system's own sockets reaches a server in this machine, and one at
// an address of an interface, to which its socket is bound; and no server at all by
// an interface that is the tunnel's.
func TestDeviceOnSystemSockets(t *testing.T) {
	if c, err := net.ListenUDP("udp4", nil); err != nil {
		t.Skip("needs the UDP sockets of package net, which Wine 8 does not open:", err)
	} else {
		_ = c.Close()
	}
	own := ownAddress(t)
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newUnguarded(t, Options{Mark: 1})
	at := netip.AddrPortFrom(own, s.addr.Port())
	c.mustStart(t, "near", configFor(key, s, s.addr), StartOptions{})
	c.mustProbe(t, "near")
	if err := c.Stop("near"); err != nil {
		t.Fatal(err)
	}
	c.mustStart(t, "far", configFor(key, s, at), StartOptions{})
	c.mustPromote(t, "far")
	c.mustProbe(t, "far")
	c.mustEcho(t, 1)
	m, err := c.member("far")
	if err != nil {
		t.Fatal(err)
	}
	index, err := underlay.Way(own, underlay.None)
	if err != nil || index == 0 || m.tied.bound[0] != index {
		t.Errorf("bound to %d, want %d (%v)", m.tied.bound[0], index, err)
	}
	if err := c.Rebind("far"); err != nil {
		t.Fatal(err)
	}
	c.mustEcho(t, 2)

	table, err := underlay.Read()
	if err != nil {
		t.Fatal(err)
	}
	link, _ := table.Link(index)
	c.own.Store(&link.Name)
	c.Reroute()
	before := c.mustCount(t, "far").SendErrors
	c.tun.send(clientAddr, serverAddr, 3)
	eventually(t, "what would enter the tunnel is not sent", func() bool { return c.mustCount(t, "far").SendErrors > before })
	if err := c.SendError("far"); !errors.Is(err, underlay.ErrNoWay) {
		t.Errorf("got %v", err)
	}
}
