package netcfg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func newMover(f *fakeTables) *mover { return &mover{outlet: newOutlet(Options{}), tables: f} }

// shown is a layout in an order of its own.
func shown(l layout) []string {
	var out []string
	if l.link.iface != "" {
		out = append(out, fmt.Sprintf("%s: mtu %d, whole %v %v", l.link.iface, l.link.mtu, l.link.whole4, l.link.whole6))
	}
	for _, a := range l.addresses {
		out = append(out, "address "+a.String())
	}
	for _, w := range l.ways {
		out = append(out, fmt.Sprintf("way %v by %v, refuses %v", w.dst, w.from, w.refuse))
	}
	if !l.names.none() {
		out = append(out, fmt.Sprint("names ", l.names))
	}
	slices.Sort(out)
	return out
}

func systems() map[string]func(*Spec, uint64) layout {
	return map[string]func(*Spec, uint64) layout{"macOS": onMacOS, "Windows": onFakeWindows}
}

// What both Specs share stays untouched.
func TestMoveTouchesOnlyWhatDiffers(t *testing.T) {
	for name, plan := range systems() {
		t.Run(name, func(t *testing.T) {
			f := newFake(plan)
			m := newMover(f)
			first := withDNS(closed(fullTunnel(), everything), "10.8.0.1")
			if err := m.Apply(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			f.made = nil
			if err := m.Apply(t.Context(), first); err != nil || len(f.made) > 0 {
				t.Errorf("the same again: %v, %v", f.made, err)
			}
			second := first
			second.Routes = append(prefixes("10.30.0.0/16"), first.Routes...)
			second.DNS = addrs("10.8.0.9")
			if err := m.Apply(t.Context(), second); err != nil {
				t.Fatal(err)
			}
			for _, o := range f.made {
				if o.link != nil || o.address.IsValid() || o.verb == toRemove || o.way != nil && !netip.MustParsePrefix("10.30.0.0/16").Overlaps(o.way.dst) {
					t.Errorf("it does: %v", o)
				}
			}
			if len(f.made) == 0 {
				t.Error("nothing was done")
			}
		})
	}
}

// Routes that stay leave by the new address before the old one goes.
func TestMoveToAnotherAddress(t *testing.T) {
	f := newFake(onMacOS)
	m := newMover(f)
	s := fullTunnel()
	s.Addresses = prefixes("10.8.0.2/32", "fd00:8::2/128")
	if err := m.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	f.made = nil
	s.Addresses = prefixes("10.9.0.2/32", "fd00:8::2/128")
	if err := m.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range f.made {
		got = append(got, o.String())
	}
	want := []string{
		"add address 10.9.0.2/32",
		"set route 0.0.0.0/2", "set route 64.0.0.0/2", "set route 128.0.0.0/2", "set route 192.0.0.0/2",
		"remove address 10.8.0.2/32",
	}
	if d := gocmp.Diff(got, want); d != "" {
		t.Error("-got +want:", d)
	}
}

// A seal needs no interface, not even the one that it had.
func TestSealWithoutInterface(t *testing.T) {
	for name, plan := range systems() {
		t.Run(name, func(t *testing.T) {
			f := newFake(plan)
			m := newMover(f)
			if err := m.Seal(t.Context(), everything, testMark); err != nil {
				t.Fatal(err)
			}
			if err := m.Apply(t.Context(), withDNS(closed(fullTunnel(), everything), "10.8.0.1")); err != nil {
				t.Fatal(err)
			}
			f.removeInterface("hf0")
			if err := m.Seal(t.Context(), everything, testMark); err != nil {
				t.Fatal(err)
			}
			s := sealed(everything, testMark)
			if d := gocmp.Diff(shown(f.now), shown(plan(&s, 0))); d != "" {
				t.Error("-got +want:", d)
			}
			if err := m.Clear(t.Context()); err != nil || len(shown(f.now)) > 0 {
				t.Errorf("cleared: %v, %v", shown(f.now), err)
			}
		})
	}
}

// What a process before left is moved on from, and removed by Recover.
func TestMoverRecovers(t *testing.T) {
	for name, plan := range systems() {
		t.Run(name, func(t *testing.T) {
			f := newFake(plan)
			if err := newMover(f).Apply(t.Context(), withDNS(closed(fullTunnel(), everything), "10.8.0.1")); err != nil {
				t.Fatal(err)
			}
			f.removeInterface("hf0") // as the process ends
			next := newMover(f)
			if got := next.DNSBackend(); got != "fake" {
				t.Errorf("resolvers are set by %q", got)
			}
			if err := next.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := shown(f.now); len(got) > 0 {
				t.Errorf("left: %q", got)
			}
			if got := next.DNSBackend(); got != "" {
				t.Errorf("resolvers are set by %q", got)
			}
		})
	}
}

// What another program takes comes back, and is told; without its interface only
// what refuses does.
func TestMoverRepairs(t *testing.T) {
	f := newFake(onMacOS)
	m := newMover(f)
	if lost, err := m.repair(); err != nil || lost != nil {
		t.Fatalf("nothing is applied: %q, %v", lost, err)
	}
	if err := m.Apply(t.Context(), closed(fullTunnel(), everything)); err != nil {
		t.Fatal(err)
	}
	want := shown(f.now)
	f.now.link.mtu = 1280
	f.now.addresses = f.now.addresses[1:]
	f.now.ways = f.now.ways[2:]
	lost, err := m.repair()
	if d := gocmp.Diff(lost, []string{"its MTU of 1420, which was set to 1280", "an address", "2 routes"}); err != nil || d != "" {
		t.Errorf("%v, -got +want: %s", err, d)
	}
	if d := gocmp.Diff(shown(f.now), want); d != "" {
		t.Error("-got +want:", d)
	}
	f.removeInterface("hf0")
	f.now.ways = f.now.ways[1:]
	if lost, err := m.repair(); err != nil || strings.Join(lost, ", ") != "a route" {
		t.Errorf("%q, %v", lost, err)
	}
	f.now.ways, f.failAt = nil, 0
	if lost, err := m.repair(); !errors.Is(err, errFake) || len(lost) == 0 {
		t.Errorf("a repair that fails: %q, %v", lost, err)
	}
}

func TestMoverTellsDetours(t *testing.T) {
	f := newFake(onMacOS)
	m := newMover(f)
	f.others = []foreign{{dst: netip.MustParsePrefix("9.9.9.9/32"), by: "en0"}, {dst: netip.MustParsePrefix("0.0.0.0/0"), by: "en0"}}
	m.detours()
	if len(m.changes) > 0 {
		t.Fatal("something leads around nothing")
	}
	if err := m.Apply(t.Context(), fullTunnel()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m.detours()
	}
	f.others = nil
	m.detours()
	want := []Change{{What: "A route to 9.9.9.9/32 by en0 leads around the tunnel.", Around: true}, {Around: true}}
	for _, w := range want {
		if got := <-m.Changes(); got != w {
			t.Errorf("told %+v, want %+v", got, w)
		}
	}
	if n := len(m.changes); n > 0 {
		t.Errorf("%d more are told", n)
	}
}

// Through any changes of mind and failures: a move that is well ends at its
// layout and nothing else; one that fails ends where it began; and what was kept
// in before and after a move is kept in after each of its steps.
func TestMoverMoves(t *testing.T) {
	for name, plan := range systems() {
		t.Run(name, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { anyMoves(t, plan) }) })
	}
}

