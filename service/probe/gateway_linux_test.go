package probe

import (
	"context"
	"net/netip"
	"os"
	"testing"
	"time"
)

func TestGateway(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	o := outside(t)
	expect := func(name string, alive bool, addr string, least, most time.Duration) {
		t.Helper()
		got := o.Gateway(t.Context())
		t.Logf("%s: %+v", name, got)
		if !got.Checked || got.Alive != alive || got.Err != "" || got.Took < least || got.Took > most {
			t.Errorf("%s: got %+v, want alive %t after %v to %v", name, got, alive, least, most)
		}
		if got.Addr.WithZone("") != netip.MustParseAddr(addr) {
			t.Errorf("%s: got %v, want %s", name, got.Addr, addr)
		}
	}
	const soon = 500 * time.Millisecond
	here(t, "ip neigh flush dev eth0")
	expect("never asked", true, router, 0, soon)
	expect("known", true, router, 0, soon)
	f.filter("input", "ip protocol icmp drop", "ip6 nexthdr icmpv6 icmpv6 type echo-request drop", "udp dport 9 drop")
	expect("deaf to echoes", true, router, 0, soon)
	filter(t, "output", "ip daddr 192.0.2.1 drop", "icmpv6 type echo-request drop")
	expect("hidden by our firewall", true, router, 0, soon)
	here(t, "ip neigh flush dev eth0")
	expect("hidden and forgotten", true, router, 0, soon)
	filter(t, "output")

	f.run("ip addr flush dev far0 scope global")
	expect("gone", false, router, gatewayTimeout-soon, gatewayTimeout+soon)
	f.run("ip addr add " + router6 + "/64 dev far0 nodad")
	expect("back by IPv6", true, router6, 0, 1500*time.Millisecond)
	f.run("ip addr flush dev far0 scope global")
	f.run("ip addr add " + router + "/24 dev far0")
	expect("back by IPv4", true, router, 0, 1500*time.Millisecond)

	f.run("ip addr flush dev far0 scope global")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	if got := o.Gateway(ctx); got.Checked || time.Since(start) > soon {
		t.Errorf("cancelled: got %+v after %v", got, time.Since(start))
	}
	here(t, "ip neigh replace 192.0.2.1 dev eth0 lladdr 02:00:00:00:00:01 nud permanent")
	here(t, "ip -6 route del default")
	if got := o.Gateway(t.Context()); got.Alive || got.Err == "" {
		t.Errorf("set by hand: got %+v", got)
	}
}

// A router that was replaced by another device is there, after the old one
// has been given up.
func TestGatewayReplaced(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	here(t, "ip -6 route del default")
	o := outside(t)
	if got := o.Gateway(t.Context()); !got.Alive {
		t.Fatalf("got %+v", got)
	}
	f.run("ip link set far0 address 02:00:00:00:00:77")
	if got := o.Gateway(t.Context()); !got.Alive {
		t.Errorf("replaced: got %+v", got)
	}
}

func TestGatewayLinkLocal(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	f.run("ip addr add fe80::77/64 dev far0 nodad")
	here(t, "ip route del default")
	here(t, "ip -6 route replace default via fe80::77 dev eth0")
	if got := outside(t).Gateway(t.Context()); !got.Alive || got.Addr.String() != "fe80::77%eth0" {
		t.Errorf("got %+v", got)
	}
	here(t, "ip -6 route del default")
	here(t, "ip route add default via inet6 fe80::77 dev eth0")
	if got := outside(t).Gateway(t.Context()); !got.Alive || got.Addr.String() != "fe80::77%eth0" {
		t.Errorf("of IPv4 by IPv6: got %+v", got)
	}
}

// The socket that everybody may have does as well as the raw one.
func TestPingSocket(t *testing.T) {
	if !alone(t) {
		return
	}
	startFar(t)
	if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0); err != nil {
		t.Skip("needs its own kernel settings:", err)
	}
	for _, to := range []string{router, router6, hosts + "1", hosts6 + "1"} {
		addr := netip.MustParseAddr(to)
		c, err := openPing(addr, testMark)
		if err != nil {
			t.Fatal(err)
		}
		if mark := markOf(t, c); mark != testMark {
			t.Errorf("%s: mark %#x", to, mark)
		}
		if _, err := echoOver(c, addr); err != nil {
			t.Errorf("%s: %v", to, err)
		}
		_ = c.Close()
	}
}

// Tunnels are no way out, and where there is no router nothing is claimed.
func TestGatewayNone(t *testing.T) {
	if !alone(t) {
		return
	}
	startFar(t)
	here(t, "ip tuntap add tun0 mode tun")
	here(t, "ip link set tun0 up")
	here(t, "ip route add 10.8.0.1 dev tun0")
	here(t, "ip route add default via 10.8.0.1 dev tun0 metric 1 onlink")
	here(t, "ip -6 route del default")
	if got := outside(t).Gateway(t.Context()); !got.Alive || got.Addr.String() != router {
		t.Errorf("beside a tunnel: got %+v", got)
	}
	here(t, "ip route del default via "+router)
	if got := outside(t).Gateway(t.Context()); got.Alive || got.Err != "no default route" {
		t.Errorf("without a route: got %+v", got)
	}
	here(t, "ip route add default dev eth0")
	if got := outside(t).Gateway(t.Context()); got.Alive || got.Err != "the default route has no router" {
		t.Errorf("without a router: got %+v", got)
	}
	o := NewOutside(OutsideOptions{Ours: func(name string) bool { return name == "eth0" }})
	if got := o.Gateway(t.Context()); got.Alive || got.Err != "no default route" {
		t.Errorf("by our own interface: got %+v", got)
	}
}
