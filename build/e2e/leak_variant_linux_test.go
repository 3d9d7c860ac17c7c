package e2e

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/build/e2e/leak"
)

// splitWays are those to a network that only some tunnels carry.
func splitWays() []leak.Way {
	to := addrs(splitHost, splitHost6)
	return []leak.Way{
		{Name: "to a host of a split tunnel", To: to},
		{Name: "to a host of a split tunnel, bound to the uplink's device", To: to, Device: "eth0"},
	}
}

// splitConf is a server's config for the split tunnel.
func splitConf(srv *server) string {
	return strings.NewReplacer(tunnelAddr+"/32", tunnelAddr+"/32, "+tunnelAddr6+"/128",
		"0.0.0.0/0", "198.51.100.0/24, 2001:db8:51::/48, "+target+"/32").Replace(srv.conf())
}

// expects holds a cell against what must leave and what must not. Of a packet
// must says true, must not false, or that it does not matter.
func (l *laboratory) expects(what string, cell uint16, must func(way string, kind leak.Kind) (pass, care bool)) {
	l.t.Helper()
	for i, w := range l.ways {
		for _, kind := range leak.Kinds() {
			pass, care := must(w.Name, kind)
			f := l.figures(func(k leak.Key) bool { return int(k.Way) == i+1 && k.Kind == kind }, cell)
			switch {
			case !care || f.tried == 0:
			case pass && f.seen() < 99:
				l.t.Errorf("%s: %v %s: of %d packets %d were seen, want all: they may pass", what, kind, w.Name, f.taken, f.near)
			case !pass && f.leaked() > 0:
				l.t.Errorf("%s: %v %s: of %d packets %d left beside the tunnel", what, kind, w.Name, f.tried, f.leaked())
			}
		}
	}
}

// TestLeakVariants has guards that let some pass and keep the rest: exceptions
// are no wider than they say, and end when they say.
func TestLeakVariants(t *testing.T) {
	t.Parallel()
	l := newLaboratory(t)
	l.pour(floodRate / 2)
	l.control(time.Second)
	l.resolvConf(resolv)
	l.begin("guard=auto")
	l.exceptLAN()
	l.split()
	l.pauseEnds(false)
	l.pauseEnds(true)
	l.release()
	l.sixEndpoint()
	l.namedEndpoint()
	l.needed()
	l.clockSteps()
	l.near.Hold(nil)
	l.s.cli("settings", "set", "guard=off")
	l.s.cli("down")
	l.control(time.Second)
	l.complete()
}

// exceptLAN excepts the private ranges. DNS is kept in all the same.
func (l *laboratory) exceptLAN() {
	l.t.Helper()
	l.near.Hold(nil)
	l.s.cli("settings", "set", "allow_lan=true")
	cell := l.flooded(time.Second)
	onLink := []string{"to a neighbour", "to the router's link-local address", "forwarded to a neighbour"}
	either := []string{"multicast, bound to the uplink's device", "multicast", "broadcast", "broadcast, bound to the uplink's device",
		// The endpoint is in a private range here, as is a host of a split tunnel's.
		"to the endpoint without the mark", "to the endpoint with the mark, as another user", "to the endpoint's other ports with the mark, as root", "forwarded to the endpoint"}
	l.expects("with the LAN excepted", cell, func(way string, kind leak.Kind) (pass, care bool) {
		dns := kind == leak.DNS || kind == leak.DNSTCP
		return slices.Contains(onLink, way) && !dns, !slices.Contains(either, way)
	})
	l.s.cli("settings", "set", "allow_lan=false")
	l.near.Strays()
	l.near.Hold(l.allowed(&state{}))
	l.nothing(l.flooded(500*time.Millisecond), "with the LAN no more excepted")
	l.near.Hold(nil)
}

