package daemon

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"

	"holdfast/service/engine"
	"holdfast/service/netcfg"
	"holdfast/service/probe"
)

// permit lets our own packets go to an address until done is called; see
// guard.Permit. Nil: there is no guard that would keep them in.
type permit = func(network string, to netip.AddrPort) (done func())

// network is the system's side of the interface, and name look-ups beside it.
type network interface {
	engine.Network
	// Recover cleans up what a killed process left.
	Recover(ctx context.Context) error
	// Claim takes the network for this process. ErrClaimed of netcfg.
	Claim() (release func(), err error)
	// Keep puts back what others take away, until ctx ends.
	Keep(ctx context.Context) error
	// Changes tells of what others did, while Keep runs.
	Changes() <-chan netcfg.Change
	// Lookup resolves a name outside the tunnel.
	Lookup(ctx context.Context, host string) ([]netip.Addr, error)
	// Find does too, and says of an earlier answer that it is one.
	Find(ctx context.Context, host string) ([]netip.Addr, error)
}

// resolver is the resolver outside the tunnel. An earlier address is as good as
// none is bad: whether it still holds, the handshake will tell.
type resolver struct {
	*probe.Resolver
	log *slog.Logger
}

// Lookup resolves a name; see engine.Resolve.
func (r resolver) Lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs, err := r.Resolver.Lookup(ctx, host)
	if len(addrs) > 0 && err != nil {
		r.log.Warn("an endpoint's earlier addresses are used", "err", err)
		err = nil
	}
	return addrs, err
}

// Find resolves a name. Addresses beside an error are those of an earlier answer.
func (r resolver) Find(ctx context.Context, host string) ([]netip.Addr, error) {
	return r.Resolver.Lookup(ctx, host)
}

// newResolver makes the resolver that asks outside the tunnel. An endpoint on
// this machine makes sense only where the servers may be in this process.
func newResolver(opt Options, ours func(iface string) bool, p permit, log *slog.Logger) resolver {
	o := probe.Options{Log: log, Ours: ours, AllowLoopback: opt.Userspace, CacheFile: filepath.Join(opt.StateDir, "addresses.json")}
	if !opt.Userspace {
		o.Mark, o.Permit = mark, p
	}
	return resolver{probe.NewResolver(o), log}
}

// system is the real system.
type system struct {
	resolver
	manager *netcfg.Manager
}

func newSystem(opt Options, ours func(iface string) bool, p permit, log *slog.Logger) *system {
	return &system{
		resolver: newResolver(opt, ours, p, log),
		manager:  netcfg.New(netcfg.Options{StateDir: opt.StateDir, Log: log}),
	}
}

func (s *system) Apply(ctx context.Context, spec engine.NetSpec) error {
	return s.manager.Apply(ctx, netcfg.Spec{
		Interface: spec.Interface, MTU: spec.MTU, Addresses: spec.Addresses, Routes: spec.Routes,
		DNS: spec.DNS, Search: spec.Search, Mark: mark, FailClosed: spec.FailClosed, Carry: spec.Carry,
	})
}

func (s *system) Seal(ctx context.Context, carry []netip.Prefix) error {
	return s.manager.Seal(ctx, carry, mark)
}

func (s *system) Clear(ctx context.Context) error   { return s.manager.Clear(ctx) }
func (s *system) Recover(ctx context.Context) error { return s.manager.Recover(ctx) }
func (s *system) Claim() (func(), error)            { return s.manager.Claim() }
func (s *system) Keep(ctx context.Context) error    { return s.manager.Keep(ctx) }
func (s *system) Changes() <-chan netcfg.Change     { return s.manager.Changes() }
