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
