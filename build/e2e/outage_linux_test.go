package e2e

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// TestOutageBelow takes away everything behind the client's gateway, while its
// link stays up. Nothing may switch, one notice says why, the servers are asked
// ever more seldom, and service is back with the network.
func TestOutageBelow(t *testing.T) {
	t.Parallel()
	long := 40 * time.Second
	if soak() {
		long = 10 * time.Minute
	}
	for _, c := range []struct {
		ping  time.Duration
		pages bool // third parties may be asked
	}{{100 * time.Millisecond, true}, {time.Second, true}, {time.Second, false}} {
		t.Run(fmt.Sprintf("ping=%v,pages=%t", c.ping, c.pages), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a", "b")
			w.internet()
			s := w.service()
			s.group(w.servers)
			s.cli("settings", "set", "profile=balanced", "check_pages=http://"+pageAddr+"/generate_204", fmt.Sprintf("third_party_checks=%t", c.pages))
			s.cli("up", "g")
			g := w.ping(c.ping)
			w.flowing(g, 10*time.Second)
			w.rest(4 * time.Second)
			asked, bytes := w.initiations(), w.bytes()
			w.sh(w.router, "nft", "add table ip web; add chain ip web i { type filter hook input priority 0; }; add rule ip web i ip daddr "+pageAddr+" drop")
			w.cutAll()
			w.sparing(long, asked, bytes)
			st := s.status()
			t.Logf("meanwhile it is %s: %+v", st.Overall, st.Notices)
			if n := len(st.Notices); n != 1 {
				t.Errorf("%d notices are open, want 1", n)
			}
			w.sh(w.router, "nft", "delete table ip web; delete table ip cut")
			back := time.Now()
			w.flowing(g, 30*time.Second)
			took := g.first(back).Sub(back)
			t.Logf("pings flow %v after the return", took.Round(10*time.Millisecond))
			// A ping must also be sent.
			if most := 1500*time.Millisecond + c.ping; took > most {
				t.Errorf("pings flowed %v after the return, want %v at most", took, most)
			}
			w.rest(5 * time.Second)
			if moves := s.switches(); len(moves) != 0 {
				t.Errorf("an outage of the network caused %+v", moves)
			}
			if opened := s.events(event.NoticeOpened); len(opened) != 1 {
				t.Errorf("notices: %+v, want one", opened)
			}
			if n := len(s.status().Notices); n != 0 {
				t.Errorf("%d notices are open after the return, want none", n)
			}
		})
	}
}

// sparing lets an outage last and counts what is sent into it, minute by minute.
func (w *world) sparing(long time.Duration, asked func(*server) int, bytes func() int) {
	w.t.Helper()
	was, sent := make([]int, len(w.servers)), bytes()
	for from := time.Now(); time.Since(from) < long; {
		w.rest(min(time.Minute, long-time.Since(from)))
		now := bytes()
		line := fmt.Sprintf("%v into the outage: %d bytes", time.Since(from).Round(time.Second), now-sent)
		sent = now
		for i, srv := range w.servers {
			n := asked(srv)
			line += fmt.Sprintf(", %d initiations to %s", n-was[i], srv.name)
			// At first it is asked often, so that a short outage is over soon.
			if most := mostAsked; n-was[i] > most && time.Since(from) > 150*time.Second {
				w.t.Errorf("%d initiations to %s in a minute, want %d at most", n-was[i], srv.name, most)
			}
			was[i] = n
		}
		w.t.Log(line)
	}
}

// mostAsked is how many initiations to one server may leave in a minute of a long
// outage: one question a second, those of the device itself, and of the ladder.
const mostAsked = 80

// TestProbingLosesNothing asks a dead primary, which comes back, again and again
// beside 5,000 packets a second of live traffic, and counts them at the far end.
func TestProbingLosesNothing(t *testing.T) {
	t.Parallel()
	long, rate := 20*time.Second, 2000
	if soak() {
		long, rate = 14*time.Minute, 5000 // after a quarter of an hour it returns although the line is busy
	}
	w := newWorld(t, "a", "b")
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "profile=balanced", "failback_probe_interval=4s", "failback_stability=8s", "failback_when=quiet", "minimum_hold=5s")
	s.cli("up", "g")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	w.servers[0].drop()
	w.until("the failover", 20*time.Second, func() bool { return s.active() == "b" })
	w.heal()
	w.rest(2 * time.Second)
	asked := w.initiations()
	sent, came := w.flood(w.servers[1], rate, long)
	n := asked(w.servers[0])
	t.Logf("%d of %d packets came in %v beside %d handshakes with the primary; full queues dropped %s", came, sent, long, n, w.overrun(w.servers[1]))
	if n < int(long/(5*time.Second)) {
		t.Errorf("the primary was asked %d times in %v", n, long)
	}
	if came != sent {
		t.Errorf("%d of %d packets were lost", sent-came, sent)
	}
}

