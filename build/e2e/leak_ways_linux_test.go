package e2e

import (
	"io"
	"net"
	"net/netip"

	"holdfast/build/e2e/leak"
)

// clientWays are the ways by which programs on the client send. Each is a case
// in every state of the service.
func (l *laboratory) clientWays() []leak.Way {
	public := addrs(publicHost, publicHost6)
	uplink := addrs(uplinkAddr, uplinkAddr6)
	a := l.servers[0].addr
	datagrams := []leak.Kind{leak.UDP, leak.ICMP, leak.DNS, leak.Raw}
	data := []byte{4, 0, 0, 0} // as a message of WireGuard begins
	return []leak.Way{
		{Name: "to a public host", To: public},
		{Name: "bound to the uplink's device", To: public, Device: "eth0"},
		{Name: "bound to another uplink's device", To: public, Device: "eth1"},
		{Name: "bound to the uplink's address", To: public, From: uplink},
		{Name: "bound to the uplink's device and address", To: public, Device: "eth0", From: uplink},
		{Name: "with the tunnel's address, bound to the uplink's device", To: public, Device: "eth0", From: addrs(tunnelAddr, tunnelAddr6)},
		{Name: "in fragments", To: public, Size: 4000, Kinds: []leak.Kind{leak.UDP, leak.ICMP}},
		{Name: "in fragments, bound to the uplink's device", To: public, Size: 4000, Device: "eth0", Kinds: []leak.Kind{leak.UDP, leak.ICMP}},
		{Name: "to a neighbour", To: addrs(lanNeighbour, lanNeighbour6)},
		{Name: "to the router's link-local address", To: addrs(routerLocal + "%eth0")},
		{Name: "to the LAN's resolver", To: addrs(lanResolver, lanResolver6), Kinds: []leak.Kind{leak.DNS, leak.DNSTCP}},
		{Name: "to the LAN's resolver, encrypted", To: addrs(lanResolver, lanResolver6), Port: 853, Kinds: []leak.Kind{leak.UDP, leak.TCP}},
		{Name: "to a link-local resolver", To: addrs(routerLocal + "%eth0"), Kinds: []leak.Kind{leak.DNS, leak.DNSTCP}},
		{Name: "multicast", To: addrs("224.0.0.251", "239.1.2.3"), Port: 5353, Kinds: datagrams},
		{Name: "multicast, bound to the uplink's device", To: addrs("224.0.0.251", "239.1.2.3", "ff02::fb%eth0", "ff05::1:3"), Port: 5353, Device: "eth0", Kinds: datagrams},
		{Name: "broadcast", To: addrs("255.255.255.255", "10.200.0.255"), Kinds: datagrams},
		{Name: "broadcast, bound to the uplink's device", To: addrs("255.255.255.255", "10.200.0.255"), Device: "eth0", Kinds: datagrams},
		{Name: "to the endpoint without the mark", To: addrs(a), Port: listenPort, Prefix: data},
		{Name: "to the endpoint as another user, bound to the uplink's address", To: addrs(a), Port: listenPort, Prefix: data, From: uplink, UID: 65534},
		{Name: "to the endpoint with the mark, as another user", To: addrs(a), Port: listenPort, Prefix: data, Mark: ourMark, UID: 65534},
		{Name: "to the endpoint's other ports with the mark, as root", To: addrs(a), Port: listenPort + 1, Prefix: data, Mark: ourMark,
			Kinds: []leak.Kind{leak.UDP, leak.TCP, leak.Raw}},
		{Name: "elsewhere with the mark, as root", To: public, Mark: ourMark},
		{Name: "as a DHCP client to a public host", To: addrs(publicHost), SourcePort: 68, Port: 67, Device: "eth0", Kinds: []leak.Kind{leak.UDP}},
		{Name: "in another program's tunnel", To: addrs("10.50.0.2"), Device: "vx0"},
		l.onOldConnections("on connections from before the tunnel", l.client, uplinkAddr, uplinkAddr6, 7000),
	}
}

// onOldConnections sends on connections that are older than any tunnel, from
// addresses of a namespace to a port of the public host.
func (l *laboratory) onOldConnections(name, ns, from, from6 string, port uint16) leak.Way {
	flows := map[netip.Addr]*leak.Flow{}
	for _, ends := range [][]netip.Addr{addrs(from, publicHost), addrs(from6, publicHost6)} {
		to := netip.AddrPortFrom(ends[1], port)
		l.inNamespace(l.public, func() error {
			listener, err := net.Listen("tcp", to.String())
			if err == nil {
				l.t.Cleanup(func() { listener.Close() })
				go swallow(listener)
			}
			return err
		})
		l.inNamespace(ns, func() error {
			f, err := leak.Dial(ends[0], to)
			if err == nil {
				l.t.Cleanup(f.Close)
				flows[ends[1]] = f
			}
			return err
		})
	}
	return leak.Way{Name: name, To: addrs(publicHost, publicHost6), Kinds: []leak.Kind{leak.UDP, leak.TCP},
		Send: func(k leak.Kind, to netip.Addr, payload []byte) error { return flows[to].Send(k, payload) }}
}

// swallow reads what comes, by one connection, until it or the listener ends.
func swallow(l net.Listener) {
	if c, err := l.Accept(); err == nil {
		_, _ = io.Copy(io.Discard, c)
		c.Close()
	}
}

// containerWays are those of what runs behind the client.
func (l *laboratory) containerWays() []leak.Way {
	// What has no ports is told apart by its protocol when it is translated.
	const other = 254
	return []leak.Way{
		{Name: "forwarded to a public host", To: addrs(publicHost, publicHost6), Protocol: other},
		{Name: "forwarded to a neighbour", To: addrs(lanNeighbour, lanNeighbour6), Protocol: other},
		{Name: "forwarded to the LAN's resolver", To: addrs(lanResolver, lanResolver6), Kinds: []leak.Kind{leak.DNS, leak.DNSTCP}},
		{Name: "forwarded to the endpoint", To: addrs("10.200.1.2"), Port: listenPort, Prefix: []byte{4, 0, 0, 0}, Protocol: other},
		{Name: "forwarded in fragments", To: addrs(publicHost, publicHost6), Size: 4000, Kinds: []leak.Kind{leak.UDP, leak.ICMP}},
		l.onOldConnections("forwarded on connections from before the tunnel", l.container, "172.20.0.2", "fd20::2", 7001),
	}
}
