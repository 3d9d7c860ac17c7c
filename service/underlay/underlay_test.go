package underlay

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var compareAddrs = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func wayTo(to string, link int, gw string, metric uint32) Route {
	r := Route{To: netip.MustParsePrefix(to), Link: link, Metric: metric}
	if gw != "" {
		r.Gateway = netip.MustParseAddr(gw)
	}
	return r
}

// laptop is a machine with Ethernet and Wi-Fi, a tunnel of ours that has taken
// everything, and another program's.
func laptop() *Table {
	return &Table{
		Links: []Link{
			{Index: 1, Name: "lo", Up: true, Loopback: true},
			{Index: 2, Name: "eth", Up: true},
			{Index: 3, Name: "wifi", Up: true},
			{Index: 4, Name: "Holdfast", Up: true, Tunnel: true, Inside: true},
			{Index: 5, Name: "office", Up: true, Tunnel: true, Inside: true},
			{Index: 6, Name: "dock"},
		},
		Routes: []Route{
			wayTo("0.0.0.0/0", 3, "198.51.100.1", 50),
			wayTo("0.0.0.0/0", 2, "192.0.2.1", 25),
			wayTo("0.0.0.0/0", 4, "", 0),
			wayTo("0.0.0.0/1", 4, "", 0),
			wayTo("128.0.0.0/1", 4, "", 0),
			wayTo("::/0", 4, "", 0),
			wayTo("::/0", 3, "fe80::1%wifi", 50),
			wayTo("192.0.2.0/24", 2, "", 281),
			wayTo("198.51.100.0/24", 3, "", 281),
			wayTo("10.0.0.0/8", 5, "", 5),
			wayTo("10.9.0.0/16", 6, "", 1),
			wayTo("127.0.0.0/8", 1, "", 0),
			wayTo("203.0.113.0/24", 1, "", 0),
		},
		Addrs: []Addr{
			{Link: 2, Net: netip.MustParsePrefix("192.0.2.7/24")},
			{Link: 3, Net: netip.MustParsePrefix("198.51.100.7/24")},
			{Link: 3, Net: netip.MustParsePrefix("fe80::7/64")},
			{Link: 4, Net: netip.MustParsePrefix("10.8.0.2/32")},
			{Link: 5, Net: netip.MustParsePrefix("10.1.0.2/32")},
		},
	}
}

func isOurs(name string) bool { return name == "Holdfast" }

// A socket leaves by the route that would be used if there were no tunnel.
func TestToward(t *testing.T) {
	for _, c := range []struct {
		name, to string
		ours     func(string) bool
		link     int // 0: nothing leads there
	}{
		{"everywhere, by the least metric", "203.0.113.9", isOurs, 2},
		{"IPv4 written as IPv6", "::ffff:203.0.113.9", isOurs, 2},
		{"the other family, by its own route", "2001:db8::9", isOurs, 3},
		{"a network beside the default route", "198.51.100.20", isOurs, 3},
		{"a tunnel of others is part of the underlay", "10.1.2.3", isOurs, 5},
		{"an exact route by a link that is down does not count", "10.9.2.3", isOurs, 5},
		{"nor one into the machine itself", "203.0.113.1", isOurs, 2},
		{"with no tunnel of ours the system's own choice stands", "203.0.113.9", None, 4},
		{"the default route of a family", "0.0.0.0", isOurs, 2},
		{"and of the other one", "::", isOurs, 3},
		{"a neighbour, by the link that its zone names", "fe80::5%wifi", isOurs, 3},
		{"by number too", "fe80::5%2", isOurs, 2},
		{"by no link that is ours", "fe80::5%Holdfast", isOurs, 0},
		{"by none that is down", "fe80::5%dock", isOurs, 0},
		{"by none that is not there", "fe80::5%gone", isOurs, 0},
	} {
		got, ok := laptop().Toward(netip.MustParseAddr(c.to), c.ours)
		if ok != (c.link != 0) || ok && got.Link != c.link {
			t.Errorf("%s: got %+v, %t; want link %d", c.name, got, ok, c.link)
		}
	}
	if r, ok := new(Table).Toward(netip.MustParseAddr("203.0.113.9"), None); ok {
		t.Errorf("without a network: got %+v", r)
	}
}

