package wg

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"holdfast/service/tunnel"
)

func TestProbeMeasuresTheRoundTrip(t *testing.T) {
	t.Parallel()
	const oneWay = 20 * time.Millisecond
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, oneWay)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	// A busy machine makes round trips longer, never shorter.
	best := time.Minute
	for range 5 {
		best = min(best, c.mustProbe(t, "a"))
	}
	if best < 2*oneWay || best > 2*oneWay+time.Second {
		t.Errorf("the best of 5 probes took %v, want about %v", best, 2*oneWay)
	}
	if got := len(p.initiations()); got != 5 {
		t.Errorf("the server saw %d initiations, want 5: the first probe waits for the device's own", got)
	}
	if got := c.mustCount(t, "a"); got.LastHandshake.IsZero() || !got.InitiatingSince.IsZero() {
		t.Errorf("got %+v", got)
	}
}

func TestProbeSaysWhatItSaw(t *testing.T) {
	needsPace(t)
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	stranger := newKey(t)
	psk, err := tunnel.ParsePresharedKey("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		cfg       func() *tunnel.Config
		responses bool
	}{
		{"silent", func() *tunnel.Config { return configFor(key, s, silentPort(t)) }, false},
		{"closed port", func() *tunnel.Config { return configFor(key, s, closedPort(t)) }, false},
		{"key not known to the server", func() *tunnel.Config { return configFor(stranger, s, s.addr) }, false},
		{"wrong server key", func() *tunnel.Config {
			cfg := configFor(key, s, s.addr)
			cfg.Peers[0].PublicKey = stranger.Public()
			return cfg
		}, false},
		{"wrong preshared key", func() *tunnel.Config {
			cfg := configFor(key, s, s.addr)
			cfg.Peers[0].PresharedKey = psk
			return cfg
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, Options{})
			c.mustStart(t, "a", tt.cfg(), StartOptions{})
			ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
			defer cancel()
			_, err := c.Probe(ctx, "a")
			silence, ok := errors.AsType[*SilenceError](err)
			if !ok || !errors.Is(err, ErrUnanswered) {
				t.Fatalf("got %v, want ErrUnanswered", err)
			}
			// The device's own has a second first, unless its response is there before.
			if n := silence.Initiations; n != 1 && (!tt.responses || n != 2) {
				t.Errorf("got %d initiations, want 1", silence.Initiations)
			}
			if (silence.Responses > 0) != tt.responses {
				t.Errorf("got %d responses", silence.Responses)
			}
			if strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("the error has an address in it: %v", err)
			}
		})
	}
}

func TestProbeSurvivesALostInitiation(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 0)
	p.dropUp.Store(true)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	eventually(t, "the first initiation is lost", func() bool { return len(p.initiations()) == 1 })
	p.dropUp.Store(false)
	began := time.Now()
	c.mustProbe(t, "a")
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("got the answer after %v", took)
	}
}

func TestProbeOfALiveDeviceLosesNoData(t *testing.T) {
	t.Parallel()
	const oneWay = 5 * time.Millisecond
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, oneWay)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	probed := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil {
			if _, err := c.Probe(ctx, "a"); err == nil {
				n++
			}
		}
		probed <- n
	}()
	const total = 1500
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for seq := range uint64(total) {
		<-tick.C
		c.tun.send(clientAddr, serverAddr, 100+seq)
	}
	cancel()
	n := <-probed
	seen := map[uint64]bool{}
	for len(seen) < total {
		select {
		case pk := <-c.tun.out:
			if number(pk) >= 100 {
				seen[number(pk)] = true
			}
		case <-time.After(time.Second):
			t.Fatalf("%d of %d packets lost under %d probes", total-len(seen), total, n)
		}
	}
	if n < 10 {
		t.Errorf("only %d probes were answered", n)
	}
	t.Logf("0 of %d packets lost under %d probes", total, n)
}

func TestProbeThatIsUnansweredLeavesNoHintBehind(t *testing.T) {
	needsPace(t)
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 0)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustProbe(t, "a")
	p.dropAll.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
	defer cancel()
	if _, err := c.Probe(ctx, "a"); !errors.Is(err, ErrUnanswered) {
		t.Fatalf("got %v", err)
	}
	if got := c.mustCount(t, "a"); !got.InitiatingSince.IsZero() || got.Initiations != 2 {
		t.Errorf("nothing repeats a probe's question, so it must not count as the device's: %+v", got)
	}
}

