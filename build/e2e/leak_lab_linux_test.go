package e2e

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"holdfast/app/client"
	"holdfast/build/e2e/leak"
)

// Where the flood goes in the laboratory.
const (
	publicHost    = "203.0.113.10"
	publicHost6   = "2001:db8:113::10"
	splitHost     = "198.51.100.10" // also the public host's
	splitHost6    = "2001:db8:51::10"
	serverAddr6   = "fd00:1::2" // of the first server
	routerAddr    = "10.200.0.1"
	routerAddr6   = "fd00:c::1"
	routerLocal   = "fe80::1"
	lanNeighbour  = "10.200.0.77"
	lanNeighbour6 = "fd00:c::77"
	lanResolver   = "10.200.0.53"
	lanResolver6  = "fd00:c::53"
	uplinkAddr    = "10.200.0.2"
	uplinkAddr6   = "fd00:c::2"
	tunnelAddr    = "10.9.0.2"
	tunnelAddr6   = "fd09::2"
	// ourMark is what holdfastd puts on its own packets.
	ourMark = 0x6866
)

// laboratory is a world with a flood in it, and with captures around the client:
//
//	container 172.20.0.2 ── client ══ c router p ── public host 203.0.113.10
//	                                   │      └──── servers
//	                                   └ also the client's neighbours
//
// Everything that comes to the router by another link than those of the servers
// and the public host has left the client by an uplink.
type laboratory struct {
	*world
	public    string // namespaces
	container string
	s         *service
	run       leak.Run
	ways      []leak.Way // those of the client first
	outside   int        // how many of ways are the container's
	flood     *leak.Flood
	captures  []*leak.Capture

	// near is what left the client by an uplink; far is what arrived in clear at
	// the public host and the servers; inside is what came out of a tunnel.
	near, far, inside *leak.Tally

	pings  *pinger
	socket *client.Client
	cell   uint16
}

// newLaboratory builds the world, and begins to capture. The flood waits.
func newLaboratory(t testing.TB) *laboratory {
	t.Helper()
	l := &laboratory{world: newWorld(t, "a", "b"), run: leak.NewRun()}
	l.v6()
	l.near, l.far, l.inside = leak.NewTally(l.run), leak.NewTally(l.run), leak.NewTally(l.run)
	l.public, l.container = l.namespace("public"), l.namespace("container")
	l.link(l.public, "eth0", publicHost, "p", "203.0.113.1")
	l.both(l.public, "eth0", publicHost6, l.router, "p", "2001:db8:113::1")
	l.ip(l.public, "addr add "+splitHost+"/32 dev lo")
	l.ip(l.public, "addr add "+splitHost6+"/128 dev lo nodad")
	l.ip(l.router, "route add 198.51.100.0/24 via "+publicHost)
	l.ip(l.router, "-6 route add 2001:db8:51::/48 via "+publicHost6)
	l.neighbours()
	// Another uplink can only come before this one if this one is not the first.
	l.ip(l.client, "route del default")
	l.ip(l.client, "route add default via "+routerAddr+" dev eth0 metric 100")
	l.secondUplink()
	l.hostContainer()
	l.overlay()
	// A SYN that carries data says what it is.
	for _, ns := range []string{l.client, l.container} {
		l.sh(ns, "sysctl", "-qw", "net.ipv4.tcp_fastopen=5")
	}
	for _, ns := range []string{l.router, l.public} {
		l.capture(ns)
	}
	for _, srv := range l.servers {
		l.capture(srv.ns)
	}
	return l
}

// ip runs ip(8) on a namespace.
func (l *laboratory) ip(ns, words string) {
	l.t.Helper()
	l.sh("", append([]string{"ip", "-n", ns}, strings.Fields(words)...)...)
}

// both gives the two ends of a link addresses of IPv6, the first end its
// default route by the second.
func (l *laboratory) both(ns, iface, addr, gateway, gatewayIface, gatewayAddr string) {
	l.t.Helper()
	l.ip(gateway, "addr add "+gatewayAddr+"/64 dev "+gatewayIface+" nodad")
	l.ip(ns, "addr add "+addr+"/64 dev "+iface+" nodad")
	l.ip(ns, "-6 route add default via "+gatewayAddr)
}

