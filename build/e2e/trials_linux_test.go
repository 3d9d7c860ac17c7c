package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
	"holdfast/store"
)

// cutAll drops everything that the router passes on.
func (w *world) cutAll() {
	w.sh(w.router, "nft", "add table ip cut; add chain ip cut f { type filter hook forward priority 0; policy drop; }")
}

// cutUDP drops all UDP that the router passes on.
func (w *world) cutUDP() {
	w.sh(w.router, "nft", "add table ip cut; add chain ip cut f { type filter hook forward priority 0; }; add rule ip cut f meta l4proto udp drop")
}

// trials has the causes in the order in which their tests begin: those that take
// longest first.
var trials = []trial{
	{name: "lossy", breaks: func(w *world, _ *service, _ *page) { w.lose(12) },
		want: []tunnel.Cause{tunnel.Lossy}, within: 85 * time.Second, stays: true, after: lossEnds},
	{name: "key shared", single: true, breaks: func(w *world, _ *service, _ *page) { w.rival(w.servers[0]) },
		want: []tunnel.Cause{tunnel.KeyShared}, also: []tunnel.Cause{tunnel.SessionStale}, within: 170 * time.Second},
	{name: "large packets", prepare: byPieces, breaks: func(w *world, s *service, _ *page) {
		uploads.begin(w)
		w.cutLarge()
		s.cli("reconnect")
	}, want: []tunnel.Cause{tunnel.MTUBlackHole}, within: 15 * time.Second, stays: true, after: uploadGoesOn},
	{name: "large packets in mid-life", prepare: byPieces, breaks: func(w *world, _ *service, _ *page) {
		uploads.begin(w)
		w.cutLarge()
	}, want: []tunnel.Cause{tunnel.MTUBlackHole}, within: 20 * time.Second, stays: true, after: uploadGoesOn},
	{name: "no internet", breaks: func(w *world, _ *service, _ *page) {
		w.sh(w.router, "nft", "add table ip web; add chain ip web i { type filter hook input priority 0; }; add rule ip web i ip daddr "+pageAddr+" drop")
		w.cutAll()
	}, want: []tunnel.Cause{tunnel.NoInternet}, within: 25 * time.Second, stays: true},
	{name: "udp blocked", breaks: func(w *world, _ *service, _ *page) { w.cutUDP() },
		want: []tunnel.Cause{tunnel.UDPBlocked}, within: 25 * time.Second, stays: true},
	{name: "sign in", breaks: func(w *world, _ *service, p *page) {
		p.set(http.StatusOK, "<html>Welcome to the hotel. Please sign in.</html>")
		w.cutUDP()
	}, want: []tunnel.Cause{tunnel.SignIn}, within: 20 * time.Second, stays: true},
	{name: "endpoint name", single: true, prepare: byName, breaks: func(w *world, _ *service, _ *page) {
		nameServers.of(w).set("vpn.test.example", netip.Addr{})
		w.servers[0].drop()
	}, want: []tunnel.Cause{tunnel.EndpointDNS}, within: 20 * time.Second, stays: true},
	{name: "endpoint name from the beginning", single: true, cold: true, prepare: byName, breaks: func(w *world, _ *service, _ *page) {
		nameServers.of(w).set("vpn.test.example", netip.Addr{})
	}, want: []tunnel.Cause{tunnel.EndpointDNS}, within: 20 * time.Second, after: nameIsNoticed},
	{name: "endpoint moved", prepare: byNameAtTwo, breaks: func(w *world, _ *service, _ *page) {
		nameServers.of(w).set("vpn.test.example", netip.MustParseAddr(w.servers[1].addr))
		w.servers[0].drop()
	}, want: []tunnel.Cause{tunnel.EndpointMoved}, within: 15 * time.Second, stays: true, after: func(w *world, s *service, g *pinger, broke time.Time) {
		w.flowsAgain(g, broke, 12*time.Second)
	}},
	{name: "clock moved", single: true, start: withLaterFloor, breaks: func(w *world, _ *service, _ *page) {
		s := sleepers.of(w)
		w.sh(w.router, "nft", "add table ip gap; add chain ip gap f { type filter hook forward priority 0; }; add rule ip gap f ip saddr 10.200.0.2 drop")
		w.servers[0].forget()
		w.dateAhead(w.servers[0], 30*time.Minute)
		w.sh(w.router, "nft", "delete", "table", "ip", "gap")
		s.ahead = -2 * time.Minute
		s.shift()
	}, want: []tunnel.Cause{tunnel.ClockMoved}, within: 25 * time.Second},
	{name: "server overloaded", single: true, breaks: func(w *world, _ *service, _ *page) {
		w.overload(w.servers[0])
		w.servers[0].forget()
	}, want: []tunnel.Cause{tunnel.ServerOverloaded}, within: 25 * time.Second},
	{name: "upload dead", breaks: func(w *world, _ *service, _ *page) {
		w.servers[0].stream()
		w.rest(3 * time.Second)
		w.servers[0].dropTo()
	}, want: []tunnel.Cause{tunnel.UploadDead}, within: 20 * time.Second},
	{name: "key refused", breaks: func(w *world, _ *service, _ *page) { w.servers[0].configure("replace_peers=true\n") },
		want: []tunnel.Cause{tunnel.KeyRefused}, within: 15 * time.Second},
	{name: "server down", breaks: func(w *world, _ *service, _ *page) {
		w.sh(w.router, "ip", "link", "set", "s1", "down")
		w.sh(w.router, "ip", "route", "add", "blackhole", w.servers[0].addr+"/32")
	}, want: []tunnel.Cause{tunnel.ServerDown}, within: 15 * time.Second},
	// One silent server alone: which of the two it is nobody can know.
	{name: "key refused alone", single: true, breaks: func(w *world, _ *service, _ *page) { w.servers[0].configure("replace_peers=true\n") },
		want: []tunnel.Cause{tunnel.KeyOrServer}, within: 15 * time.Second},
	{name: "server down alone", single: true, breaks: func(w *world, _ *service, _ *page) {
		w.sh(w.router, "ip", "link", "set", "s1", "down")
		w.sh(w.router, "ip", "route", "add", "blackhole", w.servers[0].addr+"/32")
	}, want: []tunnel.Cause{tunnel.ServerDown, tunnel.KeyOrServer}, within: 15 * time.Second},
	{name: "forwards nothing", breaks: func(w *world, _ *service, _ *page) { w.servers[0].forwardNothing() },
		want: []tunnel.Cause{tunnel.ForwardsNothing}, within: 15 * time.Second},
	{name: "preshared key", single: true, breaks: func(w *world, _ *service, _ *page) {
		a := w.servers[0]
		a.configure(fmt.Sprintf("replace_peers=true\npublic_key=%s\npreshared_key=%s\nallowed_ip=10.9.0.2/32\n", a.client.Public().Hex(), strings.Repeat("5a", 32)))
	}, want: []tunnel.Cause{tunnel.PSKMismatch}, within: 15 * time.Second},
	{name: "nothing listens", single: true, breaks: func(w *world, _ *service, _ *page) {
		w.servers[0].configure("listen_port=51999\n")
	}, want: []tunnel.Cause{tunnel.NothingListens}, within: 15 * time.Second},
	{name: "local firewall", breaks: func(w *world, _ *service, _ *page) {
		w.sh(w.client, "nft", "add table ip fw; add chain ip fw o { type filter hook output priority 0; }; add rule ip fw o udp dport 51820 drop")
	}, want: []tunnel.Cause{tunnel.LocalFirewall}, within: 15 * time.Second, stays: true},
	{name: "session stale", breaks: func(w *world, _ *service, _ *page) { w.servers[0].forget() },
		want: []tunnel.Cause{tunnel.SessionStale}, within: 10 * time.Second, stays: true, after: func(w *world, s *service, g *pinger, broke time.Time) {
			w.flowsAgain(g, broke, 3*time.Second)
		}},
	{name: "no network", breaks: func(w *world, _ *service, _ *page) { w.sh("", "ip", "-n", w.client, "link", "set", "eth0", "down") },
		want: []tunnel.Cause{tunnel.NoNetwork}, within: 10 * time.Second, stays: true},
}

