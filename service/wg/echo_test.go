package wg

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"
	"golang.zx2c4.com/wireguard/tun/netstack"

	"holdfast/service/tunnel"
)

var (
	beyondAddr = netip.MustParseAddr("10.9.0.5")
	dnsAddr    = netip.MustParseAddr("10.9.0.53")
)

// lan is what lies behind a server: machines that answer echo requests, and
// resolvers that answer queries. What is neither goes back where it came from.
type lan struct {
	mu        sync.Mutex
	silent    map[netip.Addr]bool
	asked     map[netip.Addr]int
	resolvers map[netip.Addr]bool
	queries   []string // all that was asked of them, but for the number
}

func newLAN(silent ...netip.Addr) *lan {
	l := &lan{silent: map[netip.Addr]bool{}, asked: map[netip.Addr]int{}, resolvers: map[netip.Addr]bool{}}
	for _, a := range silent {
		l.silent[a] = true
	}
	return l
}

func (l *lan) silence(silent bool, addrs ...netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range addrs {
		l.silent[a] = silent
	}
}

func (l *lan) count(a netip.Addr) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[a]
}

func (l *lan) take(m *memTUN, p []byte) {
	var in inner
	if in.parse(p, false); in.kind == echoRequest {
		_, dst := in.addresses(p)
		l.mu.Lock()
		l.asked[dst]++
		silent := l.silent[dst]
		l.mu.Unlock()
		if silent {
			return
		}
		p[in.body-8] = 0
	}
	if in.kind == dnsQuery && !l.resolve(&in, p) {
		return
	}
	echo(m, p)
}

