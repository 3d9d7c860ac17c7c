package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// page answers in the router's namespace as the internet would, or as
// something that stands before it.
type page struct {
	mu     sync.Mutex
	status int // 0: it hangs up
	body   string
	asked  int
}

func (p *page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(p.status)
	_, _ = w.Write([]byte(p.body))
}

func (p *page) set(status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, body
}

func (p *page) questions() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// pageAddr is where it answers: behind the client's gateway.
const pageAddr = "10.200.250.1"

// internet starts the page, which answers with nothing as it should.
func (w *world) internet() *page {
	w.t.Helper()
	w.sh("", "ip", "-n", w.router, "addr", "add", pageAddr+"/32", "dev", "lo")
	var l net.Listener
	w.inNamespace(w.router, func() (err error) {
		l, err = net.Listen("tcp4", pageAddr+":80")
		return err
	})
	p := &page{status: http.StatusNoContent}
	srv := &http.Server{Handler: p, ReadHeaderTimeout: time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(l) })
	w.t.Cleanup(func() { srv.Close(); serving.Wait() })
	return p
}

// cutAll drops everything that the router passes on.
func (w *world) cutAll() {
	w.sh(w.router, "nft", "add table ip cut; add chain ip cut f { type filter hook forward priority 0; policy drop; }")
}

// cutUDP drops all UDP that the router passes on.
func (w *world) cutUDP() {
	w.sh(w.router, "nft", "add table ip cut; add chain ip cut f { type filter hook forward priority 0; }; add rule ip cut f meta l4proto udp drop")
}

// trial is one cause, how it is brought about and what it must be called.
type trial struct {
	name    string
	servers []string
	prepare func(w *world, s *service, p *page) // nil: the servers are the group g
	breaks  func(w *world, s *service, p *page)
	want    []tunnel.Cause // any of these is right
	within  time.Duration
	single  bool // only the first server is a member
	stays   bool // the active member must not be left
}

var trials = []trial{
	{name: "no network", breaks: func(w *world, _ *service, _ *page) { w.sh("", "ip", "-n", w.client, "link", "set", "eth0", "down") },
		want: []tunnel.Cause{tunnel.NoNetwork}, within: 10 * time.Second, stays: true},
	{name: "local firewall", breaks: func(w *world, _ *service, _ *page) {
		w.sh(w.client, "nft", "add table ip fw; add chain ip fw o { type filter hook output priority 0; }; add rule ip fw o udp dport 51820 drop")
	}, want: []tunnel.Cause{tunnel.LocalFirewall}, within: 15 * time.Second, stays: true},
	{name: "sign in", breaks: func(w *world, _ *service, p *page) {
		p.set(http.StatusOK, "<html>Welcome to the hotel. Please sign in.</html>")
		w.cutUDP()
	}, want: []tunnel.Cause{tunnel.SignIn}, within: 20 * time.Second, stays: true},
	{name: "no internet", breaks: func(w *world, _ *service, _ *page) {
		w.sh(w.router, "nft", "add table ip web; add chain ip web i { type filter hook input priority 0; }; add rule ip web i ip daddr "+pageAddr+" drop")
		w.cutAll()
	}, want: []tunnel.Cause{tunnel.NoInternet}, within: 25 * time.Second, stays: true},
	{name: "udp blocked", breaks: func(w *world, _ *service, _ *page) { w.cutUDP() },
		want: []tunnel.Cause{tunnel.UDPBlocked}, within: 25 * time.Second, stays: true},
	{name: "preshared key", single: true, breaks: func(w *world, _ *service, _ *page) {
		a := w.servers[0]
		a.configure(fmt.Sprintf("replace_peers=true\npublic_key=%s\npreshared_key=%s\nallowed_ip=10.9.0.2/32\n", a.client.Public().Hex(), strings.Repeat("5a", 32)))
	}, want: []tunnel.Cause{tunnel.PSKMismatch}, within: 15 * time.Second},
	{name: "nothing listens", single: true, breaks: func(w *world, _ *service, _ *page) {
		w.servers[0].configure("listen_port=51999\n")
	}, want: []tunnel.Cause{tunnel.NothingListens}, within: 15 * time.Second},
	{name: "key refused", breaks: func(w *world, _ *service, _ *page) { w.servers[0].configure("replace_peers=true\n") },
		want: []tunnel.Cause{tunnel.KeyRefused, tunnel.KeyOrServer}, within: 15 * time.Second},
	{name: "server down", breaks: func(w *world, _ *service, _ *page) {
		w.sh(w.router, "ip", "link", "set", "s1", "down")
		w.sh(w.router, "ip", "route", "add", w.servers[0].addr+"/32", "dev", "lo")
	}, want: []tunnel.Cause{tunnel.ServerDown, tunnel.KeyOrServer}, within: 15 * time.Second},
	{name: "forwards nothing", breaks: func(w *world, _ *service, _ *page) { w.servers[0].forwardNothing() },
		want: []tunnel.Cause{tunnel.ForwardsNothing}, within: 15 * time.Second},
	{name: "upload dead", breaks: func(w *world, _ *service, _ *page) {
		w.servers[0].stream()
		w.rest(3 * time.Second)
		w.servers[0].dropTo()
	}, want: []tunnel.Cause{tunnel.UploadDead}, within: 20 * time.Second},
	{name: "lossy", breaks: func(w *world, _ *service, _ *page) { w.lose(12) },
		want: []tunnel.Cause{tunnel.Lossy}, within: 150 * time.Second, stays: true},
	{name: "large packets", breaks: func(w *world, s *service, _ *page) {
		w.sh(w.router, "nft", "add table ip big; add chain ip big f { type filter hook forward priority 0; }; add rule ip big f meta l4proto udp udp length gt 1340 drop")
		s.cli("reconnect")
	}, want: []tunnel.Cause{tunnel.MTUBlackHole}, within: 30 * time.Second, stays: true},
	{name: "endpoint name", single: true, prepare: byName, breaks: func(w *world, s *service, _ *page) {
		nameServers[w].set("vpn.test.example", netip.Addr{})
		w.servers[0].drop()
	}, want: []tunnel.Cause{tunnel.EndpointDNS}, within: 20 * time.Second, stays: true},
}

