package netcfg

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func TestFullTunnel(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	before := listing(t)
	m := New(testOptions(t))
	mustApply(t, m, fullTunnel())

	for line, want := range map[string]string{
		"ip route get 203.0.113.7":                       "dev hf0",
		"ip route get 203.0.113.7 mark 0x6866":           "via 192.0.2.1 dev eth0",
		"ip route get 192.0.2.9":                         "dev eth0",
		"ip -6 route get 2001:db8:5::7":                  "dev hf0",
		"ip -6 route get 2001:db8:5::7 mark 0x6866":      "via 2001:db8::1 dev eth0",
		"ip -6 route get 2001:db8::9":                    "dev eth0",
		"ip -4 rule":                                     "from all lookup main suppress_prefixlength 7 proto 104",
		"ip -6 rule":                                     "not from all fwmark 0x6866 lookup 26726 proto 104",
		"ip link show hf0":                               "mtu 1420",
		"ip -4 route show table 26726":                   "default dev hf0 proto 104 scope link",
		"ip -o addr show dev hf0":                        "inet 10.8.0.2/24",
		"ip -6 -o addr show dev hf0":                     "inet6 fd00:8::2/64",
		"cat /proc/sys/net/ipv4/conf/all/src_valid_mark": "1",
	} {
		if got := run(t, line); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q in it", line, got, want)
		}
	}

	if err := m.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	listingBecomes(t, listing, before)
	if _, err := os.Stat(m.StateDir + "/" + journalName); err == nil {
		t.Error("the journal is left")
	}
}

// Nothing enters the tunnel by itself: it would count as traffic without an answer.
func TestNothingIsSentByItself(t *testing.T) {
	ownNamespace(t)
	tun := openTun(t, "hf0")
	mustApply(t, New(testOptions(t)), fullTunnel())
	// The kernel's first search for routers comes within a second.
	poll := []unix.PollFd{{Fd: int32(tun.Fd()), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, 1500); err != nil && !errors.Is(err, unix.EINTR) {
		t.Fatal(err)
	} else if n > 0 {
		packet := make([]byte, 2000)
		n, err := unix.Read(int(tun.Fd()), packet)
		t.Errorf("a packet went into the tunnel: %x, %v", packet[:n], err)
	}
}

func TestSplitTunnel(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	before := listing(t)
	m := New(testOptions(t))
	mustApply(t, m, splitTunnel())
	for line, want := range map[string]string{
		"ip route get 10.20.1.1":                         "dev hf0",
		"ip route get 10.8.0.1":                          "dev hf0",
		"ip route get 203.0.113.7":                       "dev eth0",
		"ip -6 route get fd00:20::1":                     "dev hf0",
		"ip -6 route get 2001:db8:5::7":                  "dev eth0",
		"cat /proc/sys/net/ipv4/conf/all/src_valid_mark": "0",
	} {
		if got := run(t, line); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q in it", line, got, want)
		}
	}
	if got := run(t, "ip rule"); strings.Contains(got, "26726") {
		t.Errorf("a split tunnel has rules: %s", got)
	}
	if err := m.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	listingBecomes(t, listing, before)
}

func TestFailClosedOutlivesTheInterface(t *testing.T) {
	ownNamespace(t)
	tun := openTun(t, "hf0")
	before := listing(t)
	m := New(testOptions(t))
	s := fullTunnel()
	s.FailClosed, s.Routes = true, prefixes("0.0.0.0/0")
	mustApply(t, m, s)
	if got := run(t, "ip -6 route show table 26726"); !strings.Contains(got, "unreachable default") {
		t.Errorf("IPv6 leaves beside the tunnel: %q", got)
	}
	if err := tun.Close(); err != nil {
		t.Fatal(err)
	}
	if got := run(t, "ip route show table 26726"); !strings.Contains(got, "unreachable default") {
		t.Errorf("after the interface: %q", got)
	}
	if err := m.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	openTun(t, "hf0")
	sameListing(t, withoutIndex(listing(t)), withoutIndex(before))
}

