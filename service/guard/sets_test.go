package guard

import (
	"net/netip"

	"holdfast/service/guardset"
)

func full() guardset.Set {
	return guardset.Set{
		Kind: guardset.Held, Carry: guardset.Everything().Carry,
		Own: []netip.Addr{netip.MustParseAddr("10.8.0.2"), netip.MustParseAddr("fd00:8::2")},
	}
}

func split() guardset.Set {
	return with(full(), func(s *guardset.Set) { s.Carry = prefixes("10.20.0.0/16", "10.21.0.0/17", "fd00:20::/48") })
}

func blocked() guardset.Set {
	return guardset.Set{Kind: guardset.Blocked, Carry: guardset.Everything().Carry}
}

func open() guardset.Set { return guardset.Set{Kind: guardset.Open} }

func withLAN(s guardset.Set) guardset.Set {
	return with(s, func(s *guardset.Set) { s.LAN = true })
}

func paused(s guardset.Set, seconds int) guardset.Set {
	return with(s, func(s *guardset.Set) { s.Paused = seconds })
}

func with(s guardset.Set, change func(*guardset.Set)) guardset.Set {
	change(&s)
	return s
}
