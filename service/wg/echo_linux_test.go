package wg

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"

	"holdfast/service/tunnel"
)

// TestEchoesOnARealInterface sends rounds while the reader blocks in the
// kernel, through the active device and the standby, and switches in between.
func TestEchoesOnARealInterface(t *testing.T) {
	inNamespace(t)
	d := New(Options{})
	c := &client{Devices: d}
	name, err := d.Open("hftest4", 1400)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	link := setUp(t, name)
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: clientAddr.AsSlice(), Mask: net.CIDRMask(24, 32)}}
	if err := netlink.AddrAdd(link, addr); err != nil {
		t.Fatal(err)
	}
	for _, name := range []tunnel.Name{"a", "b"} {
		c.inhabit(t, name, newLAN(), func(s *server) netip.AddrPort { return s.addr })
		c.mustPromote(t, name)
		c.knows(t, name, 1, 1)
	}
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(clientAddr, 7)))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	real := &realClient{Devices: d, link: link, socket: socket}
	before := map[tunnel.Name]tunnel.Counters{"a": c.mustCount(t, "a"), "b": c.mustCount(t, "b")}
	const rounds = 30
	for i := range uint64(rounds) {
		c.mustPromote(t, []tunnel.Name{"a", "b"}[i/5%2])
		for _, name := range []tunnel.Name{"a", "b"} {
			c.portOf(t, name).echo()
			eventually(t, fmt.Sprintf("round %d of %s is answered", i, name), func() bool {
				p := c.mustCount(t, name).Path
				return p.Near.Answered == i+1 && p.Beyond.Answered == i+1
			})
		}
		real.mustEcho(t, fmt.Sprint("datagram ", i))
	}
	received := uint64(0)
	for name, b := range before {
		received += c.mustCount(t, name).DataReceived - b.DataReceived
	}
	// What the kernel itself has to say (for IPv6, say) is not answered.
	if received != rounds {
		t.Errorf("got %d packets for applications, want %d", received, rounds)
	}
	if got, err := d.Widest(patient(t), "a", []int{1280, 1400, 1420}); err != nil || got != 1400 {
		t.Errorf("got widest %d, %v", got, err)
	}
}
