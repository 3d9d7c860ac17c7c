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
	own, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
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
	defer func() {
		cancel()
		if err := <-kept; err != nil {
			t.Error(err)
		}
	}()
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
