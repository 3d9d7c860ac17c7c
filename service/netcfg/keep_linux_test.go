package netcfg

import (
	"context"
	"runtime"
	"strings"
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

// keep has a Manager keep what is in force until the test ends.
func keep(t *testing.T, m *Manager) {
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
	t.Cleanup(func() {
		cancel()
		if err := <-kept; err != nil {
			t.Error(err)
		}
		_ = own.Close()
	})
}

// What others take from a seal, and from a tunnel whose interface is gone,
// comes back as well.
func TestKeepASeal(t *testing.T) {
	carry := append(prefixes("10.20.0.0/16", "fd00:20::/48"), everything...)
	for name, arrange := range map[string]func(*testing.T, *Manager){
		"sealed": func(t *testing.T, m *Manager) { mustSeal(t, m, carry) },
		"the interface is gone": func(t *testing.T, m *Manager) {
			tun := openTun(t, "hf0")
			mustApply(t, m, closed(fullTunnel(), carry))
			if err := tun.Close(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ownNamespace(t)
			before := listing(t)
			m := New(testOptions(t))
			arrange(t, m)
			want := sortedListing(t)
			keep(t, m)
			for _, cut := range []string{
				"ip route flush table 26726", "ip -6 route flush table 26726",
				"ip route del unreachable 10.20.0.0/16", "ip -6 route del unreachable fd00:20::/48",
				"ip rule del priority 26726", "ip rule del priority 26727",
				"ip -6 rule del priority 26726", "ip -6 rule del priority 26727",
				"sysctl -qw net.ipv4.conf.eth0.rp_filter=1",
			} {
				run(t, cut)
				listingBecomes(t, sortedListing, want)
				eventually(t, "the filter lets answers in", func() bool { v, err := readSysctl("ipv4/conf/eth0/rp_filter"); return err == nil && v == "0" })
			}
			mustClear(t, m)
			listingBecomes(t, listing, before)
		})
	}
}
