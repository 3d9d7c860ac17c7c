package wg

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"weak"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// mustAsk asks and waits for the answer.
func (c *client) mustAsk(t testing.TB, name tunnel.Name) {
	t.Helper()
	before := c.mustCount(t, name).Path.Asked
	eventually(t, "a question leaves", func() bool {
		if err := c.Ask(name); err != nil {
			t.Fatal(err)
		}
		return c.mustCount(t, name).Path.Asked.Sent > before.Sent
	})
	eventually(t, "it is answered", func() bool { return c.mustCount(t, name).Path.Asked.Answered > before.Answered })
}

// settled waits until questions may be asked.
func (c *client) settled(t testing.TB, name tunnel.Name) *member {
	t.Helper()
	m, err := c.member(name)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "questions may be asked", func() bool {
		m.tap.order.Lock()
		defer m.tap.order.Unlock()
		return !m.tap.unconfirmed() && sinceBegan() >= m.tap.beside.freeAtLocked()
	})
	return m
}

func TestAskIsAnsweredBesideTheSession(t *testing.T) {
	t.Parallel()
	const oneWay = 20 * time.Millisecond
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, oneWay)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustProbe(t, "a") // the interface stays quiet: no echo of ours passes while the bytes are counted
	c.settled(t, "a")
	before := c.mustCount(t, "a")
	if !before.Path.Askable || before.Path.Asked != (tunnel.Questions{}) {
		t.Fatalf("before: got %+v", before.Path)
	}
	began := time.Now()
	c.mustAsk(t, "a")
	got := c.mustCount(t, "a")
	if got.Path.Asked.Sent != 1 || got.Path.Asked.Answered != 1 {
		t.Errorf("got %+v", got.Path.Asked)
	}
	if at := got.Path.Asked.AnsweredAt; at.Before(began.Add(2*oneWay)) || at.After(time.Now()) || !got.Path.RoundTripAt.Equal(at) {
		t.Errorf("answered at %v, round trip at %v", at.Sub(began), got.Path.RoundTripAt.Sub(began))
	}
	if got.Path.RTT < 2*oneWay || got.Path.RTT > patience || got.Path.LossOf < 1 || got.Path.Loss != 0 {
		t.Errorf("got %+v", got.Path)
	}
	if got.LastHandshake != before.LastHandshake || got.Initiations != before.Initiations || !got.InitiatingSince.IsZero() ||
		got.DataSent != before.DataSent || got.RxBytes != before.RxBytes || got.TxBytes != before.TxBytes {
		t.Errorf("the device took notice: before %+v, after %+v", before, got)
	}
	c.mustPromote(t, "a")
	c.mustEcho(t, 2)
}

func TestAskFailsWithoutADevice(t *testing.T) {
	c := newClient(t, Options{})
	if err := c.Ask("a"); !errors.Is(err, ErrNoDevice) {
		t.Errorf("got %v", err)
	}
	if err := c.Refresh(patient(t), "a"); !errors.Is(err, ErrNoDevice) {
		t.Errorf("got %v", err)
	}
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	cfg := configFor(key, s, s.addr)
	cfg.Peers[0].Endpoint = tunnel.Endpoint{}
	c.mustStart(t, "a", cfg, StartOptions{})
	if err := c.Ask("a"); err != nil {
		t.Errorf("got %v", err)
	}
	if got := c.mustCount(t, "a").Path; got.Askable || got.Asked.Sent != 0 {
		t.Errorf("got %+v", got)
	}
	if err := c.Refresh(patient(t), "a"); !errors.Is(err, ErrNoEndpoint) {
		t.Errorf("got %v", err)
	}
}

// TestManyAsksLoseNoData asks as often as a server answers, while packets flow
// both ways.
func TestManyAsksLoseNoData(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 5*time.Millisecond)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	c.settled(t, "a")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	packets := startStream(ctx, c, time.Millisecond)
	asks := soak(100, 1000)
	tick := time.NewTicker(22 * time.Millisecond)
	defer tick.Stop()
	for range asks {
		<-tick.C
		if err := c.Ask("a"); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	sent, lost := packets.finish(t, c)
	got := c.mustCount(t, "a")
	// A busy machine lets some of them out, or hands some to the server, too near
	// to each other.
	if lost != 0 || got.Path.Asked.Answered < uint64(asks)/10 {
		t.Errorf("%d of %d packets lost, %+v", lost, sent, got.Path)
	}
	t.Logf("%d questions, %d answered, %d of %d packets lost, RTT %v", got.Path.Asked.Sent, got.Path.Asked.Answered, lost, sent, got.Path.RTT)
}

