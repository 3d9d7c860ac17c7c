package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// Seal makes that nothing of carry leaves, with no interface to go into:
// 0.0.0.0/0 and ::/0 by our rules and table, all else by unreachable routes in
// the main table. What bears the mark leaves as if there was no tunnel. It is
// what Apply with FailClosed leaves when its interface goes, and Apply moves on
// from it; whatever else Apply did is undone.
//
// First all that shuts comes; when that fails, what is there stays, and nothing
// is opened. Then what is not needed goes, as with Clear: an error of that
// leaves the seal in force.
func (m *Manager) Seal(ctx context.Context, carry []netip.Prefix, mark uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := sealed(carry, mark)
	if err := s.validateRoutes(); err != nil {
		return err
	}
	m.adopt()
	k, err := openKernel(m.Options)
	if err != nil {
		return err
	}
	defer k.Close()
	return m.seal(ctx, k, s)
}

func (m *Manager) seal(ctx context.Context, k *kernel, s Spec) error {
	p := newPlan(s, k.table, false, kernelHasIPv6())
	m.passReplies(&p)
	if err := errors.Join(k.addRoutes(0, p.routes), k.addRules(p.rules)); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	m.applied = &s
	m.index.Store(0)
	m.lookAround()
	err := errors.Join(
		m.clearDNS(ctx),
		k.deleteRules(p.rules),
		k.deleteRoutes(p.routes),
		m.dropLinks(k, nil),
		m.restoreSysctls(func(path string) bool { return !m.needs(&p, "", path) }),
	)
	return errors.Join(err, m.note())
}