func TestProbeEndsWithItsDevice(t *testing.T) {
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	for _, end := range []struct {
		name string
		do   func(c *client) error
	}{
		{"stop", func(c *client) error { return c.Stop("a") }},
		{"close", func(c *client) error { return c.Close() }},
	} {
		t.Run(end.name, func(t *testing.T) {
			c := newClient(t, Options{})
			c.mustStart(t, "a", configFor(key, s, silentPort(t)), StartOptions{})
			result := make(chan error, 2)
			for range 2 { // the second one waits in line
				go func() {
					_, err := c.Probe(context.Background(), "a")
					result <- err
				}()
			}
			m, _ := c.member("a")
			eventually(t, "a probe waits", func() bool { return m.tap.ask.Load() != nil })
			if err := end.do(c); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				select {
				case err := <-result:
					if !errors.Is(err, ErrStopped) && !errors.Is(err, ErrNoDevice) {
						t.Errorf("got %v, want ErrStopped", err)
					}
				case <-time.After(patience):
					t.Fatal("a probe outlived its device")
				}
			}
		})
	}
	c := newClient(t, Options{})
	cfg := configFor(key, s, s.addr)
	cfg.Peers[0].Endpoint = tunnel.Endpoint{}
	c.mustStart(t, "a", cfg, StartOptions{})
	if _, err := c.Probe(patient(t), "a"); !errors.Is(err, ErrNoEndpoint) {
		t.Errorf("got %v, want ErrNoEndpoint", err)
	}
}

// refusing is a bind whose every Send fails, as under a firewall.
type refusing struct{ conn.Bind }

func (refusing) Send([][]byte, conn.Endpoint) error { return syscall.EPERM }

func TestRefusedSendingIsCountedAndNamed(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{NewBind: func() conn.Bind { return refusing{conn.NewStdNetBind()} }})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
	got := c.mustCount(t, "a")
	if got.SendErrors != 1 || got.Initiations != 0 || got.InitiatingSince.IsZero() {
		t.Errorf("got %+v", got)
	}
	if err := c.SendError("a"); !errors.Is(err, syscall.EPERM) {
		t.Errorf("got %v, want EPERM", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 1200*time.Millisecond)
	defer cancel()
	if _, err := c.Probe(ctx, "a"); !errors.Is(err, syscall.EPERM) || !errors.Is(err, ErrUnanswered) {
		t.Errorf("got %v, want unanswered for EPERM", err)
	}
}

func TestCookieReplyIsUsed(t *testing.T) {
	needsPace(t)
	t.Parallel()
	// A server under load answers an initiation without a cookie by a cookie.
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 0)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustProbe(t, "a")
	before := len(p.initiations())
	underLoad(t, s)
	c.mustProbe(t, "a")
	// A server whose queue is full takes none at all.
	if got := len(p.initiations()) - before; got < 2 {
		t.Errorf("without a cookie: got %d initiations, want 2", got)
	}
	eventually(t, "with a cookie in hand, one initiation is enough", func() bool {
		before = len(p.initiations())
		underLoad(t, s)
		c.mustProbe(t, "a")
		return len(p.initiations())-before == 1
	})
}

// underLoad floods the server with well-formed initiations of strangers until
// it demands cookies, which it then does for a second.
func underLoad(t *testing.T, s *server) {
	t.Helper()
	eventually(t, "the server is under load", func() bool {
		flood(t, s)
		return s.dev.IsUnderLoad()
	})
}

func flood(t *testing.T, s *server) {
	t.Helper()
	stranger := newClient(t, Options{})
	cfg := configFor(newKey(t), s, s.addr)
	stranger.mustStart(t, "x", cfg, StartOptions{})
	m, err := stranger.member("x")
	if err != nil {
		t.Fatal(err)
	}
	var packet []byte
	if err := m.initiate(nil, func(b []byte) error { packet = b; return nil }); err != nil {
		t.Fatal(err)
	}
	bufs := make([][]byte, 128)
	for i := range bufs {
		bufs[i] = packet
	}
	ep, err := m.tap.ParseEndpoint(s.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // fewer than the server's queue holds
		if err := m.tap.Send(bufs, ep); err != nil {
			t.Fatal(err)
		}
	}
}

// members of one site: one server, two ways to it.
func site(t *testing.T) (c *client, s *server, near, far *path, nearCfg, farCfg *tunnel.Config) {
	t.Helper()
	key := newKey(t)
	s = newServer(t, echo, key.Public())
	near, far = newPath(t, s.addr, 0), newPath(t, s.addr, 0)
	nearCfg, farCfg = configFor(key, s, near.addr), configFor(key, s, far.addr)
	c = newClient(t, Options{})
	c.mustStart(t, "near", nearCfg, StartOptions{})
	c.mustPromote(t, "near")
	c.mustEcho(t, 1)
	return c, s, near, far, nearCfg, farCfg
}

