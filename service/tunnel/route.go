package tunnel

import "net/netip"

// Routes are the allowed IPs of all peers, each once, in the order of the config.
func (c *Config) Routes() []netip.Prefix {
	var out []netip.Prefix
	seen := map[netip.Prefix]bool{}
	for _, p := range c.Peers {
		for _, r := range p.AllowedIPs {
			if !seen[r] {
				seen[r] = true
				out = append(out, r)
			}
		}
	}
	return out
}

// FullTunnel says for each family whether the tunnel carries every address of
// it: by 0.0.0.0/0 or ::/0, or by smaller networks that leave no gap.
func (c *Config) FullTunnel() (v4, v6 bool) {
	routes := c.Routes()
	return covered(netip.PrefixFrom(netip.IPv4Unspecified(), 0), routes),
		covered(netip.PrefixFrom(netip.IPv6Unspecified(), 0), routes)
}

// covered says that routes leave no gap in whole. Each step halves it, and goes
// on only where a route begins inside.
func covered(whole netip.Prefix, routes []netip.Prefix) bool {
	var inside []netip.Prefix
	for _, r := range routes {
		if !r.Overlaps(whole) {
			continue
		}
		if r.Bits() <= whole.Bits() {
			return true
		}
		inside = append(inside, r)
	}
	if len(inside) == 0 {
		return false
	}
	low, high := halves(whole)
	return covered(low, inside) && covered(high, inside)
}

// halves splits a network that is not a single address.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	bits := p.Bits() + 1
	b := p.Addr().AsSlice()
	b[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	a, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(p.Addr(), bits), netip.PrefixFrom(a, bits)
}
