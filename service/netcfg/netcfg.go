// Package netcfg gives the tunnel's interface its place in the system: its MTU
// and addresses, the routes and rules that lead traffic into it, and the
// resolvers to use meanwhile.
//
// A Manager moves from one Spec to another as one transaction: what both share
// stays untouched, what is new comes before what is old goes, and a step that
// fails takes the others back. A seal is such a state without an interface:
// what a tunnel should carry then goes nowhere. What keeps traffic in outlives the
// process, so that a crash opens no gap; the next process adopts it, or cleans
// it up with Recover. Windows has no routes that keep anything in, and what a
// crash leaves there are resolvers.
//
// It never creates or deletes an interface, never touches a route, rule,
// address or file that it did not make or keep, and never runs a shell.
//
// On Linux a Manager puts rules before the system's tables. Windows and macOS have
// one table, through which a mover goes step by step.
package netcfg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"

	"github.com/godbus/dbus/v5"
)

// Numbers by which what is ours is recognised in the kernel's tables.
const (
	// DefaultTable is the routing table that holds the default routes of a full tunnel.
	DefaultTable = 26726
	// DefaultPriority is the priority of the rule that lets the main table's
	// more specific routes win. The next number has the rule that leads the rest
	// into DefaultTable, and the one after it the rule that refuses what is left.
	DefaultPriority = 26726
	// DefaultProtocol is the routing protocol number of our routes and rules.
	DefaultProtocol = 104
)

// ErrUnsupported says that this system's network cannot be configured by this
// build. It wraps errors.ErrUnsupported.
var ErrUnsupported = fmt.Errorf("configure the network on this system: %w", errors.ErrUnsupported)

// ErrClaimed says that another service configures this network.
var ErrClaimed = errors.New("another holdfastd configures this network")

// Spec is what the system's network shall look like for the tunnel.
type Spec struct {
	// Interface is the name of an existing interface.
	Interface string
	// MTU in bytes. 0: as it is.
	MTU int
	// Addresses are the interface's own, with the length of their network.
	Addresses []netip.Prefix
	// Routes are what shall go through the interface. 0.0.0.0/0 and ::/0 make
	// it a full tunnel in their family, and so do their two halves.
	Routes []netip.Prefix
	// DNS are the resolvers to use. Empty: the system's stay, and Search is ignored.
	DNS    []netip.Addr
	Search []string
	// Mark is the firewall mark of the packets which must stay outside the
	// tunnel. A full tunnel needs one. Windows and macOS have no marks: there a
	// packet stays outside whose socket is bound to another interface.
	Mark uint32
	// FailClosed puts an unreachable route behind every route into the
	// interface, and refuses the other family where only one is wholly routed,
	// so that traffic which the interface lost does not leave by another one.
	// Windows has no such routes, and leaves that to the guard's rules.
	FailClosed bool
	// Carry is what, with FailClosed, must not leave otherwise either, whether
	// or not it is among Routes.
	Carry []netip.Prefix
}

// FullTunnelV4 says that all IPv4 traffic goes through the interface.
func (s *Spec) FullTunnelV4() bool { return isWhole(s.Routes, true) }

// FullTunnelV6 says that all IPv6 traffic goes through the interface.
func (s *Spec) FullTunnelV6() bool { return isWhole(s.Routes, false) }

// shuts says that nothing may leave but by the interface, in either family.
func (s *Spec) shuts() bool {
	all := slices.Concat(s.Routes, s.Carry)
	return s.FailClosed && (isWhole(all, true) || isWhole(all, false))
}

// isWhole says that the prefixes have all of a family, or its two halves.
func isWhole(prefixes []netip.Prefix, v4 bool) bool {
	halves := map[netip.Prefix]bool{}
	for _, p := range prefixes {
		switch {
		case p.Addr().Is4() != v4 || p.Bits() > 1:
		case p.Bits() == 0:
			return true
		default:
			halves[p.Masked()] = true
		}
	}
	return len(halves) == 2
}

var interfaceName = regexp.MustCompile(`^[a-zA-Z0-9_=+.-]{1,15}$`)

