package probe

import (
	"context"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// However many ask at once, and whenever they give up, no more than the bound
// runs and nothing remains.
func TestOutsideLeavesNothing(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	f.filter("input", "meta l4proto { tcp, udp, icmp, icmpv6 } drop")
	f.run("ip addr flush dev far0 scope global")
	o := outside(t)
	pages := []string{"http://" + hosts + "1/", "http://" + hosts + "2/", "http://[" + hosts6 + "1]/", "http://check.example.com/"}
	before, files := settledRoutines(0), openFiles(t)
	const callers = 60
	most := 0
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		var all sync.WaitGroup
		start := time.Now()
		for i := range callers {
			all.Go(func() {
				switch i % 3 {
				case 0:
					o.Internet(ctx, pages)
				case 1:
					o.Gateway(ctx)
				default:
					o.Knock(ctx, netip.MustParseAddrPort(hosts+"1:51820"))
				}
			})
		}
		for ctx.Err() == nil {
			most = max(most, runtime.NumGoroutine())
			runtime.Gosched()
		}
		all.Wait()
		cancel()
		if took := time.Since(start); took > 1500*time.Millisecond {
			t.Errorf("it took %v to give up", took)
		}
	}
	// Each question may have a goroutine of package net beside its own, and
	// each name one lookup with its own.
	if limit := before + callers + 2*maxQuestions + 20; most > limit {
		t.Errorf("%d goroutines at once, want %d at most", most, limit)
	}
	t.Logf("%d goroutines before, at most %d of %d callers", before, most, callers)
	if got := settledRoutines(before); got > before {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines remain of %d\n%s", got, before, buf[:runtime.Stack(buf, true)])
	}
	if got := openFiles(t); got > files {
		t.Errorf("%d files remain open of %d", got, files)
	}
}

// settledRoutines is the number of goroutines when there are no more than
// want, or after a time in which all should have ended.
func settledRoutines(want int) int {
	deadline := time.Now().Add(lookupTimeout + time.Second)
	if want == 0 {
		return runtime.NumGoroutine()
	}
	for runtime.NumGoroutine() > want && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	return runtime.NumGoroutine()
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
