package netcfg

import (
	"strings"
	"testing"
)

// An MTU below that of IPv6 takes IPv6 from the interface; what the next tunnel
// needs of it must come back with its MTU.
func TestIPv6ComesBackAfterASmallMTU(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	before := listing(t)
	m := New(testOptions(t))
	small := fullTunnel()
	small.MTU, small.Addresses, small.Routes = 1200, prefixes("10.8.0.2/24"), prefixes("0.0.0.0/0")
	mustApply(t, m, small)
	mustApply(t, m, fullTunnel())
	if got := run(t, "ip -6 addr show dev hf0"); !strings.Contains(got, "fd00:8::2/64") {
		t.Errorf("no IPv6 address: %s", got)
	}
	if got := run(t, "ip -6 route get 2001:db8:5::7"); !strings.Contains(got, "dev hf0") {
		t.Errorf("IPv6 leaves outside the tunnel: %s", got)
	}
	mustClear(t, m)
	listingBecomes(t, listing, before)
}

// A family that is refused is refused whatever the interface can carry.
func TestSmallMTUFailsClosedForIPv6(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	run(t, "ip link set hf0 mtu 1200")
	m := New(testOptions(t))
	small := fullTunnel()
	small.MTU, small.Addresses, small.Routes, small.FailClosed = 1200, prefixes("10.8.0.2/24"), prefixes("0.0.0.0/0"), true
	for range 2 {
		mustApply(t, m, small)
		if got := run(t, "ip -6 rule"); !strings.Contains(got, "26727:") {
			t.Errorf("IPv6 is not refused: %s", got)
		}
	}
	mustClear(t, m)
}
