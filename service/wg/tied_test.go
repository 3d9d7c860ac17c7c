package wg

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"golang.zx2c4.com/wireguard/conn"

	"holdfast/service/underlay"
)

// recording is a bind that notes, in order, what it was bound to and what left by
// it. refuse fails the sending.
type recording struct {
	conn.Bind
	mu     sync.Mutex
	did    []string
	refuse error
}

func (r *recording) note(format string, args ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.did = append(r.did, fmt.Sprintf(format, args...))
	return nil
}

// took returns what was noted, and forgets it.
func (r *recording) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	did := r.did
	r.did = nil
	return did
}

func (r *recording) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	return nil, 51820, r.note("open")
}

func (r *recording) Send(_ [][]byte, ep conn.Endpoint) error {
	if r.refuse != nil {
		return r.refuse
	}
	return r.note("send %v", ep.DstIP())
}

func (r *recording) BindSocketToInterface4(index uint32, blackhole bool) error {
	return r.note("bind4 %d %t", index, blackhole)
}

func (r *recording) BindSocketToInterface6(index uint32, blackhole bool) error {
	return r.note("bind6 %d %t", index, blackhole)
}

// roads answers which way leads where, and counts how often it is asked.
type roads struct {
	mu    sync.Mutex
	to    map[string]int
	asked int
}

func (r *roads) way(to netip.Addr) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if index, ok := r.to[to.String()]; ok {
		return index, nil
	}
	return 0, underlay.ErrNoWay
}

func (r *roads) set(to string, index int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to[to] = index
}

func (r *roads) lose(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.to, to)
}

func endpoint(at string) conn.Endpoint {
	return &conn.StdNetEndpoint{AddrPort: netip.MustParseAddrPort(at)}
}