// withoutIndex drops the number of an interface that was made anew.
func withoutIndex(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if _, rest, ok := strings.Cut(l, ": hf0:"); ok {
			lines[i] = "N: hf0:" + rest
		}
	}
	return strings.Join(lines, "\n")
}

// What two specs share is never deleted on the way from one to the other.
func TestSharedStays(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	m := New(testOptions(t))
	a, b := fullTunnel(), fullTunnel()
	a.Routes = append(a.Routes, prefixes("10.20.0.0/16", "10.30.0.0/16", "fd00:20::/48")...)
	b.Routes = append(b.Routes, prefixes("10.20.0.0/16", "10.40.0.0/16", "fd00:20::/48")...)
	b.Addresses = append(b.Addresses, prefixes("10.9.0.2/32")...)
	mustApply(t, m, a)

	routes, gone := make(chan netlink.RouteUpdate, 1000), make(chan netlink.AddrUpdate, 1000)
	done := make(chan struct{})
	defer close(done)
	if err := netlink.RouteSubscribe(routes, done); err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrSubscribe(gone, done); err != nil {
		t.Fatal(err)
	}
	mustApply(t, m, b)
	mustApply(t, m, a)
	run(t, "ip route add 198.51.100.0/24 dev eth0") // the last one to be seen

	deleted := map[netip.Prefix]bool{}
	for u := range routes {
		dst := fromIPNet(u.Dst)
		if u.Type == unix.RTM_DELROUTE {
			deleted[dst] = true
		}
		if dst == netip.MustParsePrefix("198.51.100.0/24") {
			break
		}
	}
	for _, p := range prefixes("10.30.0.0/16", "10.40.0.0/16") {
		if !deleted[p] {
			t.Errorf("the monitor did not see %v go", p)
		}
	}
	for _, p := range prefixes("0.0.0.0/0", "::/0", "10.20.0.0/16", "fd00:20::/48", "10.8.0.0/24", "fd00:8::/64") {
		if deleted[p] {
			t.Errorf("the shared route %v was deleted", p)
		}
	}
	for len(gone) > 0 {
		u := <-gone
		if p := fromIPNet(&u.LinkAddress); !u.NewAddr && p != netip.MustParsePrefix("10.9.0.2/32") {
			t.Errorf("the shared address %v was deleted", p)
		}
	}
}

// Specs which the kernel makes difficult to move between.
func TestMoves(t *testing.T) {
	with := func(change func(*Spec)) Spec {
		s := splitTunnel()
		change(&s)
		return s
	}
	for _, tt := range []struct {
		name     string
		from, to Spec
	}{
		{"full to split", fullTunnel(), splitTunnel()},
		{"split to full", splitTunnel(), fullTunnel()},
		{"another mark", fullTunnel(), func() Spec { s := fullTunnel(); s.Mark = 77; return s }()},
		{"one family less", fullTunnel(), func() Spec { s := fullTunnel(); s.Routes = s.Routes[:1]; return s }()},
		{
			"the first address of a network goes, its second stays",
			with(func(s *Spec) { s.Addresses = prefixes("10.8.0.2/24", "10.8.0.3/24") }),
			with(func(s *Spec) { s.Addresses = prefixes("10.8.0.3/24") }),
		},
		{
			"another address in the same network",
			with(func(s *Spec) { s.Addresses = prefixes("10.8.0.2/24") }),
			with(func(s *Spec) { s.Addresses = prefixes("10.8.0.3/24") }),
		},
		{
			"a route which an address covered until now",
			with(func(s *Spec) { s.Addresses = prefixes("10.8.0.2/24") }),
			with(func(s *Spec) { s.Addresses = prefixes("10.8.0.2/32") }),
		},
		{
			"no IPv4 address any more, but routes",
			with(func(s *Spec) { s.Addresses = prefixes("10.8.0.2/24") }),
			with(func(s *Spec) { s.Addresses = prefixes("fd00:8::2/64") }),
		},
		{"another interface", fullTunnel(), func() Spec { s := fullTunnel(); s.Interface = "hf1"; return s }()},
		{"fail closed", fullTunnel(), func() Spec { s := fullTunnel(); s.FailClosed = true; return s }()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ownNamespace(t)
			openTun(t, "hf0")
			openTun(t, "hf1")
			before := listing(t)
			direct := New(testOptions(t))
			mustApply(t, direct, tt.to)
			want := settled(t)
			if err := direct.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
			listingBecomes(t, listing, before)

			m := New(testOptions(t))
			mustApply(t, m, tt.from)
			mustApply(t, m, tt.to)
			listingBecomes(t, sortedListing, sorted(want))
			mustApply(t, m, tt.to)
			listingBecomes(t, sortedListing, sorted(want))
			if err := m.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
			listingBecomes(t, listing, before)
		})
	}
}