// overrun tells what queues dropped because this machine was too busy to read
// them: the client's and the server's interface, and the server's sockets.
func (w *world) overrun(s *server) string {
	dropped := func(ns, iface string) string {
		return strings.TrimSpace(w.sh(ns, "cat", "/sys/class/net/"+iface+"/statistics/tx_dropped"))
	}
	sockets := "?"
	if lines := strings.Split(w.sh(s.ns, "grep", "^Udp:", "/proc/net/snmp"), "\n"); len(lines) > 1 {
		names, values := strings.Fields(lines[0]), strings.Fields(lines[1])
		if i := slices.Index(names, "RcvbufErrors"); i >= 0 && i < len(values) {
			sockets = values[i]
		}
	}
	return fmt.Sprintf("%s, %s and %s", dropped(w.client, "holdfast0"), dropped(s.ns, s.iface), sockets)
}

// flood sends numbered packets through the tunnel to a server, and returns how
// many were sent and how many different ones came.
func (w *world) flood(s *server, rate int, long time.Duration) (sent, came int) {
	w.t.Helper()
	var from *net.UDPConn
	var to *net.UDPConn
	w.inNamespace(w.client, func() (err error) {
		from, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(target), Port: 7000})
		return err
	})
	defer from.Close()
	w.inNamespace(s.ns, func() (err error) {
		if to, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(target), Port: 7000}); err == nil {
			err = to.SetReadBuffer(8 << 20)
		}
		return err
	})
	var got atomic.Int64
	var reading sync.WaitGroup
	reading.Go(func() {
		seen, b := map[uint32]bool{}, make([]byte, 100)
		for {
			n, err := to.Read(b)
			if err != nil {
				return
			}
			if n >= 4 && !seen[binary.BigEndian.Uint32(b)] {
				seen[binary.BigEndian.Uint32(b)] = true
				got.Add(1)
			}
		}
	})
	defer reading.Wait()
	defer to.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	b := make([]byte, 64)
	for began := time.Now(); time.Since(began) < long; {
		<-tick.C
		for due := int(time.Since(began).Seconds() * float64(rate)); sent < due; sent++ {
			binary.BigEndian.PutUint32(b, uint32(sent))
			if _, err := from.Write(b); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	deadline := time.Now().Add(3 * time.Second)
	for int(got.Load()) < sent && time.Now().Before(deadline) {
		<-tick.C
	}
	return sent, int(got.Load())
}

// TestEndpointMoves gives the server's name another address while the old one
// falls silent, as a line at home does every night.
func TestEndpointMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	w.resolvConf("nameserver 10.200.0.1\n")
	n := w.names()
	a, b := w.servers[0], w.servers[1]
	b.configure("private_key=" + a.key.RevealHex() + "\nreplace_peers=true\npublic_key=" + a.client.Public().Hex() + "\nallowed_ip=10.9.0.2/32\n")
	n.set("vpn.test.example", netip.MustParseAddr(a.addr))
	s := w.service()
	s.importText("a", strings.Replace(a.conf(), a.addr, "vpn.test.example", 1))
	s.cli("settings", "set", "profile=balanced")
	s.cli("up", "a")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 15*time.Second)
	w.rest(3 * time.Second)
	n.set("vpn.test.example", netip.MustParseAddr(b.addr))
	moved := time.Now()
	a.drop()
	gone := time.Now().Add(200 * time.Millisecond)
	w.until("pings by the new address", 30*time.Second, func() bool { return !g.first(gone).IsZero() })
	took := g.first(gone).Sub(moved)
	t.Logf("pings flow by the new address after %v", took.Round(10*time.Millisecond))
	if took > 12*time.Second {
		t.Errorf("it took %v, want 12s at most", took)
	}
	w.until("the event", 5*time.Second, func() bool { return len(s.events(event.EndpointChanged)) > 0 })
	if e := s.events(event.EndpointChanged)[0]; e.Cause != tunnel.EndpointMoved || !strings.HasPrefix(e.To, b.addr+":") {
		t.Errorf("the event is %+v", e)
	}
}