func anyMoves(t *rapid.T, plan func(*Spec, uint64) layout) {
	f := newFake(plan)
	w := &watched{fakeTables: f}
	m := &mover{outlet: newOutlet(Options{Log: slog.New(slog.DiscardHandler)}), tables: w}
	killed := false
	for range rapid.IntRange(1, 8).Draw(t, "moves") {
		before := f.now
		f.failAt = rapid.SampledFrom([]int{-1, -1, 0, 1, 2, 5, 9}).Draw(t, "fails")
		failing := f.failAt >= 0
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0, 1:
			s := anySpec(t)
			w.between(before, plan(&s, f.ids[s.Interface]), before.link.iface == "" || before.link.iface == s.Interface)
			err := m.Apply(t.Context(), s)
			want := plan(&s, f.ids[s.Interface])
			if err != nil && (before.link.iface == "" || before.link.iface == s.Interface) {
				want = before
				if killed && f.now.names.none() {
					want.names = names{} // what the process before had set is not known
				}
				want.link.iface = f.now.link.iface // an interface stays set up
				want.link.mtu, want.link.whole4, want.link.whole6 = f.now.link.mtu, f.now.link.whole4, f.now.link.whole6
			}
			if err == nil || before.link.iface == "" || before.link.iface == s.Interface {
				same(t, f.now, want)
			}
			if err != nil && !failing {
				t.Fatal(err)
			}
		case 2:
			s := sealed(anyPrefixes(t, "carry"), testMark)
			w.between(before, plan(&s, 0), true)
			err := m.Seal(t.Context(), s.Carry, testMark)
			if err == nil {
				want := plan(&s, 0)
				f.now.link = link{} // an interface stays as it was set
				same(t, f.now, want)
			} else if !failing {
				t.Fatal(err)
			}
		case 3:
			w.between(layout{}, layout{}, false)
			if err := m.Clear(t.Context()); err == nil {
				f.now.link = link{}
				same(t, f.now, layout{})
			} else if !failing {
				t.Fatal(err)
			}
		default: // the process is killed
			f.failAt = -1
			f.removeInterface("hf0")
			f.removeInterface("hf1")
			f.ids = map[string]uint64{"hf0": 17, "hf1": 18}
			m = &mover{outlet: newOutlet(Options{}), tables: w}
			killed = true
		}
		if w.leak != "" {
			t.Fatal(w.leak)
		}
	}
}

