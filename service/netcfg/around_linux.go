package netcfg

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// defaultMetric6 is what the kernel takes for an IPv6 route that gives none, as
// ours do.
const defaultMetric6 = 1024

// detours looks for what leads around what is in force, and tells of what is
// new of it. The main table's more specific routes come before the tunnel's.
func (m *Manager) detours() {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, err := m.findDetours()
	if err != nil {
		m.Log.Warn("whether something leads around the tunnel is not known", "err", err)
		return
	}
	m.tellDetours(found)
}

// findDetours returns a sentence for each. mu is held.
func (m *Manager) findDetours() (found []string, err error) {
	if m.applied == nil {
		return nil, nil
	}
	k, err := openKernel(m.Options)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	links, err := whole(k.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	own, err := k.networks()
	if err != nil {
		return nil, err
	}
	for _, family := range families() {
		routes, err := whole(func() ([]netlink.Route, error) { return k.RouteList(nil, family) })
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		for i := range routes {
			r := &routes[i]
			f := foreign{dst: fromIPNet(r.Dst), by: names[leaves(r)], direct: isDirect(r), metric: uint32(r.Priority)}
			if f.by != m.applied.Interface && int(r.Protocol) != m.Protocol &&
				r.Type == unix.RTN_UNICAST && !f.onLink(own[r.LinkIndex]) && m.applied.loses(&f) {
				found = append(found, f.detour())
			}
		}
		rules, err := m.earlierRules(k, family)
		if err != nil {
			return nil, err
		}
		found = append(found, rules...)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// families are those that the kernel has.
func families() []int {
	if kernelHasIPv6() {
		return []int{netlink.FAMILY_V4, netlink.FAMILY_V6}
	}
	return []int{netlink.FAMILY_V4}
}

// leaves is the interface by which a route leaves; of several the first.
func leaves(r *netlink.Route) int {
	if len(r.MultiPath) > 0 {
		return r.MultiPath[0].LinkIndex
	}
	return r.LinkIndex
}

// networks are those of each interface's addresses.
func (k *kernel) networks() (map[int][]netip.Prefix, error) {
	list, err := whole(func() ([]netlink.Addr, error) { return k.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	out := map[int][]netip.Prefix{}
	for _, a := range list {
		out[a.LinkIndex] = append(out[a.LinkIndex], fromIPNet(a.IPNet).Masked())
		if a.Peer != nil { // the far end of a line between two
			out[a.LinkIndex] = append(out[a.LinkIndex], fromIPNet(a.Peer).Masked())
		}
	}
	return out, nil
}

// isDirect says that a route needs no router.
func isDirect(r *netlink.Route) bool { return r.Gw == nil && r.Via == nil && len(r.MultiPath) == 0 }

// loses says that a route of the main table takes something from the tunnel, or
// from a seal.
func (s *Spec) loses(f *foreign) bool {
	dst := f.dst
	if !dst.IsValid() || dst.Bits() == 0 {
		return false
	}
	kept := s.Routes
	if s.FailClosed {
		kept = slices.Concat(s.Routes, s.Carry)
	}
	if s.shuts() || isWhole(kept, dst.Addr().Is4()) {
		return dst.Bits() > passedOver(dst.Addr().Is6())
	}
	return slices.ContainsFunc(kept, func(p netip.Prefix) bool {
		if !p.Contains(dst.Addr()) {
			return false
		}
		return dst.Bits() > p.Bits() || dst.Bits() == p.Bits() && dst.Addr().Is6() && f.metric < defaultMetric6
	})
}

// earlierRules are those that come before ours and lead all that they are for
// elsewhere. Those for marked packets are other programs' own way out.
func (m *Manager) earlierRules(k *kernel, family int) (found []string, err error) {
	all := m.applied.shuts() || isWhole(m.applied.Routes, family == netlink.FAMILY_V4)
	if !all {
		return nil, nil // the main table decides, as it would anyway
	}
	list, err := whole(func() ([]netlink.Rule, error) { return k.RuleList(family) })
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	for _, r := range list {
		local := r.Table == unix.RT_TABLE_LOCAL || r.Table == unix.RT_TABLE_UNSPEC
		if r.Family == family && r.Priority < m.Priority && !local && r.SuppressPrefixlen < 0 && (r.Mark == 0 || r.Invert) {
			found = append(found, fmt.Sprintf("A routing rule of priority %d, to table %d, comes before the tunnel's.", r.Priority, r.Table))
		}
	}
	return found, nil
}