// stream sends numbered packets that the server echoes.
type stream struct {
	sent atomic.Uint64
	done chan struct{}
}

const flowFrom = 1 << 32 // the first number

func startStream(ctx context.Context, c *client, every time.Duration) *stream {
	f := &stream{done: make(chan struct{})}
	go func() {
		defer close(f.done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				c.tun.send(clientAddr, serverAddr, flowFrom+f.sent.Load())
				f.sent.Add(1)
			}
		}
	}()
	return f
}

// finish counts what did not come back.
func (f *stream) finish(t testing.TB, c *client) (sent, lost int) {
	t.Helper()
	<-f.done
	sent = int(f.sent.Load())
	seen := map[uint64]bool{}
	for len(seen) < sent {
		select {
		case p := <-c.tun.out:
			if number(p) >= flowFrom {
				seen[number(p)] = true
			}
		case <-time.After(time.Second):
			return sent, sent - len(seen)
		}
	}
	return sent, 0
}

// TestAsksAndHandshakesLoseNoData makes new sessions all the time, with
// questions as near to them as they are allowed: none may take the place of a
// session that is being made.
func TestAsksAndHandshakesLoseNoData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		oneWay time.Duration
	}{{"near", 0}, {"far", 20 * time.Millisecond}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key := newKey(t)
			s := newServer(t, echo, key.Public())
			p := newPath(t, s.addr, tt.oneWay)
			c := newClient(t, Options{})
			c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
			c.mustPromote(t, "a")
			c.mustEcho(t, 1)
			before := c.mustCount(t, "a")
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(soak(2, 30))*time.Second)
			defer cancel()
			packets := startStream(ctx, c, time.Millisecond)
			cycles := 0
			for ; ctx.Err() == nil; cycles++ {
				c.settled(t, "a")
				if err := c.Ask("a"); err != nil {
					t.Fatal(err)
				}
				pause := time.NewTimer(rand.N(60 * time.Millisecond))
				<-pause.C
				_ = c.Refresh(ctx, "a")
				for range rand.IntN(3) {
					if err := c.Ask("a"); err != nil { // too near, unless the handshake was quick
						t.Fatal(err)
					}
				}
				c.mustCount(t, "a") // learns from the handshakes
			}
			sent, lost := packets.finish(t, c)
			got := c.mustCount(t, "a")
			handshakes := got.Initiations - before.Initiations
			if lost != 0 || cycles < 1 || got.Path.Asked.Sent < 1 {
				t.Errorf("%d of %d packets lost", lost, sent)
			}
			t.Logf("%d of %d packets lost under %d handshakes and %+v", lost, sent, handshakes, got.Path.Asked)
			c.mustEcho(t, 2)
		})
	}
}

