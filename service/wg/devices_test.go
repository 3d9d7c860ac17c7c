package wg

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/service/tunnel"
)

func TestPacketsPassThroughTheActiveDevice(t *testing.T) {
	c, _ := connected(t)
	for seq := range uint64(100) {
		c.mustEcho(t, seq+10)
	}
	// A packet is counted after it was sent: its echo may come first.
	eventually(t, "the last packet is counted", func() bool { return c.mustCount(t, "a").DataSent >= 101 })
	got := c.mustCount(t, "a")
	if got.DataReceived != 101 || got.Initiations == 0 || got.LastHandshake.IsZero() {
		t.Errorf("got counters %+v", got)
	}
	if got.LastReceived.IsZero() || time.Since(got.LastReceived) > patience {
		t.Errorf("got last received %v", got.LastReceived)
	}
	if !got.UnansweredSince.IsZero() || !got.InitiatingSince.IsZero() || got.SendErrors != 0 {
		t.Errorf("got hints on a healthy tunnel: %+v", got)
	}
	if got.RxBytes < 101*60 || got.TxBytes < 101*60 {
		t.Errorf("got %d and %d bytes", got.RxBytes, got.TxBytes)
	}
}

// twoMembers is a client with two warm members, "a" active and "b" a standby,
// at two servers behind paths with a delay each way.
func twoMembers(t testing.TB, delay time.Duration) (*client, [2]*server) {
	t.Helper()
	c := newClient(t, Options{})
	var servers [2]*server
	for i, name := range []tunnel.Name{"a", "b"} {
		key := newKey(t)
		servers[i] = newServer(t, echo, key.Public())
		at := servers[i].addr
		if delay > 0 {
			at = newPath(t, at, delay).addr
		}
		c.mustStart(t, name, configFor(key, servers[i], at), StartOptions{Warm: true})
		c.mustProbe(t, name)
	}
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	return c, servers
}

func TestPromotionKeepsTheSessionAlive(t *testing.T) {
	t.Parallel()
	const oneWay = 25 * time.Millisecond
	c, _ := twoMembers(t, oneWay)
	before, former := c.mustCount(t, "b"), c.mustCount(t, "a")
	began := time.Now()
	c.mustPromote(t, "b")
	c.mustEcho(t, 2)
	took := time.Since(began)
	after := c.mustCount(t, "b")
	if !after.LastHandshake.Equal(before.LastHandshake) || after.Initiations != before.Initiations {
		t.Errorf("the promotion made a handshake: %v, then %v", before.LastHandshake, after.LastHandshake)
	}
	t.Logf("first packet returned %v after the promotion, round trip %v", took, 2*oneWay)
	if took > 2*oneWay+time.Second {
		t.Errorf("got the first packet after %v", took)
	}
	if c.Active() != "b" {
		t.Errorf("got active %q", c.Active())
	}
	c.mustPromote(t, "a")
	c.mustEcho(t, 3)
	if got := c.mustCount(t, "a"); got.Initiations != former.Initiations {
		t.Error("the former active lost its session")
	}
}

func TestNoPacketIsLostOverPromotions(t *testing.T) {
	t.Parallel()
	const promotions = 100
	c, _ := twoMembers(t, 0)
	stop, sent := make(chan struct{}), make(chan uint64)
	go func() {
		tick := time.NewTicker(time.Millisecond) // 1,000 packets a second
		defer tick.Stop()
		seq := uint64(1000)
		for {
			select {
			case <-stop:
				sent <- seq - 1000
				return
			case <-tick.C:
				c.tun.send(clientAddr, serverAddr, seq)
				seq++
			}
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := range promotions {
		<-tick.C
		c.mustPromote(t, []tunnel.Name{"b", "a"}[i%2])
	}
	<-tick.C
	close(stop)
	total := <-sent
	seen := map[uint64]bool{}
	last, gap := time.Now(), time.Duration(0)
	for uint64(len(seen)) < total {
		select {
		case p := <-c.tun.out:
			if number(p) >= 1000 {
				seen[number(p)] = true
			}
		case <-time.After(500 * time.Millisecond):
			lost := total - uint64(len(seen))
			t.Logf("%d of %d packets lost over %d promotions", lost, total, promotions)
			if lost > promotions/50 {
				t.Errorf("lost %d packets", lost)
			}
			return
		}
		gap = max(gap, time.Since(last))
		last = time.Now()
	}
	t.Logf("0 of %d packets lost over %d promotions; %d were handed over", total, promotions, c.sw.handed.Load())
}

func TestSwitchingAThousandTimesUnderTraffic(t *testing.T) {
	c, _ := twoMembers(t, 0)
	stop := make(chan struct{})
	var traffic sync.WaitGroup
	for range 2 {
		traffic.Go(func() {
			for seq := uint64(5000); ; seq++ {
				select {
				case <-stop:
					return
				case c.tun.in <- packet(clientAddr, serverAddr, seq):
				}
				runtime.Gosched()
			}
		})
	}
	traffic.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-c.tun.out:
			}
		}
	})
	for i := range 1000 {
		c.mustPromote(t, []tunnel.Name{"b", "a"}[i%2])
	}
	close(stop)
	traffic.Wait()
	for drained := false; !drained; {
		select {
		case <-c.tun.in:
		default:
			drained = true
		}
	}
	c.mustEcho(t, 1<<40)
	t.Logf("%d packets handed over, %d lost", c.sw.handed.Load(), c.sw.lost.Load())
}

