package wg

import (
	"net/netip"
	"testing"
)

func TestSourceOfEchoes(t *testing.T) {
	for _, tt := range []struct {
		own      []string
		to, want string
	}{
		{[]string{"10.8.0.2/32"}, "1.1.1.1", "10.8.0.2"},
		{[]string{"10.8.0.2/32", "192.168.5.2/24"}, "192.168.5.1", "192.168.5.2"},
		{[]string{"10.8.0.2/32", "10.9.0.2/32"}, "10.9.0.1", "10.9.0.2"},
		{[]string{"10.8.0.2/32", "10.9.0.2/32"}, "1.1.1.1", "10.8.0.2"},
		{[]string{"fe80::2/64", "fd00::2/128"}, "2001:db8::1", "fd00::2"},
		{[]string{"fd00::2/128", "fe80::2/64"}, "fe80::1", "fe80::2"},
		{[]string{"10.8.0.2/32", "fe80::2/64"}, "2001:db8::1", "fe80::2"},
	} {
		in := &inside{own: prefixes(tt.own)}
		if got := in.source(netip.MustParseAddr(tt.to)); got != netip.MustParseAddr(tt.want) {
			t.Errorf("%v to %s: got %v, want %s", tt.own, tt.to, got, tt.want)
		}
	}
	in := &inside{own: prefixes([]string{"10.8.0.2/32"})}
	if got := in.source(netip.MustParseAddr("fd00::1")); got.IsValid() {
		t.Errorf("got %v of the other family", got)
	}
}