// TestAskKeepsAwayFromHandshakes tells when no question may be asked.
func TestAskKeepsAwayFromHandshakes(t *testing.T) {
	const ms = int64(time.Millisecond)
	for _, tt := range []struct {
		name                             string
		rtt                              time.Duration
		beside, asked, matched, peer, at int64 // when, in milliseconds
		free                             bool
	}{
		{name: "nothing happened", at: 1000, free: true},
		{name: "just asked", rtt: 1, beside: 1000, at: 1039},
		{name: "asked a spacing ago", rtt: 1, beside: 1000, at: 1040, free: true},
		{name: "a handshake on an unknown path", asked: 1000, at: 1999},
		{name: "a lost handshake on an unknown path", asked: 1000, at: 2000, free: true},
		{name: "a handshake on a near path", rtt: 10 * time.Millisecond, asked: 1000, at: 1299},
		{name: "a lost handshake on a near path", rtt: 10 * time.Millisecond, asked: 1000, at: 1300, free: true},
		{name: "a handshake on a far path", rtt: 400 * time.Millisecond, asked: 1000, at: 1799},
		{name: "a lost handshake on a far path", rtt: 400 * time.Millisecond, asked: 1000, at: 1800, free: true},
		{name: "a session just made", rtt: 50 * time.Millisecond, asked: 1000, matched: 1050, at: 1189},
		{name: "a session that is confirmed", rtt: 50 * time.Millisecond, asked: 1000, matched: 1050, at: 1190, free: true},
		{name: "the server makes one", rtt: 50 * time.Millisecond, peer: 1000, at: 1299},
		{name: "the server has made one", rtt: 50 * time.Millisecond, peer: 1000, at: 1300, free: true},
		{name: "an answer to an earlier handshake", rtt: 50 * time.Millisecond, asked: 1000, matched: 900, at: 1299},
	} {
		tp, _ := newTap(absorbing{}, nil)
		tp.beside.path = &estimate{}
		if tt.rtt > 0 {
			tp.beside.path.answered(tt.rtt)
		}
		tp.besideAt.Store(tt.beside * ms)
		tp.initiatedAt.Store(tt.asked * ms)
		tp.matchedAt.Store(tt.matched * ms)
		tp.usedAt.Store(tt.matched * ms)
		tp.peerAskedAt.Store(tt.peer * ms)
		if got := tt.at*ms >= tp.beside.freeAtLocked(); got != tt.free {
			t.Errorf("%s: got %v at %d ms, want %v", tt.name, got, tt.at, tt.free)
		}
	}
}

// noting is a bind that notes when which type of message left.
type noting struct {
	conn.Bind
	left chan departure
}

type departure struct {
	index uint32
	at    int64
}

func (n noting) Send(bufs [][]byte, _ conn.Endpoint) error {
	n.left <- departure{binary.LittleEndian.Uint32(bufs[0][4:]), sinceBegan()}
	return nil
}

// TestHandshakeKeepsAwayFromAsks has the device initiate right after a question:
// its initiation leaves later, and the device is not held up.
func TestHandshakeKeepsAwayFromAsks(t *testing.T) {
	n, err := newInitiator(newKey(t), &tunnel.Peer{PublicKey: newKey(t).Public()})
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan departure, 2)
	tp, _ := newTap(noting{left: left}, nil)
	tp.beside.path = &estimate{}
	tp.beside.self.Store(n)
	if asked, err := tp.beside.ask(nil, nil); !asked || err != nil {
		t.Fatalf("got %v, %v", asked, err)
	}
	ours := <-left
	msg := make([]byte, device.MessageInitiationSize)
	msg[0], msg[4] = device.MessageInitiationType, 77
	if err := tp.Send([][]byte{msg}, nil); err != nil {
		t.Fatal(err)
	}
	if asked, _ := tp.beside.ask(nil, nil); asked {
		t.Error("a question overtook the device's initiation")
	}
	clear(msg) // the device uses it again
	theirs := <-left
	if theirs.index != 77 || theirs.at-ours.at < int64(besideSpacing) {
		t.Errorf("%d left after %v", theirs.index, time.Duration(theirs.at-ours.at))
	}
	eventually(t, "it is counted", func() bool { return tp.initiations.load() == 1 })
}

// TestHandshakeAfterAnAsk has a server answer both.
func TestHandshakeAfterAnAsk(t *testing.T) {
	c, _ := connected(t)
	eventually(t, "both are answered", func() bool {
		m := c.settled(t, "a")
		before := c.mustCount(t, "a")
		if err := c.Ask("a"); err != nil {
			t.Fatal(err)
		}
		if err := m.initiate(nil, m.sendToPeer); err != nil {
			t.Fatal(err)
		}
		return within(time.Second, func() bool { // on a busy machine they come too near to each other
			got := c.mustCount(t, "a")
			return got.LastHandshake.After(before.LastHandshake) && got.Path.Asked.Answered == before.Path.Asked.Answered+1
		})
	})
	c.mustEcho(t, 2)
}