func TestStandbyDeliversOnlyWhileDraining(t *testing.T) {
	c, servers := twoMembers(t, 0)
	push := func(seq uint64) { servers[1].tun.in <- packet(serverAddr, clientAddr, seq) }
	before := c.mustCount(t, "b").DataReceived
	push(50)
	eventually(t, "the standby's packet counts as evidence", func() bool { return c.mustCount(t, "b").DataReceived == before+1 })
	m, _ := c.member("b")
	if got := m.port.dropped.Load(); got != 1 {
		t.Errorf("got %d dropped, want 1", got)
	}
	c.mustPromote(t, "b")
	c.mustEcho(t, 51)
	c.mustPromote(t, "a") // b drains
	push(52)
	for {
		select {
		case p := <-c.tun.out:
			if number(p) == 50 {
				t.Fatal("a standby's packet reached the interface")
			}
			if number(p) == 52 {
				m.port.drainUntil.Store(1) // as if two seconds had passed
				push(53)
				eventually(t, "the drained port drops", func() bool { return m.port.dropped.Load() == 2 })
				return
			}
		case <-time.After(patience):
			t.Fatal("a draining port's packet did not reach the interface")
		}
	}
}

func TestStartIsIdempotentAndGuardsNamesAndSites(t *testing.T) {
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{})
	cfg := configFor(key, s, s.addr)
	c.mustStart(t, "a", cfg, StartOptions{})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{Keepalive: 7})
	other := configFor(key, s, s.addr)
	other.Peers[0].Endpoint.Port++
	for _, tt := range []struct {
		what string
		got  error
		want error
	}{
		{"same name, other config", c.Start(patient(t), "a", other, StartOptions{}), ErrRunning},
		{"same site, other name", c.Start(patient(t), "b", other, StartOptions{}), ErrSiteInUse},
		{"promote nobody", c.Promote("x"), ErrNoDevice},
		{"stop nobody", c.Stop("x"), ErrNoDevice},
		{"arm nobody", c.Arm("x"), ErrNoDevice},
		{"rebind nobody", c.Rebind("x"), ErrNoDevice},
		{"rotate nobody", c.Rotate(patient(t), "x"), ErrNoDevice},
		{"renew nobody", c.Renew(patient(t), "x"), ErrNoDevice},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.what, tt.got, tt.want)
		}
	}
	if _, err := c.Open("", 0); !errors.Is(err, ErrOpen) {
		t.Errorf("open again: got %v", err)
	}
	if err := c.Stop("a"); err != nil {
		t.Fatal(err)
	}
	c.mustStart(t, "b", other, StartOptions{})
	closed := New(Options{})
	if err := closed.Start(patient(t), "a", cfg, StartOptions{}); !errors.Is(err, ErrNotOpen) {
		t.Errorf("start without interface: got %v", err)
	}
	if err := errors.Join(closed.Close(), closed.Close()); err != nil {
		t.Errorf("close without interface: got %v", err)
	}
}

func TestStopThenStartIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{})
	cfg := configFor(key, s, s.addr)
	late := 0 // on a busy machine
	for range 20 {
		c.mustStart(t, "a", cfg, StartOptions{})
		ctx, cancel := context.WithTimeout(context.Background(), 900*time.Millisecond)
		// Less than the first retry: the first initiation must be the one answered.
		if _, err := c.Probe(ctx, "a"); err != nil {
			late++
		}
		if late > 2 {
			t.Fatal("the first initiation was not answered, three times")
		}
		cancel()
		if err := c.Stop("a"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKeepalivesAreNotData(t *testing.T) {
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{Keepalive: 1})
	c.mustProbe(t, "a")
	c.mustPromote(t, "a")
	m, _ := c.member("a")
	before := c.mustCount(t, "a").TxBytes
	for range 5 {
		m.peer.SendKeepalive()
	}
	eventually(t, "keepalives were sent", func() bool { return c.mustCount(t, "a").TxBytes >= before+5*32 })
	got := c.mustCount(t, "a")
	if got.DataSent != 0 || got.DataReceived != 0 || !got.UnansweredSince.IsZero() {
		t.Errorf("got counters %+v", got)
	}
}

func TestSilenceShowsInTheHints(t *testing.T) {
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 0)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	p.dropAll.Store(true)
	began := time.Now()
	c.tun.send(clientAddr, serverAddr, 2)
	eventually(t, "data is unanswered", func() bool { return !c.mustCount(t, "a").UnansweredSince.IsZero() })
	since := c.mustCount(t, "a").UnansweredSince
	if since.Before(began) || since.After(time.Now()) {
		t.Errorf("got unanswered since %v", since)
	}
	c.tun.send(clientAddr, serverAddr, 3)
	eventually(t, "more data is sent", func() bool { return c.mustCount(t, "a").DataSent == 3 })
	if got := c.mustCount(t, "a").UnansweredSince; !got.Equal(since) {
		t.Errorf("the oldest unanswered packet moved: %v, then %v", since, got)
	}
	if err := c.Rotate(patient(t), "a"); err != nil {
		t.Fatal(err)
	}
	p.dropAll.Store(false)
	c.mustEcho(t, 4)
	eventually(t, "the hint is cleared", func() bool { return c.mustCount(t, "a").UnansweredSince.IsZero() })
}

func TestDeadServerShowsAsInitiating(t *testing.T) {
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, silentPort(t)), StartOptions{})
	got := c.mustCount(t, "a")
	if got.InitiatingSince.IsZero() || got.Initiations != 1 || !got.LastHandshake.IsZero() {
		t.Errorf("got %+v", got)
	}
}

func TestActivitySignalsOncePerArm(t *testing.T) {
	c, _ := connected(t)
	quiet := func(when string) {
		t.Helper()
		select {
		case <-c.Activity():
			t.Fatalf("a signal %s", when)
		default:
		}
	}
	c.mustEcho(t, 2)
	quiet("before Arm")
	if err := c.Arm("a"); err != nil {
		t.Fatal(err)
	}
	m, _ := c.member("a")
	m.peer.SendKeepalive()
	c.mustProbe(t, "a")
	quiet("for a keepalive or a probe")
	c.mustEcho(t, 3)
	c.mustEcho(t, 4)
	select {
	case <-c.Activity():
	case <-time.After(patience):
		t.Fatal("no signal for data")
	}
	quiet("for the second packet")
}

func TestDevicesShareOneFixedPort(t *testing.T) {
	c := newClient(t, Options{})
	fixed := closedPort(t).Port()
	for _, name := range []tunnel.Name{"a", "b"} {
		key := newKey(t)
		s := newServer(t, echo, key.Public())
		cfg := configFor(key, s, s.addr)
		cfg.Interface.ListenPort = fixed
		c.mustStart(t, name, cfg, StartOptions{})
		c.mustProbe(t, name)
	}
	if got := c.LocalPort("a"); got != fixed {
		t.Errorf("got port %d, want %d", got, fixed)
	}
	if got := c.LocalPort("b"); got == fixed || got == 0 {
		t.Errorf("the second device got port %d", got)
	}
}

func TestEndpointNames(t *testing.T) {
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	answer := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	var failure error
	c := newClient(t, Options{Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
		if host != "vpn.test" {
			t.Errorf("asked for %q", host)
		}
		return answer, failure
	}})
	cfg := configFor(key, s, s.addr)
	cfg.Peers[0].Endpoint.Host = "vpn.test"
	failure = errors.New("no such host")
	err := c.Start(patient(t), "a", cfg, StartOptions{})
	if resolve, ok := errors.AsType[*ResolveError](err); !ok || resolve.Host != "vpn.test" || !errors.Is(err, ErrResolve) || !errors.Is(err, failure) {
		t.Fatalf("got %v, want ErrResolve", err)
	}
	answer, failure = nil, nil
	if err := c.Start(patient(t), "a", cfg, StartOptions{}); !errors.Is(err, ErrResolve) {
		t.Fatalf("got %v, want ErrResolve", err)
	}
	answer = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	c.mustStart(t, "a", cfg, StartOptions{})
	if got := c.Endpoint("a"); got != s.addr {
		t.Errorf("got endpoint %s, want %s", got, s.addr)
	}
	c.mustProbe(t, "a")
	if err := c.Rotate(patient(t), "a"); err != nil {
		t.Fatal(err)
	}
	if got := c.Endpoint("a"); got != s.addr {
		t.Errorf("after Rotate: got endpoint %s, want %s, which answers", got, s.addr)
	}
}

