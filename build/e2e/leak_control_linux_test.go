package e2e

import (
	"strings"
	"testing"
	"time"

	"holdfast/build/e2e/leak"
)

// floodRate is how many packets a second the flood has.
const floodRate = 5000

// flooded lets the flood run for some time and returns its cell. during is
// called over and over meanwhile. nil: nothing is done.
func (l *laboratory) flooded(name string, long time.Duration, during func()) uint16 {
	l.t.Helper()
	cell := l.enter(name)
	for end := time.Now().Add(long); time.Now().Before(end); {
		if during == nil {
			l.rest(time.Until(end))
		} else {
			during()
		}
	}
	l.leave()
	return cell
}

// control floods without guard and tunnel: all of it must be seen. Without this
// the rest would prove nothing.
func (l *laboratory) control(long time.Duration) {
	l.t.Helper()
	l.near.Hold(nil)
	cell := l.flooded("control", long, nil)
	all := l.figures(func(k leak.Key) bool { return k.Cell == cell })
	l.t.Logf("without guard and tunnel %d packets were sent, %d of them were seen on the uplink: %.2f %%", all.taken, all.near, all.seen())
	for i := range l.ways {
		if f := l.figures(l.of(cell, i)); f.taken == 0 || f.seen() < 99 {
			l.t.Errorf("without guard and tunnel, of %d packets %s %.1f %% were seen, want 99 %% at least", f.taken, l.ways[i].Name, f.seen())
		}
	}
}

// of selects the packets of a cell that were sent by the way at an index.
func (l *laboratory) of(cell uint16, way int) func(leak.Key) bool {
	return func(k leak.Key) bool { return k.Cell == cell && int(k.Way) == way+1 }
}

// complete fails the test where a capture did not see everything.
func (l *laboratory) complete() {
	l.t.Helper()
	for _, c := range l.captures {
		if n, err := c.Lost(); n != 0 || err != nil {
			l.t.Errorf("a capture lost %d packets (%v): what it shows proves nothing", n, err)
		}
	}
}

// TestLeakDetector shows that the laboratory sees what leaves, what arrives
// inside the tunnel, and what a tunnel without a guard lets out.
func TestLeakDetector(t *testing.T) {
	l := newLaboratory(t)
	l.pour(floodRate)
	l.control(2 * time.Second)
	l.begin("guard=off")
	cell := l.flooded("unguarded", 2*time.Second, nil)
	routed := l.figures(l.of(cell, 0))
	t.Logf("in a tunnel, to a public host: %+v", routed)
	if routed.leaked() != 0 || float64(routed.inside) < 0.99*float64(routed.taken) {
		t.Errorf("of %d packets into the tunnel %d arrived inside and %d in clear, want all and none", routed.taken, routed.inside, routed.leaked())
	}
	bound := l.figures(l.of(cell, 1))
	if bound.seen() < 99 {
		t.Errorf("without a guard %.1f %% of what is bound to the uplink was seen there, want 99 %% at least", bound.seen())
	}
	l.s.kill()
	cell = l.flooded("unguarded, killed", 2*time.Second, nil)
	dead := l.figures(l.of(cell, 0))
	t.Logf("after kill -9 without a guard, to a public host: %+v", dead)
	if dead.seen() < 90 {
		t.Errorf("after kill -9 without a guard %.1f %% was seen on the uplink, want nearly all", dead.seen())
	}
	l.complete()
}

// begin starts the service, its tunnel up, with these settings.
func (l *laboratory) begin(settings ...string) {
	l.t.Helper()
	l.s = l.service()
	l.s.cli(append([]string{"settings", "set", "third_party_checks=false", "auto_failback=false", "minimum_hold=0s"}, settings...)...)
	l.dual()
	l.s.cli("up", "g")
	l.flowing(l.ping(100*time.Millisecond), 10*time.Second)
}

// dual makes the group g of tunnels that carry both families whole.
func (l *laboratory) dual() {
	l.t.Helper()
	for _, srv := range l.servers {
		l.s.importText(srv.name, dualConf(srv))
	}
	l.s.cli("group", "set", "g", "a", "b")
}

// dualConf is a server's config for both families.
func dualConf(srv *server) string {
	return strings.NewReplacer(tunnelAddr+"/32", tunnelAddr+"/32, "+tunnelAddr6+"/128", "0.0.0.0/0", "0.0.0.0/0, ::/0").Replace(srv.conf())
}
