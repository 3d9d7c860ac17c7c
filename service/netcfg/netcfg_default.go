//go:build !linux && !windows && !darwin

package netcfg

import (
	"context"
	"net/netip"
)

// Manager configures nothing on this system: addresses, routes and resolvers
// are set on Linux, macOS and Windows. Every method that would change something
// returns ErrUnsupported, so that no tunnel seems to carry what it does not.
type Manager struct{}

// New returns a Manager that changes nothing.
func New(Options) *Manager { return &Manager{} }

// Apply returns ErrUnsupported.
func (m *Manager) Apply(context.Context, Spec) error { return ErrUnsupported }

// Seal returns ErrUnsupported.
func (m *Manager) Seal(context.Context, []netip.Prefix, uint32) error { return ErrUnsupported }

// Clear returns nil: nothing was applied.
func (m *Manager) Clear(context.Context) error { return nil }

// Recover returns nil: nothing can have been left.
func (m *Manager) Recover(context.Context) error { return nil }

// DNSBackend returns "": none is used.
func (m *Manager) DNSBackend() string { return "" }

// Claim takes nothing: there is nothing that two services could share.
func (m *Manager) Claim() (release func(), err error) { return func() {}, nil }

// Changes returns nil: nobody changes what is not applied.
func (m *Manager) Changes() <-chan Change { return nil }

// Keep returns nil at once: nothing was applied that could be lost.
func (m *Manager) Keep(context.Context) error { return nil }