// An endpoint that is silent from a new port, too, is looked for elsewhere.
func TestRotateLeavesASilentAddress(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 0)
	answer := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	var failure error
	l := newLedger(t)
	c := newClient(t, l.guarded(Options{Resolve: func(context.Context, string) ([]netip.Addr, error) { return answer, failure }}))
	cfg := configFor(key, s, p.addr)
	cfg.Peers[0].Endpoint.Host = "vpn.test"
	c.mustStart(t, "a", cfg, StartOptions{})
	c.mustProbe(t, "a")
	p.dropAll.Store(true)
	failure = errors.New("resolver down")
	if err := c.Rotate(patient(t), "a"); !errors.Is(err, ErrResolve) {
		t.Errorf("rotate without resolver: got %v", err)
	}
	if got := c.Endpoint("a"); got != p.addr {
		t.Errorf("without resolver: got endpoint %s, want %s", got, p.addr)
	}
	failure = nil
	if err := c.Rotate(patient(t), "a"); err != nil {
		t.Fatal(err)
	}
	if got := c.Endpoint("a").Addr(); got != answer[1] {
		t.Errorf("after Rotate: got endpoint %s, want the other address", got)
	}
	if at := l.places(); !slices.Equal(at, []netip.AddrPort{netip.AddrPortFrom(answer[1], p.addr.Port())}) {
		t.Errorf("after Rotate: permitted is %v", at)
	}
}

func TestChooseAddress(t *testing.T) {
	v4, other := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	// A link-local address without its zone leads nowhere.
	noRoute := netip.MustParseAddr("fe80::1")
	direct := func(to netip.Addr) bool { return hasRoute(to, nil) }
	for _, tt := range []struct {
		addrs []netip.Addr
		avoid netip.Addr
		want  netip.Addr
	}{
		{[]netip.Addr{v4, other}, netip.Addr{}, v4},
		{[]netip.Addr{v4, other}, v4, other},
		{[]netip.Addr{v4}, v4, v4},
		{[]netip.Addr{noRoute, v4}, netip.Addr{}, v4},
		{[]netip.Addr{noRoute}, netip.Addr{}, noRoute},
		{[]netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}, netip.Addr{}, v4},
	} {
		if got, ok := choose(tt.addrs, tt.avoid, direct); !ok || got != tt.want {
			t.Errorf("choose(%v, avoid %v): got %v, want %v", tt.addrs, tt.avoid, got, tt.want)
		}
	}
	if _, ok := choose(nil, netip.Addr{}, direct); ok {
		t.Error("an address was chosen from none")
	}
}

func TestCloseIsQuickAndLeavesNoGoroutine(t *testing.T) {
	key, other := newKey(t), newKey(t)
	s, s2 := newServer(t, echo, key.Public()), newServer(t, echo, other.Public())
	before := runtime.NumGoroutine()
	c := newClient(t, Options{})
	for round := range 3 {
		if round > 0 {
			if _, err := c.Open("", 0); err != nil {
				t.Fatal(err)
			}
		}
		c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{Keepalive: 1})
		c.mustStart(t, "b", configFor(other, s2, s2.addr), StartOptions{Warm: true})
		c.mustPromote(t, "a")
		c.mustEcho(t, uint64(round))
		if err := c.Renew(patient(t), "a"); err != nil {
			t.Fatal(err)
		}
		c.mustEcho(t, uint64(round))
		if err := c.Stop("b"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("Close took %v", took)
		}
	}
	noMoreGoroutines(t, before)
}

func noMoreGoroutines(t *testing.T, than int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > than {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			t.Fatalf("%d goroutines before, %d after:\n%s", than, runtime.NumGoroutine(), strings.TrimSpace(string(stacks)))
		}
		runtime.Gosched()
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	c, _ := twoMembers(t, 0)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var callers sync.WaitGroup
	do := []func(name tunnel.Name){
		func(name tunnel.Name) { _, _ = c.Counters(name) },
		func(name tunnel.Name) { _, _ = c.Probe(ctx, name) },
		func(name tunnel.Name) { _ = c.Promote(name) },
		func(name tunnel.Name) { _ = c.Rebind(name) },
		func(name tunnel.Name) { _ = c.Rotate(ctx, name) },
		func(name tunnel.Name) { _ = c.Renew(ctx, name) },
		func(name tunnel.Name) { _, _ = c.Endpoint(name), c.LocalPort(name) },
		func(name tunnel.Name) { _ = c.Arm(name) },
		func(tunnel.Name) { _ = c.Running() },
	}
	for range 6 {
		callers.Go(func() {
			for ctx.Err() == nil {
				do[rand.IntN(len(do))]([]tunnel.Name{"a", "b"}[rand.IntN(2)])
			}
		})
	}
	callers.Wait()
	got := c.Running()
	slices.Sort(got)
	if !slices.Equal(got, []tunnel.Name{"a", "b"}) {
		t.Fatalf("got %v running", got)
	}
	c.mustPromote(t, "a")
	c.mustProbe(t, "a")
	c.mustEcho(t, 1<<41)
}
