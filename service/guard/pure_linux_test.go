package guard

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"holdfast/service/guardset"
	"holdfast/service/tunnel"
)

// holds says whether an address is in the ranges, as the kernel would find it:
// by what is next below.
func holds(elements map[element]time.Duration, a netip.Addr) bool {
	var best element
	found := false
	for e := range elements {
		if e.key <= string(a.AsSlice()) && (!found || e.key > best.key || e.key == best.key && !e.end) {
			best, found = e, true
		}
	}
	return found && !best.end
}

// TestRanges compares ranges with the prefixes they are made of.
func TestRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v6 := rapid.Bool().Draw(t, "v6")
		addr := rapid.Custom(func(t *rapid.T) netip.Addr {
			b := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "bytes")
			// Close to one another, and at both ends of all that there is.
			b[0] = rapid.SampledFrom([]byte{0, 10, 11, 255}).Draw(t, "first")
			if v6 {
				b = slices.Concat(b, make([]byte, 8), b)
			}
			a, _ := netip.AddrFromSlice(b)
			return a
		})
		var list []netip.Prefix
		for range rapid.IntRange(0, 20).Draw(t, "prefixes") {
			a := addr.Draw(t, "address")
			list = append(list, netip.PrefixFrom(a, rapid.IntRange(1, a.BitLen()).Draw(t, "bits")))
		}
		list = disjoint(list, v6)
		elements := ranges(list)
		try := []netip.Addr{addr.Draw(t, "other")}
		for _, p := range list {
			try = append(try, p.Addr(), p.Addr().Prev(), last(p), last(p).Next())
		}
		for _, a := range try {
			if !a.IsValid() {
				continue
			}
			want := slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
			if got := holds(elements, a); got != want {
				t.Fatalf("%v in %v: %v, want %v", a, list, got, want)
			}
		}
	})
}

// disjoint is what a scope of such routes carries of this family.
func disjoint(list []netip.Prefix, v6 bool) []netip.Prefix {
	cfg := &tunnel.Config{Peers: []tunnel.Peer{{AllowedIPs: list}}}
	return slices.DeleteFunc(guardset.ScopeOf(cfg).Carry, func(p netip.Prefix) bool { return p.Addr().Is6() != v6 })
}

// TestManyRanges keeps in a list as long as that of a country, and longer.
func TestManyRanges(t *testing.T) {
	host := newSpace(t)
	g := host.guard()
	s := split()
	var list []netip.Prefix
	for i := range 20000 {
		b := binary.BigEndian.AppendUint32(nil, uint32(i)<<12|uint32(rand.IntN(8))<<8)
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte(b)), 25))
	}
	s.Carry = append(list, prefixes("2001:db8::/48")...)
	began := time.Now()
	host.set(g, s)
	t.Logf("%d ranges are in force after %v", len(list), time.Since(began))
	s.Carry = s.Carry[1:]
	host.set(g, s)
	host.set(g, open())
}

// FuzzCanonical reads rules that another program wrote.
func FuzzCanonical(f *testing.F) {
	for _, c := range newRuleset("hf0", 1, 0).inet {
		for _, r := range c.rules {
			f.Add(r.exprs)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := slices.Clone(b)
		first, errFirst := canonical(b)
		if again, err := canonical(b); again != first || (err == nil) != (errFirst == nil) {
			t.Errorf("%x says %q, then %q", b, first, again)
		}
		if !slices.Equal(b, before) {
			t.Error("reading changed what was read")
		}
	})
}

// FuzzDoer reads messages about who changed the firewall.
func FuzzDoer(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, unix.NLMSG_HDRLEN+8))
	f.Fuzz(func(t *testing.T, b []byte) {
		if x := readDoer(b); x.name != "" && !strings.Contains(x.name, "(pid ") {
			t.Errorf("%x is %q", b, x.name)
		}
	})
}

