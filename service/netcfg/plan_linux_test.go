package netcfg

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlan(t *testing.T) {
	p := netip.MustParsePrefix
	lead4 := []rule{{mark: testMark}, {suppress: true}}
	lead6 := []rule{{v6: true, mark: testMark}, {v6: true, suppress: true}}
	shut4 := append(slices.Clone(lead4), rule{refuse: true, mark: testMark})
	shut6 := append(slices.Clone(lead6), rule{v6: true, refuse: true, mark: testMark})
	shut := append(slices.Clone(shut4), shut6...)
	for _, tt := range []struct {
		name      string
		spec      Spec
		noV6      bool // of the interface
		noKernel6 bool
		routes    []route
		rules     []rule
	}{
		{
			name: "a full tunnel has its own table and both rules in both families",
			spec: Spec{Mark: testMark, Routes: prefixes("0.0.0.0/0", "::/0")},
			routes: []route{
				{dst: p("0.0.0.0/0"), table: DefaultTable}, {dst: p("::/0"), table: DefaultTable},
			},
			rules: append(append([]rule{}, lead4...), lead6...),
		},
		{
			name:   "only the family that is routed",
			spec:   Spec{Mark: testMark, Routes: prefixes("::/0")},
			routes: []route{{dst: p("::/0"), table: DefaultTable}},
			rules:  lead6,
		},
		{
			name:   "two halves are a whole",
			spec:   Spec{Mark: testMark, Routes: prefixes("0.0.0.0/1", "128.0.0.0/1")},
			routes: []route{{dst: p("0.0.0.0/1"), table: DefaultTable}, {dst: p("128.0.0.0/1"), table: DefaultTable}},
			rules:  lead4,
		},
		{
			name:   "one half is an ordinary route",
			spec:   Spec{Mark: testMark, Routes: prefixes("0.0.0.0/1", "::/1")},
			routes: []route{{dst: p("0.0.0.0/1")}, {dst: p("::/1")}},
		},
		{
			name: "an address's own network needs no route, and neither does a part of it",
			spec: Spec{
				Addresses: prefixes("10.8.0.2/24", "fd00::2/64"),
				Routes:    prefixes("10.8.0.0/24", "10.8.0.1/32", "10.8.0.0/16", "fd00::/64", "fd00::/48"),
			},
			routes: []route{{dst: p("10.8.0.0/16")}, {dst: p("fd00::/48")}},
		},
		{
			name:   "an address alone has a route of the kernel in IPv6 only",
			spec:   Spec{Addresses: prefixes("10.8.0.2/32", "fd00::2/128"), Routes: prefixes("10.8.0.2/32", "fd00::2/128")},
			routes: []route{{dst: p("10.8.0.2/32")}},
		},
		{
			name:   "host bits and repeats are left out",
			spec:   Spec{Routes: prefixes("10.9.1.1/16", "10.9.0.0/16")},
			routes: []route{{dst: p("10.9.0.0/16")}},
		},
		{
			name:   "no IPv6 in the kernel",
			spec:   Spec{Mark: testMark, Addresses: prefixes("fd00::2/64"), Routes: prefixes("0.0.0.0/0", "::/0", "fd01::/64")},
			noV6:   true,
			routes: []route{{dst: p("0.0.0.0/0"), table: DefaultTable}},
			rules:  lead4,
		},
		{
			name: "fail closed refuses the family that is not routed",
			spec: Spec{Mark: testMark, FailClosed: true, Routes: prefixes("0.0.0.0/0")},
			routes: []route{
				{dst: p("0.0.0.0/0"), table: DefaultTable},
				{dst: p("0.0.0.0/0"), table: DefaultTable, unreachable: true},
				{dst: p("::/0"), table: DefaultTable, unreachable: true},
			},
			rules: shut,
		},
		{
			name: "a split tunnel that fails closed has each route's twin beside it, also those of an address",
			spec: Spec{FailClosed: true, Addresses: prefixes("10.8.0.2/24"), Routes: prefixes("10.0.0.0/8", "10.8.0.0/24", "fd00:20::/48")},
			routes: []route{
				{dst: p("10.0.0.0/8")}, {dst: p("fd00:20::/48")},
				{dst: p("10.0.0.0/8"), unreachable: true}, {dst: p("10.8.0.0/24"), unreachable: true}, {dst: p("fd00:20::/48"), unreachable: true},
			},
		},
		{
			name: "what is carried must not leave otherwise, though it is not routed",
			spec: Spec{FailClosed: true, Routes: prefixes("10.0.0.0/8"), Carry: prefixes("10.0.0.0/8", "172.16.0.0/12")},
			routes: []route{
				{dst: p("10.0.0.0/8")}, {dst: p("10.0.0.0/8"), unreachable: true}, {dst: p("172.16.0.0/12"), unreachable: true},
			},
		},
		{
			name: "a split tunnel of a target that carries everything",
			spec: Spec{FailClosed: true, Mark: testMark, Routes: prefixes("10.0.0.0/8"), Carry: prefixes("0.0.0.0/0", "::/0")},
			routes: []route{
				{dst: p("10.0.0.0/8")}, {dst: p("10.0.0.0/8"), unreachable: true},
				{dst: p("0.0.0.0/0"), table: DefaultTable, unreachable: true},
				{dst: p("::/0"), table: DefaultTable, unreachable: true},
			},
			rules: shut,
		},
		{
			name: "where the main table's wide routes are passed over, the tunnel's are in its own",
			spec: Spec{
				FailClosed: true, Mark: testMark, Addresses: prefixes("8.0.0.2/5"),
				Routes: prefixes("0.0.0.0/1", "8.0.0.0/5", "10.0.0.0/8", "2000::/3", "fc00::/7"), Carry: prefixes("0.0.0.0/0", "::/0"),
			},
			routes: []route{
				{dst: p("0.0.0.0/1"), table: DefaultTable}, {dst: p("8.0.0.0/5"), table: DefaultTable},
				{dst: p("2000::/3"), table: DefaultTable}, {dst: p("fc00::/7")},
				{dst: p("10.0.0.0/8"), unreachable: true}, {dst: p("fc00::/7"), unreachable: true},
				{dst: p("0.0.0.0/0"), table: DefaultTable, unreachable: true},
				{dst: p("::/0"), table: DefaultTable, unreachable: true},
			},
			rules: shut,
		},
		{
			name:   "carried means nothing without fail closed",
			spec:   Spec{Routes: prefixes("10.0.0.0/8"), Carry: prefixes("0.0.0.0/0", "::/0")},
			routes: []route{{dst: p("10.0.0.0/8")}},
		},
		{
			name: "a seal of everything",
			spec: sealed(prefixes("0.0.0.0/0", "::/0"), testMark), noV6: true,
			routes: []route{
				{dst: p("0.0.0.0/0"), table: DefaultTable, unreachable: true},
				{dst: p("::/0"), table: DefaultTable, unreachable: true},
			},
			rules: shut,
		},
		{
			name: "a seal of two halves is one of everything, in both families",
			spec: sealed(prefixes("0.0.0.0/1", "128.0.0.0/1", "8000::/1"), testMark), noV6: true,
			routes: []route{
				{dst: p("0.0.0.0/0"), table: DefaultTable, unreachable: true},
				{dst: p("::/0"), table: DefaultTable, unreachable: true},
			},
			rules: shut,
		},
		{
			name: "a seal of a split tunnel needs no rules",
			spec: sealed(prefixes("10.1.2.3/8", "fd00:20::/48"), testMark), noV6: true,
			routes: []route{
				{dst: p("10.0.0.0/8"), unreachable: true}, {dst: p("fd00:20::/48"), unreachable: true},
			},
		},
		{
			name: "a seal where the kernel has no IPv6",
			spec: sealed(prefixes("0.0.0.0/0", "::/0", "10.0.0.0/8", "fd00::/8"), testMark), noV6: true, noKernel6: true,
			routes: []route{
				{dst: p("10.0.0.0/8"), unreachable: true}, {dst: p("0.0.0.0/0"), table: DefaultTable, unreachable: true},
			},
			rules: shut4,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := newPlan(tt.spec, DefaultTable, !tt.noV6, !tt.noKernel6)
			compare := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
			opt := cmp.AllowUnexported(route{}, rule{})
			if d := cmp.Diff(got.routes, tt.routes, opt, compare); d != "" {
				t.Error("routes, -got +want:", d)
			}
			if d := cmp.Diff(got.rules, tt.rules, opt); d != "" {
				t.Error("rules, -got +want:", d)
			}
		})
	}
}
