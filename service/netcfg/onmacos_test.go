package netcfg

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// ways are the destinations of a layout: those led into the interface, and those
// that refuse, with a dash.
func waysOf(l *layout) []string {
	var out []string
	for _, w := range l.ways {
		if w.refuse {
			out = append(out, "-"+w.dst.String())
		} else {
			out = append(out, w.dst.String())
		}
	}
	slices.Sort(out)
	return out
}

func TestOnMacOS(t *testing.T) {
	both := prefixes("10.8.0.2/24", "fd00:8::2/64")
	network := []string{"10.8.0.0/25", "10.8.0.128/25", "fd00:8:0:0:8000::/65", "fd00:8::/65"}
	refused := []string{"-0.0.0.0/1", "-128.0.0.0/1", "-::/1", "-8000::/1"}
	quarters := []string{"0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2", "::/2", "4000::/2", "8000::/2", "c000::/2"}
	for name, tt := range map[string]struct {
		spec Spec
		want []string
	}{
		"a whole tunnel goes by quarters, and its addresses' networks by halves": {
			fullTunnel(), slices.Concat(quarters, network),
		},
		"behind the quarters the halves refuse": {
			closed(fullTunnel(), everything), slices.Concat(quarters, network, refused),
		},
		"halves are a whole as well": {
			closed(Spec{Interface: "utun4", Addresses: both, Routes: prefixes("0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1")}, nil),
			slices.Concat(quarters, network, refused),
		},
		"what is carried and narrower than a way is left to it": {
			closed(Spec{Interface: "utun4", Addresses: prefixes("10.8.0.2/32"), Routes: prefixes("10.0.0.0/8")}, prefixes("10.1.0.0/16")),
			[]string{"10.0.0.0/9", "10.128.0.0/9", "-10.0.0.0/8"},
		},
		"a split tunnel": {
			Spec{Interface: "utun4", Addresses: prefixes("10.8.0.2/32"), Routes: prefixes("10.20.0.0/16", "192.0.2.7/32")},
			[]string{"10.20.0.0/17", "10.20.128.0/17", "192.0.2.7/32"},
		},
		"behind a single host nothing can be": {
			closed(Spec{Interface: "utun4", Addresses: prefixes("10.8.0.2/32"), Routes: prefixes("10.20.0.0/16", "192.0.2.7/32")}, nil),
			[]string{"10.20.0.0/17", "10.20.128.0/17", "-10.20.0.0/16", "192.0.2.7/32"},
		},
		"a family without an address is refused, also where nothing fails closed": {
			Spec{Interface: "utun4", Addresses: prefixes("10.8.0.2/32"), Routes: everything},
			slices.Concat(quarters[:4], refused[2:]),
		},
		"a family that is not routed is refused with the other": {
			closed(Spec{Interface: "utun4", Addresses: prefixes("10.8.0.2/32"), Routes: prefixes("0.0.0.0/0")}, nil),
			slices.Concat(quarters[:4], refused),
		},
		"carried means nothing without failing closed": {
			Spec{Interface: "utun4", Addresses: prefixes("10.8.0.2/32"), Carry: everything}, nil,
		},
		"what is led in is not refused as well": {
			closed(Spec{Interface: "utun4", Addresses: prefixes("10.8.0.2/32"), Routes: prefixes("10.0.0.0/8", "10.0.0.0/9")}, nil),
			[]string{"10.0.0.0/9", "10.128.0.0/9", "10.0.0.0/10", "10.64.0.0/10", "-10.0.0.0/8"},
		},
		"a seal of everything": {sealed(everything, testMark), refused},
		"a seal of a split tunnel": {
			sealed(prefixes("10.20.1.2/16", "192.0.2.7/32", "fd00:20::/48"), 0),
			[]string{"-10.20.0.0/16", "-192.0.2.7/32", "-fd00:20::/48"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := onMacOS(&tt.spec, 7)
			want := slices.Clone(tt.want)
			slices.Sort(want)
			if d := cmp.Diff(waysOf(&l), want); d != "" {
				t.Error("-got +want:", d)
			}
			for _, a := range l.addresses {
				if !a.IsSingleIP() {
					t.Errorf("the system would make a route for the network of %v", a)
				}
			}
			for _, w := range l.ways {
				if !w.refuse && (w.from.Is4() != w.dst.Addr().Is4() || !w.from.IsValid()) {
					t.Errorf("%v leaves by %v", w.dst, w.from)
				}
			}
		})
	}
}