// neighbours gives the router the addresses of the client's neighbours.
func (l *laboratory) neighbours() {
	l.t.Helper()
	for _, a := range []string{lanNeighbour + "/24", lanResolver + "/24", lanNeighbour6 + "/64", lanResolver6 + "/64", routerLocal + "/64"} {
		l.ip(l.router, "addr add "+a+" dev c nodad")
	}
}

// secondUplink joins the client to the router once more, as a worse way out.
func (l *laboratory) secondUplink() {
	l.t.Helper()
	l.ip(l.router, "link add c2 type veth peer name eth1 netns "+l.client)
	for _, end := range [][]string{{l.router, "c2", "1"}, {l.client, "eth1", "2"}} {
		l.ip(end[0], "addr add 10.201.0."+end[2]+"/24 dev "+end[1])
		l.ip(end[0], "addr add fd00:d::"+end[2]+"/64 dev "+end[1]+" nodad")
		l.ip(end[0], "link set "+end[1]+" up")
	}
	l.ip(l.client, "route add default via 10.201.0.1 dev eth1 metric 200")
	l.ip(l.client, "-6 route add default via fd00:d::1 dev eth1 metric 2048")
}

// replaceUplink takes the client's uplink away and gives it another one of the
// same name, with another address.
func (l *laboratory) replaceUplink(host string) {
	l.t.Helper()
	l.ip(l.router, "link del c")
	l.ip(l.router, "link add c type veth peer name eth0 netns "+l.client)
	l.ip(l.router, "link set c up")
	l.ip(l.client, "link set eth0 up")
	for _, a := range []string{routerAddr + "/24", routerAddr6 + "/64"} {
		l.ip(l.router, "addr add "+a+" dev c nodad")
	}
	l.neighbours()
	l.addUplinkAddress(host)
	l.ip(l.client, "route add default via "+routerAddr+" dev eth0 metric 100")
	l.ip(l.client, "-6 route add default via "+routerAddr6+" dev eth0")
	l.overlay()
}

// addUplinkAddress gives the uplink the addresses that end in host.
func (l *laboratory) addUplinkAddress(host string) {
	l.t.Helper()
	l.ip(l.client, "addr add 10.200.0."+host+"/24 dev eth0")
	l.ip(l.client, "addr add fd00:c::"+host+"/64 dev eth0 nodad")
}