// perWorld keeps what a trial prepares for what it does later.
type perWorld[T any] struct{ m sync.Map }

func (p *perWorld[T]) put(w *world, v T) {
	p.m.Store(w, v)
	w.t.Cleanup(func() { p.m.Delete(w) })
}

func (p *perWorld[T]) of(w *world) T {
	v, _ := p.m.Load(w)
	t, _ := v.(T)
	return t
}

var (
	nameServers perWorld[*nameServer]
	sleepers    perWorld[*sleeper]
	uploads     perUpload
)

// byName has the first server reached by a name, as the only member.
func byName(w *world, s *service) {
	n := w.names()
	nameServers.put(w, n)
	n.set("vpn.test.example", netip.MustParseAddr(w.servers[0].addr))
	s.importText("a", strings.Replace(w.servers[0].conf(), w.servers[0].addr, "vpn.test.example", 1))
	s.cli("group", "set", "g", "a")
}

// byNameAtTwo is byName, and the second server is the same at another address.
func byNameAtTwo(w *world, s *service) {
	byName(w, s)
	a := w.servers[0]
	w.servers[1].configure("private_key=" + a.key.RevealHex() + "\nreplace_peers=true\npublic_key=" + a.client.Public().Hex() + "\nallowed_ip=10.9.0.2/32\n")
}

