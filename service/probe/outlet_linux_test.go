package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/service/diagnose"
)

// shut keeps everything in this namespace but what the ledger lets pass: as the
// guard does it, by elements of sets that the kernel looks at for each packet.
func shut(t *testing.T, l *ledger) {
	t.Helper()
	const table = `table inet test_guard {
set pass4 { type ipv4_addr . inet_proto . inet_service; }
set pass6 { type ipv6_addr . inet_proto . inet_service; }
set echo4 { type ipv4_addr; }
set echo6 { type ipv6_addr; }
chain output {
type filter hook output priority -10; policy drop;
oif lo accept
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept
meta mark 0x6866 ip daddr . meta l4proto . th dport @pass4 accept
meta mark 0x6866 ip6 daddr . meta l4proto . th dport @pass6 accept
meta mark 0x6866 icmp type echo-request ip daddr @echo4 accept
meta mark 0x6866 icmpv6 type echo-request ip6 daddr @echo6 accept
meta mark 0x6866 counter comment "ours"
}
}`
	needNFT(t, nft(table))
	l.change = func(p pass, opens bool) {
		verb := "delete"
		if opens {
			verb = "add"
		}
		family := "4"
		if p.to.Addr().Is6() {
			family = "6"
		}
		line := fmt.Sprintf("%s element inet test_guard pass%s { %s . %s . %d }", verb, family, p.to.Addr(), p.network, p.to.Port())
		if p.network == "icmp" {
			line = fmt.Sprintf("%s element inet test_guard echo%s { %s }", verb, family, p.to.Addr())
		}
		if err := nft(line); err != nil {
			t.Error(err)
		}
	}
}

