package e2e

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// deviceHarms are what is done to the tunnel's interface.
func deviceHarms() []harm {
	nothing := func(*laboratory) {}
	return []harm{
		{name: "the tunnel's interface deleted", gone: true, undo: nothing, do: inClient("ip link del holdfast0")},
		{name: "the tunnel's interface set down", leaks: true, gone: true, undo: nothing, do: inClient("ip link set holdfast0 down")},
		{name: "the tunnel's interface renamed", leaks: true, gone: true, undo: inClient("ip link del other0"), do: inClient(`
			ip link set holdfast0 down
			ip link set holdfast0 name other0
			ip link set other0 up`)},
		{name: "the tunnel's interface moved away", leaks: true, gone: true, undo: nothing, do: func(l *laboratory) {
			_, _ = l.try("", "ip", "-n", l.client, "link", "set", "holdfast0", "netns", l.container)
		}},
		{name: "the tunnel's name taken by another interface", leaks: true, gone: true,
			undo: inClient("ip link del holdfast0"), do: inClient(`
			ip link del holdfast0
			ip link add holdfast0 type vxlan id 8 remote 203.0.113.10 dstport 4789 dev eth0
			ip link set holdfast0 up
			ip neigh add 203.0.113.10 lladdr 02:00:00:00:00:03 dev holdfast0
			ip route add 203.0.113.10/32 dev holdfast0`)},
		{name: "the tunnel's addresses removed", gone: true, undo: nothing, do: inClient("ip addr flush dev holdfast0")},
		{name: "the tunnel's MTU changed", undo: nothing, do: inClient("ip link set holdfast0 mtu 1300")},
		{name: "IPv6 turned off and on again", gone: true, do: inClient("sysctl -qw net.ipv6.conf.all.disable_ipv6=1"),
			undo: func(l *laboratory) {
				inClient(`
					sysctl -qw net.ipv6.conf.all.disable_ipv6=0
					ip addr add fd00:c::2/64 dev eth0 nodad
					ip addr add fd00:d::2/64 dev eth1 nodad
					ip addr add fd20::1/64 dev cont0 nodad
					ip -6 route add default via fd00:c::1 dev eth0
					ip -6 route add default via fd00:d::1 dev eth1 metric 2048`)(l)
			}},
	}
}

// uplinkHarms are what happens to the way out.
func uplinkHarms() []harm {
	nothing := func(*laboratory) {}
	return []harm{
		{name: "the uplink set down and up", undo: inClient(`
			ip link set eth0 up
			ip addr add fd00:c::2/64 dev eth0 nodad
			ip route add default via 10.200.0.1 dev eth0 metric 100
			ip -6 route add default via fd00:c::1 dev eth0`), do: inClient(`
			ip link set eth0 down
			ip link set eth0 up
			ip addr add fd00:c::2/64 dev eth0 nodad
			ip route add default via 10.200.0.1 dev eth0 metric 100
			ip -6 route add default via fd00:c::1 dev eth0`)},
		{name: "the uplink's address changed", undo: func(l *laboratory) {
			inClient(`
				ip addr flush dev eth0 scope global`)(l)
			l.addUplinkAddress("2")
			inClient(`
				ip route add default via 10.200.0.1 dev eth0 metric 100
				ip -6 route add default via fd00:c::1 dev eth0`)(l)
		}, do: func(l *laboratory) {
			l.addUplinkAddress("9")
			inClient(`
				ip addr del 10.200.0.2/24 dev eth0
				ip addr del fd00:c::2/64 dev eth0
				ip route add default via 10.200.0.1 dev eth0 metric 100
				ip -6 route add default via fd00:c::1 dev eth0`)(l)
		}},
		{name: "the uplink replaced", do: func(l *laboratory) { l.replaceUplink("3") }, undo: func(l *laboratory) { l.replaceUplink("2") }},
		{name: "the uplink put into a bridge", do: inClient(`
			ip link add br0 type bridge
			ip link set br0 up
			ip link set eth0 master br0
			ip addr flush dev eth0 scope global
			ip addr add 10.200.0.2/24 dev br0
			ip addr add fd00:c::2/64 dev br0 nodad
			ip route add default via 10.200.0.1 dev eth0 metric 100
			ip -6 route add default via fd00:c::1 dev eth0
			ip route add 203.0.113.0/24 via 10.200.0.1 dev br0`),
			undo: func(l *laboratory) {
				inClient("ip link del br0")(l)
				l.addUplinkAddress("2")
				inClient(`
					ip route add default via 10.200.0.1 dev eth0 metric 100
					ip -6 route add default via fd00:c::1 dev eth0`)(l)
			}, leaks: true},
		{name: "another interface made on the uplink", leaks: true, do: inClient(`
			ip link add mv0 link eth0 type macvlan mode bridge
			ip link set mv0 up
			ip addr add 10.200.0.5/24 dev mv0
			ip route add 203.0.113.0/24 via 10.200.0.1 dev mv0`),
			undo: inClient("ip link del mv0")},
		{name: "programs join and leave groups", tells: true, do: (*laboratory).joinGroups, undo: nothing},
		{name: "the kernel's guards against strangers loosened", do: inClient(`
			sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0 net.ipv4.conf.all.src_valid_mark=0
			sysctl -qw net.ipv4.conf.all.accept_source_route=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.arp_ignore=0`), undo: nothing},
	}
}

