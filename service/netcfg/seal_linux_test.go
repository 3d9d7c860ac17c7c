package netcfg

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func mustSeal(t testing.TB, m *Manager, carry []netip.Prefix) {
	t.Helper()
	if err := m.Seal(t.Context(), carry, testMark); err != nil {
		t.Fatal("seal:", err)
	}
}

// leads is where the system would send something: the device, or "unreachable".
func leads(t testing.TB, query string) string {
	t.Helper()
	words := strings.Fields("ip route get " + query)
	if strings.Contains(query, ":") {
		words = strings.Fields("ip -6 route get " + query)
	}
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil || strings.HasPrefix(string(out), "unreachable ") {
		if !strings.Contains(string(out), "nreachable") && !strings.Contains(string(out), "No route to host") {
			t.Fatalf("ip route get %s: %v: %s", query, err, out)
		}
		return "unreachable"
	}
	_, after, _ := strings.Cut(string(out), " dev ")
	dev, _, _ := strings.Cut(after, " ")
	return dev
}

func TestSeal(t *testing.T) {
	split := prefixes("10.20.0.0/16", "192.0.2.0/24", "fd00:20::/48")
	for _, tt := range []struct {
		name  string
		carry []netip.Prefix
		ways  map[string]string
	}{
		{"everything", everything, map[string]string{
			"203.0.113.7": "unreachable", "203.0.113.7 mark 0x6866": "eth0", "192.0.2.9": "eth0", "127.0.0.1": "lo",
			"2001:db8:5::7": "unreachable", "2001:db8:5::7 mark 0x6866": "eth0", "2001:db8::9": "eth0",
			"203.0.113.7 from 192.0.2.2": "unreachable", "2001:db8:5::7 oif eth0": "unreachable", "2001:db8:5::7 oif eth0 mark 0x6866": "eth0",
		}},
		{"a part", split, map[string]string{
			"203.0.113.7": "eth0", "10.20.1.1": "unreachable", "192.0.2.9": "eth0",
			"2001:db8:5::7": "eth0", "fd00:20::1": "unreachable",
		}},
		{"nothing", nil, map[string]string{"203.0.113.7": "eth0", "2001:db8:5::7": "eth0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ownNamespace(t)
			before := listing(t)
			o := testOptions(t)
			m := New(o)
			check := func(when string) {
				t.Helper()
				for query, want := range tt.ways {
					if got := leads(t, query); got != want {
						t.Errorf("%s, %s goes by %s, want %s", when, query, got, want)
					}
				}
			}
			mustSeal(t, m, tt.carry)
			check("sealed")
			direct := listing(t)
			mustSeal(t, m, tt.carry)
			listingBecomes(t, listing, direct)
			mustSeal(t, New(o), tt.carry)
			check("sealed by the next process")
			listingBecomes(t, listing, direct)
			if err := New(o).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			listingBecomes(t, listing, before)
			if files := folder(t, o); files != "" {
				t.Errorf("files are left: %s", files)
			}
		})
	}
}

// sealsAndSpecs are targets: what they carry, and a member of each.
var sealsAndSpecs = map[string]struct {
	carry []netip.Prefix
	spec  func() Spec
}{
	"full":                         {everything, fullTunnel},
	"full in IPv4 only":            {everything, func() Spec { s := fullTunnel(); s.Routes = s.Routes[:1]; return s }},
	"a split member of a full one": {everything, splitTunnel},
	"split":                        {prefixes("10.8.0.0/24", "10.20.0.0/16", "10.30.0.0/16", "fd00:20::/48"), splitTunnel},
}