func nft(script string) error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// keptIn is how many of our packets the guard has dropped.
func keptIn(t *testing.T) int {
	t.Helper()
	list := here(t, "nft list chain inet test_guard output")
	_, list, _ = strings.Cut(list, "counter packets ")
	n, err := strconv.Atoi(strings.Fields(list)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPermitsAreEnoughAndNoMore asks everything while the guard is shut. The
// answers are those of an open network, none of our packets is dropped, so that
// none was on its way before its permit or after it, and in the end nothing
// passes. Without permits all of them are.
func TestPermitsAreEnoughAndNoMore(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	f.filter("input", "ip daddr "+hosts+"3 drop", "ip6 daddr "+hosts6+"3 drop")
	good, _ := f.page(hosts+"1", page204, 0)
	good6, _ := f.page(hosts6+"1", page204, 0)
	signIn, _ := f.page(hosts+"2", page200, 0)
	mute, _ := f.page(hosts6+"2", "", 0)
	silentPage := "http://" + hosts + "3/"
	var byUDP, byTCP *nameServer
	f.do(func() {
		byUDP = startServerAt(t, router+":0", always(hosts+"1", hosts6+"1"))
		byTCP = startServerAt(t, hosts+"9:0", func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
			if !tcp {
				return &dnsmessage.Message{Header: dnsmessage.Header{Truncated: true}}
			}
			return always("203.0.113.9")(q, tcp)
		})
	})
	l := newLedger(t)
	shut(t, l)
	worlds := map[bool]func(string, netip.AddrPort) func(){true: l.permit, false: nil}
	for _, permitted := range []bool{true, false} {
		permit := worlds[permitted]
		resolver := func(s *nameServer) *Resolver {
			return NewResolver(Options{Mark: testMark, Permit: permit, Servers: []netip.AddrPort{s.addr}})
		}
		o := NewOutside(OutsideOptions{Mark: testMark, Permit: permit, Lookup: resolver(byUDP).Lookup})
		ask := func(what string, question func(ctx context.Context) (fine bool, answer any)) {
			t.Helper()
			before := keptIn(t)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			fine, answer := question(ctx)
			if fine != permitted {
				t.Errorf("%s, permitted %t: got %+v", what, permitted, answer)
			}
			if kept := keptIn(t) - before; (kept == 0) != permitted {
				t.Errorf("%s, permitted %t: %d packets were kept in", what, permitted, kept)
			}
		}
		for page, want := range map[string]diagnose.Reach{
			good: diagnose.Open, good6: diagnose.Open, signIn: diagnose.SignIn, "http://check.example.com/": diagnose.Open,
		} {
			ask(page, func(ctx context.Context) (bool, any) {
				got := o.Internet(ctx, []string{page})
				return got.Reach == want, got
			})
		}
		ask("pages, some of them silent", func(ctx context.Context) (bool, any) {
			got := o.Internet(ctx, []string{silentPage, mute, signIn, good})
			return got.Reach == diagnose.Open, got
		})
		for _, to := range []string{hosts + "1:51820", "[" + hosts6 + "1]:51820"} {
			ask("a knock at "+to, func(ctx context.Context) (bool, any) {
				got := o.Knock(ctx, netip.MustParseAddrPort(to))
				return got.Refused && got.HostUp, got
			})
		}
		for _, to := range []string{router, router6} {
			ask("an echo to "+to, func(ctx context.Context) (bool, any) {
				_, err := o.echo(ctx, netip.MustParseAddr(to))
				return err == nil, err
			})
		}
		for name, s := range map[string]*nameServer{"by UDP": byUDP, "by TCP": byTCP} {
			ask("a name "+name, func(ctx context.Context) (bool, any) {
				got, err := resolver(s).Lookup(ctx, "vpn.example.com")
				return err == nil && len(got) > 0, err
			})
		}
	}
	if got := l.passed("tcp", byTCP.addr.String()); got == 0 {
		t.Error("no name was asked for by TCP")
	}
}

// A connection whose server has the last word leaves nothing to answer it with.
func TestNoPageHasTheLastWord(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	var server net.Listener
	var err error
	f.do(func() { server, err = net.Listen("tcp", hosts+"1:80") })
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	l := newLedger(t)
	shut(t, l)
	o := NewOutside(OutsideOptions{Mark: testMark, Permit: l.permit})
	answered := make(chan diagnose.Internet)
	go func() { answered <- o.Internet(t.Context(), []string{"http://" + hosts + "1/"}) }()
	c, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(page204)); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; got.Reach != diagnose.Open {
		t.Errorf("got %+v", got)
	}
	if still := l.passing(); len(still) > 0 {
		t.Errorf("still passing: %v", still)
	}
	_, _ = c.Write([]byte("more"))
	_ = c.Close()
	if kept := keptIn(t); kept != 0 {
		t.Errorf("%d packets left after the end", kept)
	}
}

// Who gives up leaves nothing open, whenever he does.
func TestPermitsOfCancelledQuestions(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	f.page(hosts+"1", page204, 0)
	f.filter("input", "ip daddr "+hosts+"3 drop")
	l := newLedger(t)
	shut(t, l)
	lookup := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr(hosts + "1"), netip.MustParseAddr(hosts + "3")}, nil
	}
	o := NewOutside(OutsideOptions{Mark: testMark, Permit: l.permit, Lookup: lookup})
	for after := time.Millisecond; after < 100*time.Millisecond; after += 3 * time.Millisecond {
		for _, question := range []func(ctx context.Context){
			func(ctx context.Context) {
				o.Internet(ctx, []string{"http://" + hosts + "1/", "http://" + hosts + "3/"})
			},
			func(ctx context.Context) { o.Knock(ctx, netip.MustParseAddrPort(hosts+"1:51820")) },
			func(ctx context.Context) { o.Gateway(ctx) },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			question(ctx)
			cancel()
			if still := l.passing(); len(still) > 0 {
				t.Errorf("after %v: %v", after, still)
			}
		}
	}
	if kept := keptIn(t); kept != 0 {
		t.Errorf("%d packets left unpermitted", kept)
	}
}
