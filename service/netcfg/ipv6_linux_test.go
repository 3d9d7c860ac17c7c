package netcfg

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestWithoutIPv6(t *testing.T) {
	ownNamespace(t)
	for _, f := range []string{"all", "default"} {
		if err := writeSysctl("ipv6/conf/"+f+"/disable_ipv6", "1"); err != nil {
			t.Fatal(err)
		}
	}
	openTun(t, "hf0")
	before := listing(t)
	var log bytes.Buffer
	o := testOptions(t)
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	m := New(o)
	mustApply(t, m, fullTunnel())
	if got := run(t, "ip route get 203.0.113.7"); !strings.Contains(got, "dev hf0") {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(log.String(), "no IPv6") {
		t.Errorf("no warning: %s", log.String())
	}
	mustClear(t, m)
	listingBecomes(t, listing, before)
}

// A system that gives new interfaces no IPv6 gives ours none, unless we say so.
func TestIPv6OffForNewInterfaces(t *testing.T) {
	ownNamespace(t)
	if err := writeSysctl("ipv6/conf/default/disable_ipv6", "1"); err != nil {
		t.Fatal(err)
	}
	openTun(t, "hf0")
	before := listing(t)
	m := New(testOptions(t))
	mustApply(t, m, fullTunnel())
	if got := run(t, "ip -6 route get 2001:db8:5::7"); !strings.Contains(got, "dev hf0") {
		t.Errorf("got %s", got)
	}
	mustClear(t, m)
	listingBecomes(t, listing, before)
	if got, err := readSysctl(disableIPv6("hf0")); err != nil || got != "1" {
		t.Errorf("got %q, %v", got, err)
	}
}
