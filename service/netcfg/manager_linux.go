package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Manager configures the network of the namespace in which the calling thread
// runs. It is safe for concurrent use; changes happen one after another.
type Manager struct {
	outlet

	mu sync.Mutex
	// journal is nil until the first use.
	journal *journal
	// applied is the Spec in force, or a seal's. nil: none, or one of the process before.
	applied *Spec

	index atomic.Int32 // of the interface that is set up; 0: none is
}

// New returns a Manager. It touches nothing before the first call: what a
// killed process left stays in force until Apply moves on from it, or Clear
// or Recover removes it.
func New(o Options) *Manager { return &Manager{outlet: newOutlet(o)} }

// Apply moves from what is applied now to the Spec. When it fails it has gone
// back to the state before, and the error says what failed; where the state
// before was a killed process's, it has been cleared.
//
// It also has the system ask anew for the neighbours that have not answered,
// so that what is sent after a change of the network need not wait for them.
//
// While IPv4 is fully tunneled, net.ipv4.conf.all.src_valid_mark is 1 and a
// strict rp_filter is loosened; where nothing but unreachable routes is there
// for it, it is off. All are put back when no more needed.
func (m *Manager) Apply(ctx context.Context, s Spec) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := s.Validate(); err != nil {
		return err
	}
	m.adopt()
	k, err := openKernel(m.Options)
	if err != nil {
		return err
	}
	defer k.Close()
	err = m.move(ctx, k, s)
	if err == nil {
		m.applied = &s
		m.lookAround()
		k.askAnew()
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	var undo error
	switch {
	case m.applied == nil:
		undo = m.clear(ctx, k)
	case m.applied.isSeal():
		undo = m.seal(ctx, k, *m.applied)
	default:
		undo = m.move(ctx, k, *m.applied)
	}
	if undo != nil {
		undo = fmt.Errorf("undo: %w", undo)
	}
	return errors.Join(err, undo)
}

// Clear undoes all that Apply did. It goes on where a part fails; what could
// not be undone is tried again by the next Clear or Recover. Without anything
// applied, or with the interface gone, it succeeds.
func (m *Manager) Clear(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.adopt()
	k, err := openKernel(m.Options)
	if err != nil {
		return err
	}
	defer k.Close()
	return m.clear(ctx, k)
}

// Recover cleans up what a killed process left: its routes and rules by their
// numbers, all else by the journal. It is safe to call at any time.
func (m *Manager) Recover(ctx context.Context) error { return m.Clear(ctx) }

// DNSBackend says by which means the resolvers are set at the moment:
// "resolved", "resolvconf", "file", or "" for none.
func (m *Manager) DNSBackend() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.adopt()
	if m.journal.DNS == nil {
		return ""
	}
	return m.journal.DNS.Backend
}

func (m *Manager) adopt() {
	if m.journal != nil {
		return
	}
	j, err := readJournal(m.StateDir)
	if err != nil {
		m.Log.Warn("what the process before left is only known in part", "err", err)
	}
	m.journal = j
}

// move makes the system what the Spec says: all that is new first, then what
// is old goes, then what went with the old (the kernel drops an interface's
// routes with its last address) comes again.
func (m *Manager) move(ctx context.Context, k *kernel, s Spec) error {
	link, err := k.LinkByName(s.Interface)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", s.Interface, err)
	}
	l, err := m.keepLink(link)
	if err != nil {
		return err
	}
	m.index.Store(int32(l.Index))
	// First, since a small MTU takes IPv6 from the interface until a larger one
	// gives it back.
	if err := k.setMTU(link, s.MTU); err != nil {
		return err
	}
	v6 := m.haveIPv6(s.Interface)
	p := newPlan(s, k.table, v6, kernelHasIPv6())
	if !v6 && (len(p.addresses) < len(s.Addresses) || s.FullTunnelV6()) {
		m.Log.Warn("the kernel has no IPv6 here: the IPv6 part of the tunnel is left out")
	}
	steps := []func() error{
		func() error { return m.raise(k, link, l, &p) },
		func() error { m.passReplies(&p); return nil },
		func() error { return k.addRoutes(l.Index, p.routes) },
		func() error { return k.addRules(p.rules) },
		func() error { return m.setDNS(ctx, l, &s) },
		func() error { return k.deleteRules(p.rules) },
		func() error { return k.deleteRoutes(p.routes) },
		func() error { return m.dropAddresses(k, link, l, p.addresses) },
		func() error { return m.addAddresses(k, link, l, p.addresses) },
		func() error { return k.addRoutes(l.Index, p.routes) },
		func() error { return m.dropLinks(k, l) },
		func() error { m.settleFilters(&p); return nil },
		func() error { return m.restoreSysctls(func(path string) bool { return !m.needs(&p, l.Name, path) }) },
		func() error { return m.note() },
	}
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// needs says that a changed kernel setting must stay as long as the plan is in
// force on an interface. "": there is none.
func (m *Manager) needs(p *plan, iface, path string) bool {
	switch {
	case path == srcValidMark:
		return p.leads(false)
	case isFilter(path):
		return m.needsFilter(p, path)
	}
	return iface != "" && ofInterface(iface, path)
}