// resolve turns a query into its answer.
func (l *lan) resolve(in *inner, p []byte) bool {
	_, dst := in.addresses(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.resolvers[dst] {
		return false
	}
	l.queries = append(l.queries, string(p[in.body+2:]))
	binary.BigEndian.PutUint16(p[in.body-8:], in.dst)
	binary.BigEndian.PutUint16(p[in.body-6:], in.src)
	p[in.body+2] |= 0x80
	return true
}

// ping is an echo request of an application.
func ping(dst netip.Addr, seq uint16) []byte {
	return ipv4(protoICMP, clientAddr, dst, 0, icmpEcho(8, 4711, seq))
}

// inhabited is a client with "a" active and "b" a standby, at two servers with
// a LAN behind each. The DNS server of the config is dnsAddr.
func inhabited(t testing.TB, a, b *lan) *client {
	t.Helper()
	c := newClient(t, Options{})
	c.inhabit(t, "a", a, func(s *server) netip.AddrPort { return s.addr })
	c.inhabit(t, "b", b, func(s *server) netip.AddrPort { return s.addr })
	c.mustPromote(t, "a")
	return c
}

// inhabit starts a device at a server with a LAN behind it.
func (c *client) inhabit(t testing.TB, name tunnel.Name, l *lan, at func(*server) netip.AddrPort) {
	t.Helper()
	key := newKey(t)
	s := newServer(t, l.take, key.Public())
	cfg := configFor(key, s, at(s))
	cfg.Interface.DNS = []netip.Addr{dnsAddr}
	c.mustStart(t, name, cfg, StartOptions{})
	c.mustProbe(t, name)
}

func (c *client) portOf(t testing.TB, name tunnel.Name) *port {
	t.Helper()
	m, err := c.member(name)
	if err != nil {
		t.Fatal(err)
	}
	return m.port
}

func (c *client) knows(t testing.TB, name tunnel.Name, near, beyond int) {
	t.Helper()
	eventually(t, "the responders are known", func() bool {
		p := c.mustCount(t, name).Path
		return p.Near.Known == near && p.Beyond.Known == beyond
	})
}

// mustPing lets an application ping dst, and waits for the reply.
func (c *client) mustPing(t testing.TB, dst netip.Addr, seq uint16) {
	t.Helper()
	c.tun.in <- ping(dst, seq)
	for {
		select {
		case p := <-c.tun.out:
			var in inner
			in.parse(p, true)
			if src, _ := in.addresses(p); in.kind == echoReply && src == dst && in.seq == uint32(seq) {
				return
			}
		case <-time.After(patience):
			t.Fatalf("ping %d to %v was not answered", seq, dst)
		}
	}
}

// TestEchoesAreAnsweredAndConsumed sends rounds through the active device and a
// standby. The interface sees nothing of them, and the counters of data neither.
func TestEchoesAreAnsweredAndConsumed(t *testing.T) {
	c := inhabited(t, newLAN(), newLAN())
	c.knows(t, "a", 1, 1)
	if _, _, err := c.Reach(patient(t), "b", nil); err != nil {
		t.Fatal(err)
	}
	c.knows(t, "b", 1, 1)
	for _, name := range []tunnel.Name{"a", "b"} {
		for range 20 {
			before := c.mustCount(t, name).Path
			c.portOf(t, name).echo()
			eventually(t, "a round is answered", func() bool {
				now := c.mustCount(t, name).Path
				return now.Near.Answered == before.Near.Answered+1 && now.Beyond.Answered == before.Beyond.Answered+1
			})
		}
		got := c.mustCount(t, name)
		if got.Path.Near.Sent != 20 || got.Path.Beyond.Sent != 20 || got.Path.Near.AnsweredAt.IsZero() || got.Path.RoundTripAt.IsZero() || got.Path.RTT <= 0 {
			t.Errorf("%s: got %+v", name, got.Path)
		}
		if got.DataSent != 0 || got.DataReceived != 0 || !got.LastReceived.IsZero() || !got.UnansweredSince.IsZero() || !got.Path.WaitingSince.IsZero() {
			t.Errorf("%s: echoes count as data: %+v", name, got)
		}
	}
	select {
	case p := <-c.tun.out:
		t.Errorf("the interface got %x", p)
	default:
	}
	if got := c.Responders("b"); !slices.Equal(got, []netip.Addr{dnsAddr}) {
		t.Errorf("got responders %v", got)
	}
}

func TestEchoesOfApplicationsPassAndTeach(t *testing.T) {
	c := inhabited(t, newLAN(), newLAN())
	c.knows(t, "a", 1, 1)
	before := c.mustCount(t, "a")
	for seq := range uint16(5) {
		c.mustPing(t, beyondAddr, seq)
	}
	got := c.mustCount(t, "a")
	if got.DataSent != before.DataSent+5 || got.DataReceived != before.DataReceived+5 {
		t.Errorf("got %d sent, %d received", got.DataSent-before.DataSent, got.DataReceived-before.DataReceived)
	}
	if got.Path.Beyond.Known != 2 || !got.Path.WaitingSince.IsZero() || !got.Path.RoundTripAt.After(before.Path.RoundTripAt) {
		t.Errorf("got path %+v", got.Path)
	}
	if !slices.Contains(c.Responders("a"), beyondAddr) {
		t.Errorf("got responders %v", c.Responders("a"))
	}
	// What was learned outlives the device.
	if err := c.Renew(patient(t), "a"); err != nil {
		t.Fatal(err)
	}
	c.mustProbe(t, "a")
	c.knows(t, "a", 1, 2)
	if c.Responders("x") != nil {
		t.Error("an unknown tunnel has responders")
	}
}

// TestEchoesDisturbNobody sends 10,000 packets and, every ten milliseconds, a
// round through the active device and one through the standby.
func TestEchoesDisturbNobody(t *testing.T) {
	const packets, window = 10000, 200
	c := inhabited(t, newLAN(), newLAN())
	c.knows(t, "a", 1, 1)
	if _, _, err := c.Reach(patient(t), "b", nil); err != nil {
		t.Fatal(err)
	}
	c.knows(t, "b", 1, 1)
	before := c.mustCount(t, "a")
	a, b := c.portOf(t, "a"), c.portOf(t, "b")
	var sent uint64
	stop := make(chan struct{})
	var asking sync.WaitGroup
	end := sync.OnceFunc(func() { close(stop); asking.Wait() })
	defer end()
	asking.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if c.mustCount(t, "a").Path.Beyond.Answered+10 < sent || c.mustCount(t, "b").Path.Beyond.Answered+10 < sent {
					continue // a machine that is too busy for more
				}
				a.echo()
				b.echo()
				sent++
			}
		}
	})
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	next := uint64(1)
	for seq := uint64(1); next <= packets; {
		var due <-chan time.Time
		if seq <= packets && seq-next < window {
			due = pace.C
		}
		select {
		case <-due:
			for range 100 {
				c.tun.send(clientAddr, serverAddr, seq)
				seq++
			}
		case p := <-c.tun.out:
			if got := number(p); got != next {
				t.Fatalf("got packet %d, want %d", got, next)
			}
			next++
		case <-time.After(patience):
			t.Fatalf("packet %d did not come back", next)
		}
	}
	end()
	for _, name := range []tunnel.Name{"a", "b"} {
		eventually(t, "every round is answered", func() bool {
			p := c.mustCount(t, name).Path
			return p.Near.Answered == sent && p.Beyond.Answered == sent && p.Near.Sent == sent
		})
	}
	after := c.mustCount(t, "a")
	if after.DataSent-before.DataSent != packets || after.DataReceived-before.DataReceived != packets {
		t.Errorf("got %d sent and %d received of %d, with %d rounds", after.DataSent-before.DataSent, after.DataReceived-before.DataReceived, packets, sent)
	}
	if sent < 20 {
		t.Errorf("only %d rounds were sent meanwhile", sent)
	}
}

