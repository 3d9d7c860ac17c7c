package guard

import (
	"net/netip"
	"strings"
	"testing"

	"holdfast/service/guardset"
)

func full() guardset.Set {
	return guardset.Set{
		Kind: guardset.Held, Carry: guardset.Everything().Carry,
		Own: []netip.Addr{netip.MustParseAddr("10.8.0.2"), netip.MustParseAddr("fd00:8::2")},
	}
}

func split() guardset.Set {
	s := full()
	s.Carry = prefixes("10.20.0.0/16", "10.21.0.0/17", "fd00:20::/48")
	return s
}

func blocked() guardset.Set {
	return guardset.Set{Kind: guardset.Blocked, Carry: guardset.Everything().Carry}
}

func open() guardset.Set { return guardset.Set{Kind: guardset.Open} }

func with(s guardset.Set, change func(*guardset.Set)) guardset.Set {
	change(&s)
	return s
}

// TestFromAnySetToAnyOther goes through all pairs, each of which is read back.
func TestFromAnySetToAnyOther(t *testing.T) {
	ownNamespace(t)
	g := newGuard(t)
	defer g.Permit("udp", netip.MustParseAddrPort("192.0.2.1:51820"))()
	defer g.Permit("tcp", netip.MustParseAddrPort("[2001:db8::1]:443"))()
	defer g.Permit("icmp", netip.MustParseAddrPort("192.0.2.1:0"))()
	sets := []guardset.Set{
		open(), full(), split(), blocked(),
		with(full(), func(s *guardset.Set) { s.LAN = true }),
		with(full(), func(s *guardset.Set) { s.Paused = 300 }),
		with(split(), func(s *guardset.Set) { s.Own, s.LAN = nil, true }),
		with(split(), func(s *guardset.Set) { s.Carry = prefixes("0.0.0.0/0", "fd00::/8") }),
	}
	before := run(t, "nft list ruleset")
	for _, from := range sets {
		for _, to := range sets {
			mustSet(t, g, from)
			mustSet(t, g, to)
			there, err := Present()
			if err != nil || there != to.Shut() {
				t.Fatalf("from %v to %v: there are rules: %v, %v", from, to, there, err)
			}
			if !to.Shut() && run(t, "nft list ruleset") != before {
				t.Fatalf("from %v: the listing is not as before", from)
			}
		}
	}
}

func TestRelease(t *testing.T) {
	ownNamespace(t)
	if err := Release(t.Context()); err != nil {
		t.Fatal("nothing there:", err)
	}
	g := newGuard(t)
	mustSet(t, g, full())
	if err := Release(t.Context()); err == nil {
		t.Fatal("the rules of a Guard that lives were removed")
	}
	g.Close()
	if there, err := Present(); !there || err != nil {
		t.Fatal("the rules did not outlive their Guard:", err)
	}
	if err := Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := run(t, "nft list ruleset"); got != "" {
		t.Fatal("left:", got)
	}
}

// TestShownAsMeant reads the rules with another program than ours.
func TestShownAsMeant(t *testing.T) {
	ownNamespace(t)
	g := newGuard(t)
	defer g.Permit("udp", netip.MustParseAddrPort("[::ffff:192.0.2.1]:51820"))()
	mustSet(t, g, split())
	got := run(t, "nft list ruleset")
	for _, want := range []string{
		"flags owner", `elements = { "hf0" }`, "elements = { 192.0.2.1 . udp . 51820 }",
		"elements = { 10.20.0.0-10.21.127.255 }", "elements = { fd00:20::/48 }", "elements = { 10.8.0.2 }",
		"type filter hook output priority filter - 10; policy drop;", "type filter hook forward priority filter - 10; policy drop;",
		"meta mark 0x00006866 meta skuid 0 jump ours",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("nft does not show %q in\n%s", want, got)
		}
	}
}