// TestOvertakenHandshakeIsNotUsed has a handshake answered so late that a
// question came between: the session of it would be dead.
func TestOvertakenHandshakeIsNotUsed(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 0)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	m := c.settled(t, "a")
	before := c.mustCount(t, "a")
	p.slow(300 * time.Millisecond)
	if err := m.initiate(nil, m.sendToPeer); err != nil {
		t.Fatal(err)
	}
	distance := time.NewTimer(besideSpacing) // else the server takes only one of them
	<-distance.C
	// As if the question were late: the path was quick when it was measured.
	initiatedAt := m.tap.initiatedAt.Load()
	m.tap.initiatedAt.Store(1)
	m.tap.matchedAt.Store(1)
	eventually(t, "a question leaves", func() bool {
		m.askBeside()
		return c.mustCount(t, "a").Path.Asked.Sent > before.Path.Asked.Sent
	})
	m.tap.initiatedAt.Store(initiatedAt)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	packets := startStream(ctx, c, time.Millisecond)
	eventually(t, "another handshake is made", func() bool {
		got := c.mustCount(t, "a")
		return got.LastHandshake.After(before.LastHandshake) && got.Initiations >= before.Initiations+2
	})
	<-ctx.Done()
	if sent, lost := packets.finish(t, c); lost != 0 {
		t.Errorf("%d of %d packets lost", lost, sent)
	}
}

func TestAskSaysWhatItSaw(t *testing.T) {
	t.Parallel()
	key, psk := newKey(t), randomPSK(t)
	s := newServer(t, echo, key.Public())
	if err := s.dev.IpcSet("public_key=" + key.Public().Hex() + "\nupdate_only=true\npreshared_key=" + psk.RevealHex() + "\n"); err != nil {
		t.Fatal(err)
	}
	gone := newServer(t, echo) // knows nobody
	for _, tt := range []struct {
		name          string
		cfg           *tunnel.Config
		psk           tunnel.PresharedKey
		answered, bad uint64
	}{
		{"the preshared key", configFor(key, s, s.addr), psk, 3, 0},
		{"another preshared key", configFor(key, s, s.addr), randomPSK(t), 0, 3},
		{"a key that the server does not know", configFor(key, gone, gone.addr), psk, 0, 0},
		{"silence", configFor(key, s, silentPort(t)), psk, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Peers[0].PresharedKey = tt.psk
			c := newClient(t, Options{})
			c.mustStart(t, "a", tt.cfg, StartOptions{})
			var got tunnel.Path
			replies := tt.answered + tt.bad
			sent := uint64(0)
			for n := range uint64(3) {
				eventually(t, "there is a reply", func() bool {
					c.settled(t, "a")
					distance := time.NewTimer(minSpacing) // from when the server came to the one before
					<-distance.C
					if err := c.Ask("a"); err != nil {
						t.Fatal(err)
					}
					sent++
					// A busy server may come to two of them at once, and takes only one.
					return replies == 0 || within(time.Second, func() bool {
						got = c.mustCount(t, "a").Path
						return got.Asked.Answered+got.BadResponses == n+1
					})
				})
			}
			got = c.mustCount(t, "a").Path
			if got.Asked.Sent < 3 || got.Asked.Sent > sent || got.Asked.Answered != tt.answered || got.BadResponses != tt.bad {
				t.Errorf("got %+v of %d", got, sent)
			}
			if got.RoundTripAt.IsZero() == (tt.answered > 0) {
				t.Errorf("round trip at %v", got.RoundTripAt)
			}
		})
	}
}

func TestAskOfAServerUnderLoadIsAskedAgain(t *testing.T) {
	needsPace(t)
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 0)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustProbe(t, "a")
	c.settled(t, "a")
	// ask asks the busy server and says in how many initiations it was answered,
	// after how many cookies. A busy machine loses some of them.
	ask := func() (initiations int, cookies uint64) {
		eventually(t, "a question is answered", func() bool {
			c.settled(t, "a")
			underLoad(t, s)
			asked, before := len(p.initiations()), c.mustCount(t, "a").Path
			if err := c.Ask("a"); err != nil {
				t.Fatal(err)
			}
			return within(time.Second, func() bool {
				got := c.mustCount(t, "a").Path
				initiations, cookies = len(p.initiations())-asked, got.Cookies-before.Cookies
				return got.Asked.Sent == before.Asked.Sent+1 && got.Asked.Answered == before.Asked.Answered+1
			})
		})
		return initiations, cookies
	}
	// Questions that a busy server had lost are asked again meanwhile, too.
	eventually(t, "the server gives a cookie, and answers the second time", func() bool {
		n, cookies := ask()
		return n >= 2 && cookies >= 1
	})
	eventually(t, "with a cookie in hand, one initiation is enough", func() bool {
		n, cookies := ask()
		return n == 1 && cookies == 0
	})
}