func TestIdleTunnelLearnsNothing(t *testing.T) {
	l := newLAN(dnsAddr)
	c := inhabited(t, l, newLAN())
	c.knows(t, "a", 1, 0)
	p := c.portOf(t, "a")
	if got := l.count(dnsAddr); got != 1 {
		t.Errorf("the DNS server got %d echoes at connect", got)
	}
	// Each packet that comes is an occasion, but they come too soon.
	for seq := range uint64(50) {
		c.mustEcho(t, seq)
	}
	if got := l.count(dnsAddr); got > 2 {
		t.Errorf("the DNS server got %d echoes within a moment", got)
	}
	for seq := range uint64(20) {
		p.learnAt.Store(0)
		c.mustEcho(t, 100+seq)
	}
	eventually(t, "the DNS server is given up", func() bool { return l.count(dnsAddr) == 1+maxTries })
	if _, more := p.known().next(); more {
		t.Error("there is still something to try")
	}
}

func TestSilentResponderIsForgotten(t *testing.T) {
	l := newLAN()
	c := inhabited(t, l, newLAN())
	c.knows(t, "a", 1, 1)
	p := c.portOf(t, "a")
	// Silence of everybody is an outage, and no reason to forget anybody.
	l.silence(true, serverAddr, dnsAddr)
	asked := l.count(dnsAddr)
	for round := range 2 * maxSilent {
		p.echo()
		eventually(t, "the echo has arrived", func() bool { return l.count(dnsAddr) > asked+round })
	}
	judgeAll(p)
	if got := c.mustCount(t, "a").Path; got.Near.Known != 1 || got.Beyond.Known != 1 || got.LossOf == 0 || got.Loss == 0 {
		t.Errorf("after an outage: got %+v", got)
	}
	l.silence(false, serverAddr)
	for range maxSilent + 1 {
		before := c.mustCount(t, "a").Path.Near.Answered
		p.echo()
		eventually(t, "the server answers", func() bool { return c.mustCount(t, "a").Path.Near.Answered > before })
		judgeAll(p)
	}
	got := c.mustCount(t, "a").Path
	if got.Near.Known != 1 || got.Beyond.Known != 0 || got.Beyond.Answered != 0 {
		t.Errorf("got %+v", got)
	}
	if len(c.Responders("a")) != 0 {
		t.Errorf("got responders %v", c.Responders("a"))
	}
}

// judgeAll judges as if all rounds were over.
func judgeAll(p *port) {
	p.echoes.mu.Lock()
	defer p.echoes.mu.Unlock()
	p.judgeLocked(sinceBegan() + int64(roundTime))
}