// Whatever is routed or carried: an address of it goes into the interface exactly
// where it is routed and can go, and, where it fails closed and the interface is
// gone, nowhere, unless it is a single host.
func TestOnMacOSKeepsIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := closed(Spec{Interface: "utun4", Addresses: prefixes("10.20.8.2/24")}, anyPrefixes(t, "carry"))
		s.Routes = anyPrefixes(t, "routes")
		l := onMacOS(&s, 7)
		gone := l.without()
		for _, p := range slices.Concat(s.Routes, s.Carry) {
			a := anyAddressOf(t, p)
			got := best(&l, a)
			routed := a.Is4() && slices.ContainsFunc(slices.Concat(s.Routes, networks(s.Addresses)), func(r netip.Prefix) bool { return r.Contains(a) })
			if got == nil && !p.IsSingleIP() {
				t.Fatalf("%v of %v goes anywhere", a, p)
			}
			if routed != (got != nil && !got.refuse) {
				t.Fatalf("%v is routed: %v, and goes %v", a, routed, got)
			}
			if w := best(&gone, a); w == nil && !p.IsSingleIP() {
				t.Fatalf("%v of %v goes anywhere without the interface", a, p)
			}
		}
		for _, w := range l.ways {
			if w.dst.Bits() == 0 {
				t.Fatal("the default route of the system is replaced")
			}
		}
	})
}

// anyPrefixes are wide, narrow, whole ones, and single hosts, of both families.
func anyPrefixes(t *rapid.T, label string) []netip.Prefix {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) netip.Prefix {
		base := rapid.SampledFrom(addrs("10.20.30.40", "203.0.113.9", "2001:db8::7", "fd00:20::9")).Draw(t, "base")
		return netip.PrefixFrom(base, rapid.SampledFrom([]int{0, 1, 2, 8, 24, 31, base.BitLen()}).Draw(t, "bits")).Masked()
	}), 0, 4).Draw(t, label)
}

// anyAddressOf is an address of a prefix.
func anyAddressOf(t *rapid.T, p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for i := p.Bits(); i < p.Addr().BitLen(); i++ {
		if rapid.Bool().Draw(t, "bit") {
			bytes[i/8] |= 0x80 >> (i % 8)
		}
	}
	a, _ := netip.AddrFromSlice(bytes)
	return a
}

// best is the way that the kernel follows, the narrowest one; nil: the system's own.
func best(l *layout, a netip.Addr) *way {
	var out *way
	for i := range l.ways {
		if w := &l.ways[i]; w.dst.Contains(a) && (out == nil || w.dst.Bits() > out.dst.Bits()) {
			out = w
		}
	}
	return out
}

func TestMaskOf(t *testing.T) {
	for prefix, want := range map[string]string{
		"0.0.0.0/0": "0.0.0.0", "128.0.0.0/1": "128.0.0.0", "10.0.0.0/9": "255.128.0.0", "10.0.0.1/32": "255.255.255.255",
		"::/0": "::", "8000::/2": "c000::", "fd00::/65": "ffff:ffff:ffff:ffff:8000::", "::1/128": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	} {
		if got := maskOf(netip.MustParsePrefix(prefix)); got != netip.MustParseAddr(want) {
			t.Errorf("%s: %v, want %v", prefix, got, want)
		}
	}
}

func TestMessageOf(t *testing.T) {
	const ours = rtfUp | rtfStatic | rtfProto1
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	for _, tt := range []struct {
		way  way
		want routeMessage
	}{
		{way{dst: p("10.0.0.0/9"), from: a("10.8.0.2")}, routeMessage{flags: ours, dst: p("10.0.0.0/9"), from: a("10.8.0.2")}},
		{way{dst: p("10.0.0.1/32")}, routeMessage{flags: ours | rtfHost, dst: p("10.0.0.1/32")}},
		{way{dst: p("0.0.0.0/1"), refuse: true}, routeMessage{flags: ours | rtfGateway | rtfReject, dst: p("0.0.0.0/1"), gateway: a("127.0.0.1")}},
		{way{dst: p("::/1"), refuse: true}, routeMessage{flags: ours | rtfGateway | rtfReject, dst: p("::/1"), gateway: a("::1")}},
	} {
		if got := messageOf(&tt.way); got != tt.want {
			t.Errorf("%+v: %+v, want %+v", tt.way, got, tt.want)
		}
		r := row{dst: tt.way.dst, flags: messageOf(&tt.way).flags}
		if r.refuses() != tt.way.refuse {
			t.Errorf("%+v is known as one that refuses: %v", tt.way, r.refuses())
		}
	}
}

