package underlay

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
)

// unused is what was once set aside for name servers of a site (RFC 3879), and is
// named by Windows where nothing else is.
var unused = netip.MustParsePrefix("fec0::/10")

// NameServers returns the name servers of the live links that are not ours, those
// of links with a default route first, by its metric.
func (t *Table) NameServers(ours func(name string) bool) []netip.Addr {
	metric := map[int]uint32{}
	for _, r := range t.Routes {
		if have, ok := metric[r.Link]; r.IsDefault() && (!ok || r.Metric < have) {
			metric[r.Link] = r.Metric
		}
	}
	of := func(s Server) uint64 {
		if m, ok := metric[s.Link]; ok {
			return uint64(m)
		}
		return math.MaxUint64
	}
	ordered := slices.Clone(t.Servers)
	slices.SortStableFunc(ordered, func(a, b Server) int { return cmp.Compare(of(a), of(b)) })
	var out []netip.Addr
	for _, s := range ordered {
		l, ok := t.Link(s.Link)
		if ok && l.isLive() && !ours(l.Name) && !unused.Contains(s.Addr.WithZone("")) && !slices.Contains(out, s.Addr) {
			out = append(out, s.Addr)
		}
	}
	return out
}
