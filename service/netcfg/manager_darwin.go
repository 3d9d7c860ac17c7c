package netcfg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Manager configures the network of this computer. It is safe for concurrent use;
// changes happen one after another.
//
// Addresses and the routes into the interface go with it. The routes that refuse,
// by which FailClosed and Seal keep in what it lost, and the resolvers stay until
// they are cleared, at the latest by a restart of the computer.
type Manager struct{ mover }

// New returns a Manager. It touches nothing before the first call: what a
// killed process left stays in force until Apply moves on from it, or Clear
// or Recover removes it.
func New(o Options) *Manager {
	out := newOutlet(o)
	return &Manager{mover{outlet: out, tables: &darwinTables{log: out.Log}}}
}

// Keep puts back the routes and addresses in force that somebody else takes away,
// be it a tunnel's or a seal's, and the tunnel's MTU, until ctx ends: without them
// traffic leaves outside the tunnel. It tells of that on Changes, and of what
// others add that leads around the tunnel. It costs nothing while nobody touches
// them. An error says that it cannot watch.
func (m *Manager) Keep(ctx context.Context) error {
	w, err := watch(m.around)
	if err != nil {
		return err
	}
	defer w.close()
	k := keeper{outlet: &m.outlet, of: m}
	return k.run(ctx, signs{lost: w.lost, broke: w.broke, culprit: w.culprit})
}

// claimFile is the file by which services of this computer find each other. The
// folder is root's alone, and emptied when the computer starts.
const claimFile = "/var/run/holdfast-network.lock"

// Claim takes the network of this computer for this process, since one Manager
// would clean up what the other needs. It holds until release is called or the
// process ends. ErrClaimed: another process has it.
func (m *Manager) Claim() (release func(), err error) {
	f, err := os.OpenFile(claimFile, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("claim the network: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { _ = f.Close() }, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, ErrClaimed
	}
	return nil, fmt.Errorf("claim the network: %w", err)
}

// darwinTables are the kernel's, and the dynamic store for resolvers.
type darwinTables struct{ log *slog.Logger }

func (t *darwinTables) layout(_ context.Context, s *Spec) (layout, error) {
	if s.isSeal() {
		return onMacOS(s, 0), nil
	}
	link, err := net.InterfaceByName(s.Interface)
	if err != nil {
		return layout{}, fmt.Errorf("find interface %s: %w", s.Interface, err)
	}
	for _, v4 := range []bool{true, false} {
		if isWhole(s.Routes, v4) && !firstOf(s.Addresses, v4).IsValid() {
			t.log.Warn("the tunnel has no address of a family that it is to carry: that is refused", "ipv4", v4)
		}
	}
	return onMacOS(s, uint64(link.Index)), nil
}

func (t *darwinTables) change(ctx context.Context, o op) error {
	switch {
	case o.names != nil:
		return setNamesByScutil(ctx, o.names)
	case o.way != nil && o.way.refuse:
		return t.changeWay(o.verb, o.way, nil)
	}
	link, err := net.InterfaceByName(o.iface)
	if err != nil {
		if o.verb == toRemove || o.link != nil && o.link.mtu == 0 {
			return nil // it is gone, and all that it had
		}
		return err
	}
	switch {
	case o.link != nil:
		return setMTU(link.Name, o.link.mtu)
	case o.way != nil:
		return t.changeWay(o.verb, o.way, link)
	default:
		return changeAddress(link.Name, o.verb, o.address)
	}
}

// read returns what the interface has, and the routes of ours that refuse.
func (t *darwinTables) read(l *layout) (found layout, err error) {
	if l.link.iface != "" {
		link, err := net.InterfaceByName(l.link.iface)
		if err == nil {
			found.link = linkNow(link)
			if found.addresses, err = addressesOn(link); err != nil {
				return layout{}, err
			}
		}
	}
	rows, err := readTable()
	if err != nil {
		return layout{}, err
	}
	found.ways = waysAmong(rows, found.link.iface, l.ways)
	return found, nil
}

func linkNow(i *net.Interface) link { return link{iface: i.Name, id: uint64(i.Index), mtu: i.MTU} }

// addressesOn are the addresses of an interface.
func addressesOn(i *net.Interface) ([]netip.Prefix, error) {
	list, err := i.Addrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses of %s: %w", i.Name, err)
	}
	var out []netip.Prefix
	for _, a := range list {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(n.IP)
		ones, _ := n.Mask.Size()
		if ok {
			out = append(out, netip.PrefixFrom(addr.Unmap(), ones))
		}
	}
	return out, nil
}

// left are the routes of ours that refuse, and that there are resolvers.
func (t *darwinTables) left() (layout, error) {
	left, err1 := leftByScutil(context.Background())
	rows, err2 := readTable()
	return layout{names: names{left: left}, ways: waysAmong(rows, "", nil)}, errors.Join(err1, err2)
}

func (t *darwinTables) around(iface string) (surroundings, error) {
	s := surroundings{own: map[string][]netip.Prefix{}}
	links, err := net.Interfaces()
	if err != nil {
		return s, fmt.Errorf("list interfaces: %w", err)
	}
	for i := range links {
		addresses, err := addressesOn(&links[i])
		if err != nil {
			return s, err
		}
		for _, a := range addresses {
			s.own[links[i].Name] = append(s.own[links[i].Name], a.Masked())
		}
	}
	rows, err := readTable()
	if err != nil {
		return s, err
	}
	s.routes = othersAmong(rows, iface)
	return s, nil
}

func (t *darwinTables) resolver() string { return "scutil" }
