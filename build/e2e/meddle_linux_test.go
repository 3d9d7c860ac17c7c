package e2e

import (
	"strings"
	"testing"
	"time"
)

// backWithin is how long the tunnel may be without its interface when others
// meddle with it.
const backWithin = 2 * time.Second

// TestInterfaceMeddledWith does to the tunnel's interface whatever another
// program may: the tunnel is back in a moment, and what belongs to others stays.
func TestInterfaceMeddledWith(t *testing.T) {
	t.Parallel()
	rounds := 1
	if soak() {
		rounds = 20
	}
	w := newWorld(t, "a")
	other := w.namespace("other")
	w.sh(w.client, "ip", "link", "add", "foreign0", "type", "veth", "peer", "name", "foreign1")
	w.sh(w.client, "ip", "addr", "add", "198.51.100.1/24", "dev", "foreign0")
	w.sh(w.client, "ip", "link", "set", "foreign0", "up")
	w.sh(w.client, "ip", "route", "add", "198.51.100.0/25", "dev", "foreign0")
	s := w.service()
	s.group(w.servers)
	s.cli("up", "g")
	g := w.ping(20 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	steady := w.setting(t)
	for range rounds {
		for _, how := range []string{
			"ip link set holdfast0 mtu 1300",
			"ip link set holdfast0 mtu 1000",
			"ip addr del 10.9.0.2/32 dev holdfast0",
			"ip addr flush dev holdfast0",
			"ip link set holdfast0 name x0",
			"ip link set holdfast0 down; ip link set holdfast0 name x0; ip link set x0 up",
			"ip link set holdfast0 down",
			"ip link set holdfast0 down; ip link set holdfast0 up",
			"ip link del holdfast0",
			"ip link set holdfast0 netns " + other,
		} {
			w.rest(5 * time.Second) // what breaks again within a moment waits
			before := time.Now()
			for cmd := range strings.SplitSeq(how, "; ") {
				w.sh(w.client, strings.Fields(cmd)...)
			}
			at := time.Now()
			w.until("the tunnel after "+how, 20*time.Second, func() bool { return w.setting(t) == steady && !g.first(at).IsZero() })
			took := max(time.Since(at), g.first(at).Sub(at))
			t.Logf("%s (took %v): back after %v", how, at.Sub(before).Round(time.Millisecond), took.Round(time.Millisecond))
			if took > backWithin {
				t.Errorf("%s: back after %v, want %v at most", how, took, backWithin)
			}
			if left := w.sh("", "ip", "-n", other, "-br", "link"); strings.Contains(left, "holdfast0") {
				t.Errorf("the old interface is left elsewhere: %s", left)
			}
		}
	}
}

// setting is what the system is set to in the client's namespace, with every
// interface's MTU.
func (w *world) setting(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(stable(w.network(t)))
	for line := range strings.Lines(w.sh(w.client, "ip", "-o", "link")) {
		f := strings.Fields(line)
		b.WriteString(strings.Join(f[1:5], " ") + "\n")
	}
	return b.String()
}
