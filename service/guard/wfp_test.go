package guard

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var modelSelf = wfpSelf{program: "us", user: "system", luid: 77, index: 7}

// value is what the engine sees of a packet in a field. false: nothing.
func (x traffic) value(f wfpField) (addr netip.Addr, blob string, number uint64, ok bool) {
	local, remote, lport, rport := x.src, x.dst, x.sport, x.dport
	if x.way == arrives {
		local, remote, lport, rport = x.dst, x.src, x.dport, x.sport
	}
	tunnel := x.from || x.into
	if x.protocol == protocolICMP || x.protocol == protocolICMPv6 {
		lport, rport = uint16(x.kind), 0
	}
	flow := x.way != forwards
	switch f {
	case wfpFlags:
		if x.loopback {
			number = wfpIsLoopback
		}
		return addr, blob, number, true
	case wfpLocalInterface:
		return addr, blob, luidOf(tunnel), flow
	case wfpLocalAddress:
		return local, blob, 0, flow
	case wfpRemoteAddress:
		return remote, blob, 0, flow
	case wfpProtocol:
		return addr, blob, uint64(x.protocol), flow
	case wfpLocalPort:
		return addr, blob, uint64(lport), flow
	case wfpRemotePort:
		return addr, blob, uint64(rport), flow
	case wfpProgram, wfpUser:
		blob = map[bool]map[wfpField]string{true: {wfpProgram: "us", wfpUser: "system"}}[x.ours][f]
		return addr, blob, 0, flow
	case wfpSourceAddress:
		return x.src, blob, 0, !flow
	case wfpDestination:
		return x.dst, blob, 0, !flow
	case wfpFromInterface:
		if x.from {
			number = 7
		}
		return addr, blob, number, !flow
	case wfpIntoInterface:
		return addr, blob, luidOf(x.into), !flow
	}
	panic("a field that the model does not know")
}

func luidOf(tunnel bool) uint64 {
	if tunnel {
		return 77
	}
	return 5
}

func (c wfpCondition) holds(x traffic) bool {
	addr, blob, number, ok := x.value(c.field)
	switch {
	case !ok:
		panic(fmt.Sprintf("%v is not known where %s", c.field, x.way))
	case c.prefix.IsValid():
		return c.prefix.Contains(addr)
	case c.field == wfpFlags:
		return number&c.number == c.number
	case c.field == wfpProgram || c.field == wfpUser:
		return c.blob == blob
	}
	return c.number == number
}

func (f *wfpFilter) matches(x traffic) bool {
	for i := 0; i < len(f.conditions); {
		any := false
		field := f.conditions[i].field
		for ; i < len(f.conditions) && f.conditions[i].field == field; i++ {
			any = any || f.conditions[i].holds(x)
		}
		if !any {
			return false
		}
	}
	return true
}

// wfpLets asks the filters of these lives, as the engine does.
func wfpLets(filters []wfpFilter, x traffic, lives ...wfpLife) bool {
	layer := map[way]wfpLayer{leaves: wfpConnect4, arrives: wfpAccept4, forwards: wfpForward4}[x.way]
	if x.src.Is6() {
		layer++
	}
	filters = slices.Clone(filters)
	slices.SortStableFunc(filters, func(a, b wfpFilter) int { return cmp.Compare(b.weight, a.weight) })
	for _, f := range filters {
		if f.layer == layer && slices.Contains(lives, f.life) && f.matches(x) {
			return f.permit
		}
	}
	return true
}