// TestAskDoesNotHideDeadData: a server that answers handshakes and no data.
func TestAskDoesNotHideDeadData(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	dead := func(*memTUN, []byte) {}
	s := newServer(t, dead, key.Public())
	p := newPath(t, s.addr, 0)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustProbe(t, "a")
	c.settled(t, "a")
	c.tun.send(clientAddr, serverAddr, 1)
	eventually(t, "data is unanswered", func() bool { return !c.mustCount(t, "a").UnansweredSince.IsZero() })
	since := c.mustCount(t, "a").UnansweredSince
	for range 3 {
		c.mustAsk(t, "a")
	}
	if got := c.mustCount(t, "a").UnansweredSince; !got.Equal(since) {
		t.Errorf("got %v, want %v", got, since)
	}
}

// policed is a bind that a firewall keeps from sending while err is set.
type policed struct {
	conn.Bind
	err *atomic.Pointer[error]
}

func (p policed) Send(bufs [][]byte, ep conn.Endpoint) error {
	if err := p.err.Load(); err != nil {
		return *err
	}
	return p.Bind.Send(bufs, ep)
}

func TestRefusedAsk(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	var refusal atomic.Pointer[error]
	c := newClient(t, Options{NewBind: func() conn.Bind { return policed{conn.NewStdNetBind(), &refusal} }})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
	c.mustProbe(t, "a")
	for _, tt := range []struct {
		err           error
		sent, refused uint64
	}{
		{syscall.EPERM, 1, 1},
		{syscall.EACCES, 1, 1},
		{syscall.ENETUNREACH, 0, 0}, // no question is without an answer that never left for want of a network
	} {
		c.settled(t, "a")
		before := c.mustCount(t, "a")
		refusal.Store(&tt.err)
		if err := c.Ask("a"); err != nil {
			t.Errorf("%v: got %v", tt.err, err)
		}
		refusal.Store(nil)
		got := c.mustCount(t, "a")
		if got.Path.Asked.Sent-before.Path.Asked.Sent != tt.sent || got.Path.Refused-before.Path.Refused != tt.refused ||
			got.SendErrors != before.SendErrors+1 || got.Path.Asked.Answered != before.Path.Asked.Answered {
			t.Errorf("%v: got %+v", tt.err, got)
		}
		if err := c.SendError("a"); !errors.Is(err, tt.err) {
			t.Errorf("got %v, want %v", err, tt.err)
		}
	}
	c.settled(t, "a")
	c.mustAsk(t, "a")
}

func TestAskIsWithheldWithTheClock(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	var no atomic.Bool
	c := newClient(t, Options{Initiate: func(time.Time) bool { return !no.Load() }})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
	c.mustProbe(t, "a")
	c.settled(t, "a")
	no.Store(true)
	before := c.mustCount(t, "a")
	if err := c.Ask("a"); err != nil {
		t.Fatal(err)
	}
	if got := c.mustCount(t, "a"); got.Path.Asked.Sent != 0 || got.Withheld != before.Withheld+1 || got.SendErrors != before.SendErrors {
		t.Errorf("got %+v", got)
	}
}

func TestRefreshMakesANewSession(t *testing.T) {
	t.Parallel()
	c, _ := connected(t)
	for round := range 3 {
		before := c.mustCount(t, "a")
		if err := c.Refresh(patient(t), "a"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "there is a new session", func() bool {
			return c.mustCount(t, "a").LastHandshake.After(before.LastHandshake)
		})
		c.mustEcho(t, uint64(round)+2)
	}
	got := c.mustCount(t, "a").Path
	if got.RoundTripAt.IsZero() || got.RTT <= 0 {
		t.Errorf("the device's own handshakes prove nothing: %+v", got)
	}
}