// ofInterface says that a kernel setting is one of the interface's own.
func ofInterface(iface, path string) bool {
	return path == solicit(iface) || path == promote(iface) || path == disableIPv6(iface)
}

func solicit(iface string) string     { return "ipv6/conf/" + iface + "/router_solicitations" }
func disableIPv6(iface string) string { return "ipv6/conf/" + iface + "/disable_ipv6" }
func promote(iface string) string     { return "ipv4/conf/" + iface + "/promote_secondaries" }

// keepLink notes an interface as it is before we change it.
func (m *Manager) keepLink(link netlink.Link) (*linked, error) {
	a := link.Attrs()
	if l := m.journal.link(a.Name, a.Index); l != nil {
		return l, nil
	}
	l := &linked{Name: a.Name, Index: a.Index, WasUp: a.RawFlags&unix.IFF_UP != 0, WasMTU: a.MTU}
	m.journal.Links = append(m.journal.Links, l)
	return l, m.note()
}

// raise gives the interface its addresses and brings it up.
func (m *Manager) raise(k *kernel, link netlink.Link, l *linked, p *plan) error {
	up := link.Attrs().RawFlags&unix.IFF_UP != 0
	if !up {
		// Else the kernel looks for routers in the tunnel, by packets that
		// nobody answers. Not essential.
		_ = m.setSysctl(solicit(l.Name), "0")
	}
	if err := m.addAddresses(k, link, l, p.addresses); err != nil {
		return err
	}
	if !up {
		if err := k.LinkSetUp(link); err != nil {
			return fmt.Errorf("bring up %s: %w", l.Name, err)
		}
	}
	return nil
}

// addAddresses adds the missing ones. Those which the interface had from
// somebody else are not noted, and so never deleted.
func (m *Manager) addAddresses(k *kernel, link netlink.Link, l *linked, want []netip.Prefix) error {
	have, err := k.addresses(link)
	if err != nil {
		return err
	}
	var missing []netip.Prefix
	for _, p := range want {
		if slices.Contains(have, p) {
			continue
		}
		missing = append(missing, p)
		if !slices.Contains(l.Addresses, p) {
			l.Addresses = append(l.Addresses, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := m.note(); err != nil {
		return err
	}
	for _, p := range missing {
		if err := k.addAddress(link, p); err != nil {
			return err
		}
	}
	return nil
}

// dropAddresses deletes those of ours that are not kept.
func (m *Manager) dropAddresses(k *kernel, link netlink.Link, l *linked, keep []netip.Prefix) error {
	drop := slices.DeleteFunc(slices.Clone(l.Addresses), func(p netip.Prefix) bool { return slices.Contains(keep, p) })
	if len(drop) == 0 {
		return nil
	}
	if len(keep) > 0 {
		// Else the kernel drops the other addresses of a network with its
		// first one. They come again in any case: not essential.
		_ = m.setSysctl(promote(l.Name), "1")
	}
	var errs []error
	for _, p := range drop {
		err := k.deleteAddress(link, p)
		errs = append(errs, err)
		if err == nil {
			l.Addresses = slices.DeleteFunc(l.Addresses, func(a netip.Prefix) bool { return a == p })
		}
	}
	return errors.Join(errs...)
}

// dropLinks gives every interface but one back as it was.
func (m *Manager) dropLinks(k *kernel, keep *linked) error {
	var errs []error
	m.journal.Links = slices.DeleteFunc(m.journal.Links, func(l *linked) bool {
		if l == keep {
			return false
		}
		err := m.restoreLink(k, l)
		errs = append(errs, err)
		return err == nil
	})
	return errors.Join(errs...)
}

func (m *Manager) restoreLink(k *kernel, l *linked) error {
	link, err := k.LinkByIndex(l.Index)
	if errors.As(err, &netlink.LinkNotFoundError{}) || err == nil && link.Attrs().Name != l.Name {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find interface %s: %w", l.Name, err)
	}
	err = m.dropAddresses(k, link, l, nil)
	a := link.Attrs()
	if !l.WasUp && a.RawFlags&unix.IFF_UP != 0 {
		err = errors.Join(err, k.LinkSetDown(link))
	}
	if a.MTU != l.WasMTU {
		err = errors.Join(err, k.LinkSetMTU(link, l.WasMTU))
	}
	if err != nil {
		return fmt.Errorf("restore interface %s: %w", l.Name, err)
	}
	return nil
}

// clear undoes everything, in the reverse of the order in which it came.
func (m *Manager) clear(ctx context.Context, k *kernel) error {
	m.applied = nil
	m.index.Store(0)
	m.lookAround()
	err := errors.Join(
		m.clearDNS(ctx),
		k.deleteRules(nil),
		k.deleteRoutes(nil),
		m.dropLinks(k, nil),
		m.restoreSysctls(func(string) bool { return true }),
	)
	return errors.Join(err, m.note())
}
