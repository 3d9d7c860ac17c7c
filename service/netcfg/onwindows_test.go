package netcfg

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnWindows(t *testing.T) {
	for name, tt := range map[string]struct {
		spec Spec
		noV6 bool
		want []string
	}{
		"a whole tunnel goes by the default routes": {spec: fullTunnel(), want: []string{"0.0.0.0/0", "::/0"}},
		"nothing refuses": {spec: closed(fullTunnel(), everything), want: []string{"0.0.0.0/0", "::/0"}},
		"halves stay what they are": {
			spec: Spec{Interface: "Holdfast", Routes: prefixes("0.0.0.0/1", "128.0.0.0/1"), Mark: testMark}, want: []string{"0.0.0.0/1", "128.0.0.0/1"},
		},
		"an address's own network is the system's to route": {spec: splitTunnel(), want: []string{"10.20.0.0/16", "fd00:20::/48"}},
		"no IPv6":                            {spec: fullTunnel(), noV6: true, want: []string{"0.0.0.0/0"}},
		"host bits and repeats are left out": {spec: Spec{Interface: "Holdfast", Routes: prefixes("10.9.1.1/16", "10.9.0.0/16")}, want: []string{"10.9.0.0/16"}},
		"a seal":                             {spec: sealed(everything, testMark)},
	} {
		t.Run(name, func(t *testing.T) {
			l := onWindows(&tt.spec, 7, !tt.noV6)
			if d := cmp.Diff(waysOf(&l), tt.want); d != "" {
				t.Error("-got +want:", d)
			}
			if v6 := slices.ContainsFunc(l.addresses, func(p netip.Prefix) bool { return p.Addr().Is6() }); v6 && tt.noV6 {
				t.Error("an IPv6 address is left", l.addresses)
			}
		})
	}
}

func TestResolversOnWindows(t *testing.T) {
	for name, tt := range map[string]struct {
		servers []netip.Addr
		noV6    bool
		want    []netip.Addr
	}{
		"of both families":       {servers: addrs("fd00::1", "10.8.0.1"), want: addrs("fd00::1", "10.8.0.1")},
		"without IPv6":           {servers: addrs("fd00::1", "10.8.0.1"), noV6: true, want: addrs("10.8.0.1")},
		"of IPv6 alone, without": {servers: addrs("fd00::1"), noV6: true, want: addrs("fd00::1")},
		"none":                   {noV6: true},
	} {
		s := fullTunnel()
		s.DNS = tt.servers
		if l := onWindows(&s, 7, !tt.noV6); !slices.Equal(l.names.servers, tt.want) {
			t.Errorf("%s: got %v, want %v", name, l.names.servers, tt.want)
		}
	}
}

func TestPolicy(t *testing.T) {
	servers := addrs("10.8.0.1", "fd00::1")
	for name, tt := range map[string]struct {
		names names
		want  []string
	}{
		"none":                               {names{}, nil},
		"a whole tunnel's are all":           {names{servers: servers, all: true, search: []string{"corp.example"}}, []string{"."}},
		"a split tunnel's domains":           {names{servers: servers, search: []string{"corp.example.", "b.example"}}, []string{".corp.example", ".b.example"}},
		"a split tunnel's are beside others": {names{servers: servers}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(policyNames(&tt.names), tt.want); d != "" {
				t.Error("-got +want:", d)
			}
		})
	}
	if got := policyServers(&names{servers: servers}); got != "10.8.0.1; fd00::1" {
		t.Errorf("servers %q", got)
	}
}