// hostContainer puts the container behind the client, which forwards and
// translates for it as Docker does.
func (l *laboratory) hostContainer() {
	l.t.Helper()
	l.ip(l.client, "link add cont0 type veth peer name eth0 netns "+l.container)
	l.ip(l.client, "addr add 172.20.0.1/24 dev cont0")
	l.ip(l.client, "link set cont0 up")
	l.ip(l.container, "addr add 172.20.0.2/24 dev eth0")
	l.ip(l.container, "link set eth0 up")
	l.ip(l.container, "route add default via 172.20.0.1")
	l.both(l.container, "eth0", "fd20::2", l.client, "cont0", "fd20::1")
	l.sh(l.client, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	l.masquerade()
}

// overlay makes the tunnel of another program, which leads over the uplink.
func (l *laboratory) overlay() {
	l.t.Helper()
	l.ip(l.client, "link add vx0 type vxlan id 7 remote "+publicHost+" dstport 4789 dev eth0")
	l.ip(l.client, "addr add 10.50.0.1/24 dev vx0")
	l.ip(l.client, "link set vx0 up")
	l.ip(l.client, "neigh replace 10.50.0.2 lladdr 02:00:00:00:00:02 dev vx0")
}

// masquerade makes the rules of the program that runs the container.
func (l *laboratory) masquerade() {
	l.t.Helper()
	l.sh(l.client, "nft", `add table inet container; flush table inet container;
		add chain inet container post { type nat hook postrouting priority 100; };
		add rule inet container post oifname != "cont0" ip saddr 172.20.0.0/24 masquerade;
		add rule inet container post oifname != "cont0" ip6 saddr fd20::/64 masquerade`)
}

// capture captures what arrives in a namespace until the test ends.
func (l *laboratory) capture(ns string) {
	l.t.Helper()
	tallies := l.tallies(ns)
	l.inNamespace(ns, func() error {
		c, err := leak.Listen(func(i int, p leak.Packet) {
			at, known := tallies[i]
			if !known {
				at = tallies[0]
			}
			if at.tally != nil {
				at.tally.See(at.name, &p)
			}
		})
		if err == nil {
			l.captures = append(l.captures, c)
			l.t.Cleanup(c.Close)
		}
		return err
	})
}

// place is where a capture counts, and its name.
type place struct {
	tally *leak.Tally // nil: nowhere
	name  string
}

// tallies says, by the numbers of interfaces, where a namespace's captures
// count; 0 is for those that are not there yet.
func (l *laboratory) tallies(ns string) map[int]place {
	l.t.Helper()
	unknown := place{l.far, ns}
	if ns == l.router {
		unknown = place{l.near, "new uplink"}
	}
	out := map[int]place{0: unknown}
	var list []net.Interface
	l.inNamespace(ns, func() (err error) { list, err = net.Interfaces(); return err })
	for _, i := range list {
		switch {
		case i.Name == "lo" || ns == l.router && !strings.HasPrefix(i.Name, "c"):
			out[i.Index] = place{}
		case ns == l.router:
			out[i.Index] = place{l.near, "uplink " + i.Name}
		case strings.HasPrefix(i.Name, "h"): // wireguard-go's
			out[i.Index] = place{l.inside, "inside"}
		default:
			out[i.Index] = place{l.far, ns}
		}
	}
	return out
}

// pour begins the flood, at a rate in packets a second. It sends nothing until
// enter says what it is about.
func (l *laboratory) pour(rate int) {
	l.t.Helper()
	l.flood = leak.NewFlood(l.run, rate)
	client, container := append(l.clientWays(), splitWays()...), l.containerWays()
	l.ways, l.outside = append(client, container...), len(container)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	send := func(ns string, first int, ways []leak.Way) {
		go func() {
			runtime.LockOSThread() // and never unlock: the thread ends with its namespace
			handle, err := netns.GetFromName(ns)
			if err == nil {
				defer handle.Close()
				err = netns.Set(handle)
			}
			if err == nil {
				l.flood.Send(ctx, uint8(first), ways, float64(len(ways))/float64(len(l.ways)))
			}
			ended <- err
		}()
	}
	send(l.client, 1, client)
	send(l.container, 1+len(client), container)
	l.t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				l.t.Errorf("the flood: %v", err)
			}
		}
	})
}

// enter has the flood be about a new cell of the table.
func (l *laboratory) enter() uint16 {
	l.cell++
	l.flood.Enter(l.cell)
	return l.cell
}

// leave has the flood rest, and waits until what it sent has arrived or is lost.
func (l *laboratory) leave() {
	l.flood.Enter(0)
	l.rest(60 * time.Millisecond)
}

// addrs reads addresses.
func addrs(texts ...string) []netip.Addr {
	out := make([]netip.Addr, len(texts))
	for i, s := range texts {
		out[i] = netip.MustParseAddr(s)
	}
	return out
}

// figures are what became of packets.
type figures struct {
	tried, taken int // sent; taken by the kernel
	near, far    int // seen on the uplink, later fragments apart; in clear at their destination
	fragments    int // later fragments on the uplink
	inside       int // that came out of a tunnel
}

// leaked are the frames that left by the uplink or arrived in clear.
func (f *figures) leaked() int { return max(f.near+f.fragments, f.far) }

// seen is which part of what was sent was seen on the uplink, in percent.
func (f *figures) seen() float64 {
	if f.taken == 0 {
		return 0
	}
	return 100 * float64(f.near) / float64(f.taken)
}

// figures sums up the packets of cells of which is says that they count. nil:
// all do.
func (l *laboratory) figures(is func(leak.Key) bool, cells ...uint16) (f figures) {
	sum := func(counts map[leak.Key]int) (n int) {
		for k, c := range counts {
			if is == nil || is(k) {
				n += c
			}
		}
		return n
	}
	for _, cell := range cells {
		for k, n := range l.flood.Sent(cell) {
			if is == nil || is(k) {
				f.tried += n.Tried
				f.taken += n.Taken
			}
		}
		near, later := l.near.Seen(cell)
		far, _ := l.far.Seen(cell)
		inside, _ := l.inside.Seen(cell)
		f.near += sum(near)
		f.fragments += sum(later)
		f.far += sum(far)
		f.inside += sum(inside)
	}
	return f
}

// by selects the packets that were sent by the way at an index.
func by(way int) func(leak.Key) bool { return func(k leak.Key) bool { return int(k.Way) == way+1 } }
