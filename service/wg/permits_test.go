package wg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// ledger is a guard that keeps account of what it permits. What leaves by a
// socket that it watches while its destination is not permitted is an error.
type ledger struct {
	t testing.TB

	mu   sync.Mutex
	open map[netip.AddrPort]int
	ever map[netip.AddrPort]bool
	most int // how many places were open at a time
	sent int
}

func newLedger(t testing.TB) *ledger {
	return &ledger{t: t, open: map[netip.AddrPort]int{}, ever: map[netip.AddrPort]bool{}}
}

func (l *ledger) permit(network string, to netip.AddrPort) func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if network != "udp" || !to.IsValid() || to.Addr().Zone() != "" || to.Addr().Is4In6() {
		l.t.Errorf("asks for %s %v", network, to)
	}
	l.open[to]++
	l.ever[to] = true
	l.most = max(l.most, len(l.open))
	var once atomic.Bool
	return func() {
		if once.Swap(true) {
			l.t.Errorf("%v was given back twice", to)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.open[to]--; l.open[to] == 0 {
			delete(l.open, to)
		}
	}
}

// places are those that are permitted now.
func (l *ledger) places() []netip.AddrPort {
	l.mu.Lock()
	defer l.mu.Unlock()
	var at []netip.AddrPort
	for to := range l.open {
		at = append(at, to)
	}
	slices.SortFunc(at, netip.AddrPort.Compare)
	return at
}

func (l *ledger) wasOpen(to netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ever[to]
}

// mustBeShut is for when everything is closed.
func (l *ledger) mustBeShut() {
	if at := l.places(); len(at) != 0 {
		l.t.Errorf("still permitted after the end: %v", at)
	}
}

// leaves notes that something is on its way to a place.
func (l *ledger) leaves(to netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	if l.open[to] == 0 {
		l.t.Errorf("something leaves to %v, which is not permitted", to)
	}
}

// watched is a socket of which a ledger sees what leaves.
type watched struct {
	conn.Bind
	*ledger
}

func (w watched) Send(bufs [][]byte, ep conn.Endpoint) error {
	w.leaves(bare(addressOf(ep)))
	defer w.leaves(bare(addressOf(ep))) // and it is permitted to the end
	return w.Bind.Send(bufs, ep)
}

// guarded is options with a guard that keeps account, for the sockets, too.
func (l *ledger) guarded(o Options) Options {
	o.Permit = l.permit
	newBind := o.NewBind
	if newBind == nil {
		newBind = conn.NewStdNetBind
	}
	o.NewBind = func() conn.Bind { return watched{newBind(), l} }
	return o
}

func endpointAt(at netip.AddrPort) conn.Endpoint { return &conn.StdNetEndpoint{AddrPort: at} }

func placeNo(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), 51820)
}

// datagramOf is one of a kind of WireGuard's.
func datagramOf(kind byte) [][]byte {
	b := make([]byte, device.MessageInitiationSize)
	b[0] = kind
	return [][]byte{b}
}

// opened are permits whose socket is open, and what was permitted.
func opened(t testing.TB, peers int) (*permits, *ledger) {
	l := newLedger(t)
	p := newPermits(l.permit, peers)
	p.opening()
	return p, l
}

func TestWhatOpensAPlace(t *testing.T) {
	for _, tt := range []struct {
		name  string
		kind  byte
		opens bool
	}{
		{"an initiation", device.MessageInitiationType, true},
		{"a response", device.MessageResponseType, true},
		{"data", device.MessageTransportType, true},
		{"a cookie reply", device.MessageCookieReplyType, false},
		{"what nobody knows", 9, false},
	} {
		p, l := opened(t, 1)
		b := watched{absorbing{}, l}
		err := p.send(b, datagramOf(tt.kind), endpointAt(placeNo(1)))
		if got := len(l.places()) == 1; got != tt.opens || (err == nil) != tt.opens {
			t.Errorf("%s: permitted %v, %v; want %v", tt.name, got, err, tt.opens)
		}
		// Where something else may go, everything may.
		if err := p.send(b, datagramOf(device.MessageTransportType), endpointAt(placeNo(1))); err != nil {
			t.Errorf("%s, then data: %v", tt.name, err)
		}
		if err := p.send(b, datagramOf(tt.kind), endpointAt(placeNo(1))); err != nil {
			t.Errorf("%s, to where data goes: %v", tt.name, err)
		}
		// One of several is enough to keep them all.
		mixed := append(datagramOf(device.MessageTransportType), datagramOf(tt.kind)...)
		if err := p.send(b, mixed, endpointAt(placeNo(2))); (err == nil) != tt.opens {
			t.Errorf("%s after data: %v", tt.name, err)
		}
		p.closed()
	}
}

