package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
)

// initiations counts, in the router, the handshake initiations to each server
// from now on: UDP payloads of 148 bytes.
func (w *world) initiations() func(*server) int {
	w.t.Helper()
	w.sh(w.router, "nft", "add table inet count; add chain inet count f { type filter hook forward priority -10; }")
	for _, s := range w.servers {
		w.sh(w.router, "nft", fmt.Sprintf(`add rule inet count f ip daddr %s udp length 156 counter comment "%s"`, s.addr, s.name))
	}
	return func(s *server) int {
		w.t.Helper()
		list := w.sh(w.router, "nft", "list", "table", "inet", "count")
		m := regexp.MustCompile(`counter packets (\d+) bytes \d+ comment "` + s.name + `"`).FindStringSubmatch(list)
		if m == nil {
			w.t.Fatalf("no counter for %s in %s", s.name, list)
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
}

// undrop ends the drops of drop, and nothing else.
func (w *world) undrop() { w.sh(w.router, "nft", "delete", "table", "ip", "cut") }

// TestThree lets members die one after the other until none answers, and one
// return. Meanwhile no server is stormed.
func TestThree(t *testing.T) {
	t.Parallel()
	silence := 30 * time.Second
	if soak() {
		silence = 3 * time.Minute
	}
	w := newWorld(t, "a", "b", "c")
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "profile=classic", "health_check_interval=1s", "traffic_timeout=5s", "minimum_hold=5s", "auto_failback=false")
	count := w.initiations()
	s.cli("up", "g")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	w.servers[0].drop()
	w.servers[1].drop()
	w.until("the failover past two dead members", 15*time.Second, func() bool { return s.active() == "c" })
	w.flowing(g, 5*time.Second)
	w.rest(6 * time.Second)
	w.servers[2].drop()
	w.until("all to be silent", 20*time.Second, func() bool { o := s.status().Overall; return o == "blocked" || o == "switching" })
	var before []int
	for _, srv := range w.servers {
		before = append(before, count(srv))
	}
	w.rest(silence)
	for i, srv := range w.servers {
		n := count(srv) - before[i]
		t.Logf("%d initiations to %s in %v of silence", n, srv.name, silence)
		// At first they are asked often, then ever more seldom.
		if most := int(silence.Seconds())/5 + 20; n > most {
			t.Errorf("%d initiations to %s in %v, want %d at most", n, srv.name, silence, most)
		}
	}
	if n := len(s.events(event.Restarted)); n > 6 {
		t.Errorf("%d restarts, want 6 at most", n)
	}
	w.undrop()
	w.servers[0].drop()
	w.servers[2].drop()
	back := time.Now()
	w.until("pings by the member that returned", 75*time.Second, func() bool { return !g.first(back).IsZero() })
	t.Logf("pings flow %v after a member returned", g.first(back).Sub(back).Round(100*time.Millisecond))
	if got := s.active(); got != "b" {
		t.Errorf("active is %q, want b", got)
	}
}

// TestSite has one server that is reached at two addresses, with the same keys.
// It never sees two sessions of one client side by side.
func TestSite(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"classic", "balanced"} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			site(t, profile)
		})
	}
}

func site(t *testing.T, profile string) {
	w := newWorld(t, "a", "b")
	a, b := w.servers[0], w.servers[1]
	// Server a is also reached by way of b's address.
	b.addr = "10.200.1.3"
	w.sh("", "ip", "-n", a.ns, "addr", "add", "10.200.1.3/24", "dev", "eth0")
	b.key, b.client = a.key, a.client
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "profile="+profile, "health_check_interval=1s", "traffic_timeout=5s", "standby=warm",
		"minimum_hold=5s", "failback_probe_interval=5s", "failback_stability=10s", "failback_when=at_once")
	count := w.initiations()
	s.cli("up", "g")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	w.rest(10 * time.Second)
	if x, y := count(a), count(b); x > 2 || y != 0 {
		t.Errorf("%d and %d initiations to the two endpoints of one server, want 2 at most and 0", x, y)
	}
	// The server may answer from its first address, whichever it was asked at.
	w.sh(w.router, "nft", "add table ip cut; add chain ip cut f { type filter hook forward priority 0; }; add rule ip cut f ip daddr "+a.addr+" drop")
	dropped := time.Now()
	w.until("a move within the site", 20*time.Second, func() bool { return s.active() == "b" })
	w.flowing(g, 5*time.Second)
	took := g.first(dropped.Add(time.Second)).Sub(dropped)
	t.Logf("pings flow by the other endpoint after %v", took.Round(10*time.Millisecond))
	if took > 8*time.Second {
		t.Errorf("the move took %v, want 8s at most", took)
	}
	w.undrop()
	was := count(a)
	w.rest(10 * time.Second)
	if n := count(a) - was; n != 0 {
		t.Errorf("%d initiations to the endpoint that was left, which shares the server in use; want 0", n)
	}
	if lost := g.lost(time.Now().Add(-9*time.Second), time.Now()); lost != 0 {
		t.Errorf("%d pings lost after the move, want 0", lost)
	}
}