func TestReach(t *testing.T) {
	l := newLAN()
	c := newClient(t, Options{})
	var p *path
	c.inhabit(t, "b", l, func(s *server) netip.AddrPort { p = newPath(t, s.addr, 0); return p.addr })
	if _, _, err := c.Reach(patient(t), "x", nil); !errors.Is(err, ErrNoDevice) {
		t.Errorf("got %v", err)
	}
	// A standby has learned nothing yet. What the config names is asked.
	from, rtt, err := c.Reach(patient(t), "b", []netip.Addr{beyondAddr})
	if err != nil || rtt <= 0 || from != beyondAddr && from != dnsAddr {
		t.Errorf("got %v, %v, %v", from, rtt, err)
	}
	l.silence(true, dnsAddr)
	if from, _, err = c.Reach(patient(t), "b", []netip.Addr{beyondAddr}); err != nil || from != beyondAddr {
		t.Errorf("got %v, %v", from, err)
	}
	l.silence(true, beyondAddr)
	if from, _, err = c.Reach(patient(t), "b", []netip.Addr{beyondAddr}); err != nil || from != serverAddr {
		t.Errorf("only the server answers: got %v, %v", from, err)
	}
	if from, _, err = c.Reach(patient(t), "b", []netip.Addr{serverAddr}); err != nil || from != serverAddr {
		t.Errorf("the server was asked for: got %v, %v", from, err)
	}
	p.dropAll.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := c.Reach(ctx, "b", nil); !errors.Is(err, ErrUnanswered) {
		t.Errorf("got %v", err)
	}
	ended := make(chan error)
	go func() {
		_, _, err := c.Reach(patient(t), "b", nil)
		ended <- err
	}()
	eventually(t, "it is asked", func() bool {
		e := c.portOf(t, "b").echoes
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.calls) == 1
	})
	// A lost echo is repeated.
	p.dropAll.Store(false)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := c.mustCount(t, "b"); got.DataSent != 0 || got.DataReceived != 0 {
		t.Errorf("got %+v", got)
	}
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	cfg := configFor(key, s, s.addr)
	cfg.Interface.Addresses = nil
	c.mustStart(t, "c", cfg, StartOptions{})
	if _, _, err := c.Reach(patient(t), "c", []netip.Addr{beyondAddr}); !errors.Is(err, ErrNoResponder) {
		t.Errorf("without an address of ours: got %v", err)
	}
}

// TestResolverThatAnswersNoEcho is asked by DNS instead, by Reach and in rounds.
func TestResolverThatAnswersNoEcho(t *testing.T) {
	l := newLAN(dnsAddr)
	l.resolvers[dnsAddr] = true
	c := inhabited(t, l, l)
	c.knows(t, "a", 1, 1)
	if from, _, err := c.Reach(patient(t), "b", nil); err != nil || from != dnsAddr {
		t.Errorf("got %v, %v", from, err)
	}
	c.knows(t, "b", 1, 1)
	pings := l.count(dnsAddr)
	for _, name := range []tunnel.Name{"a", "b"} {
		for i := range uint64(5) {
			c.portOf(t, name).echo()
			eventually(t, "the resolver answers", func() bool { return c.mustCount(t, name).Path.Beyond.Answered == i+1 })
		}
		if got := c.mustCount(t, name); got.DataSent != 0 || got.DataReceived != 0 || len(c.tun.out) != 0 {
			t.Errorf("queries count as data: %+v", got)
		}
	}
	if l.count(dnsAddr) != pings {
		t.Error("a resolver that answers no echo was sent some")
	}
	l.mu.Lock()
	if got, want := l.queries[0], "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"; got != want {
		t.Errorf("got query %q, want %q", got, want)
	}
	l.mu.Unlock()
	// An application's own query passes, even with the port of ours.
	port := c.portOf(t, "a").queries.port
	c.tun.in <- ipv4(protoUDP, clientAddr, dnsAddr, 0, udpPacket(port, 53, dnsMessage(9, false)))
	eventually(t, "the application gets its answer", func() bool { return len(c.tun.out) == 1 })
	// When it answers echoes again, they are enough.
	l.silence(false, dnsAddr)
	c.mustPing(t, dnsAddr, 1)
	eventually(t, "it is pinged", func() bool { c.portOf(t, "a").echo(); return l.count(dnsAddr) > pings+1 })
}