// Validate returns what makes the Spec impossible, or nil.
func (s *Spec) Validate() error {
	if !interfaceName.MatchString(s.Interface) || slices.Contains([]string{".", "..", "all", "default"}, s.Interface) {
		return fmt.Errorf("interface name %q is not usable", s.Interface)
	}
	if s.MTU != 0 && (s.MTU < 576 || s.MTU > 65535) {
		return fmt.Errorf("mtu %d is not between 576 and 65535", s.MTU)
	}
	for _, p := range s.Addresses {
		if !p.IsValid() || p.Addr().Is4In6() {
			return fmt.Errorf("address %v is not usable", p)
		}
		if s.MTU != 0 && s.MTU < 1280 && p.Addr().Is6() {
			return fmt.Errorf("address %v needs an mtu of at least 1280, not %d", p, s.MTU)
		}
	}
	for _, a := range s.DNS {
		if !a.IsValid() || a.IsUnspecified() {
			return fmt.Errorf("resolver %v is not usable", a)
		}
	}
	for _, d := range s.Search {
		if !searchDomain.MatchString(d) {
			return fmt.Errorf("search domain %q is not usable", d)
		}
	}
	return s.validateRoutes()
}

func (s *Spec) validateRoutes() error {
	for _, p := range slices.Concat(s.Routes, s.Carry) {
		if !p.IsValid() || p.Addr().Is4In6() {
			return fmt.Errorf("route %v is not usable", p)
		}
	}
	if s.Mark == 0 && (s.FullTunnelV4() || s.FullTunnelV6() || s.shuts()) {
		return errors.New("a full tunnel needs a mark for what stays outside it")
	}
	return nil
}

// sealed is the Spec of a seal: there is no interface, and what it would carry
// goes nowhere.
func sealed(carry []netip.Prefix, mark uint32) Spec {
	return Spec{Carry: carry, Mark: mark, FailClosed: true}
}

func (s *Spec) isSeal() bool { return s.Interface == "" }

// A domain becomes a word in resolv.conf, so nothing else may be in it.
var searchDomain = regexp.MustCompile(`^[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,251}[a-zA-Z0-9_])?\.?$`)

// Change is what another program did to what is in force.
type Change struct {
	// By is the program, as in "ip (pid 4242)". "": not known.
	By string
	// What it did, in plain words.
	What string
	// Around says that it leads around the tunnel. "" in What: nothing does any more.
	Around bool
	// Err is nil: it is put back, or it is a thing of theirs, which stays. Else
	// it cannot be put back.
	Err error
}

// mostChanges is how many are kept for who is slow to receive them.
const mostChanges = 16

// Options says where a Manager works. Only StateDir must be given. What follows
// Log is for Linux.
type Options struct {
	// StateDir holds the journal of what outlives the process. It is made
	// where it does not exist, and must outlive a restart of the machine.
	StateDir string
	// Log gets warnings and the name of the DNS backend. nil: none.
	Log *slog.Logger
	// Table, Priority and Protocol default to the constants above when 0.
	Table, Priority, Protocol int
	// ResolvConf is the file that programs read. "": /etc/resolv.conf.
	ResolvConf string
	// Resolvconf is the absolute path of resolvconf(8). "": looked for in the
	// usual folders; "none": not used.
	Resolvconf string
	// Bus opens the connection on which systemd-resolved is asked, and gives up
	// with the context; the Manager closes it. nil: the system bus.
	Bus func(context.Context) (*dbus.Conn, error)
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Table == 0 {
		o.Table = DefaultTable
	}
	if o.Priority == 0 {
		o.Priority = DefaultPriority
	}
	if o.Protocol == 0 {
		o.Protocol = DefaultProtocol
	}
	if o.ResolvConf == "" {
		o.ResolvConf = "/etc/resolv.conf"
	}
	if o.Bus == nil {
		o.Bus = func(ctx context.Context) (*dbus.Conn, error) { return dbus.ConnectSystemBus(dbus.WithContext(ctx)) }
	}
	return o
}
