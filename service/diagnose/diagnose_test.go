package diagnose

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

func TestCause(t *testing.T) {
	silent := Answer{Member: "a", Asked: true}
	answered := Answer{Member: "a", Asked: true, Answered: true, RTT: time.Millisecond}
	for _, c := range []struct {
		name string
		e    Evidence
		want tunnel.Cause
	}{
		{"nothing was looked at but the network", Evidence{Usable: true}, ""},
		{"all is well", Evidence{Usable: true, Self: answered}, ""},
		{"no network hides a silent server", Evidence{Self: silent}, tunnel.NoNetwork},
		{"a sign-in page hides a silent server", Evidence{Underlay: tunnel.SignIn, Self: silent}, tunnel.SignIn},
		{"the system refuses to send", Evidence{Usable: true, Self: Answer{Asked: true, SendErr: "operation not permitted"}}, tunnel.LocalFirewall},
		{"an old send error does not outweigh an answer", Evidence{Usable: true, Self: Answer{Asked: true, Answered: true, SendErr: "no route"}}, ""},
		{"the name does not resolve", Evidence{Usable: true, Name: "vpn.example", NameErr: "no such host", Self: silent}, tunnel.EndpointDNS},
		{"the name does not resolve and nothing could be asked", Evidence{Usable: true, NameErr: "timeout", Self: Answer{Err: "no address"}}, tunnel.EndpointDNS},
		{"the name does not resolve but the last address answers", Evidence{Usable: true, NameErr: "timeout", Self: answered}, ""},
		{"answers that do not authenticate", Evidence{Usable: true, Self: Answer{Asked: true, Responses: 2}}, tunnel.PSKMismatch},
		{"a busy server", Evidence{Usable: true, Self: Answer{Asked: true, Cookies: 1}}, tunnel.ServerOverloaded},
		{"one silent server", Evidence{Usable: true, Self: silent}, tunnel.KeyOrServer},
		{"silent while another answers", Evidence{Usable: true, Self: silent, Others: []Answer{answered}}, tunnel.KeyOrServer},
	} {
		if got := Cause(c.e); got != c.want {
			t.Errorf("%s: cause %q, want %q", c.name, got, c.want)
		}
	}
}

func TestChecksSayWhatWasLookedAt(t *testing.T) {
	e := Evidence{Usable: true, Name: "vpn.example", Addresses: 2,
		Self:   Answer{Member: "a", Asked: true},
		Others: []Answer{{Member: "b", Asked: true, Answered: true, RTT: 34 * time.Millisecond}, {Member: "c", Err: "no private key"}}}
	want := []Check{
		{Name: "network below the tunnel", Result: OK, Evidence: "there is a usable link"},
		{Name: "endpoint name", Result: OK, Evidence: "vpn.example has 2 address(es)"},
		{Name: "sending", Result: OK, Evidence: "the system sends our packets"},
		{Name: "handshake with a", Result: Failed, Evidence: "no answer"},
		{Name: "handshake with b", Result: OK, Evidence: "answered in 34ms", Took: 34 * time.Millisecond},
		{Name: "handshake with c", Result: Failed, Evidence: "no private key"},
	}
	got := Checks(e)
	if len(got) != len(want) {
		t.Fatalf("%d checks, want %d", len(got), len(want))
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