// The last interface that leads out goes away: a socket of ours has no way, and
// does not take the tunnel's.
func TestNothingLeadsOut(t *testing.T) {
	table := laptop()
	for i := range table.Links {
		table.Links[i].Up = isOurs(table.Links[i].Name)
	}
	for _, to := range []string{"203.0.113.9", "2001:db8::9", "0.0.0.0", "::", "192.0.2.1"} {
		if r, ok := table.Toward(netip.MustParseAddr(to), isOurs); ok {
			t.Errorf("%s: got %+v", to, r)
		}
	}
}

func TestExits(t *testing.T) {
	noTunnel := func(l Link) bool { return l.Tunnel }
	want := []Route{wayTo("0.0.0.0/0", 2, "192.0.2.1", 25), wayTo("::/0", 3, "fe80::1%wifi", 50)}
	if d := cmp.Diff(laptop().Exits(noTunnel), want, compareAddrs); d != "" {
		t.Error("-got +want:", d)
	}
	if got := new(Table).Exits(noTunnel); len(got) != 0 {
		t.Errorf("without a network: got %+v", got)
	}
}

// A default route by a link without an address of its family leads nowhere: only
// the link's own address has come, of a router's advertisement the network has not.
func TestDropSourceless(t *testing.T) {
	table := laptop()
	table.dropSourceless()
	for _, r := range table.Routes {
		if r.Link == 3 && r.To.Addr().Is6() {
			t.Errorf("kept %+v", r)
		}
	}
	if _, ok := table.Toward(netip.MustParseAddr("203.0.113.9"), isOurs); !ok {
		t.Error("the way out is gone")
	}
}

func TestDestination(t *testing.T) {
	for _, c := range []struct{ address, want string }{
		{"192.0.2.1:53", "192.0.2.1"}, {"[2001:db8::1]:53", "2001:db8::1"}, {"[fe80::1%eth0]:53", "fe80::1%eth0"},
		{"192.0.2.1", "192.0.2.1"}, {"fe80::1%3", "fe80::1%3"}, {"", ""}, {"name:53", ""},
	} {
		got, err := destination(c.address)
		if (err == nil) != (c.want != "") || err == nil && got != netip.MustParseAddr(c.want) {
			t.Errorf("%q: got %v, %v; want %q", c.address, got, err, c.want)
		}
	}
}

// The way to a place names the first lasting address to send from.
func TestPath(t *testing.T) {
	table := laptop()
	table.Addrs = append([]Addr{{Link: 3, Net: netip.MustParsePrefix("2001:db8::99/64"), Temporary: true}}, table.Addrs...)
	table.Addrs = append(table.Addrs, Addr{Link: 3, Net: netip.MustParsePrefix("2001:db8::7/64")})
	got, ok := table.path(netip.MustParseAddr("2001:db8:1::9"), isOurs)
	want := Path{Link: 3, Gateway: netip.MustParseAddr("fe80::1%wifi"), From: netip.MustParseAddr("2001:db8::7")}
	if !ok || got != want {
		t.Errorf("got %+v, %t, want %+v", got, ok, want)
	}
	if got, ok := new(Table).path(netip.MustParseAddr("2001:db8:1::9"), isOurs); ok {
		t.Errorf("without a network: got %+v", got)
	}
}

// Of the name servers those are asked first that lie by the better way out, and
// none of the tunnel's, nor one that has no use any more.
func TestNameServers(t *testing.T) {
	table := laptop()
	at := netip.MustParseAddr
	table.Servers = []Server{
		{Link: 6, Addr: at("192.0.2.66")},
		{Link: 5, Addr: at("10.1.0.1")},
		{Link: 4, Addr: at("10.8.0.1")},
		{Link: 3, Addr: at("198.51.100.1")},
		{Link: 3, Addr: at("fe80::1%3")},
		{Link: 2, Addr: at("fec0:0:0:ffff::1%1")},
		{Link: 2, Addr: at("192.0.2.1")},
		{Link: 2, Addr: at("9.9.9.9")},
		{Link: 3, Addr: at("9.9.9.9")},
	}
	want := []netip.Addr{at("192.0.2.1"), at("9.9.9.9"), at("198.51.100.1"), at("fe80::1%3"), at("10.1.0.1")}
	if d := cmp.Diff(table.NameServers(isOurs), want, compareAddrs); d != "" {
		t.Error("-got +want:", d)
	}
	if got := new(Table).NameServers(isOurs); len(got) != 0 {
		t.Errorf("without a network: got %v", got)
	}
}
