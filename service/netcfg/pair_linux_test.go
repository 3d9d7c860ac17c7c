package netcfg

import (
	"strings"
	"testing"
)

// Two halves that make a whole are a full tunnel: what bears the mark, our own
// packets to the server, stays outside, and so do near networks.
func TestTwoHalvesAreAFullTunnel(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	before := listing(t)
	m := New(testOptions(t))
	s := fullTunnel()
	s.Routes = prefixes("0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1")
	mustApply(t, m, s)
	for _, tt := range []struct{ query, dev string }{
		{"ip route get 203.0.113.7", "hf0"},
		{"ip route get 203.0.113.7 mark 0x6866", "eth0"},
		{"ip route get 9.9.9.9 mark 0x6866", "eth0"},
		{"ip route get 192.0.2.9", "eth0"},
		{"ip -6 route get 2001:db8:5::7", "hf0"},
		{"ip -6 route get 2001:db8:5::7 mark 0x6866", "eth0"},
		{"ip -6 route get f000::7", "hf0"},
	} {
		if got := run(t, tt.query); !strings.Contains(got, "dev "+tt.dev+" ") {
			t.Errorf("%s: got %s", tt.query, got)
		}
	}
	mustApply(t, m, fullTunnel())
	mustApply(t, m, s)
	if got := run(t, "ip route get 203.0.113.7"); !strings.Contains(got, "dev hf0 ") {
		t.Errorf("after a change: got %s", got)
	}
	mustClear(t, m)
	listingBecomes(t, listing, before)
}

// What a network hands out instead of a default route does not lead around the
// tunnel, nor around a seal, and serves what bears the mark.
func TestWideRoutesArePassedOver(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	for _, line := range []string{
		"ip route del default", "ip -6 route del default",
		"ip route add 0.0.0.0/1 via 192.0.2.1", "ip route add 128.0.0.0/1 via 192.0.2.1", "ip -6 route add 2000::/3 via 2001:db8::1",
		"ip route add 10.0.0.0/8 via 192.0.2.1", "ip -6 route add fc00::/7 via 2001:db8::1",
	} {
		run(t, line)
	}
	before := listing(t)
	m := New(testOptions(t))
	for _, tt := range []struct {
		spec Spec
		into string
	}{
		{fullTunnel(), "hf0"},
		{closed(fullTunnel(), everything), "hf0"},
		{sealed(everything, testMark), "unreachable"},
	} {
		if err := set(t.Context(), m, tt.spec); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]string{
			"9.9.9.9": tt.into, "203.0.113.7": tt.into, "2001:db8:5::7": tt.into,
			"9.9.9.9 mark 0x6866": "eth0", "203.0.113.7 mark 0x6866": "eth0", "2001:db8:5::7 mark 0x6866": "eth0",
			"10.1.2.3": "eth0", "fd12::1": "eth0", "192.0.2.9": "eth0",
		} {
			if got := leads(t, query); got != want {
				t.Errorf("with %+v, %s goes by %s, want %s", tt.spec, query, got, want)
			}
		}
	}
	mustClear(t, m)
	listingBecomes(t, listing, before)
}