func TestQueriesAreSound(t *testing.T) {
	q := newQueries()
	for _, addr := range []string{"10.0.0.9", "fd00::9"} {
		dst := netip.MustParseAddr(addr)
		want := stamp{number: 3, purpose: ofRound, slot: 2, at: 9}
		p := q.build(dst.Prev(), dst, want)
		var in inner
		if in.parse(p, false); in.kind != dnsQuery || in.src < firstQueryPort || in.dst != portDNS {
			t.Fatalf("%s: got %+v", addr, in)
		}
		if got := checksum(pseudo(p, in.body-8, protoUDP), p[in.body-8:]); got != 0 {
			t.Errorf("%s: the checksum is wrong: %x", addr, got)
		}
		answer := func(from netip.Addr, id uint16) []byte {
			b := udpPacket(portDNS, q.port, dnsMessage(id, true))
			if from.Is4() {
				return ipv4(protoUDP, from, dst.Prev(), 0, b)
			}
			return ipv6(protoUDP, from, dst.Prev(), b)
		}
		for _, tt := range []struct {
			name string
			p    []byte
			want bool
		}{
			{"another number", answer(dst, in.id+1), false}, {"another machine", answer(dst.Next(), in.id), false},
			{"the answer", answer(dst, in.id), true}, {"the answer again", answer(dst, in.id), false},
		} {
			var got inner
			got.parse(tt.p, true)
			if s, ours := q.answer(&got, tt.p); ours != tt.want || ours && s != want {
				t.Errorf("%s, %s: got %+v, %v", addr, tt.name, s, ours)
			}
		}
	}
	for range 3 * maxQueries {
		q.build(clientAddr, serverAddr, stamp{})
	}
	if got := q.open.Load(); got != maxQueries {
		t.Errorf("got %d open", got)
	}
}

func TestReachEndsWithTheDevice(t *testing.T) {
	c := inhabited(t, newLAN(), newLAN(serverAddr, dnsAddr))
	ended := make(chan error)
	go func() {
		_, _, err := c.Reach(patient(t), "b", nil)
		ended <- err
	}()
	e := c.portOf(t, "b").echoes
	eventually(t, "it is asked", func() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.calls) == 1 })
	if err := c.Stop("b"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
}

// narrow is a bind that loses what is larger than most.
type narrow struct {
	conn.Bind
	most *atomic.Int64
}