// TestRulesDiffer has every rule of a chain differ from its neighbours and from
// itself with any byte changed: nothing that matters is overlooked.
func TestRulesDiffer(t *testing.T) {
	rules := newRuleset("hf0", testMark, 0)
	for _, c := range slices.Concat(rules.inet, rules.arp) {
		for _, r := range c.rules {
			text, err := canonical(r.exprs)
			if err != nil || text != r.text {
				t.Fatalf("chain %s: %q, %v, want %q", c.name, text, err, r.text)
			}
		}
	}
	a, b := newRuleset("hf0", testMark, 0), newRuleset("hf1", testMark+1, 1)
	for _, name := range []string{"output", "forward", "postrouting", "probe"} {
		ta, tb := table{chains: a.inet}, table{chains: b.inet}
		if sameRules(ta.chain(name).rules, tb.chain(name).rules) {
			t.Errorf("chain %s is the same for another tunnel, mark and user", name)
		}
	}
}

func TestDoersAreNamed(t *testing.T) {
	d := doers{{"a (pid 1)", 1}, {"a (pid 1)", 2}, {"", 3}, {"b (pid 2)", 4}, {"c (pid 3)", 5}, {"d (pid 4)", 6}}
	for _, c := range []struct {
		until uint32
		want  string
	}{{0, ""}, {1, "a (pid 1)"}, {3, "a (pid 1)"}, {5, "a (pid 1), b (pid 2), c (pid 3)"}, {9, "a (pid 1), b (pid 2), c (pid 3), others"}} {
		if got := d.until(c.until).String(); got != c.want {
			t.Errorf("until %d: %q, want %q", c.until, got, c.want)
		}
	}
	if got := d.after(4).String(); got != "c (pid 3), d (pid 4)" {
		t.Errorf("after 4: %q", got)
	}
}

// TestManagesWithout goes on without what a kernel does not know, and says
// clearly what it cannot do without.
func TestManagesWithout(t *testing.T) {
	at := func(family byte, kind uint16) *message { return &message{family: family, kind: kind} }
	for _, c := range []struct {
		name         string
		refusal      refusal
		on           bool // it goes on
		plain, noARP bool
		says         error
	}{
		{"no owner that persists (Linux 5.12 to 6.8)", refusal{unix.EOPNOTSUPP, at(unix.NFPROTO_INET, unix.NFT_MSG_NEWTABLE)}, true, true, false, nil},
		{"no flags of a table", refusal{unix.EINVAL, at(unix.NFPROTO_INET, unix.NFT_MSG_NEWTABLE)}, true, true, false, nil},
		{"no arp", refusal{unix.EAFNOSUPPORT, at(unix.NFPROTO_ARP, unix.NFT_MSG_NEWTABLE)}, true, false, true, nil},
		{"no hooks of arp", refusal{unix.ENOENT, at(unix.NFPROTO_ARP, unix.NFT_MSG_NEWCHAIN)}, true, false, true, nil},
		{"an expression is missing", refusal{unix.ENOENT, at(unix.NFPROTO_INET, unix.NFT_MSG_NEWRULE)}, false, false, false, unix.ENOENT},
		{"no nf_tables", refusal{unix.EOPNOTSUPP, nil}, false, false, false, errors.ErrUnsupported},
		{"no right", refusal{unix.EPERM, nil}, false, false, false, os.ErrPermission},
		{"another's", refusal{unix.EPERM, at(unix.NFPROTO_INET, unix.NFT_MSG_NEWSETELEM)}, false, false, false, ErrOwned},
	} {
		k := &kernel{log: slog.New(slog.DiscardHandler)}
		if on := k.manageWithout(&c.refusal); on != c.on || k.plain != c.plain || k.noARP != c.noARP {
			t.Errorf("%s: goes on %v, plain %v, no arp %v", c.name, on, k.plain, k.noARP)
		}
		if k.manageWithout(&c.refusal) && c.noARP {
			t.Errorf("%s: goes on twice", c.name)
		}
		if err := explainRefusal(&c.refusal); !c.on && !errors.Is(err, c.says) {
			t.Errorf("%s: says %v", c.name, err)
		}
	}
}

// TestWithoutARP keeps in all else on a kernel that cannot filter ARP.
func TestWithoutARP(t *testing.T) {
	host := newSpace(t)
	g := host.plainGuard()
	g.kernel.noARP = true
	host.set(g, full())
	if got := host.rules(); strings.Contains(got, "table arp") || !strings.Contains(got, "policy drop") {
		t.Errorf("got %s", got)
	}
	host.set(g, split())
	host.set(g, open())
	if got := host.rules(); got != "" {
		t.Errorf("left %s", got)
	}
}