func TestPeerInitiationsAreCounted(t *testing.T) {
	c, s := connected(t)
	m := c.settled(t, "a")
	if got := c.mustCount(t, "a").Path.PeerInitiations; got != 0 {
		t.Errorf("got %d", got)
	}
	before := c.mustCount(t, "a")
	forged := make([]byte, device.MessageInitiationSize)
	forged[0] = device.MessageInitiationType
	m.tap.sawArrive([][]byte{forged}, []int{len(forged)})
	if got := c.mustCount(t, "a").Path.PeerInitiations; got != 0 || sinceBegan() < m.tap.beside.freeAt() {
		t.Errorf("a stranger's initiation counts: %d", got)
	}
	peer := s.dev.LookupPeer(device.NoisePublicKey(m.cfg.Interface.PrivateKey.Public()))
	peer.ExpireCurrentKeypairs()
	if err := peer.SendHandshakeInitiation(false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the handshake of the server is done", func() bool {
		got := c.mustCount(t, "a")
		return got.Path.PeerInitiations == 1 && got.LastHandshake.After(before.LastHandshake) &&
			got.Path.RoundTripAt.After(before.Path.RoundTripAt)
	})
}

// TestStoppedDevicesAreFreed starts, asks and stops devices, of which nothing may stay.
func TestStoppedDevicesAreFreed(t *testing.T) {
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{})
	var gone []weak.Pointer[device.Device]
	for range 3 {
		c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
		c.mustPromote(t, "a")
		c.mustEcho(t, 1)
		c.settled(t, "a")
		c.mustAsk(t, "a")
		m, err := c.member("a")
		if err != nil {
			t.Fatal(err)
		}
		gone = append(gone, weak.Make(m.dev))
		if err := c.Stop("a"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "they are freed", func() bool {
		runtime.GC()
		return !slices.ContainsFunc(gone, func(p weak.Pointer[device.Device]) bool { return p.Value() != nil })
	})
}

// TestAsideTable holds the bounds of the questions that are open.
func TestAsideTable(t *testing.T) {
	n, err := newInitiator(newKey(t), &tunnel.Peer{PublicKey: newKey(t).Public()})
	if err != nil {
		t.Fatal(err)
	}
	tp, _ := newTap(absorbing{}, nil)
	b := tp.beside
	b.path = &estimate{}
	ep := &conn.StdNetEndpoint{AddrPort: netip.MustParseAddrPort("192.0.2.1:1")}
	if asked, err := b.ask(ep, nil); asked || !errors.Is(err, ErrNoEndpoint) {
		t.Errorf("without a server: got %v, %v", asked, err)
	}
	b.self.Store(n)
	for range maxBeside + 8 {
		tp.besideAt.Store(0)
		if asked, err := b.ask(ep, nil); !asked || err != nil {
			t.Fatalf("got %v, %v", asked, err)
		}
	}
	if len(b.open) != maxBeside || b.count.Load() != maxBeside {
		t.Errorf("%d are open", len(b.open))
	}
	seen, _ := b.path.view()
	if _, of := seen.Loss(); of != maxRun {
		t.Errorf("%d count as lost, want %d: a long silence is not the loss of the path", of, maxRun)
	}
	// The device takes an index that a question has.
	msg := make([]byte, device.MessageInitiationSize)
	msg[0] = device.MessageInitiationType
	index := b.open[3].index
	msg[4], msg[5], msg[6], msg[7] = byte(index), byte(index>>8), byte(index>>16), byte(index>>24)
	tp.initiating(msg)
	response := make([]byte, device.MessageResponseSize)
	response[0] = device.MessageResponseType
	copy(response[8:], msg[4:8])
	sizes := []int{len(response)}
	tp.sawArrive([][]byte{response}, sizes)
	if sizes[0] == 0 || b.findLocked(index) != nil {
		t.Error("the device's own response was taken")
	}
	index = b.open[5].index
	response[8], response[9], response[10], response[11] = byte(index), byte(index>>8), byte(index>>16), byte(index>>24)
	tp.sawArrive([][]byte{response}, sizes)
	if sizes[0] != 0 {
		t.Error("a response to a question came to the device")
	}
	for _, a := range b.open {
		a.leftAt -= int64(besideLife)
	}
	if q, _ := b.questions(); len(b.open) != 0 || b.count.Load() != 0 || q.Sent != maxBeside+8 {
		t.Errorf("%d are open after their time, %+v", len(b.open), q)
	}
}