// A step that fails in the middle takes the others back.
func TestUndo(t *testing.T) {
	conflict := func() Spec {
		s := fullTunnel()
		s.Addresses = append(s.Addresses, prefixes("10.77.0.2/32")...)
		s.Routes = append(s.Routes, prefixes("10.66.0.0/16", "10.55.0.0/16")...)
		s.DNS = addrs("10.8.0.1")
		return s
	}
	t.Run("to nothing", func(t *testing.T) {
		ownNamespace(t)
		openTun(t, "hf0")
		run(t, "ip route add 10.55.0.0/16 via 192.0.2.1")
		before := listing(t)
		m := New(testOptions(t))
		if err := m.Apply(t.Context(), conflict()); !errors.Is(err, unix.EEXIST) {
			t.Fatal("got", err, "want EEXIST")
		}
		listingBecomes(t, listing, before)
	})
	t.Run("to the spec before", func(t *testing.T) {
		ownNamespace(t)
		openTun(t, "hf0")
		run(t, "ip route add 10.55.0.0/16 via 192.0.2.1")
		m := New(testOptions(t))
		mustApply(t, m, splitTunnel())
		before := listing(t)
		if err := m.Apply(t.Context(), conflict()); !errors.Is(err, unix.EEXIST) {
			t.Fatal("got", err, "want EEXIST")
		}
		listingBecomes(t, listing, before)
	})
	t.Run("when the resolvers fail, which come last", func(t *testing.T) {
		ownNamespace(t)
		openTun(t, "hf0")
		before := listing(t)
		o := testOptions(t)
		o.ResolvConf = t.TempDir() + "/no/such/folder/resolv.conf"
		m := New(o)
		s := fullTunnel()
		s.DNS = addrs("10.8.0.1")
		if err := m.Apply(t.Context(), s); err == nil {
			t.Fatal("no error")
		}
		listingBecomes(t, listing, before)
	})
	t.Run("no interface", func(t *testing.T) {
		ownNamespace(t)
		before := listing(t)
		if err := New(testOptions(t)).Apply(t.Context(), fullTunnel()); err == nil {
			t.Fatal("no error")
		}
		listingBecomes(t, listing, before)
	})
}

// Whatever comes, our entries are those of the last Spec and nobody else's change.
func TestAnySequence(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	run(t, "ip route add 10.55.0.0/16 via 192.0.2.1")
	run(t, "ip addr add 10.1.2.3/32 dev hf0")
	before := listing(t)
	nets := prefixes("0.0.0.0/0", "::/0", "10.20.0.0/16", "10.20.1.0/24", "10.8.0.0/24", "10.55.0.0/16", "fd00:8::/64", "fd00:20::/48", "0.0.0.0/1")
	own := prefixes("10.8.0.2/24", "10.8.0.3/24", "10.1.2.3/32", "10.9.0.1/32", "fd00:8::2/64", "fd00:9::1/128")
	rapid.Check(t, func(rt *rapid.T) {
		o := Options{StateDir: t.TempDir(), ResolvConf: t.TempDir() + "/resolv.conf", Resolvconf: "none"}
		m := New(o)
		for range rapid.IntRange(1, 5).Draw(rt, "steps") {
			s := Spec{
				Interface: "hf0", Mark: testMark,
				MTU:        rapid.SampledFrom([]int{0, 1280, 1420}).Draw(rt, "mtu"),
				Addresses:  rapid.SliceOfNDistinct(rapid.SampledFrom(own), 0, 4, rapid.ID).Draw(rt, "addresses"),
				Routes:     rapid.SliceOfNDistinct(rapid.SampledFrom(nets), 0, 5, rapid.ID).Draw(rt, "routes"),
				FailClosed: rapid.Bool().Draw(rt, "closed"),
				Carry:      rapid.SliceOfNDistinct(rapid.SampledFrom(nets), 0, 3, rapid.ID).Draw(rt, "carry"),
			}
			if rapid.IntRange(0, 3).Draw(rt, "seal") == 0 {
				s = sealed(s.Carry, s.Mark)
			}
			if rapid.IntRange(0, 4).Draw(rt, "crash") == 0 {
				m = New(o)
			}
			was := m.applied
			if err := set(t.Context(), m, s); err == nil {
				was = &s
			} else if !errors.Is(err, unix.EEXIST) {
				rt.Fatal(err)
			}
			checkOwn(rt, was)
		}
		if err := m.Clear(t.Context()); err != nil {
			rt.Fatal(err)
		}
		listingBecomes(t, listing, before)
	})
}

