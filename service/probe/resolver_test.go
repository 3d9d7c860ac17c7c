package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const host = "vpn.example.com"

func ask(s ...*nameServer) *Resolver {
	var o Options
	for _, n := range s {
		o.Servers = append(o.Servers, n.addr)
	}
	return NewResolver(o)
}

func TestLookup(t *testing.T) {
	thousand := make([]netip.Addr, 0, 1000)
	for i := range 1000 {
		thousand = append(thousand, netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}))
	}
	for _, tt := range []struct {
		name   string
		answer func(dnsmessage.Question, bool) *dnsmessage.Message
		want   []string
		err    error
	}{
		{name: "both families, IPv4 first", answer: always("2001:db8::1", "203.0.113.9", "203.0.113.8"), want: []string{"203.0.113.9", "203.0.113.8", "2001:db8::1"}},
		{name: "IPv6 only", answer: always("2001:db8::1"), want: []string{"2001:db8::1"}},
		{name: "a private address is allowed", answer: always("192.168.1.1"), want: []string{"192.168.1.1"}},
		{name: "repeats", answer: always("203.0.113.9", "203.0.113.9"), want: []string{"203.0.113.9"}},
		{name: "no such name", answer: failing(dnsmessage.RCodeNameError), err: ErrNotFound},
		{name: "a name without an address", answer: always(), err: ErrNotFound},
		{name: "loopback", answer: always("127.0.0.1", "::1"), err: ErrRefused},
		{name: "unspecified", answer: always("0.0.0.0", "::", "0.1.2.3"), err: ErrRefused},
		{name: "multicast and broadcast", answer: always("224.0.0.1", "ff02::1", "255.255.255.255"), err: ErrRefused},
		{name: "link-local", answer: always("169.254.1.1", "fe80::1"), err: ErrRefused},
		{name: "mapped loopback", answer: always("::ffff:127.0.0.1"), err: ErrNotFound},
		{name: "lies among the truth", answer: always("127.0.0.1", "203.0.113.9", "0.0.0.0"), want: []string{"203.0.113.9"}},
		{
			name: "one family in error", want: []string{"203.0.113.9"},
			answer: func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
				if q.Type == dnsmessage.TypeAAAA {
					return failing(dnsmessage.RCodeServerFailure)(q, tcp)
				}
				return always("203.0.113.9")(q, tcp)
			},
		},
		{
			name: "a thousand addresses by TCP",
			answer: func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
				if !tcp {
					return &dnsmessage.Message{Header: dnsmessage.Header{Truncated: true}}
				}
				return records(q, thousand...)
			},
			want: strings.Fields(strings.Trim(fmt.Sprint(thousand[:maxAddrs]), "[]")),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ask(startServer(t, tt.answer)).Lookup(t.Context(), host)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got error %v, want %v", err, tt.err)
			}
			if want := addrs(tt.want...); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestLookupOfAnAddressAsksNobody(t *testing.T) {
	s := startServer(t, silent)
	for _, word := range []string{"203.0.113.9", "2001:db8::1", "127.0.0.1"} {
		got, err := ask(s).Lookup(t.Context(), word)
		if err != nil || !slices.Equal(got, addrs(word)) {
			t.Errorf("%s: got %v, %v", word, got, err)
		}
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("%d questions were asked", n)
	}
}

func TestBadNames(t *testing.T) {
	r := ask(startServer(t, silent))
	for _, name := range []string{"", ".", strings.Repeat("a", 300), "a b", "a..b", "\x00", strings.Repeat("a.", 126) + "toolong"} {
		if got, err := r.Lookup(t.Context(), name); err == nil {
			t.Errorf("%q: got %v", name, got)
		}
	}
}

// The families share the room where both have many addresses.
func TestBothFamiliesFit(t *testing.T) {
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("198.51.100.%d", i+1), fmt.Sprintf("2001:db8::%d", i+1))
	}
	got, err := ask(startServer(t, func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
		if !tcp {
			return &dnsmessage.Message{Header: dnsmessage.Header{Truncated: true}}
		}
		return always(many...)(q, tcp)
	})).Lookup(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	if n := slices.IndexFunc(got, netip.Addr.Is6); len(got) != maxAddrs || n != maxAddrs/2 {
		t.Errorf("got %v", got)
	}
}

