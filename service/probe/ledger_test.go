package probe

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pass is something that a guard lets pass.
type pass struct {
	network string
	to      netip.AddrPort
}

// ledger is a guard that keeps account of what it lets pass, and wants it all
// given back in the end.
type ledger struct {
	t testing.TB

	mu   sync.Mutex
	open map[pass]int
	ever map[pass]int
	// change, where it is set, is told when something begins or ends to pass.
	change func(p pass, opens bool)
}

func newLedger(t testing.TB) *ledger {
	l := &ledger{t: t, open: map[pass]int{}, ever: map[pass]int{}}
	t.Cleanup(func() {
		// A lookup goes on when whoever asked for it is gone.
		if !l.ends(lookupTimeout + time.Second) {
			t.Errorf("still passing in the end: %v", l.passing())
		}
	})
	return l
}

func (l *ledger) permit(network string, to netip.AddrPort) func() {
	p := pass{network, to}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch network {
	case "udp", "tcp", "icmp":
	default:
		l.t.Errorf("asks for %q", network)
	}
	if !to.IsValid() || to.Addr().Is4In6() || to.Addr().Zone() != "" || (network == "icmp") != (to.Port() == 0) {
		l.t.Errorf("asks for %s to %v", network, to)
	}
	l.ever[p]++
	if l.open[p]++; l.open[p] == 1 && l.change != nil {
		l.change(p, true)
	}
	var over atomic.Bool
	return func() {
		if over.Swap(true) {
			l.t.Errorf("%v was given back twice", p)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.open[p]--; l.open[p] > 0 {
			return
		}
		delete(l.open, p)
		if l.change != nil {
			l.change(p, false)
		}
	}
}

// passing is what passes now.
func (l *ledger) passing() []pass {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []pass
	for p := range l.open {
		out = append(out, p)
	}
	return out
}

// ends says whether nothing passes any more, within that time.
func (l *ledger) ends(within time.Duration) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(within); len(l.passing()) > 0; {
		select {
		case <-tick.C:
		case <-end:
			return false
		}
	}
	return true
}

// passed says how often something was asked for.
func (l *ledger) passed(network, to string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ever[pass{network, netip.MustParseAddrPort(to)}]
}