// From a seal to a tunnel and back, also by way of another process and of an
// interface that goes, everything is as it was.
func TestSealAndApply(t *testing.T) {
	for name, tt := range sealsAndSpecs {
		t.Run(name, func(t *testing.T) {
			ownNamespace(t)
			tun := openTun(t, "hf0")
			o := testOptions(t)
			if err := os.WriteFile(o.ResolvConf, []byte("nameserver 192.0.2.1\n"), 0o640); err != nil {
				t.Fatal(err)
			}
			before, files := listing(t), folder(t, o)
			m := New(o)
			spec := closed(withDNS(tt.spec(), "10.8.0.1"), tt.carry)
			mustApply(t, m, spec)
			applied := sorted(settled(t))
			mustClear(t, m)
			listingBecomes(t, listing, before)
			mustSeal(t, m, tt.carry)
			seal := sorted(settled(t))

			for range 2 {
				mustApply(t, m, spec)
				listingBecomes(t, sortedListing, applied)
				m = New(o)
				mustSeal(t, m, tt.carry)
				listingBecomes(t, sortedListing, seal)
				m = New(o)
			}
			if text, err := os.ReadFile(o.ResolvConf); err != nil || string(text) != "nameserver 192.0.2.1\n" {
				t.Errorf("a seal has the resolvers %q, %v", text, err)
			}
			mustApply(t, m, spec)
			if err := tun.Close(); err != nil {
				t.Fatal(err)
			}
			mustSeal(t, m, tt.carry)
			openTun(t, "hf0")
			listingBecomes(t, func(t testing.TB) string { return sorted(withoutIndex(listing(t))) }, sorted(withoutIndex(seal)))
			mustClear(t, m)
			listingBecomes(t, func(t testing.TB) string { return withoutIndex(listing(t)) }, withoutIndex(before))
			if got := folder(t, o); got != files {
				t.Errorf("files:\n%s\nwant:\n%s", got, files)
			}
		})
	}
}

// An Apply that fails goes back to the seal.
func TestUndoToSeal(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	run(t, "ip route add 10.55.0.0/16 via 192.0.2.1")
	m := New(testOptions(t))
	mustSeal(t, m, everything)
	before := listing(t)
	s := closed(fullTunnel(), everything)
	s.Routes = append(s.Routes, prefixes("10.55.0.0/16")...)
	if err := m.Apply(t.Context(), s); err == nil {
		t.Fatal("no error")
	}
	listingBecomes(t, listing, before)
	s.Interface = "none"
	if err := m.Apply(t.Context(), s); err == nil {
		t.Fatal("no error")
	}
	listingBecomes(t, listing, before)
}

func TestSealWithoutMark(t *testing.T) {
	ownNamespace(t)
	before := listing(t)
	if err := New(testOptions(t)).Seal(t.Context(), everything, 0); err == nil {
		t.Error("a seal of everything without a mark would keep in our own packets")
	}
	listingBecomes(t, listing, before)
}

// The reverse path filter, as distributions set it, lets in what servers answer
// to our marked packets, and is put back.
func TestAnswersReachASeal(t *testing.T) {
	for name, tt := range map[string]struct{ all, own string }{
		"strict":         {"0", "1"},
		"loose":          {"0", "2"},
		"strict for all": {"1", "1"},
		"loose for all":  {"2", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			ownNamespace(t)
			openTun(t, "hf0")
			startEcho(t)
			for f, v := range map[string]string{"all": tt.all, "default": tt.own, "eth0": tt.own} {
				if err := writeSysctl("ipv4/conf/"+f+"/rp_filter", v); err != nil {
					t.Fatal(err)
				}
			}
			filtersBefore := func(t testing.TB) string { return run(t, "sysctl -a -r \\.(rp_filter|src_valid_mark)$") }
			before := filtersBefore(t)
			m := New(testOptions(t))
			answered := func(when string) {
				t.Helper()
				if !echoes(t, testMark) {
					t.Errorf("%s, marked packets get no answer", when)
				}
			}
			mustSeal(t, m, everything)
			answered("sealed")
			mustApply(t, m, closed(fullTunnel(), everything))
			answered("with a tunnel")
			m = New(m.Options)
			mustSeal(t, m, everything)
			answered("sealed by the next process")
			mustApply(t, m, closed(splitTunnel(), everything))
			answered("with a split tunnel")
			mustSeal(t, m, prefixes("10.0.0.0/8"))
			if got := filtersBefore(t); got != before {
				t.Errorf("a seal of a part has\n%swant\n%s", got, before)
			}
			mustSeal(t, m, everything)
			mustClear(t, m)
			if got := filtersBefore(t); got != before {
				t.Errorf("got\n%swant\n%s", got, before)
			}
		})
	}
}

