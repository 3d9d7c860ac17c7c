package probe

import (
	"net/netip"
	"testing"

	"holdfast/service/diagnose"
)

func TestRoute(t *testing.T) {
	if !alone(t) {
		return
	}
	startFar(t)
	for _, line := range []string{
		"ip tuntap add tun0 mode tun", "ip link set tun0 up",
		"ip tuntap add tap0 mode tap", "ip link set tap0 up",
		"ip tuntap add hf0 mode tun", "ip link set hf0 up",
		"ip route add 203.0.113.1 dev tun0", "ip -6 route add 2001:db8:3::1 dev tun0",
		"ip route add 203.0.113.2 dev tap0", "ip -6 route add 2001:db8:3::2 dev tap0",
		"ip tuntap add clat mode tun", "ip link set clat up",
		"ip route add 203.0.113.7 dev clat", "ip -6 route add 2001:db8:3::7 dev clat",
		"ip route add unreachable 203.0.113.3", "ip -6 route add unreachable 2001:db8:3::3",
		"ip route add prohibit 203.0.113.4", "ip -6 route add prohibit 2001:db8:3::4",
		"ip route add blackhole 203.0.113.5", "ip -6 route add blackhole 2001:db8:3::5",
		"ip route add 203.0.113.6 dev hf0", "ip -6 route add 2001:db8:3::6 dev hf0",
		// As a full tunnel of ours is set up: the mark stays outside.
		"ip route add default dev hf0 table 26726", "ip -6 route add default dev hf0 table 26726",
		"ip rule add not fwmark 0x6866 table 26726", "ip -6 rule add not fwmark 0x6866 table 26726",
		"ip rule add table main suppress_prefixlength 0", "ip -6 rule add table main suppress_prefixlength 0",
	} {
		here(t, line)
	}
	o := NewOutside(OutsideOptions{Mark: testMark, Ours: func(name string) bool { return name == "hf0" }})
	is := func(iface string, foreign bool, err string) diagnose.Route {
		return diagnose.Route{Checked: true, Interface: iface, Foreign: foreign, Err: err}
	}
	for _, tt := range []struct {
		name   string
		v4, v6 string
		want   diagnose.Route
	}{
		{"outside", hosts + "1", hosts6 + "1", is("eth0", false, "")},
		{"a foreign tun", "203.0.113.1", "2001:db8:3::1", is("tun0", true, "")},
		{"a foreign tap", "203.0.113.2", "2001:db8:3::2", is("tap0", true, "")},
		{"a translator", "203.0.113.7", "2001:db8:3::7", is("clat", false, "")},
		{"unreachable", "203.0.113.3", "2001:db8:3::3", is("", false, "no route")},
		{"prohibited", "203.0.113.4", "2001:db8:3::4", is("", false, "the system refuses to send")},
		{"swallowed", "203.0.113.5", "2001:db8:3::5", is("", false, "the system refuses to send")},
		{"our own", "203.0.113.6", "2001:db8:3::6", is("hf0", false, "the way leads into the tunnel itself")},
	} {
		for _, addr := range []string{tt.v4, tt.v6} {
			if got := o.Route(netip.AddrPortFrom(netip.MustParseAddr(addr), 51820)); got != tt.want {
				t.Errorf("%s %s: got %+v, want %+v", tt.name, addr, got, tt.want)
			}
		}
	}
	here(t, "ip route del default")
	here(t, "ip -6 route del default")
	for _, addr := range []string{hosts + "1", hosts6 + "1"} {
		if got, want := o.Route(netip.AddrPortFrom(netip.MustParseAddr(addr), 51820)), is("", false, "no route"); got != want {
			t.Errorf("without a route %s: got %+v, want %+v", addr, got, want)
		}
	}
}

// Another program's WireGuard that takes all traffic, and an address that is
// written as one of IPv6.
func TestRouteWireGuard(t *testing.T) {
	if !alone(t) {
		return
	}
	startFar(t)
	if _, err := command("ip link add wg0 type wireguard"); err != nil {
		t.Skip("needs the kernel's WireGuard")
	}
	here(t, "ip link set wg0 up")
	here(t, "ip route add default dev wg0 metric 1")
	want := diagnose.Route{Checked: true, Interface: "wg0", Foreign: true}
	for _, addr := range []string{hosts + "1", "::ffff:" + hosts + "1"} {
		if got := outside(t).Route(netip.AddrPortFrom(netip.MustParseAddr(addr), 51820)); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}