// split carries one network. That is kept in, also while the service is dead;
// the rest is open.
func (l *laboratory) split() {
	l.t.Helper()
	l.near.Hold(nil)
	l.s.importText("split", splitConf(l.servers[0]))
	l.s.cli("up", "split")
	l.connected()
	must := func(way string, _ leak.Kind) (pass, care bool) {
		// What has the tunnel's address as its source is kept in whole.
		return !strings.Contains(way, "split") && !strings.Contains(way, "with the tunnel's address"), way != "in another program's tunnel"
	}
	cell := l.flooded(time.Second)
	l.expects("a split tunnel", cell, must)
	if f := l.figures(func(k leak.Key) bool { return l.ways[k.Way-1].Name == "to a host of a split tunnel" }, cell); f.inside < f.taken*9/10 {
		l.t.Errorf("of %d packets to a host of the split tunnel %d arrived inside", f.taken, f.inside)
	}
	l.s.kill()
	l.expects("a split tunnel whose service is dead", l.flooded(time.Second), must)
	l.s.run()
	l.s.cli("up", "g")
	l.connected()
}

// pauseEnds pauses for a short time, after which nothing passes any more; where
// dead is set, the service is killed meanwhile.
func (l *laboratory) pauseEnds(dead bool) {
	l.t.Helper()
	const long = 3 * time.Second
	what := map[bool]string{false: "a pause that ends", true: "a pause that ends while the service is dead"}[dead]
	l.near.Hold(nil)
	l.s.cli("guard", "pause", long.String())
	l.until("the tunnel to rest", long, func() bool { return !l.hasTunnel() })
	until := l.s.status().Guard.PausedUntil
	if until == nil {
		l.t.Fatalf("%s: it does not say until when", what)
	}
	if dead {
		l.s.kill()
	}
	open := l.flooded(time.Until(*until) - 300*time.Millisecond)
	if f := l.figures(nil, open); f.near == 0 {
		l.t.Errorf("%s: nothing passed during the pause", what)
	}
	// The kernel's own timer began when the tunnel was closed, a little later.
	l.rest(time.Until(*until) + 500*time.Millisecond)
	l.near.Strays()
	l.near.Hold(l.allowed(&state{}))
	l.nothing(l.flooded(time.Second), what)
	l.near.Hold(nil)
	if dead {
		l.s.run()
	}
	l.connected()
}

// release opens the guard until the wish changes.
func (l *laboratory) release() {
	l.t.Helper()
	l.s.cli("guard", "release")
	if f := l.figures(by(1), l.flooded(500*time.Millisecond)); f.seen() < 99 {
		l.t.Errorf("released: of %d packets bound to the uplink %d were seen, want all", f.taken, f.near)
	}
	l.s.cli("guard", "on")
	l.guarded()
	l.near.Strays()
	l.near.Hold(l.allowed(&state{}))
	l.nothing(l.flooded(500*time.Millisecond), "a release that was ended")
	l.near.Hold(nil)
}

// sixEndpoint reaches the server by IPv6, and by nothing else.
func (l *laboratory) sixEndpoint() {
	l.t.Helper()
	srv := l.servers[0]
	l.s.importText("six", strings.Replace(dualConf(srv), srv.addr+":", "["+serverAddr6+"]:", 1))
	l.s.cli("up", "six")
	l.connected()
	a := l.allowed(&state{})
	a.Endpoints = []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(serverAddr6), listenPort)}
	a.Asked = append(a.Asked, leak.Question{Network: "icmp", To: netip.AddrPortFrom(netip.MustParseAddr(serverAddr6), 0)},
		leak.Question{Network: "udp", To: a.Endpoints[0], Most: 4})
	l.near.Strays()
	l.near.Hold(a)
	l.nothing(l.flooded(time.Second), "an endpoint of IPv6")
	l.s.kill()
	l.nothing(l.flooded(500*time.Millisecond), "an endpoint of IPv6, the service dead")
	l.near.Hold(nil)
	l.s.run()
	l.s.cli("up", "g")
	l.connected()
}