func TestPlacesAreBounded(t *testing.T) {
	p, l := opened(t, 1)
	b := watched{absorbing{}, l}
	used := placeNo(1)
	send := func(to netip.AddrPort) {
		t.Helper()
		if err := p.send(b, datagramOf(device.MessageInitiationType), endpointAt(to)); err != nil {
			t.Fatal(err)
		}
	}
	send(used)
	for n := 2; n <= 50; n++ {
		send(placeNo(n))
		send(used)
		if at := l.places(); !slices.Contains(at, used) || !slices.Contains(at, placeNo(n)) {
			t.Fatalf("after %d places: the one in use or the last one is not permitted: %v", n, at)
		}
	}
	if l.most != 1+sparePlaces {
		t.Errorf("%d places were permitted at a time, want %d", l.most, 1+sparePlaces)
	}
	p.keep([]netip.AddrPort{used}, 1)
	if at := l.places(); !slices.Equal(at, []netip.AddrPort{used}) {
		t.Errorf("after the device was asked where it sends: %v", at)
	}
	p.closed()
	if at := l.places(); len(at) != 0 {
		t.Errorf("after the end: %v", at)
	}
	if err := p.send(b, datagramOf(device.MessageInitiationType), endpointAt(used)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: got %v", err)
	}
}

// Nothing wakes up to give a place back: it is done when another is needed.
func TestUnusedPlacesAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := opened(t, 10)
		b := watched{absorbing{}, l}
		send := func(n int) { _ = p.send(b, datagramOf(device.MessageTransportType), endpointAt(placeNo(n))) }
		send(1)
		send(2)
		time.Sleep(placeLife - time.Second)
		send(1)
		time.Sleep(2 * time.Second)
		if len(l.places()) != 2 {
			t.Fatalf("before another one is needed: %v", l.places())
		}
		send(3)
		if at := l.places(); !slices.Equal(at, []netip.AddrPort{placeNo(1), placeNo(3)}) {
			t.Errorf("got %v", at)
		}
		p.closed()
	})
}

// An address is the same to the guard in whatever way it is written.
func TestPlacesOfOtherForms(t *testing.T) {
	for in, want := range map[string]string{
		"[::ffff:192.0.2.7]:7": "192.0.2.7:7",
		"[fe80::1%eth0]:7":     "[fe80::1]:7",
		"[2001:db8::7]:7":      "[2001:db8::7]:7",
	} {
		p, l := opened(t, 1)
		at := netip.MustParseAddrPort(in)
		if err := p.send(watched{absorbing{}, l}, datagramOf(device.MessageTransportType), endpointAt(at)); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if got := l.places(); len(got) != 1 || got[0].String() != want {
			t.Errorf("%s: got %v, want %s", in, got, want)
		}
		p.closed()
	}
}

// TestNothingLeavesUnpermitted sends to many places from many goroutines, while
// places are given back and the socket is closed and opened again.
func TestNothingLeavesUnpermitted(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	tp, _ := newTap(watched{switching{new(atomic.Bool)}, l}, nil)
	tp.permits = newPermits(l.permit, 1)
	if _, _, err := tp.Open(0); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	kinds := []byte{device.MessageInitiationType, device.MessageResponseType, device.MessageCookieReplyType, device.MessageTransportType}
	for worker := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range soak(5000, 200000) {
				to := placeNo(1 + random.IntN(12))
				_ = tp.send(datagramOf(kinds[random.IntN(len(kinds))]), endpointAt(to)) // refused or not, the ledger sees it
			}
		})
	}
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	random := rand.New(rand.NewPCG(9, 1))
	for turn := 0; ; turn++ {
		select {
		case <-over:
			if err := tp.Close(); err != nil {
				t.Error(err)
			}
			if at := l.places(); len(at) != 0 || l.most > 1+sparePlaces {
				t.Errorf("%v is still permitted, %d were at a time", at, l.most)
			}
			t.Logf("%d datagrams, %d times closed", l.sent/2, turn/8)
			return
		default:
		}
		if turn%8 == 0 {
			_ = tp.Close()
			_, _, _ = tp.Open(0)
		}
		tp.permits.keep([]netip.AddrPort{placeNo(1 + random.IntN(12))}, 1)
	}
}

// switching is a socket that takes everything while it is open.
type switching struct{ isOpen *atomic.Bool }