// joinGroups joins multicast groups on the uplink and leaves them, which the
// kernel tells routers.
func (l *laboratory) joinGroups() {
	l.t.Helper()
	l.inNamespace(l.client, func() error {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		for _, group := range []string{"239.9.9.9", "ff05::9:9"} {
			if c, err := net.ListenMulticastUDP("udp", eth0, &net.UDPAddr{IP: net.ParseIP(group), Port: 9090}); err == nil {
				defer c.Close()
			}
		}
		return nil
	})
}

// outsideHarms come from the router or a neighbour.
func outsideHarms() []harm {
	return []harm{
		{name: "neighbours ask for the tunnel's addresses", tells: true, do: (*laboratory).askForTunnel, undo: (*laboratory).askNoMore},
		{name: "neighbours send to the tunnel's addresses", tells: true, do: (*laboratory).sendToTunnel, undo: (*laboratory).askNoMore},
		{name: "strangers knock at the uplink's addresses", tells: true, do: func(l *laboratory) { l.knock(uplinkAddr, uplinkAddr6) }, undo: func(*laboratory) {}},
		{name: "the router redirects", do: (*laboratory).redirect, undo: inClient("ip route flush cache")},
	}
}

// askForTunnel has the router believe that the tunnel's addresses are on the
// link, and ask for them by ARP and neighbour discovery.
func (l *laboratory) askForTunnel() {
	l.ip(l.router, "route replace "+tunnelAddr+"/32 dev c")
	l.ip(l.router, "-6 route replace "+tunnelAddr6+"/128 dev c")
	l.knock(tunnelAddr, tunnelAddr6)
	l.rest(100 * time.Millisecond)
}

// sendToTunnel sends to the tunnel's addresses by way of the client.
func (l *laboratory) sendToTunnel() {
	l.ip(l.router, "route replace "+tunnelAddr+"/32 via "+uplinkAddr)
	l.ip(l.router, "-6 route replace "+tunnelAddr6+"/128 via "+uplinkAddr6)
	l.knock(tunnelAddr, tunnelAddr6)
	l.rest(100 * time.Millisecond)
}

func (l *laboratory) askNoMore() {
	l.ip(l.router, "route del "+tunnelAddr+"/32")
	l.ip(l.router, "-6 route del "+tunnelAddr6+"/128")
	l.ip(l.router, "neigh flush to "+tunnelAddr)
}

// knock sends what a system answers by itself: SYNs and datagrams to ports at
// which nobody listens, and echo requests.
func (l *laboratory) knock(to ...string) {
	l.t.Helper()
	l.inNamespace(l.router, func() error {
		for _, a := range addrs(to...) {
			d := net.Dialer{Timeout: 20 * time.Millisecond}
			for _, port := range []uint16{22, 9999} {
				if c, err := d.Dial("tcp", netip.AddrPortFrom(a, port).String()); err == nil {
					_ = c.Close()
				}
			}
			for _, n := range []string{"udp", "ip:1", "ip:58"} {
				family := map[bool]string{true: "4", false: "6"}[a.Is4()]
				if n != "udp" && (n == "ip:1") != a.Is4() {
					continue
				}
				address := a.String()
				packet := []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}
				if n == "udp" {
					address = netip.AddrPortFrom(a, 9999).String()
					n += family
				} else {
					if a.Is6() {
						packet[0] = 128
					}
					n = "ip" + family + n[2:]
				}
				if c, err := net.Dial(n, address); err == nil {
					_, _ = c.Write(packet)
					_ = c.Close()
				}
			}
		}
		return nil
	})
}

// redirect has the client believe redirects, and the router send one: the way
// to the public host is by a neighbour.
func (l *laboratory) redirect() {
	inClient(`
		sysctl -qw net.ipv4.conf.all.accept_redirects=1 net.ipv4.conf.eth0.accept_redirects=1
		sysctl -qw net.ipv4.conf.all.secure_redirects=0 net.ipv4.conf.eth0.secure_redirects=0`)(l)
	l.inNamespace(l.router, func() error {
		c, err := net.Dial("ip4:1", uplinkAddr)
		if err != nil {
			return err
		}
		defer c.Close()
		// Type 5, code 1: for the host. Then the gateway, and the packet that is
		// said to have gone wrong.
		b := []byte{5, 1, 0, 0}
		b = append(b, netip.MustParseAddr(lanNeighbour).AsSlice()...)
		inner := make([]byte, 28)
		inner[0], inner[3], inner[8], inner[9] = 0x45, 28, 64, unix.IPPROTO_UDP
		copy(inner[12:], netip.MustParseAddr(uplinkAddr).AsSlice())
		copy(inner[16:], netip.MustParseAddr(publicHost).AsSlice())
		binary.BigEndian.PutUint16(inner[22:], 9999)
		b = append(b, inner...)
		var sum uint32
		for i := 0; i < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
		for sum > 0xffff {
			sum = sum>>16 + sum&0xffff
		}
		binary.BigEndian.PutUint16(b[2:], ^uint16(sum))
		for range 5 {
			if _, err := c.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
	l.rest(50 * time.Millisecond)
}