func TestRows(t *testing.T) {
	p := netip.MustParsePrefix
	const refuses = rtfUp | rtfGateway | rtfReject | rtfStatic | rtfProto1
	rows := []row{
		{p("0.0.0.0/0"), rtfUp | rtfGateway | rtfStatic, "en0"},
		{p("0.0.0.0/0"), rtfUp | rtfGateway | rtfStatic | rtfScoped, "en1"},
		{p("0.0.0.0/2"), rtfUp | rtfStatic | rtfProto1, "utun4"},
		{p("0.0.0.0/1"), refuses, "lo0"},
		{p("128.0.0.0/1"), rtfUp | rtfGateway | rtfStatic, "utun9"}, // of another VPN
		{p("10.8.0.2/32"), rtfUp | rtfHost, "utun4"},
		{p("192.168.1.0/24"), rtfUp | rtfStatic, "en0"},
		{p("192.168.1.1/32"), rtfUp | rtfHost | rtfLinkInfo, "en0"},
		{p("192.168.1.2/32"), rtfUp | rtfHost | rtfLocal, "lo0"},
		{p("203.0.113.7/32"), rtfUp | rtfGateway | rtfHost | rtfCloned, "en0"},
		{p("198.51.100.0/24"), rtfUp | rtfGateway | rtfStatic, "en0"},
		{p("192.0.2.0/24"), rtfUp | rtfGateway | rtfReject | rtfStatic, "lo0"}, // somebody else's
		{p("255.255.255.255/32"), rtfUp | rtfStatic, "en0"},
	}
	wanted := []way{{dst: p("0.0.0.0/1"), refuse: true}, {dst: p("128.0.0.0/1"), refuse: true}, {dst: p("::/1"), refuse: true}}
	found := layout{ways: waysAmong(rows, "utun4", wanted)}
	if d := cmp.Diff(waysOf(&found), []string{"-0.0.0.0/1", "-128.0.0.0/1", "0.0.0.0/2", "10.8.0.2/32"}); d != "" {
		t.Error("ways, -got +want:", d)
	}
	left := layout{ways: waysAmong(rows, "", nil)}
	if d := cmp.Diff(waysOf(&left), []string{"-0.0.0.0/1"}); d != "" {
		t.Error("left, -got +want:", d)
	}
	ours := prefixes("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2", "0.0.0.0/1", "128.0.0.0/1")
	got := detoursAmong(othersAmong(rows, "utun4"), ours, 0, map[string][]netip.Prefix{"en0": prefixes("192.168.1.0/24")})
	want := []string{
		"A route to 128.0.0.0/1 by utun9 leads around the tunnel.",
		"A route to 198.51.100.0/24 by en0 leads around the tunnel.",
	}
	if d := cmp.Diff(got, want); d != "" {
		t.Error("around, -got +want:", d)
	}
}

func TestScutil(t *testing.T) {
	for _, tt := range []struct {
		names   names
		domains string
	}{
		{names{servers: addrs("10.8.0.1", "fd00::1"), all: true}, `""`},
		{names{servers: addrs("10.8.0.1", "fd00::1"), all: true, search: []string{"corp.example."}}, `"" corp.example`},
		{names{servers: addrs("10.8.0.1", "fd00::1")}, `""`},
		{names{servers: addrs("10.8.0.1", "fd00::1"), search: []string{"a.example", "b.example"}}, `a.example b.example`},
	} {
		want := "d.init\nd.add ServerAddresses * 10.8.0.1 fd00::1\nd.add SupplementalMatchDomains * " + tt.domains +
			"\nset State:/Network/Service/X/DNS\nquit\n"
		if d := cmp.Diff(scutilSet("State:/Network/Service/X/DNS", &tt.names), want); d != "" {
			t.Error("-got +want:", d)
		}
	}
	if got, want := scutilRemove("K")+scutilShow("K"), "remove K\nquit\nshow K\nquit\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// No name or address that is let in can be more than one word of one line.
func TestScutilIsOneWordEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := fullTunnel()
		s.Search = rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "search")
		s.DNS = append(addrs("10.8.0.1"), netip.MustParseAddr("fe80::1").WithZone(rapid.String().Draw(t, "zone")))
		if s.Validate() != nil {
			return
		}
		n := namesOf(&s)
		text := scutilSet("K", &n)
		if lines := strings.Split(text, "\n"); len(lines) != 6 || len(strings.Fields(lines[1])) != 5 || len(strings.Fields(lines[2])) != 4+len(s.Search) {
			t.Fatalf("%q", text)
		}
	})
}
