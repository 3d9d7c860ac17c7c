// Package guardset says what the guard, the kill switch, keeps in at each
// moment. A Set is what is to be enforced; For finds it by the one table in
// which every state of the service has its row.
//
// What may leave beside the tunnel does not depend on which member is active,
// nor on how well: a set changes with the wish, the settings and the person's
// word, and so a restart or a failover has nothing to open.
//
// It is pure: it does no I/O, starts no goroutine and never reads the clock.
package guardset

import (
	"net/netip"
	"slices"

	"holdfast/service/tunnel"
)

// Kind says which of the guard's sets is in force.
type Kind string

// The kinds.
const (
	// Open blocks nothing: there are no rules.
	Open Kind = "open"
	// Blocked keeps in everything. No tunnel is to carry it, and nothing of ours asks.
	Blocked Kind = "blocked"
	// Held keeps in what the tunnel is to carry. It may go into the tunnel's
	// interface, and our own packets may go to exactly where they are permitted.
	Held Kind = "held"
)

// Set is what the guard is to enforce. The zero Set is not one: make it with For.
type Set struct {
	Kind Kind
	// Carry are the destinations that only the tunnel may carry, disjoint and in
	// order. 0.0.0.0/0 and ::/0: everything.
	Carry []netip.Prefix
	// Own are the tunnel's addresses on this computer: what comes for them from
	// outside the tunnel is dropped, and they are not told to neighbours.
	Own []netip.Addr
	// LAN lets the fixed private ranges pass, but for DNS.
	LAN bool
	// Paused lets everything pass for this many seconds from when the set is
	// put in force, after which the kernel shuts by itself. 0: not paused.
	Paused int
}

// Shut says that there are rules.
func (s Set) Shut() bool { return s.Kind != Open && s.Kind != "" }

// All says that everything is kept in, whatever its destination.
func (s Set) All() bool { return slices.Equal(s.Carry, everything) }

// Equal says that two sets are the same.
func (s Set) Equal(o Set) bool {
	return s.Kind == o.Kind && slices.Equal(s.Carry, o.Carry) && slices.Equal(s.Own, o.Own) && s.LAN == o.LAN && s.Paused == o.Paused
}

var everything = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}

// Scope is what a target's members carry together, and their addresses here:
// while one of them is wished for, no other way is open to any of it.
type Scope struct {
	Carry []netip.Prefix
	Own   []netip.Addr
}

// Everything is the scope of a target that is not known: all is kept in.
func Everything() Scope { return Scope{Carry: slices.Clone(everything)} }

// ScopeOf is the scope of a target with these members. A family that one of
// them carries whole keeps in the other one too: what no member carries must
// not leave beside the tunnel.
func ScopeOf(members ...*tunnel.Config) Scope {
	var s Scope
	for _, cfg := range members {
		for _, a := range cfg.Interface.Addresses {
			s.Own = append(s.Own, a.Addr())
		}
		s.Carry = append(s.Carry, cfg.Routes()...)
	}
	slices.SortFunc(s.Own, netip.Addr.Compare)
	s.Own = slices.Compact(s.Own)
	s.Carry = merge(s.Carry)
	if slices.ContainsFunc(s.Carry, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		s.Carry = slices.Clone(everything)
	}
	return s
}

// merge makes prefixes disjoint and puts them in order: what lies within another
// goes, and two halves become a whole.
func merge(in []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range in {
		out = append(out, p.Masked())
	}
	for {
		slices.SortFunc(out, func(a, b netip.Prefix) int {
			if c := a.Addr().Compare(b.Addr()); c != 0 {
				return c
			}
			return a.Bits() - b.Bits()
		})
		joined := out[:0:0]
		again := false
		for _, p := range out {
			if n := len(joined); n > 0 {
				last := joined[n-1]
				if last.Overlaps(p) {
					continue
				}
				if whole, ok := join(last, p); ok {
					joined[n-1], again = whole, true
					continue
				}
			}
			joined = append(joined, p)
		}
		if out = joined; !again {
			return out
		}
	}
}

// join is the prefix of which a and b are the halves.
func join(a, b netip.Prefix) (netip.Prefix, bool) {
	if a.Bits() == 0 || a.Bits() != b.Bits() || a.Addr().BitLen() != b.Addr().BitLen() {
		return netip.Prefix{}, false
	}
	whole := netip.PrefixFrom(a.Addr(), a.Bits()-1).Masked()
	return whole, whole.Contains(b.Addr())
}
