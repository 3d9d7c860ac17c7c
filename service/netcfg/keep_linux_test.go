package netcfg

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// What is taken away comes back also while other programs come and go without
// a pause, each with an address of its own.
func TestKeepAmongEndlessChanges(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	m := New(testOptions(t))
	mustApply(t, m, fullTunnel())
	defer mustClear(t, m)
	keep(t, m)
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	foreign := &netlink.Addr{IPNet: toIPNet(prefixes("198.51.100.1/32")[0])}
	tick := time.NewTicker(keepQuiet / 5)
	defer tick.Stop()
	for began, taken := time.Now(), false; time.Since(began) < 5*time.Second; <-tick.C {
		if err := netlink.AddrAdd(lo, foreign); err != nil {
			t.Fatal(err)
		}
		if err := netlink.AddrDel(lo, foreign); err != nil {
			t.Fatal(err)
		}
		switch {
		case time.Since(began) < 2*keepApart:
		case !taken:
			run(t, "ip route del default dev hf0 table 26726")
			taken = true
		case strings.Contains(run(t, "ip route get 203.0.113.7"), "dev hf0"):
			return
		}
	}
	t.Error("the route was not put back")
}

// keep has a Manager keep what is in force until the test ends, or until end is
// called.
func keep(t *testing.T, m *Manager) (end func()) {
	t.Helper()
	own, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := netns.Set(own); err != nil {
			kept <- err
			return
		}
		kept <- m.Keep(ctx)
	}()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-kept; err != nil {
			t.Error(err)
		}
		_ = own.Close()
	})
	t.Cleanup(end)
	return end
}

// change receives what Keep tells next.
func change(t *testing.T, m *Manager) Change {
	t.Helper()
	limit := time.After(5 * time.Second)
	for {
		select {
		case c := <-m.Changes():
			if c.What != "" { // else something has ended
				return c
			}
		case <-limit:
			t.Fatal("no change is told")
			return Change{}
		}
	}
}

// What others take comes back, from a tunnel, from a seal, and from what is left
// of a tunnel whose interface is gone.
func TestKeep(t *testing.T) {
	carry := append(prefixes("10.20.0.0/16", "fd00:20::/48"), everything...)
	common := map[string]string{
		"ip route flush table 26726":                      "route",
		"ip -6 route del unreachable default table 26726": "route",
		"ip route del unreachable 10.20.0.0/16":           "a route",
		"ip -6 route del unreachable fd00:20::/48":        "a route",
		"ip route flush type unreachable proto 104":       "route",
		"ip rule del priority 26726":                      "a routing rule",
		"ip rule del priority 26727":                      "a routing rule",
		"ip rule del priority 26728":                      "a routing rule",
		"ip -6 rule del priority 26728":                   "a routing rule",
		"ip -6 rule del priority 26726":                   "a routing rule",
		"ip -6 rule del priority 26727":                   "a routing rule",
	}
	for name, tt := range map[string]struct {
		arrange func(*testing.T, *Manager)
		cuts    map[string]string
	}{
		"sealed": {func(t *testing.T, m *Manager) { mustSeal(t, m, carry) }, nil},
		"the interface is gone": {func(t *testing.T, m *Manager) {
			tun := openTun(t, "hf0")
			mustApply(t, m, closed(fullTunnel(), carry))
			if err := tun.Close(); err != nil {
				t.Fatal(err)
			}
		}, nil},
		"a tunnel": {func(t *testing.T, m *Manager) {
			openTun(t, "hf0")
			s := fullTunnel()
			s.Routes = append(s.Routes, carry...)
			mustApply(t, m, closed(s, carry))
		}, map[string]string{
			"ip route del 10.20.0.0/16 dev hf0":             "a route",
			"ip route replace default dev eth0 table 26726": "a route",
			"ip -6 route del fd00:20::/48 dev hf0":          "a route",
			"ip addr del 10.8.0.2/24 dev hf0":               "an address",
			"ip -6 addr del fd00:8::2/64 dev hf0":           "an address",
			"ip addr flush dev hf0":                         "addresses",
			"ip link set hf0 mtu 1300":                      "its MTU of 1420, which was set to 1300",
			"ip link set hf0 mtu 1000":                      "its MTU of 1420, which was set to 1000",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ownNamespace(t)
			before := listing(t)
			m := New(testOptions(t))
			tt.arrange(t, m)
			want := ordinary(t)
			cuts := maps.Clone(common)
			maps.Copy(cuts, tt.cuts)
			for cut, told := range cuts {
				end := keep(t, m) // one that knows of no loss before
				run(t, cut)
				c := change(t, m)
				if !strings.Contains(c.What, told) || c.Err != nil {
					t.Errorf("%s: told %q, %v, want %q in it", cut, c.What, c.Err, told)
				}
				if !strings.HasPrefix(c.By, "ip (pid ") && c.By != "" {
					t.Errorf("%s was done by %q", cut, c.By)
				}
				listingBecomes(t, ordinary, want)
				end()
				for len(m.Changes()) > 0 {
					<-m.Changes()
				}
			}
			mustClear(t, m)
			if name != "a tunnel" {
				listingBecomes(t, listing, before)
			}
		})
	}
}

