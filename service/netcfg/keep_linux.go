package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	// keepQuiet is how long after a loss it is looked for: what flushes a table
	// takes one entry after the other.
	keepQuiet = 100 * time.Millisecond
	// keepMax is how long it waits at most while more keeps happening.
	keepMax = time.Second
	// keepApart keeps repairs apart where another program insists.
	keepApart = time.Second
)

// Keep puts back the routes, rules and addresses in force that somebody else
// takes away, be it a tunnel's or a seal's, until ctx ends: without them traffic
// leaves outside the tunnel.
// It works in the network namespace of the calling thread and costs nothing
// while nobody touches them. An error says that it cannot watch.
func (m *Manager) Keep(ctx context.Context) error {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
		unix.RTNLGRP_IPV4_NETCONF)
	if err != nil {
		return fmt.Errorf("watch routes and rules: %w", err)
	}
	lost := make(chan struct{}, 1)
	broke := make(chan error, 1)
	go func() { broke <- m.listen(s, lost) }()
	defer func() {
		s.Close()
		if err := <-broke; err != nil && ctx.Err() == nil {
			m.Log.Warn("routes and rules are no more watched", "err", err)
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var repairedAt time.Time
	var first time.Time // of the messages since it was last looked; zero: none
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-broke:
			broke <- err
			return err
		case <-lost:
			if first.IsZero() {
				first = time.Now()
			}
			quiet := min(keepQuiet, time.Until(first.Add(keepMax)))
			timer.Reset(max(quiet, time.Until(repairedAt.Add(keepApart))))
		case <-timer.C:
			first = time.Time{}
			repaired, err := m.repair()
			if repaired {
				repairedAt = time.Now()
			}
			if err != nil {
				m.Log.Error("what the tunnel needs cannot be put back", "err", err)
			}
		}
	}
}

// listen tells lost about messages that may be about what is ours, until the
// socket is closed.
func (m *Manager) listen(s *nl.NetlinkSocket, lost chan<- struct{}) error {
	for {
		msgs, _, err := s.Receive()
		overrun := errors.Is(err, unix.ENOBUFS)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil && !overrun && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watch routes and rules: %w", err)
		}
		if overrun || slices.ContainsFunc(msgs, m.concerns) {
			select {
			case lost <- struct{}{}:
			default:
			}
		}
	}
}

// concerns says that a message may tell of the loss of something of ours. A
// replaced route is only told as the one that came.
func (m *Manager) concerns(msg syscall.NetlinkMessage) bool {
	switch msg.Header.Type {
	case unix.RTM_DELRULE, unix.RTM_DELADDR, unix.RTM_NEWNETCONF:
		return true
	case unix.RTM_DELROUTE, unix.RTM_NEWROUTE:
		if len(msg.Data) < unix.SizeofRtMsg {
			return false
		}
		r := nl.DeserializeRtMsg(msg.Data)
		return int(r.Protocol) == m.Protocol || r.Table == unix.RT_TABLE_COMPAT && m.inTable(msg.Data[unix.SizeofRtMsg:])
	}
	return false
}

// inTable says that a route with these attributes is in our table.
func (m *Manager) inTable(attributes []byte) bool {
	list, err := nl.ParseRouteAttr(attributes)
	return err != nil || slices.ContainsFunc(list, func(a syscall.NetlinkRouteAttr) bool {
		return a.Attr.Type == unix.RTA_TABLE && len(a.Value) >= 4 && int(nl.NativeEndian().Uint32(a.Value)) == m.Table
	})
}

// repair looks for what is missing of the Spec in force, and puts it back.
func (m *Manager) repair() (repaired bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.applied == nil {
		return false, nil
	}
	k, err := openKernel(m.Options)
	if err != nil {
		return false, err
	}
	defer k.Close()
	link, l := m.inUse(k)
	if link == nil && !m.applied.FailClosed {
		return false, nil // there is nothing to lead anything to
	}
	p := newPlan(*m.applied, k.table, link != nil && m.haveIPv6(m.applied.Interface), kernelHasIPv6())
	if link == nil {
		p = p.reject()
	}
	m.passReplies(&p)
	whole, err := k.holds(link, &p)
	if whole || err != nil {
		return false, err
	}
	m.Log.Warn("another program took away what the tunnel needs: it is put back", "interface", m.applied.Interface)
	index := 0
	if link != nil {
		index = l.Index
		err = m.addAddresses(k, link, l, p.addresses)
	}
	return true, errors.Join(err, k.addRoutes(index, p.routes), k.addRules(p.rules))
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

// holds says that all of the plan is in the tables, and on the interface where
// there is one.
func (k *kernel) holds(link netlink.Link, p *plan) (bool, error) {
	index := 0
	var addresses []netip.Prefix
	if link != nil {
		index = link.Attrs().Index
		var err error
		if addresses, err = k.addresses(link); err != nil {
			return false, err
		}
	}
	list, err := k.ownRoutes()
	if err != nil {
		return false, err
	}
	routes := byInterface(list)
	rules, err := k.ownRules()
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(p.addresses, func(a netip.Prefix) bool { return !slices.Contains(addresses, a) }) &&
		!slices.ContainsFunc(p.routes, func(w route) bool {
			by, there := routes[w]
			return (!there || !w.unreachable && by != index) && !k.leads(index, w)
		}) &&
		!slices.ContainsFunc(p.rules, func(w rule) bool {
			return !slices.ContainsFunc(rules, func(h netlink.Rule) bool { return sameRule(&h, w) })
		}), nil
}
