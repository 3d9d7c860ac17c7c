package netcfg

import (
	"net"
	"strings"
	"testing"
	"time"
)

// Neighbours that do not answer are forgotten when the network is set up anew,
// and those that are known stay.
func TestNeighboursAreAskedAnew(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	m := New(testOptions(t))
	mustApply(t, m, fullTunnel())
	run(t, "ip neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 nud stale dev eth0")
	c, err := net.Dial("udp4", "192.0.2.99:9") // nobody has this address
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	end := time.Now().Add(5 * time.Second)
	for !strings.Contains(run(t, "ip neigh show dev eth0"), "192.0.2.99 INCOMPLETE") {
		if time.Now().After(end) {
			t.Fatal("nobody is asked for:", run(t, "ip neigh show dev eth0"))
		}
		if _, err := c.Write([]byte("x")); err != nil {
			t.Log("send:", err)
		}
	}
	mustApply(t, m, fullTunnel())
	got := run(t, "ip neigh show dev eth0")
	if strings.Contains(got, "192.0.2.99") || !strings.Contains(got, "192.0.2.77") {
		t.Errorf("got %q, want 192.0.2.77 alone", got)
	}
}