// v6 gives the world IPv6: fd00:i::2 is server i, fd00:c::2 the client.
func (w *world) v6() {
	w.t.Helper()
	w.sh(w.router, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
	add := func(ns, iface, addr string) { w.sh("", "ip", "-n", ns, "addr", "add", addr, "dev", iface, "nodad") }
	add(w.client, "eth0", "fd00:c::2/64")
	add(w.router, "c", "fd00:c::1/64")
	w.sh("", "ip", "-n", w.client, "-6", "route", "add", "default", "via", "fd00:c::1")
	for i, s := range w.servers {
		add(s.ns, "eth0", fmt.Sprintf("fd00:%d::2/64", i+1))
		add(w.router, fmt.Sprintf("s%d", i+1), fmt.Sprintf("fd00:%d::1/64", i+1))
		w.sh("", "ip", "-n", s.ns, "-6", "route", "add", "default", "via", fmt.Sprintf("fd00:%d::1", i+1))
		s.configure(fmt.Sprintf("public_key=%s\nupdate_only=true\nallowed_ip=fd09::2/128\n", s.client.Public().Hex()))
		w.sh("", "ip", "-n", s.ns, "addr", "add", "fd09::1/64", "dev", s.iface, "nodad")
		w.sh("", "ip", "-n", s.ns, "addr", "add", "fd77::1/128", "dev", "lo", "nodad")
	}
}

// TestIPv6 tunnels all of both families to an endpoint of IPv6, and moves on
// when the server dies.
func TestIPv6(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	w.v6()
	s := w.service()
	var names []string
	for i, srv := range w.servers {
		conf := strings.NewReplacer("10.9.0.2/32", "10.9.0.2/32, fd09::2/128", "0.0.0.0/0", "0.0.0.0/0, ::/0",
			srv.addr+":", fmt.Sprintf("[fd00:%d::2]:", i+1)).Replace(srv.conf())
		s.importText(srv.name, conf)
		names = append(names, srv.name)
	}
	s.cli(append([]string{"group", "set", "g"}, names...)...)
	before := w.network(t)
	s.cli("settings", "set", "profile=classic", "health_check_interval=1s", "traffic_timeout=5s")
	s.cli("up", "g")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	if out, err := w.try(w.client, "ping", "-n", "-c", "1", "-W", "2", "fd77::1"); err != nil {
		t.Errorf("IPv6 in the tunnel: %v\n%s", err, out)
	}
	w.sh(w.router, "nft", "add table ip6 cut6; add chain ip6 cut6 f { type filter hook forward priority 0; }; add rule ip6 cut6 f ip6 daddr fd00:1::2 udp dport 51820 drop")
	w.until("the failover", 15*time.Second, func() bool { return s.active() == "b" })
	w.flowing(g, 5*time.Second)
	if out, err := w.try(w.client, "ping", "-n", "-c", "1", "-W", "2", "fd77::1"); err != nil {
		t.Errorf("IPv6 in the other tunnel: %v\n%s", err, out)
	}
	s.cli("down")
	if after := w.network(t); after != before {
		t.Errorf("after down the system differs.\nbefore:\n%s\nafter:\n%s", before, after)
	}
}

// TestIPv4OnlyTunnelBesideIPv6 carries IPv4, and without the guard leaves IPv6 as
// it is.
func TestIPv4OnlyTunnelBesideIPv6(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	w.v6()
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "guard=off")
	s.cli("up", "g")
	w.flowing(w.ping(100*time.Millisecond), 10*time.Second)
	// Neighbours find each other when they find each other.
	w.until("IPv6 beside a tunnel of IPv4", 10*time.Second, func() bool {
		_, err := w.try(w.client, "ping", "-n", "-c", "1", "-W", "1", "fd00:1::2")
		return err == nil
	})
}

// importText imports a config of the given text.
func (s *service) importText(name, text string) {
	s.w.t.Helper()
	file := filepath.Join(s.w.dir, name+".conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.w.t.Fatal(err)
	}
	s.cli("tunnel", "import", "--replace", file)
}
