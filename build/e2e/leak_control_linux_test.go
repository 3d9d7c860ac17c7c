package e2e

import (
	"strings"
	"testing"
	"time"
)

// floodRate is how many packets a second the flood has.
const floodRate = 5000

// flooded lets the flood run for some time and returns its cell.
func (l *laboratory) flooded(long time.Duration) uint16 {
	l.t.Helper()
	cell := l.enter()
	l.rest(long)
	l.leave()
	return cell
}

// control floods without guard and tunnel: all of it must be seen. Without this
// the rest would prove nothing.
func (l *laboratory) control(long time.Duration) (cell uint16) {
	l.t.Helper()
	l.near.Hold(nil)
	cell = l.flooded(long)
	all := l.figures(nil, cell)
	l.t.Logf("without guard and tunnel %d packets were sent, %d of them were seen on the uplink: %.2f %%", all.taken, all.near, all.seen())
	for i := range l.ways {
		if f := l.figures(by(i), cell); f.taken == 0 || f.seen() < 99 {
			l.t.Errorf("without guard and tunnel, of %d packets %s %.1f %% were seen, want 99 %% at least", f.taken, l.ways[i].Name, f.seen())
		}
	}
	return cell
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
	cell := l.flooded(2 * time.Second)
	routed := l.figures(by(0), cell)
	t.Logf("in a tunnel, to a public host: %+v", routed)
	if routed.leaked() != 0 || float64(routed.inside) < 0.99*float64(routed.taken) {
		t.Errorf("of %d packets into the tunnel %d arrived inside and %d in clear, want all and none", routed.taken, routed.inside, routed.leaked())
	}
	bound := l.figures(by(1), cell)
	if bound.seen() < 99 {
		t.Errorf("without a guard %.1f %% of what is bound to the uplink was seen there, want 99 %% at least", bound.seen())
	}
	l.s.kill()
	cell = l.flooded(2 * time.Second)
	dead := l.figures(by(0), cell)
	t.Logf("after kill -9 without a guard, to a public host: %+v", dead)
	if dead.seen() < 90 {
		t.Errorf("after kill -9 without a guard %.1f %% was seen on the uplink, want nearly all", dead.seen())
	}
	l.complete()
}

// begin brings the tunnel up with these settings, by a service that is started
// where there is none yet.
func (l *laboratory) begin(settings ...string) {
	l.t.Helper()
	if l.s == nil {
		l.s = l.service()
	}
	l.s.cli(append([]string{"settings", "set", "third_party_checks=false", "auto_failback=false", "minimum_hold=0s"}, settings...)...)
	l.dual()
	l.s.cli("up", "g")
	l.pings = l.ping(100 * time.Millisecond)
	l.flowing(l.pings, 10*time.Second)
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