func (s switching) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	s.isOpen.Store(true)
	return nil, 1, nil
}
func (s switching) Close() error                                { s.isOpen.Store(false); return nil }
func (s switching) SetMark(uint32) error                        { return nil }
func (s switching) BatchSize() int                              { return 1 }
func (s switching) ParseEndpoint(string) (conn.Endpoint, error) { return nil, errors.ErrUnsupported }
func (s switching) Send(bufs [][]byte, ep conn.Endpoint) error {
	if !s.isOpen.Load() {
		return net.ErrClosed
	}
	return nil
}

// TestPermitsFollowADevice names what is permitted after each thing that a
// device does.
func TestPermitsFollowADevice(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	near, far := newPath(t, s.addr, 0), newPath(t, s.addr, 0)
	l := newLedger(t)
	c := newClient(t, l.guarded(Options{}))
	is := func(when string, want ...netip.AddrPort) {
		t.Helper()
		slices.SortFunc(want, netip.AddrPort.Compare)
		if got := l.places(); !slices.Equal(got, want) {
			t.Errorf("%s: permitted is %v, want %v", when, got, want)
		}
	}
	is("before anything")
	c.mustStart(t, "a", configFor(key, s, near.addr), StartOptions{})
	is("a standby", near.addr)
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	is("traffic", near.addr)
	near.dropAll.Store(true) // or the other way need not be asked
	if err := c.Compare(patient(t), "a", configFor(key, s, far.addr)); err != nil {
		t.Errorf("got %v", err)
	}
	near.dropAll.Store(false)
	is("after it compared", near.addr)
	if !l.wasOpen(far.addr) {
		t.Error("the other way was not asked")
	}
	if _, err := c.Move(patient(t), "a", "b", configFor(key, s, far.addr)); err != nil {
		t.Fatal(err)
	}
	c.mustEcho(t, 2)
	eventually(t, "only the new way is permitted", func() bool { return slices.Equal(l.places(), []netip.AddrPort{far.addr}) })
	if err := c.Rotate(patient(t), "b"); err != nil {
		t.Fatal(err)
	}
	c.mustEcho(t, 3)
	is("another port", far.addr)
	if err := c.Renew(patient(t), "b"); err != nil {
		t.Fatal(err)
	}
	c.mustEcho(t, 4)
	is("another device", far.addr)
	if answered, err := c.AskStamped(patient(t), "b", time.Now().Add(time.Hour)); !answered || err != nil {
		t.Errorf("got %v, %v", answered, err)
	}
	is("a stamped question", far.addr)
	if err := c.Stop("b"); err != nil {
		t.Fatal(err)
	}
	is("after the end")
}

func TestPermitsOfASearch(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	first := newPath(t, s.addr, 0)
	port := first.addr.Port()
	n := &names{}
	n.set(nil, "127.0.0.1")
	l := newLedger(t)
	c := newClient(t, l.guarded(Options{Resolve: n.resolve}))
	cfg := configFor(key, s, first.addr)
	cfg.Peers[0].Endpoint.Host = "vpn.test"
	c.mustStart(t, "a", cfg, StartOptions{})
	c.mustProbe(t, "a")
	second := wayAt(t, "127.0.0.2", port, s.addr, 0)
	first.dropAll.Store(true)
	// As many as are asked, most of them silent.
	n.set(nil, "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.2")
	if _, to, err := c.Seek(patient(t), "a"); err != nil || to != second.addr {
		t.Fatalf("got %v, %v", to, err)
	}
	if at := l.places(); !slices.Equal(at, []netip.AddrPort{second.addr}) {
		t.Errorf("after the search %v is permitted", at)
	}
	if !l.wasOpen(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.6"), port)) || l.most > 1+sparePlaces {
		t.Errorf("%d places were permitted at a time", l.most)
	}
}

// A peer without an endpoint is answered where it has authenticated itself.
func TestPermitsOfAPeerThatCalls(t *testing.T) {
	t.Parallel()
	key, caller := newKey(t), newKey(t)
	s := newServer(t, echo, key.Public())
	l := newLedger(t)
	c := newClient(t, l.guarded(Options{}))
	cfg := configFor(key, s, s.addr)
	cfg.Peers = append(cfg.Peers, configFor(key, s, s.addr).Peers[0])
	cfg.Peers[1] = tunnel.Peer{PublicKey: caller.Public()}
	c.mustStart(t, "a", cfg, StartOptions{})
	c.mustProbe(t, "a")
	m, err := c.member("a")
	if err != nil {
		t.Fatal(err)
	}
	// The caller is another client, which calls from its own port.
	other := newClient(t, Options{})
	back := configFor(caller, s, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), c.LocalPort("a")))
	back.Peers[0].PublicKey = key.Public()
	other.mustStart(t, "x", back, StartOptions{})
	other.mustProbe(t, "x")
	called := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), other.LocalPort("x"))
	if !slices.Contains(l.places(), called) {
		t.Errorf("%v, from where the peer called, is not among %v", called, l.places())
	}
	m.tidy()
	if at := l.places(); !slices.Contains(at, called) || len(at) != 2 {
		t.Errorf("after it was asked where it sends: %v", at)
	}
}