// TestIdleBytes counts what an idle service sends, and how often it wakes,
// beside wireguard-go alone with the same tunnel.
func TestIdleBytes(t *testing.T) {
	t.Parallel()
	long := 40 * time.Second
	if soak() {
		long = 10 * time.Minute
	}
	for _, c := range []struct {
		standby   string
		keepalive int
		bytes     float64 // at most, a second, both ways, above wireguard-go's
		wakes     float64 // at most, a minute, above wireguard-go's
	}{{"cold", 0, 0, 0}, {"cold", 25, 0, 0}, {"probe", 0, 10, 2}, {"probe", 25, 10, 2}} {
		t.Run(fmt.Sprintf("%s,keepalive=%d", c.standby, c.keepalive), func(t *testing.T) {
			t.Parallel()
			w, base := newWorld(t, "a", "b"), newWorld(t, "a")
			s := w.service()
			s.group(w.servers, fmt.Sprintf("PersistentKeepalive = %d", c.keepalive))
			s.cli("settings", "set", "standby="+c.standby)
			s.cli("up", "g")
			alone := base.standAlone(fmt.Sprintf("persistent_keepalive_interval=%d\n", c.keepalive))
			w.rest(30 * time.Second)
			ours, theirs := w.bytes(), base.bytes()
			from, fromAlone := ours(), theirs()
			woke := wakings(t, long, s.pid(), alone.pid)
			rate, rateAlone := float64(ours()-from)/long.Seconds(), float64(theirs()-fromAlone)/long.Seconds()
			mine, its := float64(woke[0])/long.Minutes(), float64(woke[1])/long.Minutes()
			t.Logf("%s, keepalive %d: %.1f B/s and %.1f wakings a minute; wireguard-go alone: %.1f B/s and %.1f", c.standby, c.keepalive, rate, mine, rateAlone, its)
			// A keepalive more or less falls into the time.
			if slack := 80 / long.Seconds() * min(1, float64(c.keepalive)); rate-rateAlone > c.bytes+slack && (soak() || c.bytes == 0) {
				t.Errorf("%.1f B/s, want %.0f above %.1f at most", rate, c.bytes, rateAlone)
			}
			if slack := 2 / long.Minutes() * min(1, float64(c.keepalive)); mine-its > c.wakes+slack && (soak() || c.wakes == 0) {
				t.Errorf("%.1f wakings a minute, want %.0f above %.1f at most", mine, c.wakes, its)
			}
		})
	}
}

// wakings counts how often processes that rest begin to run: what they do within
// a fifth of a second is one time.
func wakings(t testing.TB, long time.Duration, pids ...int) []int {
	const apart = 200 * time.Millisecond
	seen, woke, at := make([]float64, len(pids)), make([]int, len(pids)), make([]time.Time, len(pids))
	for i, pid := range pids {
		seen[i] = switchesOf(t, pid)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for from := time.Now(); time.Since(from) < long; {
		<-tick.C
		for i, pid := range pids {
			n := switchesOf(t, pid)
			if n == seen[i] {
				continue
			}
			if time.Since(at[i]) > apart {
				woke[i]++
			}
			seen[i], at[i] = n, time.Now()
		}
	}
	return woke
}

// bytes counts the UDP that passes the router, from now on.
func (w *world) bytes() func() int {
	w.sh(w.router, "nft", "add table inet sum; add chain inet sum f { type filter hook forward priority -20; }; add rule inet sum f meta l4proto udp counter")
	return func() int {
		var packets, bytes int
		list := w.sh(w.router, "nft", "list", "table", "inet", "sum")
		if i := strings.Index(list, "counter packets"); i >= 0 {
			_, _ = fmt.Sscanf(list[i:], "counter packets %d bytes %d", &packets, &bytes)
		}
		return bytes
	}
}

// TestOneOfAllReturns lets all members be down for long. When one returns that
// is not the active one, service is back within 10 s by it.
func TestOneOfAllReturns(t *testing.T) {
	t.Parallel()
	long := 45 * time.Second
	if soak() {
		long = 10 * time.Minute
	}
	for i := range 3 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a", "b")
			w.internet()
			s := w.service()
			s.group(w.servers)
			s.cli("settings", "set", "profile=balanced", "check_pages=http://"+pageAddr+"/generate_204")
			s.cli("up", "g")
			g := w.ping(100 * time.Millisecond)
			w.flowing(g, 10*time.Second)
			w.rest(4 * time.Second)
			asked, bytes := w.initiations(), w.bytes()
			w.servers[0].drop()
			w.servers[1].drop()
			w.sparing(long+time.Duration(i)*2700*time.Millisecond, asked, bytes)
			if n := len(s.status().Notices); n != 1 {
				t.Errorf("%d notices are open, want 1: %+v", n, s.status().Notices)
			}
			w.undrop()
			w.servers[0].drop()
			back := time.Now()
			w.flowing(g, 30*time.Second)
			took := g.first(back).Sub(back)
			t.Logf("pings flow %v after one of them returned", took.Round(10*time.Millisecond))
			if took > 10*time.Second {
				t.Errorf("pings flowed %v after one of them returned, want 10s at most", took)
			}
			if moves := s.switches(); len(moves) != 1 || moves[0].To != "b" {
				t.Errorf("switches = %+v, want one to b", moves)
			}
			if n := len(s.events(event.Restarted)); n > 5+int(long.Minutes())+1 {
				t.Errorf("%d restarts", n)
			}
		})
	}
}