func same(t *rapid.T, got, want layout) {
	t.Helper()
	if d := gocmp.Diff(shown(got), shown(want)); d != "" {
		t.Fatal("-got +want:", d)
	}
}

// watched looks at the tables after each change.
type watched struct {
	*fakeTables
	kept []netip.Addr // what must not leave otherwise at any time
	leak string
}

// between sets what is kept in before a move and after it.
func (w *watched) between(before, after layout, look bool) {
	w.kept = nil
	for _, a := range addrs("10.20.30.40", "203.0.113.9", "2001:db8::7", "fd00:20::9", "10.8.0.9") {
		if look && best(&before, a) != nil && best(&after, a) != nil {
			w.kept = append(w.kept, a)
		}
	}
}

func (w *watched) change(ctx context.Context, o op) error {
	err := w.fakeTables.change(ctx, o)
	for _, a := range w.kept {
		if best(&w.now, a) == nil {
			w.leak = cmp.Or(w.leak, fmt.Sprintf("after %v, %v goes anywhere", o, a))
		}
	}
	return err
}

// anySpec is a tunnel, often one that fails closed.
func anySpec(t *rapid.T) Spec {
	s := Spec{
		Interface: rapid.SampledFrom([]string{"hf0", "hf0", "hf0", "hf1"}).Draw(t, "interface"),
		MTU:       rapid.SampledFrom([]int{0, 1280, 1420}).Draw(t, "mtu"),
		Addresses: prefixes(rapid.SampledFrom([]string{"10.8.0.2/24", "10.8.0.3/32"}).Draw(t, "address")),
		Routes:    anyPrefixes(t, "routes"), Mark: testMark,
		FailClosed: rapid.Bool().Draw(t, "closed"), Carry: anyPrefixes(t, "carry"),
	}
	if rapid.Bool().Draw(t, "v6") {
		s.MTU = max(s.MTU, 1280)
		s.Addresses = append(s.Addresses, prefixes("fd00:8::2/64")...)
	}
	if rapid.Bool().Draw(t, "dns") {
		s.DNS = addrs("10.8.0.1")
	}
	return s
}