// checkOwn compares what the kernel knows as ours with the plan.
func checkOwn(rt *rapid.T, s *Spec) {
	k, err := openKernel(Options{}.withDefaults())
	if err != nil {
		rt.Fatal(err)
	}
	defer k.Close()
	var p plan
	if s != nil {
		p = newPlan(*s, k.table, !s.isSeal(), true)
	}
	routes, err := k.ownRoutes()
	if err != nil {
		rt.Fatal(err)
	}
	rules, err := k.ownRules()
	if err != nil {
		rt.Fatal(err)
	}
	if len(routes) != len(p.routes) || len(rules) != len(p.rules) {
		rt.Fatalf("got %d routes and %d rules of ours, want %d and %d: %v", len(routes), len(rules), len(p.routes), len(p.rules), routes)
	}
	link, err := k.LinkByName("hf0")
	if err != nil {
		rt.Fatal(err)
	}
	have, err := k.addresses(link)
	if err != nil {
		rt.Fatal(err)
	}
	set := map[netip.Prefix]bool{}
	for _, a := range have {
		if !a.Addr().IsLinkLocalUnicast() {
			set[a] = true
		}
	}
	want := map[netip.Prefix]bool{netip.MustParsePrefix("10.1.2.3/32"): true}
	for _, a := range p.addresses {
		want[a] = true
	}
	if len(set) != len(want) {
		rt.Fatalf("got addresses %v, want %v", have, want)
	}
	for a := range want {
		if !set[a] {
			rt.Fatalf("got addresses %v, want %v", have, want)
		}
	}
}

// How long the moves take that a person waits for.
func TestTook(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	m := New(testOptions(t))
	took := func(do func()) time.Duration {
		start := time.Now()
		do()
		return time.Since(start).Round(10 * time.Microsecond)
	}
	bare := took(func() { mustApply(t, m, fullTunnel()) })
	mustClear(t, m)
	up := took(func() { mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1")) })
	next := fullTunnel()
	next.Addresses = prefixes("10.9.0.2/24", "fd00:9::2/64")
	change := took(func() { mustApply(t, m, withDNS(next, "10.9.0.1")) })
	same := took(func() { mustApply(t, m, withDNS(next, "10.9.0.1")) })
	down := took(func() { mustClear(t, m) })
	seal := took(func() { mustSeal(t, m, everything) })
	unsealed := took(func() { mustApply(t, m, closed(fullTunnel(), everything)) })
	sealedAgain := took(func() { mustSeal(t, m, everything) })
	opened := took(func() { mustClear(t, m) })
	t.Logf("seal %v, to a tunnel %v, to a seal again %v, opened %v", seal, unsealed, sealedAgain, opened)
	t.Logf("up without resolvers %v, with %v, to another spec %v, to the same %v, down %v", bare, up, change, same, down)
	if up+change+down > 10*time.Second { // a busy disk takes its time with resolv.conf
		t.Error("too slow")
	}
}
