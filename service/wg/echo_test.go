package wg

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

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
	var got tunnel.Counters
	eventually(t, "both ways are counted", func() bool {
		got = c.mustCount(t, "a") // what has been answered may be counted as sent a moment later
		return got.DataSent >= before.DataSent+5 && got.DataReceived >= before.DataReceived+5
	})
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
	t.Parallel()
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
