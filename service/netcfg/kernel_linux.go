package netcfg

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// kernel reads and changes the tables of the network namespace in which it was
// opened. It knows what is ours by the numbers of its Options.
type kernel struct {
	*netlink.Handle
	table, priority, protocol int
}

func openKernel(o Options) (*kernel, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return &kernel{Handle: h, table: o.Table, priority: o.Priority, protocol: o.Protocol}, nil
}

// whole repeats a listing that the kernel interrupted because of a change: a
// part of a table must never pass for the table.
func whole[T any](list func() ([]T, error)) ([]T, error) {
	for range 10 {
		got, err := list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return got, err
		}
	}
	return nil, netlink.ErrDumpInterrupted
}

// setMTU sets the MTU of an interface; 0 leaves it as it is.
func (k *kernel) setMTU(link netlink.Link, mtu int) error {
	if mtu == 0 || mtu == link.Attrs().MTU {
		return nil
	}
	if err := k.LinkSetMTU(link, mtu); err != nil {
		return fmt.Errorf("set mtu %d: %w", mtu, err)
	}
	return nil
}

// addresses returns the addresses of an interface.
func (k *kernel) addresses(link netlink.Link) ([]netip.Prefix, error) {
	list, err := whole(func() ([]netlink.Addr, error) { return k.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	var out []netip.Prefix
	for _, a := range list {
		out = append(out, fromIPNet(a.IPNet))
	}
	return out, nil
}

func (k *kernel) addAddress(link netlink.Link, p netip.Prefix) error {
	err := k.AddrAdd(link, &netlink.Addr{IPNet: toIPNet(p)})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add address %v: %w", p, err)
	}
	return nil
}

func (k *kernel) deleteAddress(link netlink.Link, p netip.Prefix) error {
	err := k.AddrDel(link, &netlink.Addr{IPNet: toIPNet(p)})
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete address %v: %w", p, err)
	}
	return nil
}

// ownRoutes returns the routes with our protocol number, of every table.
func (k *kernel) ownRoutes() ([]netlink.Route, error) {
	var out []netlink.Route
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := whole(func() ([]netlink.Route, error) {
			return k.RouteListFiltered(family, &netlink.Route{Protocol: netlink.RouteProtocol(k.protocol)},
				netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL)
		})
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		out = append(out, list...)
	}
	return out, nil
}

// listed is a listed route in the words of a plan, whatever interface it goes
// through.
func listed(r *netlink.Route) route {
	w := route{dst: fromIPNet(r.Dst), table: r.Table, unreachable: r.Type == unix.RTN_UNREACHABLE}
	if w.table == unix.RT_TABLE_MAIN {
		w.table = 0
	}
	return w
}

// byInterface are the interfaces by which routes go.
func byInterface(list []netlink.Route) map[route]int {
	out := map[route]int{}
	for i := range list {
		out[listed(&list[i])] = list[i].LinkIndex
	}
	return out
}

// addRoutes adds the routes that are missing, as many as it can. A route of
// ours that goes through another interface is replaced without a gap.
func (k *kernel) addRoutes(index int, want []route) error {
	list, err := k.ownRoutes()
	if err != nil {
		return err
	}
	have := byInterface(list)
	var errs []error
	for _, w := range want {
		by, there := have[w]
		if there && (w.unreachable || by == index) {
			continue
		}
		r := k.route(index, w)
		if there || w.table != 0 { // whatever is in our own table is ours to replace
			err = k.RouteReplace(r)
		} else {
			err = k.RouteAdd(r)
		}
		if err != nil && (!errors.Is(err, unix.EEXIST) || !k.leads(index, w)) {
			errs = append(errs, fmt.Errorf("add route %v: %w", w.dst, err))
		}
	}
	return errors.Join(errs...)
}

// lastMetric is that of the route which counts when no other is left: the
// largest one there is, or that the library can tell where an int has 32 bits.
const lastMetric = min(1<<32-1, math.MaxInt)

func (k *kernel) route(index int, w route) *netlink.Route {
	r := &netlink.Route{
		LinkIndex: index,
		Dst:       toIPNet(w.dst),
		Table:     w.table,
		Protocol:  netlink.RouteProtocol(k.protocol),
		Scope:     netlink.SCOPE_LINK,
	}
	if w.unreachable {
		r.LinkIndex, r.Type, r.Priority, r.Scope = 0, unix.RTN_UNREACHABLE, lastMetric, netlink.SCOPE_UNIVERSE
	}
	return r
}

// leads says that a route which is not ours already leads w's destination
// where it shall: through the interface, as the kernel's own does of an address
// that is about to go, or nowhere.
func (k *kernel) leads(index int, w route) bool {
	family := netlink.FAMILY_V4
	if w.dst.Addr().Is6() {
		family = netlink.FAMILY_V6
	}
	list, err := whole(func() ([]netlink.Route, error) {
		return k.RouteListFiltered(family, &netlink.Route{}, netlink.RT_FILTER_TABLE)
	})
	return err == nil && slices.ContainsFunc(list, func(h netlink.Route) bool {
		return listed(&h) == w && (w.unreachable || h.LinkIndex == index)
	})
}