func TestMoveWithinASite(t *testing.T) {
	c, s, near, far, _, farCfg := site(t)
	port, asked := c.LocalPort("near"), len(near.initiations())
	near.dropAll.Store(true)
	rtt, err := c.Move(patient(t), "near", "far", farCfg)
	if err != nil || rtt <= 0 {
		t.Fatalf("got %v, %v", rtt, err)
	}
	c.mustEcho(t, 2)
	if got := c.Active(); got != "far" {
		t.Errorf("got active %q", got)
	}
	if c.Endpoint("far") != far.addr || c.Endpoint("near") != (netip.AddrPort{}) {
		t.Errorf("got endpoints %s and %s", c.Endpoint("far"), c.Endpoint("near"))
	}
	if got := c.LocalPort("far"); got != port {
		t.Errorf("the socket changed: port %d, then %d", port, got)
	}
	got := far.initiations()
	if len(got) != 1 || got[0].Port() != port {
		t.Errorf("the new way saw initiations %v, want one from port %d", got, port)
	}
	if n := len(near.initiations()); n != asked {
		t.Errorf("the old way saw %d initiations more", n-asked)
	}
	r, err := read(s.dev)
	if err != nil || len(r.peers) != 1 {
		t.Errorf("the server has %d peers, %v", len(r.peers), err)
	}
	if err := c.Start(patient(t), "far", farCfg, StartOptions{}); err != nil {
		t.Errorf("start under the new name: got %v", err)
	}
}

func TestMoveThatIsUnansweredChangesNothing(t *testing.T) {
	t.Parallel()
	c, _, near, far, _, farCfg := site(t)
	far.dropAll.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := c.Move(ctx, "near", "far", farCfg); !errors.Is(err, ErrUnanswered) {
		t.Fatalf("got %v, want ErrUnanswered", err)
	}
	for seq := range uint64(20) {
		c.mustEcho(t, 100+seq)
	}
	if c.Active() != "near" || c.Endpoint("near") != near.addr {
		t.Errorf("got %q at %s", c.Active(), c.Endpoint(c.Active()))
	}
	if got := c.mustCount(t, "near"); !got.InitiatingSince.IsZero() {
		t.Errorf("got %+v", got)
	}
}

func TestMoveIsRefused(t *testing.T) {
	c, s, _, far, _, farCfg := site(t)
	other := configFor(newKey(t), s, far.addr)
	nameless := configFor(farCfg.Interface.PrivateKey, s, far.addr)
	nameless.Peers[0].Endpoint = tunnel.Endpoint{}
	for _, tt := range []struct {
		what     string
		from, to tunnel.Name
		cfg      *tunnel.Config
		want     error
	}{
		{"nobody", "x", "far", farCfg, ErrNoDevice},
		{"another key", "near", "far", other, ErrOtherSite},
		{"no endpoint", "near", "far", nameless, ErrNoEndpoint},
	} {
		if _, err := c.Move(patient(t), tt.from, tt.to, tt.cfg); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.what, err, tt.want)
		}
	}
}

func TestRebindKeepsThePortAndRotateChangesIt(t *testing.T) {
	c, _ := connected(t)
	port, since := c.LocalPort("a"), c.mustCount(t, "a").LastHandshake
	if err := c.Rebind("a"); err != nil {
		t.Fatal(err)
	}
	if got := c.LocalPort("a"); got != port {
		t.Errorf("after Rebind: got port %d, want %d", got, port)
	}
	eventually(t, "Rebind asks for a handshake", func() bool { return c.mustCount(t, "a").LastHandshake.After(since) })
	c.mustEcho(t, 2)
	if err := c.Rotate(patient(t), "a"); err != nil {
		t.Fatal(err)
	}
	if got := c.LocalPort("a"); got == port || got == 0 {
		t.Errorf("after Rotate: got port %d again", got)
	}
	since = c.mustCount(t, "a").LastHandshake
	eventually(t, "Rotate asks for a handshake", func() bool { return !c.mustCount(t, "a").LastHandshake.Before(since) })
	c.mustEcho(t, 3)
}

func TestRotateRespectsAFixedPort(t *testing.T) {
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{})
	cfg := configFor(key, s, s.addr)
	cfg.Interface.ListenPort = closedPort(t).Port()
	c.mustStart(t, "a", cfg, StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	if err := c.Rotate(patient(t), "a"); err != nil {
		t.Fatal(err)
	}
	if got := c.LocalPort("a"); got != cfg.Interface.ListenPort {
		t.Errorf("got port %d, want %d", got, cfg.Interface.ListenPort)
	}
	c.mustEcho(t, 2)
}

func TestRenewBuildsANewDeviceAndLosesNothing(t *testing.T) {
	t.Parallel()
	c, _ := connected(t)
	old, _ := c.member("a")
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for seq := range uint64(100) {
			<-tick.C
			c.tun.send(clientAddr, serverAddr, 100+seq)
		}
	}()
	if err := c.Renew(patient(t), "a"); err != nil {
		t.Fatal(err)
	}
	<-done
	seen := map[uint64]bool{}
	for len(seen) < 100 {
		select {
		case p := <-c.tun.out:
			seen[number(p)] = true
		case <-time.After(time.Second):
			// What the old device had encrypted or staged went with it.
			if len(seen) < 80 {
				t.Fatalf("%d of 100 packets came back", len(seen))
			}
			t.Logf("%d of 100 packets came back", len(seen))
			return
		}
	}
	if m, _ := c.member("a"); m == old || c.Active() != "a" {
		t.Error("the device is still the old one, or not active")
	}
}
