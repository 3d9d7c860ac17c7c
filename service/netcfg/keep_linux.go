package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// keepSoon is how long after a loss it is looked for what is lost, the first
	// time: until then traffic is held up, or leaves if nothing fails closed.
	keepSoon = 2 * time.Millisecond
	// keepQuiet is the same while what was put back is taken again, since what
	// flushes a table takes one entry after the other, and for what only has to
	// be told.
	keepQuiet = 100 * time.Millisecond
	// keepMax is how long it waits at most while more keeps happening.
	keepMax = time.Second
	// keepApart keeps repairs apart where another program insists.
	keepApart = time.Second
	// keepRetry is the longest wait before another try where a repair failed.
	keepRetry = time.Minute
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
	defer func() {
		if err := w.close(); err != nil && ctx.Err() == nil {
			m.Log.Warn("routes and rules are no more watched", "err", err)
		}
	}()
	m.lookAround()
	k := keeper{m: m}
	repair, look := time.NewTimer(0), time.NewTimer(0)
	defer repair.Stop()
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-w.broke:
			w.broke <- err
			return err
		case <-w.lost:
			if wait, ok := k.loses(time.Now()); ok {
				repair.Reset(wait)
			}
		case <-repair.C:
			if again := k.repair(w.culprit()); again > 0 {
				repair.Reset(again)
			}
		case <-m.around:
			look.Reset(k.looks(time.Now()))
		case <-look.C:
			k.lookSince = time.Time{}
			m.detours()
		}
	}
}

// keeper is what Keep knows of its work so far.
type keeper struct {
	m *Manager
	// lostSince and lookSince are when the first of the messages came that have
	// not been looked into. Zero: there are none.
	lostSince, lookSince time.Time
	// repairs are those less than keepApart apart from each other, and repairedAt
	// is when the last one was.
	repairs    int
	repairedAt time.Time
	// failures are those one after the other; 0: the last one was well.
	failures int
}

// loses takes that something may be lost, and says after what time to look. Not
// ok: as was said before.
func (k *keeper) loses(now time.Time) (wait time.Duration, ok bool) {
	first := k.lostSince.IsZero()
	if first {
		k.lostSince = now
	}
	if now.Sub(k.repairedAt) >= keepApart {
		k.repairs = 0
	}
	quiet := min(keepQuiet, k.lostSince.Add(keepMax).Sub(now))
	switch k.repairs {
	case 0:
		return keepSoon, first
	case 1:
		return quiet, true
	default:
		return max(quiet, k.repairedAt.Add(keepApart).Sub(now)), true
	}
}

// looks takes that something was added, and says after what time to look.
func (k *keeper) looks(now time.Time) time.Duration {
	if k.lookSince.IsZero() {
		k.lookSince = now
	}
	return min(keepQuiet, k.lookSince.Add(keepMax).Sub(now))
}

// repair puts back what is missing, and tells of it. When that fails it says
// after what time to try again: what is being taken cannot be put back before it
// is gone, so only what fails twice is told.
func (k *keeper) repair(by string) (again time.Duration) {
	k.lostSince = time.Time{}
	lost, err := k.m.repair()
	if len(lost) > 0 {
		k.repairs++
		k.repairedAt = time.Now()
	}
	if err != nil {
		again = min(keepQuiet<<min(k.failures, 10), keepRetry)
		if k.failures++; k.failures == 2 {
			k.m.Log.Error("what the tunnel needs cannot be put back", "what", lost, "by", by, "err", err)
			k.m.tell(Change{By: by, What: sentence(lost), Err: err})
		}
		return again
	}
	failed := k.failures >= 2 // and was told
	k.failures = 0
	switch {
	case len(lost) > 0:
		k.m.Log.Warn("another program took away what the tunnel needs: it is put back", "what", lost, "by", by)
		k.m.tell(Change{By: by, What: sentence(lost)})
	case failed:
		k.m.Log.Info("what the tunnel needs is there again")
		k.m.tell(Change{What: "What the tunnel needs of the system is there again."})
	}
	return 0
}

// sentence says what was lost.
func sentence(lost []string) string {
	if len(lost) == 0 {
		return "What the tunnel needs of the system cannot be looked for."
	}
	return "Taken from the tunnel: " + strings.Join(lost, ", ") + "."
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
