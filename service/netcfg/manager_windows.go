package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/windows"
	"golang.zx2c4.com/wireguard/windows/tunnel/winipcfg"

	"holdfast/service/underlay"
)

// Manager configures the network of this computer. It is safe for concurrent use;
// changes happen one after another.
//
// All that it does but the resolvers belongs to the interface, and goes with it.
// FailClosed and Seal have no routes here that refuse: what they ask for is left
// to the guard's rules.
type Manager struct{ mover }

// New returns a Manager. It touches nothing before the first call: what a
// killed process left stays in force until Apply moves on from it, or Clear
// or Recover removes it.
func New(o Options) *Manager {
	out := newOutlet(o)
	return &Manager{mover{outlet: out, tables: &windowsTables{dns: newRegistryDNS(out.Options), log: out.Log}}}
}

// Keep puts back the routes and addresses in force that somebody else takes away,
// and the tunnel's MTU, until ctx ends: without them traffic leaves outside the
// tunnel. It tells of that on Changes, and of what others add that leads around
// the tunnel. It costs nothing while nobody touches them. An error says that it
// cannot watch.
func (m *Manager) Keep(ctx context.Context) error {
	w, err := watch(m.around)
	if err != nil {
		return err
	}
	defer w.close()
	k := keeper{outlet: &m.outlet, of: m}
	return k.run(ctx, signs{lost: w.lost, culprit: func() string { return "" }})
}

const (
	// comeWithin is how long an interface that was just made may take to get its
	// place in the system's tables.
	comeWithin = 5 * time.Second
	// comeV6Within is how long after IPv4 it may take for IPv6, which many have
	// turned off.
	comeV6Within = 2 * time.Second
	// comeLook is how often it is looked for.
	comeLook = 20 * time.Millisecond
)

// families are those of the tables.
var families = []winipcfg.AddressFamily{windows.AF_INET, windows.AF_INET6}

// windowsTables are those of IP Helper, and of the registry for resolvers.
type windowsTables struct {
	dns *registryDNS
	log interface{ Warn(string, ...any) }
	// noV6 is an interface without IPv6. 0: none is known.
	noV6 winipcfg.LUID
}

// layout waits for the interface to come, and for its IPv6 once.
func (t *windowsTables) layout(ctx context.Context, s *Spec) (layout, error) {
	if s.isSeal() {
		return onWindows(s, 0, false), nil
	}
	var luid winipcfg.LUID
	err := await(ctx, comeWithin, func() (err error) {
		luid, err = luidOf(s.Interface)
		if err == nil {
			_, err = luid.IPInterface(windows.AF_INET)
		}
		return err
	})
	if err != nil {
		return layout{}, fmt.Errorf("find interface %s: %w", s.Interface, err)
	}
	v6 := t.hasV6(ctx, luid)
	l := onWindows(s, uint64(luid), v6)
	if !v6 && (len(l.addresses) < len(s.Addresses) || s.FullTunnelV6()) {
		t.log.Warn("the system has no IPv6 here: the IPv6 part of the tunnel is left out")
	}
	return l, nil
}

// hasV6 says whether an interface carries IPv6. One that was found not to is not
// waited for again.
func (t *windowsTables) hasV6(ctx context.Context, luid winipcfg.LUID) bool {
	within := comeV6Within
	if t.noV6 == luid {
		within = 0
	}
	err := await(ctx, within, func() error {
		_, err := luid.IPInterface(windows.AF_INET6)
		return err
	})
	t.noV6 = 0
	if err != nil {
		t.noV6 = luid
	}
	return err == nil
}

// await asks again, for some time, while the answer is that something is not there.
func await(ctx context.Context, within time.Duration, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(comeLook)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil || !isGone(err) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// isGone says that something is not there.
func isGone(err error) bool {
	return errors.Is(err, windows.ERROR_NOT_FOUND) || errors.Is(err, windows.ERROR_FILE_NOT_FOUND)
}

// luidOf finds an interface by the name that a person sees.
func luidOf(name string) (winipcfg.LUID, error) {
	list, err := adapters()
	if err != nil {
		return 0, err
	}
	for _, a := range list {
		if a.FriendlyName() == name {
			return a.LUID, nil
		}
	}
	return 0, windows.ERROR_NOT_FOUND
}

// adapters are all interfaces that IP goes by.
func adapters() ([]*winipcfg.IPAdapterAddresses, error) {
	list, err := winipcfg.GetAdaptersAddresses(windows.AF_UNSPEC, winipcfg.GAAFlagSkipAll&^winipcfg.GAAFlagSkipFriendlyName)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	return list, nil
}

func (t *windowsTables) change(_ context.Context, o op) error {
	switch {
	case o.names != nil:
		return t.dns.set(o.names)
	case o.way != nil && o.verb == toSet:
		return nil // a route leaves by whatever address the interface has
	}
	luid, err := luidOf(o.iface)
	if isGone(err) && (o.verb == toRemove || o.link != nil && *o.link == (link{iface: o.iface})) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case o.link != nil:
		return t.setLink(luid, o.link)
	case o.way != nil:
		return changeRoute(luid, o.verb, o.way.dst)
	default:
		return changeAddress(luid, o.verb, o.address)
	}
}

