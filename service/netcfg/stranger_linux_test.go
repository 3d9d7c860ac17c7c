package netcfg

import (
	"strings"
	"testing"
)

// Another's default route in our table leads nothing around the tunnel: neither
// where a killed process left it there, nor where it comes while we watch.
func TestStrangersInOurTable(t *testing.T) {
	ownNamespace(t)
	before := listing(t)
	o := testOptions(t)
	mustSeal(t, New(o), everything) // of a process that is killed now
	intrude := func() {
		t.Helper()
		run(t, "ip route replace default via 192.0.2.1 dev eth0 table 26726")
		run(t, "ip -6 route replace default via 2001:db8::1 dev eth0 table 26726")
	}
	intrude()
	if got := leads(t, "203.0.113.7"); got != "eth0" {
		t.Fatalf("the intruder leads to %s: nothing is tested", got)
	}
	m := New(o)
	mustSeal(t, m, everything)
	shut := func() bool {
		return leads(t, "203.0.113.7") == "unreachable" && leads(t, "2001:db8:5::7") == "unreachable"
	}
	if !shut() {
		t.Error("what others put into our table stays")
	}
	keep(t, m)
	intrude()
	eventually(t, "it is gone again", shut)
	if got := change(t, m).What; !strings.Contains(got, "routing table") {
		t.Errorf("told %q", got)
	}
	mustClear(t, m)
	if after := listing(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}
