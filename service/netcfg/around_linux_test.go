package netcfg

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// What others add that leads around the tunnel is told once, with what it is;
// what is theirs to add, and harms nothing, is not.
func TestDetours(t *testing.T) {
	const lead = "A route to "
	full := func() Spec { return closed(fullTunnel(), everything) }
	split := func() Spec { return closed(splitTunnel(), nil) }
	for _, tt := range []struct {
		name string
		spec Spec // with no interface: a seal
		add  []string
		want []string
	}{
		{
			"half the internet, which is passed over", full(),
			[]string{
				"ip route add 0.0.0.0/1 via 192.0.2.1", "ip route add 128.0.0.0/1 via 192.0.2.1", "ip addr add 198.51.100.2/2 dev eth0",
				"ip -6 route add 8000::/1 via 2001:db8::1", "ip -6 route add 2000::/3 via 2001:db8::1",
			}, nil,
		},
		{
			"much of the internet", full(),
			[]string{"ip route add 96.0.0.0/8 via 192.0.2.1", "ip -6 route add 2600::/12 via 2001:db8::1"},
			[]string{lead + "2600::/12 by eth0 leads around the tunnel.", lead + "96.0.0.0/8 by eth0 leads around the tunnel."},
		},
		{
			"one host", full(), []string{"ip route add 203.0.113.7/32 via 192.0.2.1"},
			[]string{lead + "203.0.113.7/32 by eth0 leads around the tunnel."},
		},
		{
			"one of several ways", full(),
			[]string{"ip route add 198.51.100.0/24 nexthop via 192.0.2.1 nexthop via 192.0.2.3"},
			[]string{lead + "198.51.100.0/24 by eth0 leads around the tunnel."},
		},
		{
			"a network of the interface's own that takes in the tunnel's", closed(Spec{Interface: "hf0", Routes: prefixes("8.0.0.0/5")}, nil),
			[]string{"ip addr add 10.64.0.2/6 dev eth0"},
			[]string{lead + "8.0.0.0/6 by eth0 leads around the tunnel."},
		},
		{
			"what is near", full(), []string{
				"ip addr add 10.7.0.2/16 dev eth0", "ip -6 addr add fd00:7::2/64 dev eth0 nodad", "ip route add 192.0.2.77/32 dev eth0",
				"ip link add other0 type veth peer name other1", "ip link set other0 up", "ip addr add 172.17.0.1 peer 172.17.0.2 dev other0",
				"ip route add default via 192.0.2.3 metric 50", "ip route add unreachable 203.0.113.9",
				"ip route add 224.0.0.0/4 dev eth0", "ip route add 0.0.0.0/1 via 192.0.2.1 table 77",
			}, nil,
		},
		{
			"a rule before the tunnel's", full(),
			[]string{"ip rule add from all lookup 77 priority 100"},
			[]string{"A routing rule of priority 100, to table 77, comes before the tunnel's."},
		},
		{
			"rules for others' own packets, and behind the tunnel's", full(),
			[]string{"ip rule add from all fwmark 0x99 lookup 77 priority 100", "ip rule add from all lookup 77 priority 30000"}, nil,
		},
		{
			"around a seal", sealed(everything, testMark), []string{"ip route add 9.0.0.0/8 via 192.0.2.1"},
			[]string{lead + "9.0.0.0/8 by eth0 leads around the tunnel."},
		},
		{
			"within a split tunnel", split(), []string{
				"ip route add 10.20.7.0/24 via 192.0.2.1", "ip -6 route add fd00:20::/48 via 2001:db8::1 metric 100",
			},
			[]string{lead + "10.20.7.0/24 by eth0 leads around the tunnel.", lead + "fd00:20::/48 by eth0 leads around the tunnel."},
		},
		{
			"beside a split tunnel", split(), []string{
				"ip route add 0.0.0.0/1 via 192.0.2.1", "ip route add 10.20.0.0/15 via 192.0.2.1",
				"ip rule add from all lookup 77 priority 100",
			}, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ownNamespace(t)
			openTun(t, "hf0")
			m := New(testOptions(t))
			if err := set(t.Context(), m, tt.spec); err != nil {
				t.Fatal(err)
			}
			keep(t, m)
			for _, a := range tt.add {
				run(t, a)
			}
			var got []string
			for range tt.want {
				got = append(got, change(t, m).What)
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("told %q, want %q", got, tt.want)
			}
			// The next message comes when all else has been looked into.
			run(t, "ip route add 10.20.99.99/32 via 192.0.2.1")
			if got := change(t, m).What; got != lead+"10.20.99.99/32 by eth0 leads around the tunnel." {
				t.Errorf("told %q, which harms nothing or was told before", got)
			}
			mustClear(t, m)
		})
	}
}

// What was there before the tunnel is told as well, and again when it came back.
func TestDetoursComeAndGo(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	run(t, "ip route add 9.9.9.9/32 via 192.0.2.1")
	m := New(testOptions(t))
	keep(t, m)
	for range 2 {
		mustApply(t, m, fullTunnel())
		change(t, m)
		run(t, "ip route del 9.9.9.9/32 via 192.0.2.1")
		eventually(t, "it is known to be gone", func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return len(m.toldDetours) == 0
		})
		run(t, "ip route add 9.9.9.9/32 via 192.0.2.1")
		change(t, m)
		mustApply(t, m, closed(fullTunnel(), everything))
		mustClear(t, m)
		eventually(t, "it leads around nothing", func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return len(m.toldDetours) == 0
		})
	}
	for len(m.Changes()) > 0 {
		if c := <-m.Changes(); c.What != "" {
			t.Errorf("told %q again", c.What)
		}
	}
}

// A table of many routes is looked through in a moment.
func TestDetoursTook(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	m := New(testOptions(t))
	s := fullTunnel()
	for i := range 2000 {
		s.Routes = append(s.Routes, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24))
	}
	began := time.Now()
	mustApply(t, m, closed(s, everything))
	applied := time.Since(began)
	began = time.Now()
	if found, err := m.findDetours(); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	looked := time.Since(began)
	began = time.Now()
	if lost, err := m.repair(); err != nil || len(lost) != 0 {
		t.Errorf("lost %v, %v", lost, err)
	}
	t.Logf("2000 routes: applied in %v, looked around in %v, nothing found missing in %v", applied.Round(time.Millisecond),
		looked.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	mustClear(t, m)
}
