package netcfg

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// dnsTimeout bounds one change by way of another program.
const dnsTimeout = 10 * time.Second

// The backends, by the names that DNSBackend gives.
const (
	byResolved   = "resolved"
	byResolvconf = "resolvconf"
	byFile       = "file"
)

// dnsKept says by which backend the resolvers were set, and for whom.
type dnsKept struct {
	Backend string        `json:"backend"`
	Name    string        `json:"name"`
	Index   int           `json:"index"`
	Servers []netip.Addr  `json:"servers"`
	Search  []string      `json:"search,omitempty"`
	Full    bool          `json:"full,omitempty"`
	File    *keptFile     `json:"file,omitempty"`
	Program *resolvconfAs `json:"program,omitempty"`
	// told says that this process has seen the backend take it.
	told bool
}

// same says that a backend would be told the same again.
func (d *dnsKept) same(e *dnsKept) bool {
	return d.Backend == e.Backend && d.Name == e.Name && d.Index == e.Index && d.Full == e.Full &&
		slices.Equal(d.Servers, e.Servers) && slices.Equal(d.Search, e.Search)
}

// setDNS makes the resolvers those of the Spec, or the system's own where it
// has none.
func (m *Manager) setDNS(ctx context.Context, l *linked, s *Spec) error {
	if len(s.DNS) == 0 {
		return m.clearDNS(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	want := &dnsKept{
		Name: l.Name, Index: l.Index, Servers: s.DNS, Search: s.Search,
		Full: s.FullTunnelV4() || s.FullTunnelV6(),
	}
	m.chooseBackend(ctx, want)
	if old := m.journal.DNS; old != nil && (old.Backend != want.Backend || old.Name != want.Name) {
		if err := m.clearDNS(ctx); err != nil {
			return err
		}
	}
	old := m.journal.DNS
	changed := old == nil || !old.same(want)
	if changed {
		m.Log.Info("set resolvers", "backend", want.Backend)
	}
	if old != nil {
		want.File, want.Program = old.File, old.Program
	}
	var err error
	switch want.Backend {
	case byResolved:
		err = m.noteDNS(want)
		if err == nil {
			err = m.tellResolved(ctx, want)
		}
	case byResolvconf:
		if changed || !old.told {
			err = m.tellResolvconf(ctx, want)
			want.told = err == nil
		}
	default:
		err = m.writeResolvConf(want)
	}
	if err != nil {
		return fmt.Errorf("set resolvers by %s: %w", want.Backend, err)
	}
	return nil
}

// noteDNS writes to the journal what is about to be done.
func (m *Manager) noteDNS(d *dnsKept) error {
	m.journal.DNS = d
	return m.note()
}

// chooseBackend prefers what the system itself uses: systemd-resolved where
// programs are led to it, then resolvconf, then the file they read.
func (m *Manager) chooseBackend(ctx context.Context, d *dnsKept) {
	if resolvedManages(m.ResolvConf) && m.resolvedRuns(ctx) {
		d.Backend = byResolved
		return
	}
	if d.Program = findResolvconf(m.Resolvconf); d.Program != nil {
		d.Backend = byResolvconf
		return
	}
	d.Backend = byFile
}

// clearDNS gives the system its own resolvers back.
func (m *Manager) clearDNS(ctx context.Context) error {
	d := m.journal.DNS
	if d == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	var err error
	switch d.Backend {
	case byResolved:
		err = m.revertResolved(ctx, d)
	case byResolvconf:
		err = d.Program.remove(ctx)
	case byFile:
		err = m.restoreResolvConf(d.File)
	}
	if err != nil {
		return fmt.Errorf("restore resolvers by %s: %w", d.Backend, err)
	}
	m.journal.DNS = nil
	return m.note()
}