// TestFiltersDecideAsMeant compares the filters with the oracle: while a service
// runs, when it is dead, and before there can be one.
func TestFiltersDecideAsMeant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMeant(t)
		dead := meant{set: m.set}
		dead.set.Paused = 0
		filters := wfpFilters(m, modelSelf)
		for range packets {
			x := drawTraffic(t)
			if got, want := wfpLets(filters, x, wfpLasting, wfpLive, wfpPause), windowsSystem.lets(m, x); got != want {
				t.Fatalf("%+v: passes %v, want %v, by\n%s", x, got, want, drawn(filters))
			}
			x.from, x.into = false, false // its interface is gone: what it had is another's
			for _, lives := range []wfpLife{wfpLasting, wfpBoot} {
				if got, want := wfpLets(filters, x, lives), windowsSystem.lets(dead, x); got != want {
					t.Fatalf("%+v without a service: passes %v, want %v, by\n%s", x, got, want, drawn(filters))
				}
			}
		}
	})
}

// TestFiltersAreUnambiguous has no two filters that could answer differently
// where the engine is free to ask either first, and none with another's key.
func TestFiltersAreUnambiguous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type place struct {
			wfpLayer
			wfpLife
			wfpWeight
		}
		permits, keys := map[place]bool{}, map[[16]byte]string{}
		for _, f := range wfpFilters(drawMeant(t), modelSelf) {
			p := place{f.layer, f.life, f.weight}
			if permit, ok := permits[p]; ok && permit != f.permit {
				t.Fatalf("%v: both permits and blocks", &f)
			}
			permits[p] = f.permit
			what := fmt.Sprintf("%d %s", f.life, &f)
			if other, ok := keys[f.key()]; ok {
				t.Fatalf("%s and %s have the same key", what, other)
			}
			keys[f.key()] = what
			if len(f.conditions) > wfpPerFilter+5 {
				t.Fatalf("%d conditions in one filter", len(f.conditions))
			}
		}
	})
}

// TestFilterOfManyRanges divides a list as long as that of a country.
func TestFilterOfManyRanges(t *testing.T) {
	m := meant{set: full()}
	m.set.Carry = nil
	for i := range 2*wfpPerFilter + 1 {
		m.set.Carry = append(m.set.Carry, netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(i >> 8), byte(i), 1, 0}), 24))
	}
	n := 0
	for _, f := range wfpFilters(m, modelSelf) {
		if f.layer == wfpConnect4 && f.life == wfpLasting && f.weight == wfpWeightShut {
			n += len(f.conditions)
		}
	}
	if n != len(m.set.Carry) {
		t.Errorf("%d of %d ranges are kept in", n, len(m.set.Carry))
	}
}

func TestMasks(t *testing.T) {
	for _, c := range []struct {
		prefix     string
		addr, mask uint32
	}{{"0.0.0.0/0", 0, 0}, {"10.0.0.0/8", 10 << 24, 0xff000000}, {"192.0.2.7/24", 0xc0000200, 0xffffff00}, {"192.0.2.7/32", 0xc0000207, 0xffffffff}} {
		if addr, mask := wfpMask(netip.MustParsePrefix(c.prefix)); addr != c.addr || mask != c.mask {
			t.Errorf("%s: %x and %x", c.prefix, addr, mask)
		}
	}
}

// drawn shows filters in the order in which they are asked.
func drawn(filters []wfpFilter) string {
	filters = slices.DeleteFunc(slices.Clone(filters), func(f wfpFilter) bool { return f.life == wfpBoot })
	slices.SortStableFunc(filters, func(a, b wfpFilter) int {
		return cmp.Or(cmp.Compare(a.layer, b.layer), cmp.Compare(b.weight, a.weight))
	})
	var b strings.Builder
	for _, f := range filters {
		life := map[wfpLife]string{wfpLasting: "lasts", wfpLive: "lives", wfpPause: "pause"}[f.life]
		fmt.Fprintf(&b, "%s %v  (%s)\n", life, &f, f.name)
	}
	return b.String()
}

// shown is how BFE would show these filters.
func shown(filters []wfpFilter) (out []wfpFound) {
	for _, f := range filters {
		life := f.life
		if life == wfpPause {
			life = wfpLive
		}
		out = append(out, wfpFound{
			key: f.key(), name: f.name, life: life, layer: f.layer, permit: f.permit, weight: f.weight, conditions: len(f.conditions),
		})
	}
	return out
}