// namedEndpoint has the endpoint be a name: the service asks the network's
// resolver for it, and nobody else may ask it anything.
func (l *laboratory) namedEndpoint() {
	l.t.Helper()
	srv := l.servers[0]
	l.names().set("vpn.test.example", netip.MustParseAddr(srv.addr))
	l.s.importText("named", strings.Replace(dualConf(srv), srv.addr+":", "vpn.test.example:", 1))
	a := l.allowed(&state{})
	a.Asked = append(a.Asked, leak.Question{Network: "udp", To: netip.AddrPortFrom(netip.MustParseAddr(routerAddr), 53)})
	l.s.cli("down")
	l.s.cli("up", "named", "--no-wait")
	l.guarded()
	l.near.Strays()
	l.near.Hold(a)
	cell := l.enter()
	l.connected()
	l.rest(500 * time.Millisecond)
	l.leave()
	l.nothing(cell, "an endpoint with a name")
	l.near.Hold(nil)
	l.s.cli("up", "g")
	l.connected()
}

// needed shows that what a link needs passes while nothing else does: without a
// twin that passes, a guard that cuts the network off would be as good.
func (l *laboratory) needed() {
	l.t.Helper()
	l.s.kill()
	const first = 200
	asks := []leak.Way{
		{Name: "as a DHCP client", To: addrs("255.255.255.255", routerAddr), SourcePort: 68, Port: 67, Device: "eth0", Kinds: []leak.Kind{leak.UDP}},
		{Name: "as a DHCPv6 client", To: addrs("ff02::1:2%eth0"), SourcePort: 546, Port: 547, Device: "eth0", Kinds: []leak.Kind{leak.UDP}},
	}
	flood := leak.NewFlood(l.run, 300)
	ctx, stop := context.WithCancel(l.t.Context())
	var sending sync.WaitGroup
	sending.Go(func() { l.inNamespace(l.client, func() error { flood.Send(ctx, first, asks, 1); return nil }) })
	l.cell++
	flood.Enter(l.cell)
	l.sh(l.client, "ip", "neigh", "flush", "all")
	l.rest(500 * time.Millisecond)
	flood.Enter(0)
	l.rest(50 * time.Millisecond)
	stop()
	sending.Wait()
	seen, _ := l.near.Seen(l.cell)
	sent := flood.Sent(l.cell)
	for i, w := range asks {
		k := leak.Key{Way: uint8(first + i), Kind: leak.UDP, V6: w.To[0].Is6()}
		if sent[k].Tried == 0 || seen[k] < sent[k].Tried*99/100 {
			l.t.Errorf("%s, while the guard is shut: of %d packets %d were seen, want all", w.Name, sent[k].Tried, seen[k])
		}
	}
	l.s.run()
	l.connected() // by neighbours that were found anew
}

// clockSteps has the clock jump years ahead and back, and the machine sleep.
func (l *laboratory) clockSteps() {
	l.t.Helper()
	l.s.kill()
	s := l.sleeper()
	l.connected()
	l.near.Strays()
	l.near.Hold(l.allowed(&state{}))
	cell := l.enter()
	for _, step := range []struct{ slept, ahead time.Duration }{
		{0, 2 * 365 * 24 * time.Hour}, {0, -365 * 24 * time.Hour}, {8 * time.Hour, 0}, {9 * time.Hour, 365 * 24 * time.Hour},
	} {
		s.slept, s.ahead = step.slept, step.ahead
		s.shift()
		s.signal(syscall.SIGUSR1)
		l.rest(300 * time.Millisecond)
	}
	s.slept, s.ahead = 0, 0
	s.shift()
	s.signal(syscall.SIGUSR1)
	l.s.cli("up", "g") // who asks again says that the clock is right now
	l.connected()
	l.leave()
	l.nothing(cell, "a clock that jumps")
	l.near.Hold(nil)
	s.p.end(syscall.SIGKILL)
	l.s.run()
	l.connected()
}
