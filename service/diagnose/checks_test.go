package diagnose

import (
	"net/netip"
	"testing"
	"time"

	"holdfast/service/health"
)

func TestChecksSayWhatWasLookedAt(t *testing.T) {
	e := Evidence{
		Usable: true, Gateway: Gateway{Checked: true, Alive: true, Addr: router, Took: time.Millisecond},
		Internet: Internet{Unasked: "turned off in the settings"},
		Route:    Route{Checked: true, Interface: "eth0"},
		Knock:    Knock{Checked: true, HostUp: true},
		Name:     Name{Checked: true, Host: "vpn.example", Addresses: []netip.Addr{hereAP.Addr(), thereAP.Addr()}, Present: true},
		Self:     silent,
		Others:   []Answer{otherWell, {Member: "c", Err: "no private key"}, {Member: "d"}},
		Inside:   Inside{Verdict: health.Unhealthy, Loss: 0.02, LossOf: 64},
	}
	want := []Check{
		{Name: "network below the tunnel", Result: OK, Evidence: "there is a usable link"},
		{Name: "router", Result: OK, Evidence: "192.168.1.1 answers", Took: time.Millisecond},
		{Name: "sending", Result: OK, Evidence: "packets to the server leave by eth0"},
		{Name: "internet", Result: Skipped, Evidence: "turned off in the settings"},
		{Name: "endpoint name", Result: OK, Evidence: "vpn.example is 203.0.113.1, 198.51.100.2"},
		{Name: "clock", Result: Skipped, Evidence: "not looked at"},
		{Name: "the server's computer", Result: OK, Evidence: "it answers outside the tunnel"},
		{Name: "handshake with a", Result: Failed, Evidence: "no answer"},
		{Name: "handshake with b", Result: OK, Evidence: "answered", Took: time.Millisecond},
		{Name: "handshake with c", Result: Failed, Evidence: "no private key"},
		{Name: "handshake with d", Result: Skipped, Evidence: "not asked"},
		{Name: "behind the server", Result: Skipped, Evidence: "a silent server tells nothing of it"},
		{Name: "large packets", Result: Skipped, Evidence: "not measured"},
		{Name: "loss", Result: Skipped, Evidence: "a silent server tells nothing of it"},
	}
	got := Checks(e)
	if len(got) != len(want) {
		t.Fatalf("%d checks, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("check %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	if Checks(Evidence{})[0].Result != Failed {
		t.Error("a network that cannot be used passes")
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		3 * time.Second: "3s", 90 * time.Second: "90 s", time.Hour: "60 min", 5 * time.Hour: "5 h", 72 * time.Hour: "3 days",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}