// A socket is bound before the first datagram leaves by it, again when the way to
// its destination becomes another one, and never in between.
func TestTied(t *testing.T) {
	inner := &recording{}
	r := &roads{to: map[string]int{"192.0.2.1": 4, "192.0.2.2": 4, "198.51.100.1": 7, "2001:db8::1": 4, "127.0.0.1": 0, "fe80::1%7": 7}}
	b := newTied(inner, inner, r.way)
	send := func(at string) error { return b.Send([][]byte{{4}}, endpoint(at)) }
	expect := func(when string, asked int, want ...string) {
		t.Helper()
		if got := inner.took(); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
		if r.asked != asked {
			t.Errorf("%s: the way was asked for %d times, want %d", when, r.asked, asked)
		}
		r.asked = 0
	}
	must := func(at string) {
		t.Helper()
		if err := send(at); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	if _, _, err := b.Open(0); err != nil {
		t.Fatal(err)
	}
	expect("opened", 0, "open")
	must("192.0.2.1:1")
	expect("the first datagram", 1, "bind4 4 false", "send 192.0.2.1")
	must("192.0.2.1:1")
	must("192.0.2.1:2")
	expect("more of them", 0, "send 192.0.2.1", "send 192.0.2.1")
	must("192.0.2.2:1")
	expect("another place by the same interface", 1, "send 192.0.2.2")
	must("198.51.100.1:1")
	must("192.0.2.1:1")
	must("198.51.100.1:1")
	expect("by turns by two interfaces", 1, "bind4 7 false", "send 198.51.100.1",
		"bind4 4 false", "send 192.0.2.1", "bind4 7 false", "send 198.51.100.1")
	must("[2001:db8::1]:1")
	expect("the other family has a socket of its own", 1, "bind6 4 false", "send 2001:db8::1")
	must("[fe80::1%7]:1")
	expect("a neighbour", 1, "bind6 7 false", "send fe80::1%7")
	must("127.0.0.1:1")
	expect("a server in this machine", 1, "bind4 0 false", "send 127.0.0.1")

	r.set("192.0.2.1", 9)
	must("192.0.2.1:1")
	expect("the routes changed and nobody has told", 0, "bind4 4 false", "send 192.0.2.1")
	b.forget()
	must("192.0.2.1:1")
	expect("it was told", 1, "bind4 9 false", "send 192.0.2.1")
	b.forget()
	must("192.0.2.1:1")
	expect("told, and all is as it was", 1, "send 192.0.2.1")

	r.lose("192.0.2.1")
	b.forget()
	for range 3 {
		if err := send("192.0.2.1:1"); !errors.Is(err, underlay.ErrNoWay) {
			t.Errorf("nothing leads out: got %v", err)
		}
	}
	expect("nothing leads out: it is asked once, and nothing leaves", 1)
	r.set("192.0.2.1", 9)
	b.forget()
	must("192.0.2.1:1")
	expect("the network is back", 1, "send 192.0.2.1")

	if _, _, err := b.Open(0); err != nil {
		t.Fatal(err)
	}
	must("192.0.2.1:1")
	expect("a new socket is bound anew", 1, "open", "bind4 9 false", "send 192.0.2.1")
}

// What cannot be sent, or had no way, is looked into again after a while, though
// the system told of no change.
func TestTiedAsksAgain(t *testing.T) {
	inner := &recording{}
	r := &roads{to: map[string]int{"192.0.2.1": 4}}
	b := newTied(inner, inner, r.way)
	to := netip.MustParseAddr("192.0.2.1")
	send := func() error { return b.Send([][]byte{{4}}, endpoint("192.0.2.1:1")) }
	age := func() {
		f := b.ways[to]
		f.at -= int64(wayAgain)
		b.ways[to] = f
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	inner.refuse = net.ErrClosed
	if err := send(); !errors.Is(err, net.ErrClosed) || r.asked != 1 {
		t.Errorf("refused: %v, asked %d times", err, r.asked)
	}
	age()
	_ = send()
	inner.refuse = nil
	r.set("192.0.2.1", 5)
	if err := send(); err != nil || b.bound[0] != 5 || r.asked != 2 {
		t.Errorf("after a while: %v, bound to %d, asked %d times", err, b.bound[0], r.asked)
	}
	r.lose("192.0.2.1")
	b.forget()
	if err := send(); err == nil {
		t.Error("sent without a way")
	}
	r.set("192.0.2.1", 6)
	age()
	if err := send(); err != nil || b.bound[0] != 6 {
		t.Errorf("the way is back: %v, bound to %d", err, b.bound[0])
	}
}

// The places that are kept are bounded.
func TestTiedIsBounded(t *testing.T) {
	inner := &recording{}
	b := newTied(inner, inner, func(netip.Addr) (int, error) { return 4, nil })
	a := netip.MustParseAddr("192.0.2.1")
	for range 3 * maxWays {
		if err := b.Send([][]byte{{4}}, endpoint(netip.AddrPortFrom(a, 1).String())); err != nil {
			t.Fatal(err)
		}
		a = a.Next()
	}
	if len(b.ways) > maxWays {
		t.Errorf("%d places are kept", len(b.ways))
	}
}

// strict is a bind that knows by which interface each destination must leave, and
// counts what does not.
type strict struct {
	conn.Bind
	must  map[netip.Addr]int
	bound atomic.Int64
	sent  atomic.Int64
	wrong atomic.Int64
}

func (s *strict) Send(_ [][]byte, ep conn.Endpoint) error {
	s.sent.Add(1)
	runtime.Gosched() // so that others bind meanwhile, if they can
	if int(s.bound.Load()) != s.must[ep.DstIP()] {
		s.wrong.Add(1)
	}
	return nil
}

func (s *strict) BindSocketToInterface4(index uint32, _ bool) error {
	s.bound.Store(int64(index))
	return nil
}

func (s *strict) BindSocketToInterface6(uint32, bool) error { return errors.ErrUnsupported }

// Whoever sends at the same time, and whatever changes meanwhile: nothing leaves by
// the interface of another destination.
func TestTiedAtTheSameTime(t *testing.T) {
	inner := &strict{must: map[netip.Addr]int{}}
	a := netip.MustParseAddr("192.0.2.1")
	for i := range 4 {
		inner.must[a] = 1 + i%2
		a = a.Next()
	}
	b := newTied(inner, inner, func(to netip.Addr) (int, error) { return inner.must[to], nil })
	const each = 2000
	var all sync.WaitGroup
	for to := range inner.must {
		all.Go(func() {
			ep := endpoint(netip.AddrPortFrom(to, 1).String())
			for i := range each {
				if err := b.Send([][]byte{{4}}, ep); err != nil {
					t.Error(err)
				}
				if i%100 == 0 {
					b.forget()
				}
			}
		})
	}
	all.Wait()
	if inner.wrong.Load() != 0 || inner.sent.Load() != int64(len(inner.must)*each) {
		t.Errorf("%d of %d left by another interface", inner.wrong.Load(), inner.sent.Load())
	}
}