// Under a flood, by old flows and new ones, nothing leaves from the seal to its
// end: not while tunnels come, go and are taken away.
func TestNothingLeavesUnderFlood(t *testing.T) {
	floods := map[string][]string{
		"full":                         {"203.0.113.9", "2001:db8:5::7"},
		"full in IPv4 only":            {"203.0.113.9", "2001:db8:5::7"},
		"a split member of a full one": {"203.0.113.9", "2001:db8:5::7", "10.20.1.1"},
		"split":                        {"10.8.0.77", "10.20.1.1", "10.30.1.1", "fd00:20::1"},
	}
	const shut, between, bare = 1, 2, 3
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	for name, tt := range sealsAndSpecs {
		t.Run(name, func(t *testing.T) {
			ownNamespace(t)
			cable := farEnd(t)
			all := isWhole(tt.carry, true)
			if all { // half the internet, as by option 121, is passed over
				for _, r := range []string{"0.0.0.0/1", "128.0.0.0/1"} {
					run(t, "ip route add "+r+" via 192.0.2.1")
				}
				run(t, "ip -6 route add 2000::/3 via 2001:db8::1")
			}
			before := listing(t)
			m := New(testOptions(t))
			f := startFlood(t, floods[name]...)
			f.control(t, cable)
			mustSeal(t, m, tt.carry)
			f.during(t, shut, 500)
			spec := closed(tt.spec(), tt.carry)
			for i := range rounds {
				tun := openTun(t, "hf0")
				mustApply(t, m, spec)
				f.during(t, shut, 100)
				switch i % 4 {
				case 0: // it ends in order
					mustSeal(t, m, tt.carry)
				case 1: // it is taken away
				case 2:
					run(t, "ip link set hf0 down")
				case 3:
					run(t, "ip addr flush dev hf0")
					if all {
						run(t, "ip route flush table 26726")
						run(t, "ip -6 route flush table 26726")
					}
				}
				f.during(t, shut, 100)
				if err := tun.Close(); err != nil {
					t.Fatal(err)
				}
				f.during(t, shut, 100)
				if i%3 == 0 {
					m = New(m.Options)
				}
				mustSeal(t, m, tt.carry)
			}
			f.during(t, shut, 500)
			f.relabel(between)
			mustClear(t, m)
			f.control(t, cable)
			f.relabel(between)
			tun := openTun(t, "hf0")
			spec.FailClosed = false
			mustApply(t, m, spec)
			if err := tun.Close(); err != nil {
				t.Fatal(err)
			}
			f.during(t, bare, 100)
			mustClear(t, m)
			f.control(t, cable)
			f.end()
			t.Logf("%d packets tried while shut, %d of them taken by a tunnel, %d left",
				f.tried[shut].Load(), f.sent[shut].Load(), cable.seen[shut].Load())
			if n := cable.seen[shut].Load(); n != 0 {
				t.Errorf("%d packets left", n)
			}
			if cable.seen[bare].Load() == 0 {
				t.Error("what does not fail closed does not leak either, so this test shows nothing")
			}
			if n := cable.missed(t); n != 0 {
				t.Errorf("the capture missed %d packets", n)
			}
			listingBecomes(t, listing, before)
		})
	}
}

// What README.md and "holdfast guard release --help" name for when nothing of
// ours works any more opens a seal.
func TestEscapeByHand(t *testing.T) {
	ownNamespace(t)
	carry := append(prefixes("10.20.0.0/16", "fd00:20::/48"), everything...)
	mustSeal(t, New(testOptions(t)), carry)
	for _, line := range []string{
		"ip -4 rule del priority 26728", "ip -6 rule del priority 26728", "ip -4 rule del priority 26727", "ip -6 rule del priority 26727",
		"ip -4 route flush table all proto 104", "ip -6 route flush table all proto 104",
	} {
		run(t, line)
	}
	for _, query := range []string{"203.0.113.7", "10.20.1.1", "2001:db8:5::7", "fd00:20::1"} {
		if got := leads(t, query); got != "eth0" {
			t.Errorf("%s goes by %s, want eth0", query, got)
		}
	}
}