func TestTruncatedIsAskedByTCP(t *testing.T) {
	s := startServer(t, func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
		m := records(q, addrs("203.0.113.9")...)
		if !tcp {
			m = &dnsmessage.Message{Header: dnsmessage.Header{Truncated: true}}
		}
		return m
	})
	got, err := ask(s).Lookup(t.Context(), host)
	if err != nil || !slices.Equal(got, addrs("203.0.113.9")) {
		t.Errorf("got %v, %v", got, err)
	}
	if s.byTCP.Load() == 0 {
		t.Error("TCP was not used")
	}
}

func TestOwnAddressIsRefused(t *testing.T) {
	var own netip.Addr
	for a := range ownAddrs() {
		if a.Is4() && !a.IsLoopback() {
			own = a
		}
	}
	if !own.IsValid() {
		t.Skip("this machine has no address but loopback")
	}
	s := startServer(t, always(own.String()))
	if got, err := ask(s).Lookup(t.Context(), host); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v, %v", got, err)
	}
	open := NewResolver(Options{Servers: []netip.AddrPort{s.addr}, AllowLoopback: true})
	if got, err := open.Lookup(t.Context(), host); err != nil || !slices.Equal(got, []netip.Addr{own}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestNextServer(t *testing.T) {
	for name, first := range map[string]func(dnsmessage.Question, bool) *dnsmessage.Message{
		"after a failure": failing(dnsmessage.RCodeServerFailure),
		"after silence":   silent,
		"after a refusal": failing(dnsmessage.RCodeRefused),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			got, err := ask(startServer(t, first), startServer(t, always("203.0.113.9"))).Lookup(t.Context(), host)
			if err != nil || !slices.Equal(got, addrs("203.0.113.9")) {
				t.Errorf("got %v, %v", got, err)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A question or answer that is lost is asked again of the only server.
func TestLostPacket(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := startServer(t, func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
		if n.Add(1) <= 2 {
			return nil
		}
		return always("203.0.113.9")(q, tcp)
	})
	got, err := ask(s).Lookup(t.Context(), host)
	if err != nil || !slices.Equal(got, addrs("203.0.113.9")) {
		t.Errorf("got %v, %v", got, err)
	}
}

// A server that answers one kind of question never holds up the other.
func TestSilentFamily(t *testing.T) {
	t.Parallel()
	start := time.Now()
	got, err := ask(startServer(t, func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
		if q.Type == dnsmessage.TypeAAAA {
			return nil
		}
		return always("203.0.113.9")(q, tcp)
	})).Lookup(t.Context(), host)
	if err != nil || !slices.Equal(got, addrs("203.0.113.9")) {
		t.Errorf("got %v, %v", got, err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestBound(t *testing.T) {
	t.Parallel()
	s := startServer(t, silent)
	r := ask(s, s)
	start := time.Now()
	if got, err := r.Lookup(t.Context(), host); err == nil {
		t.Errorf("got %v", got)
	}
	if took := time.Since(start); took > lookupTimeout+time.Second {
		t.Errorf("it took %v, want about %v", took, lookupTimeout)
	}
}

func TestCallerDoesNotWaitLongerThanItWants(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := ask(startServer(t, silent)).Lookup(ctx, host); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestStale(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolved.json")
	var broken atomic.Bool
	s := startServer(t, func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
		if broken.Load() {
			return failing(dnsmessage.RCodeNameError)(q, tcp)
		}
		return always("203.0.113.9", "2001:db8::9")(q, tcp)
	})
	o := Options{Servers: []netip.AddrPort{s.addr}, CacheFile: file}
	want := addrs("203.0.113.9", "2001:db8::9")
	r := NewResolver(o)
	if got, err := r.Lookup(t.Context(), host); err != nil || !slices.Equal(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
	broken.Store(true)
	r.age(host, askEvery)
	for name, r := range map[string]*Resolver{"the same": r, "the next process": NewResolver(o)} {
		got, err := r.Lookup(t.Context(), "VPN.example.com.")
		if !errors.Is(err, ErrStale) || !errors.Is(err, ErrNotFound) || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		if got, err := r.Lookup(t.Context(), "other.example.com"); errors.Is(err, ErrStale) || len(got) > 0 {
			t.Errorf("%s: a name that never answered: %v, %v", name, got, err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
}

// What stands in the file is not believed more than what comes by the network.
func TestSpoiledCacheFile(t *testing.T) {
	for name, text := range map[string]string{
		"no json":  "{",
		"lies":     `{"vpn.example.com":{"addrs":["127.0.0.1","0.0.0.0"],"at":"2026-01-01T00:00:00Z"}}`,
		"no addrs": `{"vpn.example.com":{"addrs":[]}}`,
		"a list":   `[]`,
		"empty":    "",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "resolved.json")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := startServer(t, failing(dnsmessage.RCodeNameError))
			r := NewResolver(Options{Servers: []netip.AddrPort{s.addr}, CacheFile: file})
			if got, err := r.Lookup(t.Context(), host); errors.Is(err, ErrStale) || len(got) > 0 {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestFailureStandsForAWhile(t *testing.T) {
	s := startServer(t, failing(dnsmessage.RCodeNameError))
	r := ask(s)
	for range 20 {
		if _, err := r.Lookup(t.Context(), host); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
	}
	once := s.asked.Load()
	if once != 1 {
		t.Errorf("the server was asked %d times, want once", once)
	}
	r.Remember()
	_, _ = r.Lookup(t.Context(), host)
	if got := s.asked.Load(); got != 2*once {
		t.Errorf("after a network change it was asked %d times in all, want %d", got, 2*once)
	}
	r.age(host, askEvery-time.Second)
	_, _ = r.Lookup(t.Context(), host)
	if got := s.asked.Load(); got != 2*once {
		t.Errorf("before its time it was asked %d times in all, want %d", got, 2*once)
	}
	r.age(host, askEvery)
	_, _ = r.Lookup(t.Context(), host)
	if got := s.asked.Load(); got != 3*once {
		t.Errorf("after its time it was asked %d times in all, want %d", got, 3*once)
	}
}

// age makes what the last lookup came to so old.
func (r *Resolver) age(name string, by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.recent[name]
	last.at = time.Now().Add(-by)
	r.recent[name] = last
}

// However often a name is looked up, it is asked for anew every 10 s, and then
// what has changed is seen. The answer at the start does not count.
func TestAnswerStandsForAWhile(t *testing.T) {
	var now atomic.Value
	s := startServer(t, func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
		return always(now.Load().(string))(q, tcp)
	})
	r := ask(s)
	expect := func(when string, times int, want string, asked int64) {
		t.Helper()
		for range times {
			got, err := r.Lookup(t.Context(), host)
			if err != nil || !slices.Equal(got, addrs(want)) {
				t.Errorf("%s: got %v, %v, want %s", when, got, err, want)
			}
			if n := s.asked.Load(); n != asked {
				t.Errorf("%s: asked %d times, want %d", when, n, asked)
			}
		}
	}
	now.Store("203.0.113.1")
	expect("at the start", 1, "203.0.113.1", 1)
	now.Store("203.0.113.2")
	expect("moved at once", 5, "203.0.113.2", 2)
	now.Store("203.0.113.3")
	expect("moved again", 5, "203.0.113.2", 2)
	r.age(host, askEvery-time.Second)
	expect("after 9 s", 5, "203.0.113.2", 2)
	r.age(host, askEvery)
	expect("after 10 s", 5, "203.0.113.3", 3)
	r.age(host, time.Hour)
	expect("after an hour", 5, "203.0.113.3", 4)
	r.Remember()
	now.Store("203.0.113.4")
	expect("after a change of the network", 1, "203.0.113.4", 5)
	expect("soon after a change of the network", 5, "203.0.113.4", 6)
}

// The memory of what was asked is bounded.
func TestTooManyRecentNames(t *testing.T) {
	r := NewResolver(Options{Servers: []netip.AddrPort{startServer(t, always("203.0.113.9")).addr}})
	for i := range maxNames + 20 {
		if _, err := r.Lookup(t.Context(), fmt.Sprintf("h%d.example.com", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.recent); n > maxNames {
		t.Errorf("%d are kept, want %d at most", n, maxNames)
	}
}

func TestManyAtOnceAskOnce(t *testing.T) {
	release := make(chan struct{})
	s := startServer(t, func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
		<-release
		return always("203.0.113.9")(q, tcp)
	})
	r := ask(s)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			if i == 99 {
				close(release)
			}
			if got, err := r.Lookup(t.Context(), host); err != nil || !slices.Equal(got, addrs("203.0.113.9")) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	all.Wait()
	if n := s.asked.Load(); n > 3 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestTooManyNames(t *testing.T) {
	r := NewResolver(Options{})
	start := time.Unix(1e9, 0)
	for i := range 2 * maxNames {
		r.keepLocked(fmt.Sprint("host", i), answer{Addrs: addrs("203.0.113.9"), At: start.Add(time.Duration(i))})
	}
	if len(r.good) != maxNames {
		t.Errorf("%d answers are kept, want %d", len(r.good), maxNames)
	}
	if _, ok := r.good[fmt.Sprint("host", 2*maxNames-1)]; !ok {
		t.Error("the newest is not kept")
	}
}

func TestHostsFile(t *testing.T) {
	if text, err := os.ReadFile("/etc/hosts"); err != nil || !strings.Contains(string(text), "localhost") {
		t.Skip("/etc/hosts does not name localhost")
	}
	r := NewResolver(Options{ResolvConf: filepath.Join(t.TempDir(), "none"), AllowLoopback: true})
	got, err := r.Lookup(t.Context(), "localhost")
	if err != nil || len(got) == 0 || !got[0].IsLoopback() {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestNoServers(t *testing.T) {
	r := NewResolver(Options{ResolvConf: filepath.Join(t.TempDir(), "none")})
	if _, err := r.Lookup(t.Context(), host); !errors.Is(err, ErrNoServers) {
		t.Errorf("got %v", err)
	}
}

func TestRemember(t *testing.T) {
	dir := t.TempDir()
	conf, resolved := filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "resolved.conf")
	r := NewResolver(Options{ResolvConf: conf, ResolvedConf: resolved})
	for _, step := range []struct {
		name, conf, resolved string
		except               []netip.Addr
		want                 string
	}{
		{name: "no file", want: "[]"},
		{name: "a list", conf: "# x\nnameserver 192.0.2.1\nsearch a\nnameserver 2001:db8::1 # y\nnameserver nonsense\nnameserver\n", want: "[192.0.2.1:53 [2001:db8::1]:53]"},
		{name: "empty keeps the earlier", conf: "", want: "[192.0.2.1:53 [2001:db8::1]:53]"},
		{name: "the stub", conf: "nameserver 127.0.0.53\n", resolved: "nameserver 192.0.2.7\n", want: "[192.0.2.7:53]"},
		{name: "without the tunnel's", conf: "nameserver 10.8.0.1\nnameserver 192.0.2.8", except: addrs("10.8.0.1"), want: "[192.0.2.8:53]"},
		{name: "only the tunnel's", conf: "nameserver 10.8.0.1\n", except: addrs("10.8.0.1"), want: "[192.0.2.8:53]"},
		{name: "too many", conf: strings.Repeat("nameserver 192.0.2.1\n", 9) + "nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n", want: "[192.0.2.1:53 1.1.1.1:53 1.1.1.2:53 1.1.1.3:53]"},
	} {
		if step.name != "no file" {
			if err := errors.Join(os.WriteFile(conf, []byte(step.conf), 0o600), os.WriteFile(resolved, []byte(step.resolved), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		r.Remember(step.except...)
		if got := fmt.Sprint(r.NameServers()); got != step.want {
			t.Errorf("%s: got %v, want %v", step.name, got, step.want)
		}
	}
}

// A lookup lets pass what asks one server by one protocol, for as long as the
// lookup takes, also where a server that was asked before keeps silent.
func TestLookupPermits(t *testing.T) {
	t.Parallel()
	mute := startServer(t, silent)
	answers := startServer(t, func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
		if !tcp {
			return &dnsmessage.Message{Header: dnsmessage.Header{Truncated: true}}
		}
		return always("203.0.113.9")(q, tcp)
	})
	l := newLedger(t)
	r := NewResolver(Options{Servers: []netip.AddrPort{mute.addr, answers.addr}, Permit: l.permit})
	if got, err := r.Lookup(t.Context(), host); err != nil || len(got) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	if !l.ends(nextServerAfter / 2) {
		t.Errorf("still passing after the lookup: %v", l.passing())
	}
	for _, tt := range []struct {
		network string
		server  *nameServer
		passed  bool
	}{
		{"udp", mute, true}, {"tcp", mute, false}, {"udp", answers, true}, {"tcp", answers, true},
	} {
		if got := l.passed(tt.network, tt.server.addr.String()); (got > 0) != tt.passed {
			t.Errorf("%s to %v: permitted %d times, want some: %t", tt.network, tt.server.addr, got, tt.passed)
		}
	}
}