// TestStepsLetNothingMore goes from any set to any other, and after each step
// asks for packets: none passes that neither set lets.
func TestStepsLetNothingMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawMeant(t), drawMeant(t)
		a.paused, b.paused = 0, 0 // a pause comes and goes apart
		there := map[[16]byte]wfpFilter{}
		for _, f := range wfpFilters(a, modelSelf) {
			there[f.key()] = f
		}
		want := wfpFilters(b, modelSelf)
		gone, come := wfpChanges(shown(wfpFilters(a, modelSelf)), want)
		for i, s := range wfpSteps(gone, come) {
			for _, k := range s.gone {
				delete(there, k)
			}
			for _, f := range s.come {
				there[f.key()] = f
			}
			now := slices.Collect(maps.Values(there))
			for range packets {
				x := drawTraffic(t)
				if wfpLets(now, x, wfpLasting, wfpLive) && !windowsSystem.lets(a, x) && !windowsSystem.lets(b, x) {
					t.Fatalf("%+v passes after step %d, by\n%s", x, i, drawn(now))
				}
			}
		}
		if gone, come := wfpChanges(shown(slices.Collect(maps.Values(there))), want); len(gone) > 0 || len(come) > 0 {
			t.Fatalf("%v is still to go, and %v to come", gone, come)
		}
	})
}

// TestForeignChangesAreSeen takes filters away, adds some and switches one off.
func TestForeignChangesAreSeen(t *testing.T) {
	m := meant{set: full(), permits: []permit{{protocolUDP, netip.MustParseAddrPort("203.0.113.9:51820")}}}
	m.set.Paused, m.paused = 60, time.Minute
	inForce := wfpFilters(m, modelSelf)
	for name, c := range map[string]struct {
		change func([]wfpFound) []wfpFound
		lost   string
	}{
		"nothing": {func(f []wfpFound) []wfpFound { return f }, ""},
		"all":     {func([]wfpFound) []wfpFound { return nil }, "all filters were removed"},
		"the pause": {func(f []wfpFound) []wfpFound {
			return slices.DeleteFunc(f, func(f wfpFound) bool { return f.name == "paused" })
		}, ""},
		"one": {func(f []wfpFound) []wfpFound {
			return slices.DeleteFunc(f, func(f wfpFound) bool { return f.name == "DHCP" && f.life == wfpLasting })
		},
			"filters were removed: DHCP"},
		"one more": {func(f []wfpFound) []wfpFound {
			return append(f, wfpFound{key: [16]byte{1}, name: "let all", permit: true, weight: 99})
		},
			"filters were added: let all"},
		"one off": {func(f []wfpFound) []wfpFound { f[0].disabled = true; return f },
			"filters were removed: stays on this computer, filters were added: stays on this computer"},
	} {
		if got := strings.Join(wfpLost(c.change(shown(inForce)), inForce), ", "); got != c.lost {
			t.Errorf("%s: %q, want %q", name, got, c.lost)
		}
	}
}

// TestPermitsChangeNothingElse moves between permits as a Guard does at once.
func TestPermitsChangeNothingElse(t *testing.T) {
	before := meant{set: full()}
	after := before
	after.permits = []permit{{protocolUDP, netip.MustParseAddrPort("203.0.113.9:51820")}}
	a, b := wfpFilters(before, modelSelf), wfpFilters(after, modelSelf)
	gone, come := wfpBetween(a, b)
	if len(gone) != 0 || len(come) != 2 || come[0].life != wfpLive || come[1].life != wfpLive {
		t.Errorf("%d go and %v come, want the two that are live", len(gone), come)
	}
	if gone, come := wfpBetween(b, a); len(gone) != 2 || len(come) != 0 {
		t.Errorf("%d go and %v come, want two to go", len(gone), come)
	}
}