// deleteRoutes deletes the routes of ours that are not kept.
func (k *kernel) deleteRoutes(keep []route) error {
	have, err := k.ownRoutes()
	if err != nil {
		return err
	}
	kept := map[route]bool{}
	for _, w := range keep {
		kept[w] = true
	}
	var errs []error
	for _, h := range have {
		if kept[listed(&h)] {
			continue
		}
		gone := netlink.Route{
			Dst: h.Dst, Table: h.Table, Type: h.Type, Protocol: h.Protocol,
			Priority: h.Priority, Scope: h.Scope, LinkIndex: h.LinkIndex,
		}
		if h.Type == unix.RTN_UNREACHABLE {
			gone.LinkIndex = 0
		}
		if err := k.RouteDel(&gone); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("delete route %v: %w", h.Dst, err))
		}
	}
	_, err = k.deleteStrangers(keep)
	return errors.Join(append(errs, err)...)
}

// deleteStrangers deletes what others have put into our table, where it is in use:
// a default route there would lead around the tunnel when ours is gone. It returns
// how many there were.
func (k *kernel) deleteStrangers(keep []route) (n int, err error) {
	if !slices.ContainsFunc(keep, func(w route) bool { return w.table != 0 }) {
		return 0, nil
	}
	var errs []error
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := whole(func() ([]netlink.Route, error) {
			return k.RouteListFiltered(family, &netlink.Route{Table: k.table}, netlink.RT_FILTER_TABLE)
		})
		if err != nil {
			return n, fmt.Errorf("list routes: %w", err)
		}
		for i := range list {
			if int(list[i].Protocol) == k.protocol {
				continue
			}
			n++
			if err := k.RouteDel(&list[i]); err != nil && !errors.Is(err, unix.ESRCH) {
				errs = append(errs, fmt.Errorf("delete another's route %v: %w", list[i].Dst, err))
			}
		}
	}
	return n, errors.Join(errs...)
}

// ownRules returns our rules: of our priorities and made for our tables. A
// kernel before 4.17 does not tell who made a rule.
func (k *kernel) ownRules() ([]netlink.Rule, error) {
	var out []netlink.Rule
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := whole(func() ([]netlink.Rule, error) { return k.RuleList(family) })
		if err != nil {
			return nil, fmt.Errorf("list rules: %w", err)
		}
		for _, r := range list {
			made := int(r.Protocol) == k.protocol || r.Protocol == unix.RTPROT_UNSPEC
			placed := r.Priority == k.priority && r.Table == unix.RT_TABLE_MAIN ||
				r.Priority == k.priority+1 && r.Table == k.table ||
				r.Priority == k.priority+2 && r.Table == unix.RT_TABLE_UNSPEC
			if r.Family == family && made && placed {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

func sameRule(have *netlink.Rule, want rule) bool {
	suppress := have.Table == unix.RT_TABLE_MAIN && have.SuppressPrefixlen == passedOver(want.v6)
	refuse := have.Table == unix.RT_TABLE_UNSPEC
	return (have.Family == netlink.FAMILY_V6) == want.v6 && suppress == want.suppress && refuse == want.refuse &&
		have.Invert != want.suppress && have.Mark == want.mark
}

// addRules adds the rules that are missing, as many as it can.
func (k *kernel) addRules(want []rule) error {
	have, err := k.ownRules()
	if err != nil {
		return err
	}
	var errs []error
	for _, w := range want {
		if slices.ContainsFunc(have, func(h netlink.Rule) bool { return sameRule(&h, w) }) {
			continue
		}
		r := netlink.NewRule()
		r.Family, r.Protocol = netlink.FAMILY_V4, uint8(k.protocol)
		if w.v6 {
			r.Family = netlink.FAMILY_V6
		}
		switch {
		case w.suppress:
			r.Priority, r.Table, r.SuppressPrefixlen = k.priority, unix.RT_TABLE_MAIN, passedOver(w.v6)
		case w.refuse:
			r.Priority, r.Type, r.Mark, r.Invert = k.priority+2, unix.RTN_UNREACHABLE, w.mark, true
		default:
			r.Priority, r.Table, r.Mark, r.Invert = k.priority+1, k.table, w.mark, true
		}
		if err := k.RuleAdd(r); err != nil && !errors.Is(err, unix.EEXIST) {
			errs = append(errs, fmt.Errorf("add rule %d: %w", r.Priority, err))
		}
	}
	return errors.Join(errs...)
}

// deleteRules deletes the rules of ours that are not kept, those that lead
// into our table first.
func (k *kernel) deleteRules(keep []rule) error {
	have, err := k.ownRules()
	if err != nil {
		return err
	}
	slices.SortStableFunc(have, func(a, b netlink.Rule) int { return b.Priority - a.Priority })
	var errs []error
	for _, h := range have {
		if slices.ContainsFunc(keep, func(w rule) bool { return sameRule(&h, w) }) {
			continue
		}
		if err := k.RuleDel(&h); err != nil && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, fmt.Errorf("delete rule %d: %w", h.Priority, err))
		}
	}
	return errors.Join(errs...)
}

func toIPNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// fromIPNet returns the zero Prefix for what is none.
func fromIPNet(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.Prefix{}
	}
	a, ok := netip.AddrFromSlice(n.IP)
	ones, bits := n.Mask.Size()
	if !ok {
		return netip.Prefix{}
	}
	if bits == 32 {
		a = a.Unmap()
	}
	return netip.PrefixFrom(a, ones)
}
