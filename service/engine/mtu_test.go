package engine_test

import (
	"net/netip"
	"testing"

	"holdfast/service/tunnel"
)

// A small MTU is used as it is, and raised to the least of IPv6 where the
// config has IPv6: as the warning about it promises.
func TestSmallMTU(t *testing.T) {
	for _, tt := range []struct {
		name      string
		addresses []netip.Prefix
		want      int
	}{
		{"IPv4 alone", []netip.Prefix{netip.MustParsePrefix("10.66.0.2/32")}, 1000},
		{"with IPv6", []netip.Prefix{netip.MustParsePrefix("10.66.0.2/32"), netip.MustParsePrefix("fd66::2/128")}, 1280},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "a")
			r.change("a", func(c *tunnel.Config) {
				c.Interface.MTU, c.Interface.Addresses = 1000, tt.addresses
				c.Peers[0].AllowedIPs = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
			})
			r.up(start("a"))
			r.mu.Lock()
			defer r.mu.Unlock()
			if got, _ := r.iface.MTU(); got != tt.want || r.applied.MTU != tt.want {
				t.Errorf("got MTU %d of the interface and %d of the system", got, r.applied.MTU)
			}
		})
	}
}
