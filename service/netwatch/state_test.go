package netwatch

import (
	"net/netip"
	"testing"
	"time"

	"holdfast/service/clock"
	"holdfast/service/underlay"
)

func tunnelOnly(name string) bool { return name == "Holdfast" }

// office is a machine on one network, with a tunnel of ours that has its default
// route, and a virtual switch of a program.
func office() *underlay.Table {
	return &underlay.Table{
		Links: []underlay.Link{
			{Index: 1, Name: "lo", Up: true, Loopback: true},
			{Index: 2, Name: "eth", Up: true},
			{Index: 3, Name: "wifi", Up: true},
			{Index: 4, Name: "Holdfast", Up: true, Tunnel: true, Inside: true},
			{Index: 5, Name: "switch", Up: true, Inside: true},
		},
		Routes: []underlay.Route{
			route("0.0.0.0/0", 4, "", 0),
			route("0.0.0.0/0", 2, "192.0.2.1", 25),
			route("0.0.0.0/0", 3, "198.51.100.1", 50),
			route("203.0.113.0/24", 2, "192.0.2.5", 25),
		},
		Addrs: []underlay.Addr{
			{Link: 2, Net: netip.MustParsePrefix("192.0.2.7/24")},
			{Link: 2, Net: netip.MustParsePrefix("2001:db8::77/64"), Temporary: true},
			{Link: 3, Net: netip.MustParsePrefix("198.51.100.7/24")},
			{Link: 4, Net: netip.MustParsePrefix("10.8.0.2/32")},
			{Link: 5, Net: netip.MustParsePrefix("172.20.0.1/20")},
		},
	}
}

func route(to string, link int, gw string, metric uint32) underlay.Route {
	r := underlay.Route{To: netip.MustParsePrefix(to), Link: link, Metric: metric}
	if gw != "" {
		r.Gateway = netip.MustParseAddr(gw)
	}
	return r
}

func down(t *underlay.Table, names ...string) {
	for i := range t.Links {
		for _, name := range names {
			if t.Links[i].Name == name {
				t.Links[i].Up = false
			}
		}
	}
}

// What changes in the tables makes another underlay, or none, or is of no matter.
func TestJudge(t *testing.T) {
	before := judge(office(), tunnelOnly)
	if !before.usable || !before.routed {
		t.Fatalf("got %+v", before)
	}
	for _, c := range []struct {
		name           string
		do             func(*underlay.Table)
		usable, routed bool
		same           bool // by its print
	}{
		{"nothing", func(*underlay.Table) {}, true, true, true},
		{"a route of a worse metric goes", func(t *underlay.Table) { t.Routes = t.Routes[:2] }, true, true, true},
		{"the tunnel goes", func(t *underlay.Table) { down(t, "Holdfast") }, true, true, true},
		{"a temporary address is replaced", func(t *underlay.Table) {
			t.Addrs[1].Net = netip.MustParsePrefix("2001:db8::88/64")
		}, true, true, true},
		{"another gateway", func(t *underlay.Table) { t.Routes[1].Gateway = netip.MustParseAddr("192.0.2.2") }, true, true, false},
		{"another address", func(t *underlay.Table) { t.Addrs[0].Net = netip.MustParsePrefix("192.0.2.8/24") }, true, true, false},
		{"the cable is pulled", func(t *underlay.Table) { down(t, "eth") }, true, true, false},
		{"a way out in the other family comes", func(t *underlay.Table) {
			t.Routes = append(t.Routes, route("::/0", 2, "fe80::1%eth", 1))
		}, true, true, false},
		{"only the tunnel and the switch remain", func(t *underlay.Table) { down(t, "eth", "wifi") }, false, false, false},
		{"no default route, but a network", func(t *underlay.Table) { t.Routes = t.Routes[3:] }, true, false, false},
		{"nothing but the machine itself", func(t *underlay.Table) { *t = underlay.Table{Links: t.Links[:1]} }, false, false, false},
	} {
		table := office()
		c.do(table)
		got := judge(table, tunnelOnly)
		if got.usable != c.usable || got.routed != c.routed || (got.print == before.print) != c.same {
			t.Errorf("%s: got %+v, before %+v; want usable %t, routed %t, the same %t", c.name, got, before, c.usable, c.routed, c.same)
		}
	}
}

// A jump of the wall clock is told apart from a sleep, and from drifting.
func TestStepped(t *testing.T) {
	was := clock.Reading{Wall: time.Unix(1e9, 0), Mono: time.Hour, Suspended: time.Minute}
	for _, c := range []struct {
		name                  string
		wall, mono, suspended time.Duration
		want                  bool
	}{
		{"time passes", 10 * time.Hour, 10 * time.Hour, 0, false},
		{"in part asleep", 10 * time.Hour, time.Hour, 9 * time.Hour, false},
		{"drifting", time.Hour, time.Hour - 200*time.Millisecond, 0, false},
		{"set forward", time.Hour + 2*time.Second, time.Hour, 0, true},
		{"set back", -time.Hour, time.Second, 0, true},
		{"set back in sleep", 0, time.Second, time.Hour, true},
	} {
		now := clock.Reading{Wall: was.Wall.Add(c.wall), Mono: was.Mono + c.mono, Suspended: was.Suspended + c.suspended}
		if got := stepped(was, now); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}