// setLink has the interface speak to nobody but through the tunnel: it looks for
// no routers and no other owner of its addresses, forwards nothing, and neither
// takes nor sends what belongs to another interface. The metric of a whole tunnel
// is the lowest there is.
func (t *windowsTables) setLink(luid winipcfg.LUID, l *link) error {
	for _, family := range families {
		if family == windows.AF_INET6 && t.noV6 == luid {
			continue
		}
		row, err := luid.IPInterface(family)
		if err != nil {
			return err
		}
		row.RouterDiscoveryBehavior = winipcfg.RouterDiscoveryDisabled
		row.DadTransmits = 0
		row.ManagedAddressConfigurationSupported = false
		row.OtherStatefulConfigurationSupported = false
		row.ForwardingEnabled = false
		row.WeakHostSend = false
		row.WeakHostReceive = false
		if l.mtu != 0 {
			row.NLMTU = mtuOf(family, l.mtu)
		}
		whole := family == windows.AF_INET && l.whole4 || family == windows.AF_INET6 && l.whole6
		row.UseAutomaticMetric = !whole
		if whole {
			row.Metric = 0
		}
		if err := row.Set(); err != nil {
			return err
		}
	}
	return nil
}

// mtuOf is the MTU of a family where an interface has one for both: IPv6 takes none
// below its least.
func mtuOf(family winipcfg.AddressFamily, mtu int) uint32 {
	const least6 = 1280
	if family == windows.AF_INET6 {
		return uint32(max(mtu, least6))
	}
	return uint32(mtu)
}

func changeAddress(luid winipcfg.LUID, do verb, a netip.Prefix) error {
	if do == toRemove {
		if err := luid.DeleteIPAddress(a); err != nil && !isGone(err) {
			return err
		}
		return nil
	}
	err := luid.AddIPAddress(a)
	if errors.Is(err, windows.ERROR_OBJECT_ALREADY_EXISTS) {
		if have, asked := luid.IPAddress(a.Addr()); asked == nil && int(have.OnLinkPrefixLength) == a.Bits() {
			return nil
		}
		return fmt.Errorf("another interface has the address: %w", err)
	}
	return err
}

func changeRoute(luid winipcfg.LUID, do verb, dst netip.Prefix) error {
	direct := netip.IPv4Unspecified()
	if dst.Addr().Is6() {
		direct = netip.IPv6Unspecified()
	}
	if do == toRemove {
		if err := luid.DeleteRoute(dst, direct); err != nil && !isGone(err) {
			return err
		}
		return nil
	}
	if err := luid.AddRoute(dst, direct, 0); err != nil && !errors.Is(err, windows.ERROR_OBJECT_ALREADY_EXISTS) {
		return err
	}
	return nil
}

// read returns what the interface has.
func (t *windowsTables) read(l *layout) (found layout, err error) {
	if l.link.iface == "" {
		return layout{}, nil
	}
	luid, err := luidOf(l.link.iface)
	if isGone(err) {
		return layout{}, nil
	}
	if err != nil {
		return layout{}, err
	}
	row, err := luid.IPInterface(windows.AF_INET)
	if isGone(err) {
		return layout{}, nil
	}
	if err != nil {
		return layout{}, fmt.Errorf("read interface: %w", err)
	}
	found.link = link{iface: l.link.iface, id: uint64(luid), mtu: int(row.NLMTU)}
	if row6, err := luid.IPInterface(windows.AF_INET6); err == nil && found.link.mtu == l.link.mtu && row6.NLMTU != mtuOf(windows.AF_INET6, l.link.mtu) {
		found.link.mtu = int(row6.NLMTU) // the one that is not as it was set
	}
	addresses, err := winipcfg.GetUnicastIPAddressTable(windows.AF_UNSPEC)
	if err != nil {
		return layout{}, fmt.Errorf("list addresses: %w", err)
	}
	for i := range addresses {
		if a := &addresses[i]; a.InterfaceLUID == luid {
			found.addresses = append(found.addresses, addressIn(a))
		}
	}
	routes, err := winipcfg.GetIPForwardTable2(windows.AF_UNSPEC)
	if err != nil {
		return layout{}, fmt.Errorf("list routes: %w", err)
	}
	for i := range routes {
		if r := &routes[i]; r.InterfaceLUID == luid && r.NextHop.Addr().IsUnspecified() {
			found.addWay(way{dst: r.DestinationPrefix.Prefix()})
		}
	}
	return found, nil
}

func addressIn(row *winipcfg.MibUnicastIPAddressRow) netip.Prefix {
	return netip.PrefixFrom(row.Address.Addr().WithZone(""), int(row.OnLinkPrefixLength))
}

func (t *windowsTables) left() (layout, error) {
	left, err := t.dns.left()
	return layout{names: names{left: left}}, err
}

// around has the metrics of a route and of its interface added, as the system does.
func (t *windowsTables) around(iface string) (surroundings, error) {
	table, err := underlay.Read()
	if err != nil {
		return surroundings{}, err
	}
	s := surroundings{own: map[string][]netip.Prefix{}}
	for _, a := range table.Addrs {
		if l, ok := table.Link(a.Link); ok {
			s.own[l.Name] = append(s.own[l.Name], a.Net.Masked())
		}
	}
	for _, r := range table.Routes {
		switch l, ok := table.Link(r.Link); {
		case ok && l.Name == iface:
			s.metric = max(s.metric, r.Metric)
		case ok && l.Up && !l.Loopback:
			s.routes = append(s.routes, foreign{dst: r.To, by: l.Name, direct: !r.Gateway.IsValid(), metric: r.Metric})
		}
	}
	return s, nil
}

func (t *windowsTables) resolver() string { return "registry" }