var (
	nameServersMu sync.Mutex
	nameServers   = map[*world]*nameServer{}
)

// byName has the first server reached by a name.
func byName(w *world, s *service, _ *page) {
	n := w.names()
	nameServersMu.Lock()
	nameServers[w] = n
	nameServersMu.Unlock()
	n.set("vpn.test.example", netip.MustParseAddr(w.servers[0].addr))
	s.importText("a", strings.Replace(w.servers[0].conf(), w.servers[0].addr, "vpn.test.example", 1))
	s.cli("group", "set", "g", "a")
}

// TestCauses brings every cause about and reads what it is called.
func TestCauses(t *testing.T) {
	t.Parallel()
	n := 1
	if soak() {
		n = 20
	}
	for _, c := range trials {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			right := 0
			t.Cleanup(func() {
				t.Logf("%s: named right %d of %d times", c.name, right, n)
				if right*20 < n*19 {
					t.Errorf("%s was named right %d of %d times, want 19 of 20", c.name, right, n)
				}
			})
			for i := range n {
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					t.Parallel()
					if c.try(t) {
						mu.Lock()
						defer mu.Unlock()
						right++
					}
				})
			}
		})
	}
}

// try brings the cause about once and says whether it was named.
func (c *trial) try(t *testing.T) bool {
	w := newWorld(t, "a", "b")
	p := w.internet()
	w.resolvConf("nameserver 10.200.0.1\n")
	s := w.service()
	s.cli("settings", "set", "profile=balanced", "check_pages=http://"+pageAddr+"/generate_204")
	switch {
	case c.prepare != nil:
		c.prepare(w, s, p)
	case c.single:
		s.group(w.servers[:1])
	default:
		s.group(w.servers)
	}
	s.cli("up", "g")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	w.rest(4 * time.Second)
	if n := p.questions(); n != 0 {
		t.Errorf("a healthy tunnel had the page asked %d times", n)
	}
	c.breaks(w, s, p)
	broke := time.Now()
	var named []tunnel.Cause
	named = c.await(w, s)
	t.Logf("%s: named %v after %v", c.name, named, time.Since(broke).Round(100*time.Millisecond))
	if moves := s.switches(); c.stays && len(moves) != 0 {
		t.Errorf("the member was left: %+v", moves)
	}
	ok := slices.ContainsFunc(named, func(x tunnel.Cause) bool { return slices.Contains(c.want, x) })
	if !ok {
		t.Logf("diagnosis:\n%s", first(s.try("diagnose")))
		for _, e := range s.events(event.VerdictChanged, event.NoticeOpened, event.UnderlayChanged, event.Held) {
			t.Logf("%s %s %s→%s %s: %s", e.At.Format("05.0"), e.Kind, e.From, e.To, e.Cause, e.Evidence)
		}
	}
	return ok
}

func first(s string, _ error) string { return s }

// await returns the causes that were named since, as soon as the right one is
// among them, or when the time is over.
func (c *trial) await(w *world, s *service) []tunnel.Cause {
	deadline := time.Now().Add(c.within)
	for {
		named := s.causes()
		if slices.ContainsFunc(named, func(x tunnel.Cause) bool { return slices.Contains(c.want, x) }) || time.Now().After(deadline) {
			return named
		}
		w.rest(250 * time.Millisecond)
	}
}

// causes are all that a person has been told: by events, and by open notices.
func (s *service) causes() []tunnel.Cause {
	var list []tunnel.Cause
	add := func(c tunnel.Cause) {
		if c != "" && c != tunnel.Unanswered && c != tunnel.HandshakeTimeout && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	for _, e := range s.events(event.VerdictChanged, event.UnderlayChanged, event.NoticeOpened, event.FailedOver) {
		add(e.Cause)
	}
	for _, n := range s.status().Notices {
		add(tunnel.Cause(n.Code))
	}
	return list
}

// diagnosis runs every check and returns what it came to.
func (s *service) diagnosis() (cause tunnel.Cause, checks string) {
	s.w.t.Helper()
	var d struct {
		Cause  *tunnel.Cause
		Checks json.RawMessage
	}
	if err := json.Unmarshal([]byte(s.cli("diagnose", "--json")), &d); err != nil {
		s.w.t.Fatal(err)
	}
	if d.Cause != nil {
		cause = *d.Cause
	}
	return cause, string(d.Checks)
}
