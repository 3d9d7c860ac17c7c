package e2e

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
)

// backWithin is how long the tunnel may be without its interface, or its
// network, when others meddle with it.
const backWithin = 2 * time.Second

// TestInterfaceMeddledWith does to the tunnel's interface whatever another
// program may: the tunnel is back in a moment, nothing leaves beside it, and
// what belongs to others stays.
func TestInterfaceMeddledWith(t *testing.T) {
	t.Parallel()
	rounds := 1
	if soak() {
		rounds = 20
	}
	w := newWorld(t, "a")
	other := w.namespace("other")
	w.sh(w.client, "ip", "link", "add", "foreign0", "type", "veth", "peer", "name", "foreign1")
	w.sh(w.client, "ip", "addr", "add", "198.51.100.1/24", "dev", "foreign0")
	w.sh(w.client, "ip", "link", "set", "foreign0", "up")
	w.sh(w.client, "ip", "route", "add", "198.51.100.0/25", "dev", "foreign0")
	escaped := w.escapes()
	g := w.ping(5 * time.Millisecond)
	w.until("pings to leave without a tunnel", 5*time.Second, func() bool { return escaped() > 0 })
	s := w.service()
	s.group(w.servers)
	s.cli("up", "g")
	w.flowing(g, 10*time.Second)
	steady, left := w.setting(t), escaped()
	worst := map[string]time.Duration{}
	faults := []string{
		"link set holdfast0 mtu 1300",
		"link set holdfast0 mtu 1000",
		"addr del 10.9.0.2/32 dev holdfast0",
		"addr flush dev holdfast0 scope global",
		"link set holdfast0 name x0",
		"link set holdfast0 down; link set holdfast0 name x0; link set x0 up",
		"link set holdfast0 down",
		"link set holdfast0 down; link set holdfast0 up",
		"link del holdfast0",
		"link set holdfast0 netns " + other,
	}
	for range rounds {
		for _, how := range faults {
			w.rest(4 * time.Second) // what breaks again within a moment waits longer each time
			at := time.Now()
			// In one go: the service is quicker than the start of another program.
			_, _ = w.try(w.client, "bash", "-c", "printf '"+strings.ReplaceAll(how, "; ", `\n`)+"' | ip -force -batch -")
			done := time.Now()
			for limit := at.Add(20 * time.Second); w.setting(t) != steady || g.first(done).IsZero(); w.rest(time.Millisecond) {
				if time.Now().After(limit) {
					t.Fatalf("after %s the tunnel is not back; the system is set to\n%s\nwant\n%s", how, w.setting(t), steady)
				}
			}
			worst[how] = max(worst[how], g.first(done).Sub(at))
			if there := w.sh("", "ip", "-n", other, "-br", "link"); strings.Contains(there, "holdfast0") {
				t.Errorf("the old interface is left elsewhere: %s", there)
			}
		}
	}
	for _, how := range faults {
		t.Logf("%s: traffic flows after %v at most of %d", how, worst[how].Round(time.Millisecond), rounds)
		if worst[how] > backWithin {
			t.Errorf("%s: traffic flows after %v, want %v at most", how, worst[how], backWithin)
		}
	}
	if n := escaped() - left; n != 0 {
		t.Errorf("%d pings left beside the tunnel", n)
	}
}

// setting is what the system is set to in the client's namespace, with every
// interface's flags and MTU.
func (w *world) setting(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(stable(w.network(t)) + w.sh(w.client, "ip", "-4", "-br", "addr"))
	for line := range strings.Lines(w.sh(w.client, "ip", "-o", "link")) {
		f := strings.Fields(line)
		b.WriteString(strings.Join(f[1:5], " ") + "\n")
	}
	return b.String()
}

// escapes counts, in the router, the packets to what is inside the tunnel.
func (w *world) escapes() func() int {
	w.t.Helper()
	w.sh(w.router, "nft", "add table ip escaped; add chain ip escaped p { type filter hook prerouting priority -300; }; "+
		"add rule ip escaped p ip daddr "+target+" counter")
	count := regexp.MustCompile(`counter packets (\d+)`)
	return func() int {
		w.t.Helper()
		n, err := strconv.Atoi(count.FindStringSubmatch(w.sh(w.router, "nft", "list", "table", "ip", "escaped"))[1])
		if err != nil {
			w.t.Fatal(err)
		}
		return n
	}
}

// meddling is what is done to the network below the tunnel, and undone again.
type meddling struct {
	name     string
	do, undo func()
	flows    bool // traffic, meanwhile
	told     bool // that something leads around the tunnel
}

