package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Keep puts back the routes, rules and addresses in force that somebody else
// takes away, be it a tunnel's or a seal's, and the tunnel's MTU, until ctx ends:
// without them traffic leaves outside the tunnel. It tells of that on Changes,
// and of what others add that leads around the tunnel. It works in the network
// namespace of the calling thread and costs nothing while nobody touches them. An
// error says that it cannot watch.
func (m *Manager) Keep(ctx context.Context) error {
	w, err := m.watch()
	if err != nil {
		return err
	}
	defer w.close()
	k := keeper{outlet: &m.outlet, of: m}
	return k.run(ctx, signs{lost: w.lost, broke: w.broke, culprit: w.culprit})
}

// repair looks for what is missing of the Spec in force, and puts it back. It
// returns what that was, in plain words.
func (m *Manager) repair() (lost []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.applied == nil {
		return nil, nil
	}
	k, err := openKernel(m.Options)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	link, l := m.inUse(k)
	if link == nil && !m.applied.FailClosed {
		return nil, nil // there is nothing to lead anything to
	}
	if link != nil && m.applied.MTU != 0 && m.applied.MTU != link.Attrs().MTU {
		lost = append(lost, fmt.Sprintf("its MTU of %d, which was set to %d", m.applied.MTU, link.Attrs().MTU))
		err = k.setMTU(link, m.applied.MTU) // first: a small one has taken IPv6
	}
	p := newPlan(*m.applied, k.table, link != nil && m.haveIPv6(m.applied.Interface), kernelHasIPv6())
	index := 0
	if link == nil {
		p = p.reject()
	} else {
		index = l.Index
	}
	m.passReplies(&p)
	missing, failed := k.missing(link, &p)
	lost = append(lost, missing...)
	strangers, kept := k.deleteStrangers(p.routes)
	if strangers > 0 {
		lost = append(lost, "its own routing table, to which a route was added")
	}
	failed = errors.Join(failed, kept)
	if len(lost) == 0 || failed != nil {
		return lost, errors.Join(err, failed)
	}
	if link != nil {
		err = errors.Join(err, m.addAddresses(k, link, l, p.addresses))
	}
	return lost, errors.Join(err, k.addRoutes(index, p.routes), k.addRules(p.rules))
}

// inUse returns the interface of the Spec in force, and what is kept about it.
// nil: it has none, or it is not there, or is down.
func (m *Manager) inUse(k *kernel) (netlink.Link, *linked) {
	if m.applied.isSeal() {
		return nil, nil
	}
	link, err := k.LinkByName(m.applied.Interface)
	if err != nil || link.Attrs().RawFlags&unix.IFF_UP == 0 {
		return nil, nil
	}
	l := m.journal.link(link.Attrs().Name, link.Attrs().Index)
	if l == nil {
		return nil, nil
	}
	return link, l
}

// missing says what of the plan is not in the tables, nor on the interface where
// there is one.
func (k *kernel) missing(link netlink.Link, p *plan) (what []string, err error) {
	index := 0
	var addresses []netip.Prefix
	if link != nil {
		index = link.Attrs().Index
		if addresses, err = k.addresses(link); err != nil {
			return nil, err
		}
	}
	list, err := k.ownRoutes()
	if err != nil {
		return nil, err
	}
	rules, err := k.ownRules()
	if err != nil {
		return nil, err
	}
	routes := byInterface(list)
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			what = append(what, one)
		case n > 1:
			what = append(what, fmt.Sprintf(many, n))
		}
	}
	add(count(p.addresses, func(a netip.Prefix) bool { return !slices.Contains(addresses, a) }), "an address", "%d addresses")
	add(count(p.routes, func(w route) bool {
		by, there := routes[w]
		return (!there || !w.unreachable && by != index) && !k.leads(index, w)
	}), "a route", "%d routes")
	add(count(p.rules, func(w rule) bool {
		return !slices.ContainsFunc(rules, func(h netlink.Rule) bool { return sameRule(&h, w) })
	}), "a routing rule", "%d routing rules")
	return what, nil
}

func count[T any](list []T, is func(T) bool) (n int) {
	for _, x := range list {
		if is(x) {
			n++
		}
	}
	return n
}