// TestStrangersOpenNothing floods a device until it asks for cookies, from
// somebody who knows its public key. Without a guard he gets one.
func TestStrangersOpenNothing(t *testing.T) {
	t.Parallel()
	for _, guard := range []bool{true, false} {
		var made cookies
		key := newKey(t)
		s := newServer(t, echo, key.Public())
		l := newLedger(t)
		o := Options{Log: slog.New(&made)}
		var c *client
		if guard {
			c = newClient(t, l.guarded(o))
		} else {
			c = newUnguarded(t, o)
		}
		c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
		c.mustProbe(t, "a")
		before := c.mustCount(t, "a").SendErrors
		stranger, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(c.LocalPort("a"))})
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		var macs device.CookieGenerator
		macs.Init(device.NoisePublicKey(key.Public()))
		eventually(t, "the device makes a cookie", func() bool {
			for range 2000 {
				msg := datagramOf(device.MessageInitiationType)[0]
				macs.AddMacs(msg)
				_, _ = stranger.Write(msg)
			}
			return made.n.Load() > 0
		})
		if err := stranger.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if guard {
			eventually(t, "the device has come to the end of it", func() bool {
				last := made.n.Load()
				return !within(50*time.Millisecond, func() bool { return made.n.Load() != last })
			})
			if err := stranger.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		_, err = stranger.Read(make([]byte, device.MessageCookieReplySize))
		if (err != nil) != guard {
			t.Errorf("guard %v: the stranger reads: %v", guard, err)
		}
		if at := l.places(); guard && !slices.Equal(at, []netip.AddrPort{s.addr}) {
			t.Errorf("permitted is %v", at)
		}
		if from := stranger.LocalAddr().(*net.UDPAddr).AddrPort(); l.wasOpen(from) {
			t.Error("a stranger was let in")
		}
		if got := c.mustCount(t, "a"); got.SendErrors != before || c.SendError("a") != nil {
			t.Errorf("guard %v: what was kept back counts as refused: %d, %v", guard, got.SendErrors, c.SendError("a"))
		}
	}
}

// cookies is a log that counts the cookies that a device makes.
type cookies struct {
	slog.Handler
	n atomic.Int64
}

func (c *cookies) Enabled(context.Context, slog.Level) bool { return true }
func (c *cookies) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "line" && strings.Contains(a.Value.String(), "cookie response") {
			c.n.Add(1)
		}
		return true
	})
	return nil
}

// Once a place is permitted, sending there costs no memory.
func TestPermittedAllocatesNothing(t *testing.T) {
	p, _ := opened(t, 1)
	defer p.closed()
	ep, bufs := endpointAt(placeNo(1)), datagramOf(device.MessageTransportType)
	got := testing.AllocsPerRun(1000, func() {
		if err := p.send(absorbing{}, bufs, ep); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations for each batch", got)
	}
}

// BenchmarkPermitted is what the permits cost for each batch that is sent: by a
// socket that takes everything, and by a real one, alone and 128 at a time.
func BenchmarkPermitted(b *testing.B) {
	peer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer peer.Close()
	to := endpointAt(peer.LocalAddr().(*net.UDPAddr).AddrPort())
	nothing := func() conn.Bind { return switching{new(atomic.Bool)} }
	for _, bb := range []struct {
		name   string
		socket func() conn.Bind
		batch  int
	}{
		{"nothing", nothing, 1}, {"loopback", conn.NewStdNetBind, 1}, {"loopback", conn.NewStdNetBind, conn.IdealBatchSize},
	} {
		for _, guard := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/%d/guard=%t", bb.name, bb.batch, guard), func(b *testing.B) {
				tp, _ := newTap(bb.socket(), nil)
				if guard {
					tp.permits = newPermits(newLedger(b).permit, 1)
				}
				if _, _, err := tp.Open(0); err != nil {
					b.Fatal(err)
				}
				defer tp.Close()
				var bufs [][]byte
				for range bb.batch {
					msg := make([]byte, 1452)
					msg[0] = device.MessageTransportType
					bufs = append(bufs, msg)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := tp.Send(bufs, to); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