// meddlings are all of them. Both servers' tunnels lead to target.
func (w *world) meddlings() []meddling {
	ip := func(commands ...string) func() {
		return func() {
			w.t.Helper()
			for _, c := range commands {
				w.sh(w.client, append([]string{"ip"}, strings.Fields(c)...)...)
			}
		}
	}
	return []meddling{
		{
			"a second uplink with a lower metric",
			func() {
				w.sh("", "ip", "-n", w.router, "link", "add", "c2", "type", "veth", "peer", "name", "eth1", "netns", w.client)
				w.sh("", "ip", "-n", w.router, "addr", "add", "10.200.80.1/24", "dev", "c2")
				w.sh("", "ip", "-n", w.router, "link", "set", "c2", "up")
				ip("addr add 10.200.80.2/24 dev eth1", "link set eth1 up", "route add default via 10.200.80.1 metric 50")()
			},
			ip("link del eth1"), true, false,
		},
		{
			"the uplink is removed, and another takes its place",
			ip("link del eth0"),
			func() {
				w.link(w.client, "eth0", "10.200.0.2", "c", "10.200.0.1")
			}, false, false,
		},
		{
			"half the internet by DHCP, and then the other",
			ip("route add 0.0.0.0/1 via 10.200.0.1", "route add 128.0.0.0/1 via 10.200.0.1"),
			ip("route del 0.0.0.0/1", "route del 128.0.0.0/1"), true, false,
		},
		{
			"much of the internet by DHCP",
			ip("route add 10.0.0.0/8 via 10.200.0.1"), ip("route del 10.0.0.0/8"), false, true,
		},
		{
			"the endpoint alone by DHCP",
			ip("route add 10.200.1.2/32 via 10.200.0.1", "route add 10.200.2.2/32 via 10.200.0.1"),
			ip("route del 10.200.1.2/32", "route del 10.200.2.2/32"), true, true,
		},
		{
			"the host inside alone by DHCP",
			ip("route add " + target + "/32 via 10.200.0.1"), ip("route del " + target + "/32"), false, true,
		},
		{
			"a network of the uplink's own that takes in the host inside",
			ip("addr add 10.64.0.3/10 dev eth0"), ip("addr del 10.64.0.3/10 dev eth0"), false, false,
		},
		{
			"a network of the uplink's own that takes in the servers",
			ip("addr add 10.200.0.3/5 dev eth0"), ip("addr del 10.200.0.3/5 dev eth0"), false, false,
		},
		{
			"all routes flushed from the main table",
			ip("route flush table main"),
			ip("route add 10.200.0.0/24 dev eth0 src 10.200.0.2", "route add default via 10.200.0.1"), false, false,
		},
	}
}

// TestUnderlayMeddledWith changes the network below the tunnel, and leads around
// it: nothing leaves beside the tunnel, and traffic flows as soon as it can.
func TestUnderlayMeddledWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	escaped := w.escapes()
	g := w.ping(20 * time.Millisecond)
	w.until("pings to leave without a tunnel", 5*time.Second, func() bool { return escaped() > 0 })
	w.sh(w.client, "ip", "route", "replace", "default", "via", "10.200.0.1", "metric", "100")
	w.sh(w.client, "ip", "route", "del", "default", "via", "10.200.0.1", "metric", "0")
	s := w.service()
	s.group(w.servers)
	s.cli("up", "g")
	w.flowing(g, 10*time.Second)
	left := escaped()
	for _, tt := range w.meddlings() {
		tt.do()
		done := time.Now()
		w.rest(6 * time.Second)
		flowed := !g.first(done.Add(4 * time.Second)).IsZero()
		st := s.status()
		var notices []string
		for _, n := range st.Notices {
			notices = append(notices, string(n.Code))
		}
		t.Logf("%s: meanwhile it is %s, traffic flows: %t, notices %v", tt.name, st.Overall, flowed, notices)
		if told := slices.Contains(notices, string(event.CodeRouteAround)); told != tt.told {
			t.Errorf("%s: told that something leads around the tunnel: %t, want %t", tt.name, told, tt.told)
		}
		if flowed != tt.flows {
			t.Errorf("%s: traffic flows: %t, want %t", tt.name, flowed, tt.flows)
		}
		tt.undo()
		undone := time.Now()
		w.flowing(g, 20*time.Second)
		took := g.first(undone).Sub(undone)
		t.Logf("%s: flows %v after the end", tt.name, took.Round(time.Millisecond))
		if took > backWithin {
			t.Errorf("%s: back after %v, want %v at most", tt.name, took, backWithin)
		}
		w.rest(2 * time.Second)
		if n := escaped(); n != left {
			t.Errorf("%s: %d pings left beside the tunnel", tt.name, n-left)
			left = n
		}
	}
}