// nameIsNoticed waits for the notice about the name, which stands in place of
// one that the tunnel does not start.
func nameIsNoticed(w *world, s *service, _ *pinger, _ time.Time) {
	w.until("the notice about the name", 20*time.Second, func() bool { return s.notified(tunnel.EndpointDNS) })
	if s.notified(tunnel.Cause(event.StateChanged)) {
		w.t.Error("there is a notice that the tunnel does not start")
	}
}

// lossEnds has the line work again: the notice goes, in its time.
func lossEnds(w *world, s *service, _ *pinger, _ time.Time) {
	if !soak() {
		return
	}
	w.sh(w.router, "nft", "delete", "table", "ip", "loss")
	ended := time.Now()
	w.until("the notice to be cleared", 2*time.Minute, func() bool { return !s.notified(tunnel.Lossy) })
	w.t.Logf("the notice about loss is cleared after %v", time.Since(ended).Round(time.Second))
}

// withLaterFloor starts a service that remembers to have dated a handshake an
// hour ahead: the clock was ahead then.
func withLaterFloor(w *world) *service {
	kept, err := store.Open(w.t.Context(), store.Options{Dir: filepath.Join(w.dir, "var"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	err = kept.PutSetting(w.t.Context(), "clock_floor", time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano))
	kept.Close()
	if err != nil {
		w.t.Fatal(err)
	}
	s := w.sleeper()
	sleepers.put(w, s)
	return s.service
}

// flowsAgain says that pings are answered again soon after something broke.
func (w *world) flowsAgain(g *pinger, broke time.Time, within time.Duration) {
	w.t.Helper()
	gone := broke.Add(200 * time.Millisecond) // what was under way has come
	w.until("pings", within+10*time.Second, func() bool { return !g.first(gone).IsZero() })
	took := g.first(gone).Sub(broke)
	w.t.Logf("pings flow again after %v", took.Round(10*time.Millisecond))
	if took > within {
		w.t.Errorf("pings flow again after %v, want %v at most", took, within)
	}
}

// byPieces has the client's and the servers' links carry each datagram by
// itself, as a wire does, and not several of them in one.
func byPieces(w *world, s *service) {
	w.sh("", "ip", "-n", w.client, "link", "set", "eth0", "gso_max_segs", "1")
	for _, srv := range w.servers {
		w.sh("", "ip", "-n", srv.ns, "link", "set", "eth0", "gso_max_segs", "1")
	}
	s.group(w.servers)
}

// cutLarge drops the large datagrams of tunnels, without a word.
func (w *world) cutLarge() {
	w.sh(w.router, "nft", "add table ip big; add chain ip big f { type filter hook forward priority 0; }; add rule ip big f meta l4proto udp udp length gt 1340 drop")
}

// perUpload are the uploads of all worlds.
type perUpload struct {
	perWorld[*upload]
}

// upload is a TCP transfer through the tunnel.
type upload struct{ arrived atomic.Int64 }

// begin begins a transfer, and waits until it flows.
func (p *perUpload) begin(w *world) {
	w.t.Helper()
	u := &upload{}
	p.put(w, u)
	var l net.Listener
	w.inNamespace(w.servers[0].ns, func() (err error) {
		l, err = net.Listen("tcp4", target+":9000")
		return err
	})
	var c net.Conn
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		conn, err := l.Accept()
		if err == nil {
			_, _ = io.Copy(u, conn)
			conn.Close()
		}
	})
	w.inNamespace(w.client, func() (err error) {
		c, err = net.DialTimeout("tcp4", target+":9000", 5*time.Second)
		return err
	})
	all.Go(func() {
		block := make([]byte, 16<<10)
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for ctx.Err() == nil {
			if _, err := c.Write(block); err != nil {
				return
			}
			<-pace.C
		}
	})
	w.t.Cleanup(func() { stop(); c.Close(); l.Close(); all.Wait() })
	w.until("the upload", 5*time.Second, func() bool { return u.arrived.Load() > 200_000 })
}

// Write counts what has arrived.
func (u *upload) Write(b []byte) (int, error) {
	u.arrived.Add(int64(len(b)))
	return len(b), nil
}

// uploadGoesOn says that the transfer that hung goes on, and why: the MTU of the
// tunnel's interface is what passes.
func uploadGoesOn(w *world, s *service, _ *pinger, broke time.Time) {
	w.t.Helper()
	u := uploads.of(w)
	stood := u.arrived.Load()
	w.until("the upload to go on", 20*time.Second, func() bool { return u.arrived.Load() > stood+1_000_000 })
	w.t.Logf("the upload goes on after %v", time.Since(broke).Round(100*time.Millisecond))
	if links := w.sh(w.client, "ip", "-o", "link"); !strings.Contains(links, "mtu 1280") {
		w.t.Errorf("no interface has an MTU of 1280:\n%s", links)
	}
	if !s.notified(tunnel.MTUBlackHole) {
		w.t.Error("there is no notice about large packets")
	}
}
