package probe

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"holdfast/service/diagnose"
)

func TestKnock(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	f.filter("input", "ip daddr "+hosts+"2 udp dport 51820 drop", "ip6 daddr "+hosts6+"2 udp dport 51820 drop",
		"ip daddr "+hosts+"3 drop", "ip6 daddr "+hosts6+"3 drop",
		"ip daddr "+hosts+"5 udp dport 51820 reject with icmp type admin-prohibited", "ip6 daddr "+hosts6+"5 udp dport 51820 reject with icmpv6 type admin-prohibited",
		"ip daddr "+hosts+"4 meta l4proto icmp drop", "ip6 daddr "+hosts6+"4 icmpv6 type echo-request drop")
	f.run("ip link add beyond type veth peer name beyond1")
	f.run("ip link set beyond up")
	f.run("ip link set beyond1 up")
	f.run("ip route add 203.0.113.0/24 dev beyond")
	f.run("ip route add 2001:db8:3::/64 dev beyond")
	f.filter("forward", "ip daddr "+beyond+" reject with icmp type port-unreachable", "ip6 daddr "+beyond6+" reject with icmpv6 type port-unreachable",
		"ip daddr 203.0.113.7 reject with icmp type host-unreachable", "ip6 daddr 2001:db8:3::7 reject with icmpv6 type addr-unreachable",
		"ip daddr 203.0.113.8 reject with icmp type admin-prohibited", "ip6 daddr 2001:db8:3::8 reject with icmpv6 type admin-prohibited")
	filter(t, "output", "meta mark != 0x6866 meta l4proto udp drop", "meta mark != 0x6866 icmp type echo-request drop")
	is := func(refused, up bool, by string) diagnose.Knock {
		k := diagnose.Knock{Checked: true, Refused: refused, HostUp: up}
		if by != "" {
			k.RefusedBy = netip.MustParseAddr(by)
		}
		return k
	}
	for _, tt := range []struct {
		name, v4, v6 string
		want, want6  diagnose.Knock
		fast         bool
	}{
		{"nothing listens", hosts + "1", hosts6 + "1", is(true, true, ""), is(true, true, ""), true},
		{"the port is dropped", hosts + "2", hosts6 + "2", is(false, true, ""), is(false, true, ""), false},
		{"the host is silent", hosts + "3", hosts6 + "3", is(false, false, ""), is(false, false, ""), false},
		{"deaf to echoes", hosts + "4", hosts6 + "4", is(true, true, ""), is(true, true, ""), true},
		{"a router says that nothing listens", beyond, beyond6, is(false, false, router), is(false, false, router6), false},
		{"a router says that the way ends", "203.0.113.7", "2001:db8:3::7", is(false, false, ""), is(false, false, ""), false},
		{"the host forbids", hosts + "5", hosts6 + "5", is(true, true, ""), is(true, true, ""), true},
		{"a router forbids", "203.0.113.8", "2001:db8:3::8", is(false, false, router), is(false, false, router6), false},
	} {
		for addr, want := range map[string]diagnose.Knock{tt.v4: tt.want, tt.v6: tt.want6} {
			t.Run(tt.name+" "+addr, func(t *testing.T) {
				t.Parallel()
				got := outside(t).Knock(t.Context(), netip.AddrPortFrom(netip.MustParseAddr(addr), 51820))
				if got.Took > 2*time.Second || tt.fast && got.Took > 400*time.Millisecond {
					t.Errorf("it took %v", got.Took)
				}
				if got.Took = 0; got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		}
	}
}

// What our own firewall refuses is never taken for the endpoint's answer.
func TestKnockFirewalled(t *testing.T) {
	if !alone(t) {
		return
	}
	startFar(t)
	for _, verdict := range []string{"drop", "reject", "reject with icmpx type port-unreachable", "reject with icmpx type admin-prohibited"} {
		filter(t, "output", "meta mark 0x6866 meta l4proto udp "+verdict)
		for _, addr := range []string{hosts + "1", hosts6 + "1"} {
			got := outside(t).Knock(t.Context(), netip.AddrPortFrom(netip.MustParseAddr(addr), 51820))
			if got.Refused || got.Err != "operation not permitted" || !got.HostUp {
				t.Errorf("%s %s: got %+v", verdict, addr, got)
			}
		}
	}
	filter(t, "output")
	here(t, "ip route del default")
	if got := outside(t).Knock(t.Context(), netip.MustParseAddrPort(hosts+"1:51820")); got.HostUp || got.Err != "network is unreachable" {
		t.Errorf("without a route: got %+v", got)
	}
}

// That the router does not answer is not for a knock to say: the system refuses
// nothing then, although it says after 3 s that there is no way.
func TestKnockWithoutRouter(t *testing.T) {
	if !alone(t) {
		return
	}
	startFar(t)
	here(t, "ip route replace default via 192.0.2.77")
	here(t, "ip -6 route replace default via 2001:db8:1::77")
	for _, to := range []string{hosts + "1:51820", "[" + hosts6 + "1]:51820"} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			for range 4 {
				got := outside(t).Knock(t.Context(), netip.MustParseAddrPort(to))
				if got.Took = 0; got != (diagnose.Knock{Checked: true}) {
					t.Errorf("got %+v", got)
				}
			}
		})
	}
}

// A server that listens says nothing, and one that answers is up.
func TestKnockListener(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	var s *nameServer
	f.do(func() { s = startServerAt(t, hosts+"1:0", silent) })
	got := outside(t).Knock(t.Context(), netip.AddrPortFrom(s.addr.Addr(), s.addr.Port()+1))
	if !got.Refused {
		t.Errorf("beside the server: got %+v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if got := outside(t).Knock(ctx, netip.MustParseAddrPort("203.0.113.200:51820")); got.Took > 400*time.Millisecond || got.Err != "" {
		t.Errorf("cancelled: got %+v", got)
	}
}
