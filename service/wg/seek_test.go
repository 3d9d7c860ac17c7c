package wg

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/device"
)

// names is a resolver whose answer a test changes.
type names struct {
	mu    sync.Mutex
	addrs []netip.Addr
	err   error
	asked int
}

func (n *names) set(err error, addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addrs, n.err = nil, err
	for _, a := range addrs {
		n.addrs = append(n.addrs, netip.MustParseAddr(a))
	}
}

func (n *names) resolve(context.Context, string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	return n.addrs, n.err
}

// wayAt is a way to a server at an address of loopback, with a given port.
func wayAt(t testing.TB, addr string, port uint16, server netip.AddrPort, delay time.Duration) *path {
	t.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr(addr), port)
	front, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Skipf("no way at %s: %v", at, err)
	}
	return pathFrom(t, front, server, delay)
}

// sought is a device whose endpoint is a name that leads to 127.0.0.1.
func sought(t *testing.T) (c *client, n *names, first *path, port uint16, s *server) {
	t.Helper()
	key := newKey(t)
	s = newServer(t, echo, key.Public())
	first = newPath(t, s.addr, 0)
	n = &names{}
	n.set(nil, "127.0.0.1")
	c = newClient(t, Options{Resolve: n.resolve})
	cfg := configFor(key, s, first.addr)
	cfg.Peers[0].Endpoint.Host = "vpn.test"
	c.mustStart(t, "a", cfg, StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	c.mustCount(t, "a")
	return c, n, first, first.addr.Port(), s
}

func TestSeekFollowsAMovedEndpoint(t *testing.T) {
	t.Parallel()
	c, n, first, port, s := sought(t)
	second := wayAt(t, "127.0.0.2", port, s.addr, 0)
	first.dropAll.Store(true)
	n.set(nil, "127.0.0.2")
	before := c.mustCount(t, "a")
	began := time.Now()
	from, to, err := c.Seek(patient(t), "a")
	if err != nil || from != first.addr || to != second.addr {
		t.Fatalf("got %s, %s, %v", from, to, err)
	}
	t.Logf("took %v", time.Since(began))
	if got := c.Endpoint("a"); got != second.addr {
		t.Errorf("the endpoint is %s", got)
	}
	eventually(t, "a new session is made there", func() bool {
		return c.mustCount(t, "a").LastHandshake.After(before.LastHandshake)
	})
	c.mustEcho(t, 2)
	if got := c.mustCount(t, "a").Path.Asked; got != before.Path.Asked {
		t.Errorf("a search is in the figures of the path: %+v", got)
	}
}

func TestSeekPrefersThePresentEndpoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		present, other time.Duration // each way
	}{
		{"as quick", 0, 0},
		{"a little slower", 30 * time.Millisecond, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, n, first, port, s := sought(t)
			first.slow(tt.present)
			wayAt(t, "127.0.0.2", port, s.addr, tt.other)
			n.set(nil, "127.0.0.2", "127.0.0.1")
			from, to, err := c.Seek(patient(t), "a")
			if err != nil || from != first.addr || to != first.addr || c.Endpoint("a") != first.addr {
				t.Errorf("got %s, %s, %v", from, to, err)
			}
			c.mustEcho(t, 2)
		})
	}
}

func TestSeekTriesBothFamilies(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	if !hasRoute(netip.IPv6Loopback(), nil) {
		t.Skip("no IPv6 on loopback")
	}
	first := newPath(t, s.addr, 0)
	second := wayAt(t, "::1", first.addr.Port(), s.addr, 0)
	n := &names{}
	n.set(nil, "127.0.0.1", "::1")
	c := newClient(t, Options{Resolve: n.resolve})
	cfg := configFor(key, s, first.addr)
	cfg.Peers[0].Endpoint.Host = "vpn.test"
	c.mustStart(t, "a", cfg, StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	first.dropAll.Store(true)
	from, to, err := c.Seek(patient(t), "a")
	if err != nil || from != first.addr || to != second.addr {
		t.Fatalf("got %s, %s, %v", from, to, err)
	}
	c.mustEcho(t, 2)
}

// TestSeekWithoutAnAnswerChangesNothing: the session of a server that lives at
// the present endpoint and answers no question still works.
func TestSeekWithoutAnAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	c, n, first, port, s := sought(t)
	second := wayAt(t, "127.0.0.2", port, s.addr, 0)
	first.dropAll.Store(true)
	second.dropAll.Store(true)
	n.set(nil, "127.0.0.1", "127.0.0.2")
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	from, to, err := c.Seek(ctx, "a")
	silence, ok := errors.AsType[*SilenceError](err)
	if !ok || from != first.addr || to != first.addr || errors.Is(err, ErrResolve) {
		t.Fatalf("got %s, %s, %v", from, to, err)
	}
	if silence.Initiations < 4 {
		t.Errorf("%d questions left, want two rounds to two places", silence.Initiations)
	}
	first.dropAll.Store(false)
	c.mustEcho(t, 2)
}

