package guardset_test

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/tunnel"
)

var (
	modes  = []failover.Guard{failover.GuardOff, failover.GuardAuto, failover.GuardAlways}
	wishes = []guardset.Wish{guardset.WishOff, guardset.WishOn, guardset.WishUnknown}
	states = []tunnel.State{tunnel.Down, tunnel.Starting, tunnel.Up, tunnel.Stopping}
	leaves = []guardset.Leave{guardset.NoLeave, guardset.Released, guardset.Paused}
)

// drawn is the drawing of ARCHITECTURE.md: the kind by wish and state, for the
// modes auto and always, without a word of the person.
const drawn = `
wish     state     auto     always
off      down      open     blocked
off      starting  held     held
off      up        held     held
off      stopping  held     held
on       down      held     held
on       starting  held     held
on       up        held     held
on       stopping  held     held
unknown  down      blocked  blocked
unknown  starting  blocked  blocked
unknown  up        blocked  blocked
unknown  stopping  blocked  blocked
`

func TestForEveryState(t *testing.T) {
	kinds := map[string]guardset.Kind{}
	for line := range strings.Lines(strings.TrimSpace(drawn)) {
		f := strings.Fields(line)
		kinds[f[0]+f[1]+"auto"], kinds[f[0]+f[1]+"always"] = guardset.Kind(f[2]), guardset.Kind(f[3])
	}
	n := 0
	for _, mode := range modes {
		for _, wish := range wishes {
			for _, state := range states {
				for _, leave := range leaves {
					n++
					s := guardset.Situation{Mode: mode, Wish: wish, State: state, Leave: leave, PauseFor: 7, Scope: split()}
					want := kinds[string(wish)+string(state)+string(mode)]
					if mode == failover.GuardOff || leave == guardset.Released {
						want = guardset.Open
					}
					got := guardset.For(s)
					if got.Kind != want {
						t.Errorf("%+v: %s, want %s", s, got.Kind, want)
					}
					check(t, s, got)
				}
			}
		}
	}
	if n != 108 {
		t.Errorf("%d situations, want all 108", n)
	}
}

// check holds what is true of every set.
func check(t *testing.T, s guardset.Situation, got guardset.Set) {
	t.Helper()
	what := fmt.Sprintf("%+v: %+v", s, got)
	if got.Shut() == (got.Kind == guardset.Open) {
		t.Errorf("%s: shut is the contrary of open", what)
	}
	if !got.Shut() && !got.Equal(guardset.Set{Kind: guardset.Open}) {
		t.Errorf("%s: an open set has nothing in it", what)
	}
	if s.Wish == guardset.WishOn && s.Mode != failover.GuardOff && s.Leave != guardset.Released && got.Kind != guardset.Held {
		t.Errorf("%s: while the wish is on the set must not depend on the state", what)
	}
	if all := got.Kind == guardset.Blocked || got.Shut() && s.Mode == failover.GuardAlways; all != got.All() {
		t.Errorf("%s: keeps in everything %t, want %t", what, got.All(), all)
	}
	if paused := got.Shut() && s.Leave == guardset.Paused; paused != (got.Paused == 7) {
		t.Errorf("%s: paused for %d s", what, got.Paused)
	}
}

// TestDrawing compares the drawing for readers with the one that is tested.
func TestDrawing(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), drawn) {
		t.Errorf("ARCHITECTURE.md does not hold this drawing:\n%s", drawn)
	}
}

func split() guardset.Scope {
	return guardset.Scope{Carry: prefixes("10.0.0.0/8"), Own: []netip.Addr{netip.MustParseAddr("10.9.0.2")}}
}

func prefixes(list string) (out []netip.Prefix) {
	for s := range strings.FieldsSeq(list) {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func config(t *testing.T, addresses, allowed string) *tunnel.Config {
	t.Helper()
	return &tunnel.Config{
		Interface: tunnel.Interface{Addresses: prefixes(addresses)},
		Peers:     []tunnel.Peer{{AllowedIPs: prefixes(allowed)}},
	}
}

func TestScopeOf(t *testing.T) {
	for _, c := range []struct{ allowed, carry string }{
		{"0.0.0.0/0", "0.0.0.0/0 ::/0"},
		{"::/0", "0.0.0.0/0 ::/0"},
		{"0.0.0.0/1 128.0.0.0/1", "0.0.0.0/0 ::/0"},
		{"10.0.0.0/9 10.128.0.0/9 10.1.2.3/32", "10.0.0.0/8"},
		{"192.168.7.9/24", "192.168.7.0/24"},
		{"10.0.0.0/8 fd00::/8", "10.0.0.0/8 fd00::/8"},
		{"0.0.0.0/1", "0.0.0.0/1"},
		{"", ""},
	} {
		got := guardset.ScopeOf(config(t, "10.9.0.2/24 fd09::2/64", c.allowed))
		if want := prefixes(c.carry); !slices.Equal(got.Carry, want) {
			t.Errorf("%s: keeps in %v, want %v", c.allowed, got.Carry, want)
		}
		if len(got.Own) != 2 {
			t.Errorf("%s: own addresses %v, want both", c.allowed, got.Own)
		}
	}
	both := guardset.ScopeOf(config(t, "10.9.0.2/32", "10.0.0.0/8"), config(t, "10.9.0.2/32", "172.16.0.0/12"))
	if want := prefixes("10.0.0.0/8 172.16.0.0/12"); !slices.Equal(both.Carry, want) || len(both.Own) != 1 {
		t.Errorf("two members: %+v, want the routes of both, and one address", both)
	}
}