// What could not be put back, and was told, is told to be there again also where
// it was not Keep that did it.
func TestKeepTellsTheEndOfAFailure(t *testing.T) {
	ownNamespace(t)
	m := New(testOptions(t))
	mustSeal(t, m, everything)
	k := keeper{outlet: &m.outlet, of: m, failures: 2}
	if again := k.repair(""); again != 0 {
		t.Fatalf("what is whole is to be looked at again in %v", again)
	}
	if c := change(t, m); c.Err != nil || c.Around {
		t.Errorf("told %+v, want that it is there again", c)
	}
	k.repair("")
	if n := len(m.Changes()); n > 0 {
		t.Errorf("it is told %d times more", n)
	}
	mustClear(t, m)
}

// ordinary is the listing in an order of its own, and without what the kernel
// makes up anew for an interface's IPv6.
func ordinary(t testing.TB) string {
	var b strings.Builder
	for line := range strings.Lines(sortedListing(t)) {
		if !strings.Contains(line, "fe80::") && !strings.Contains(line, "ff00::") && !strings.Contains(line, "_lft") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// The filter that would drop answers to a seal's marked packets stays off, also
// on an interface that comes later.
func TestKeepTheFilterOff(t *testing.T) {
	ownNamespace(t)
	m := New(testOptions(t))
	mustSeal(t, m, everything)
	keep(t, m)
	run(t, "sysctl -qw net.ipv4.conf.eth0.rp_filter=1")
	run(t, "sysctl -qw net.ipv4.conf.default.rp_filter=2")
	run(t, "ip link add later0 type veth peer name later1")
	own := map[string]string{"eth0": "0", "later0": "0", "default": "2"}
	is := func(l string) bool {
		v, err := readSysctl("ipv4/conf/" + l + "/rp_filter")
		return err == nil && v == own[l]
	}
	for l := range own {
		eventually(t, l+" lets answers in", func() bool { return is(l) })
	}
	mustClear(t, m)
	own["eth0"], own["later0"] = "1", "2"
	for l := range own {
		if !is(l) {
			t.Errorf("the filter of %s is not put back", l)
		}
	}
}

// How long traffic is without its route.
func TestKeepTook(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	m := New(testOptions(t))
	mustApply(t, m, fullTunnel())
	defer mustClear(t, m)
	var took []time.Duration
	for range 20 {
		end := keep(t, m)
		run(t, "ip route del default dev hf0 table 26726")
		began := time.Now()
		eventually(t, "the route is back", func() bool { return len(m.Changes()) > 0 })
		took = append(took, time.Since(began))
		<-m.Changes()
		end()
	}
	slices.Sort(took)
	t.Logf("put back after %v at the median, %v at most", took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
}