func TestSeekOfANameThatDoesNotResolve(t *testing.T) {
	t.Parallel()
	c, n, first, port, s := sought(t)
	second := wayAt(t, "127.0.0.2", port, s.addr, 0)
	n.set(nil, "127.0.0.1", "127.0.0.2")
	if from, to, err := c.Seek(patient(t), "a"); err != nil || from != to {
		t.Fatalf("got %s, %s, %v", from, to, err)
	}
	n.set(errors.New("no resolver"))
	if from, to, err := c.Seek(patient(t), "a"); err != nil || from != to {
		t.Errorf("the present endpoint answers: got %s, %s, %v", from, to, err)
	}
	first.dropAll.Store(true)
	if _, to, err := c.Seek(patient(t), "a"); err != nil || to != second.addr {
		t.Errorf("one of the last known answers: got %s, %v", to, err)
	}
	second.dropAll.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := c.Seek(ctx, "a"); !errors.Is(err, ErrResolve) || !errors.Is(err, ErrUnanswered) {
		t.Errorf("got %v, want unresolved and unanswered", err)
	}
}

// TestSeekIsNotMisled by a place that answers without the server's key.
func TestSeekIsNotMisled(t *testing.T) {
	t.Parallel()
	c, n, first, port, _ := sought(t)
	liar, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: int(port)})
	if err != nil {
		t.Skip(err)
	}
	var lying sync.WaitGroup
	lying.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := liar.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if n == device.MessageInitiationSize {
				response := make([]byte, device.MessageResponseSize)
				response[0] = device.MessageResponseType
				copy(response[8:], buf[4:8])
				_, _ = liar.WriteToUDPAddrPort(response, from)
			}
		}
	})
	t.Cleanup(func() { liar.Close(); lying.Wait() })
	first.dropAll.Store(true)
	n.set(nil, "127.0.0.2")
	ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
	defer cancel()
	if _, to, err := c.Seek(ctx, "a"); !errors.Is(err, ErrUnanswered) || to != first.addr || c.Endpoint("a") != first.addr {
		t.Errorf("got %s, %v", to, err)
	}
	if got := c.mustCount(t, "a").Path.BadResponses; got != 0 {
		t.Errorf("%d responses of a stranger count as those of the server", got)
	}
}

func TestSeekEndsWithItsDevice(t *testing.T) {
	c, _, first, _, _ := sought(t)
	first.dropAll.Store(true)
	result := make(chan error, 2)
	for range 2 {
		go func() {
			_, _, err := c.Seek(context.Background(), "a")
			result <- err
		}()
	}
	m, err := c.member("a")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it asks", func() bool { return m.tap.beside.count.Load() > 0 })
	if err := c.Stop("a"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case err := <-result:
			if !errors.Is(err, ErrStopped) && !errors.Is(err, ErrNoDevice) {
				t.Errorf("got %v", err)
			}
		case <-time.After(patience):
			t.Fatal("a search outlived its device")
		}
	}
	if _, _, err := c.Seek(context.Background(), "a"); !errors.Is(err, ErrNoDevice) {
		t.Errorf("got %v", err)
	}
}

// TestSeekLosesNoData looks for the server over and over while packets flow.
func TestSeekLosesNoData(t *testing.T) {
	t.Parallel()
	c, n, _, port, s := sought(t)
	wayAt(t, "127.0.0.2", port, s.addr, 5*time.Millisecond)
	n.set(nil, "127.0.0.1", "127.0.0.2")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	packets := startStream(ctx, c, time.Millisecond)
	searches := 0
	for ctx.Err() == nil {
		if _, _, err := c.Seek(ctx, "a"); err == nil {
			searches++
		}
	}
	if sent, lost := packets.finish(t, c); lost != 0 || searches < 1 {
		t.Errorf("%d of %d packets lost under %d searches", lost, sent, searches)
	}
}
