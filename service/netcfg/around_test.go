package netcfg

import (
	"net/netip"
	"testing"
)

func TestForeignTakes(t *testing.T) {
	const metric = 5
	ours := prefixes("0.0.0.0/0", "10.20.0.0/16", "fd00:20::/48")
	for _, tt := range []struct {
		dst    string
		metric uint32
		want   bool
	}{
		{"0.0.0.0/0", metric - 1, true}, // a default that is preferred
		{"0.0.0.0/0", metric, true},     // nobody can say which of the two
		{"0.0.0.0/0", metric + 1, false},
		{"0.0.0.0/1", metric + 100, true}, // narrower, whatever its metric
		{"10.20.30.0/24", 0, true},
		{"::/0", 0, false},
		{"fd00::/16", 0, false},
		{"fd00:20:0:1::/64", 0, true},
		{"fd00:20::/48", metric, true},
	} {
		f := foreign{dst: netip.MustParsePrefix(tt.dst), by: "en0", metric: tt.metric}
		if got := f.takes(ours, metric); got != tt.want {
			t.Errorf("%s with metric %d takes from the tunnel: %v", tt.dst, tt.metric, got)
		}
	}
}

func TestForeignOnLink(t *testing.T) {
	own := prefixes("192.168.1.0/24", "96.0.0.0/3", "2001:db8::/64", "2000::/3")
	for _, tt := range []struct {
		dst    string
		direct bool
		want   bool
	}{
		{"192.168.1.0/24", true, true},
		{"192.168.1.77/32", true, true},
		{"192.168.1.77/32", false, false}, // by a router
		{"192.168.0.0/16", true, false},   // more than its own
		{"96.0.0.0/3", true, false},       // too large to be a link
		{"2001:db8::/64", true, true},
		{"2000::/3", true, false},
		{"fe80::/64", true, true},
		{"224.0.0.0/4", true, true},
		{"255.255.255.255/32", true, true},
		{"127.0.0.0/8", true, true},
	} {
		f := foreign{dst: netip.MustParsePrefix(tt.dst), by: "en0", direct: tt.direct}
		if got := f.onLink(own); got != tt.want {
			t.Errorf("%s, direct %v, is on the link: %v", tt.dst, tt.direct, got)
		}
	}
}