func (n narrow) Send(bufs [][]byte, ep conn.Endpoint) error {
	for _, b := range bufs {
		if int64(len(b)) <= n.most.Load() {
			if err := n.Bind.Send([][]byte{b}, ep); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestWidest(t *testing.T) {
	var most atomic.Int64
	most.Store(65535)
	key := newKey(t)
	s := newServer(t, newLAN().take, key.Public())
	c := newClient(t, Options{NewBind: func() conn.Bind { return narrow{conn.NewStdNetBind(), &most} }})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
	if _, err := c.Widest(t.Context(), "a", []int{1280}); !errors.Is(err, ErrNoResponder) {
		t.Errorf("nobody is known: got %v", err)
	}
	c.mustPromote(t, "a")
	c.knows(t, "a", 1, 0)
	sizes := []int{1280, 9000, 1420, 1360, 1280}
	for _, tt := range []struct {
		most int64
		want int
	}{{65535, 1420}, {1360 + 80, 1360}, {1280 + 40, 1280}, {300, 0}} {
		most.Store(tt.most)
		if got, err := c.Widest(patient(t), "a", sizes); err != nil || got != tt.want {
			t.Errorf("datagrams up to %d: got %d, %v, want %d", tt.most, got, err, tt.want)
		}
	}
	if got, err := c.Widest(patient(t), "a", []int{9000}); err != nil || got != 0 {
		t.Errorf("beyond the interface's MTU: got %d, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Widest(ctx, "a", sizes); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := c.mustCount(t, "a"); got.DataSent != 0 || got.DataReceived != 0 {
		t.Errorf("got %+v", got)
	}
}

// newStackServer is a server with a whole network stack behind it, at addrs.
func newStackServer(t testing.TB, client tunnel.PublicKey, addrs ...netip.Addr) (*server, *netstack.Net) {
	t.Helper()
	dev, stack, err := netstack.CreateNetTUN(addrs, nil, DefaultMTU)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{key: newKey(t)}
	s.dev = device.NewDevice(dev, conn.NewStdNetBind(), device.NewLogger(device.LogLevelSilent, ""))
	text := "private_key=" + s.key.RevealHex() + "\nlisten_port=0\npublic_key=" + client.Hex() + "\nallowed_ip=0.0.0.0/0\nallowed_ip=::/0\n"
	if err := errors.Join(s.dev.IpcSet(text), s.dev.Up()); err != nil {
		t.Fatal(err)
	}
	r, err := read(s.dev)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.port)
	t.Cleanup(s.dev.Close)
	return s, stack
}

// TestTCPTeachesByItself lets a real network stack talk to another one, by both
// families. The interface is one that needs a pump.
func TestTCPTeachesByItself(t *testing.T) {
	for _, tt := range []struct{ family, client, server, far string }{
		{"IPv4", "10.8.0.2", "10.8.0.1", "10.9.0.5"},
		{"IPv6", "fd00:8::2", "fd00:8::1", "fd00:9::5"},
	} {
		t.Run(tt.family, func(t *testing.T) {
			own, far := netip.MustParseAddr(tt.client), netip.MustParseAddr(tt.far)
			key := newKey(t)
			s, there := newStackServer(t, key.Public(), netip.MustParseAddr(tt.server), far)
			var here *netstack.Net
			c := New(Options{OpenTUN: func(string, int) (tun.Device, error) {
				dev, stack, err := netstack.CreateNetTUN([]netip.Addr{own}, nil, DefaultMTU)
				here = stack
				return dev, err
			}})
			if _, err := c.Open("", 0); err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			cfg := configFor(key, s, s.addr)
			cfg.Interface.Addresses = []netip.Prefix{netip.PrefixFrom(own, own.BitLen())}
			cfg.Peers[0].AllowedIPs = prefixes([]string{"0.0.0.0/0", "::/0"})
			if err := errors.Join(c.Start(patient(t), "a", cfg, StartOptions{}), c.Promote("a")); err != nil {
				t.Fatal(err)
			}
			path := func() tunnel.Path {
				got, err := c.Counters("a")
				if err != nil {
					t.Fatal(err)
				}
				return got.Path
			}
			eventually(t, "the server is known", func() bool { return path().Near.Known == 1 })
			listener, err := there.ListenTCPAddrPort(netip.AddrPortFrom(far, 80))
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			var serving sync.WaitGroup
			defer serving.Wait()
			serving.Go(func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				buf := make([]byte, 1<<16)
				for n := 0; err == nil; {
					if n, err = conn.Read(buf); err == nil {
						_, err = conn.Write(buf[:n])
					}
				}
			})
			m, _ := c.member("a")
			m.port.learnAt.Store(0)
			before := path()
			conn, err := here.DialContextTCPAddrPort(patient(t), netip.AddrPortFrom(far, 80))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			buf := make([]byte, 1000)
			for range 20 {
				if _, err := conn.Write(buf); err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Read(buf); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "acknowledgements prove round trips", func() bool {
				p := path()
				return p.RoundTripAt.After(before.RoundTripAt) && p.WaitingSince.IsZero() && p.LossOf > before.LossOf
			})
			// The first packets that came were an occasion to try whom they came from.
			m.port.learnAt.Store(0)
			if _, err := conn.Write(buf); err != nil {
				t.Fatal(err)
			}
			eventually(t, "who was talked to is known", func() bool { return slices.Equal(c.Responders("a"), []netip.Addr{far}) })
		})
	}
}
