package probe

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/service/diagnose"
)

const (
	page204  = "HTTP/1.1 204 No Content\r\nDate: DATE\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	page302  = "HTTP/1.1 302 Found\r\nLocation: http://login.example.com/\r\nContent-Length: 0\r\n\r\n"
	page200  = "HTTP/1.1 200 OK\r\nDate: DATE\r\nContent-Type: text/html\r\n\r\n<html>Please sign in</html>"
	page511  = "HTTP/1.1 511 Network Authentication Required\r\nContent-Length: 0\r\n\r\n"
	page503  = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
	pageHTTP = "HTTP/1.1 301 Moved\r\nLocation: https://HOST/generate_204\r\nContent-Length: 0\r\n\r\n"
	pageNone = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
)

func TestInternet(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	at := func(i int) string { return fmt.Sprint(hosts, i) }
	good, goodAsked := f.page(at(1), page204, -time.Hour)
	good6, _ := f.page(hosts6+"1", page204, time.Hour)
	found, _ := f.page(at(2), page302, 0)
	ok, _ := f.page(at(3), page200, 0)
	needs, _ := f.page(at(4), page511, 0)
	broken, _ := f.page(at(5), page503, 0)
	broken2, _ := f.page(at(6), page503, 0)
	upgrade, _ := f.page(at(7), strings.ReplaceAll(pageHTTP, "HOST", at(7)), 0)
	empty, _ := f.page(at(8), pageNone, 0)
	found6, _ := f.page(hosts6+"2", page302, 0)
	endless, _ := f.page(hosts6+"3", "HTTP/1.1 204 No Content\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n", 0)
	long, _ := f.page(hosts6+"4", "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", 1<<20), 0)
	interim, _ := f.page(hosts6+"5", "HTTP/1.1 103 Early Hints\r\n\r\n"+page204, 0)
	liar, _ := f.page(hosts6+"6", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nsign in", 0)
	nonsense, _ := f.page(hosts6+"7", "hello\r\n\r\n", 0)
	mute, _ := f.page(hosts6+"8", "", 0)
	kept, _ := f.page(hosts6+"9", strings.Replace(page204, "Date", "Age: 60\r\nDate", 1), time.Hour)
	f.filter("input", "ip daddr "+at(9)+" drop")
	silent := "http://" + at(9) + "/generate_204"
	closed := "http://" + at(10) + "/"

	for _, tt := range []struct {
		name  string
		pages []string
		want  diagnose.Reach
		via   string
		fast  bool // it does not wait for who is silent
		err   string
	}{
		{name: "open", pages: []string{good}, want: diagnose.Open, via: good, fast: true},
		{name: "open by IPv6", pages: []string{good6}, want: diagnose.Open, via: good6, fast: true},
		{name: "a redirection", pages: []string{found}, want: diagnose.SignIn, via: found, fast: true},
		{name: "a redirection by IPv6", pages: []string{found6}, want: diagnose.SignIn, via: found6, fast: true},
		{name: "content", pages: []string{ok}, want: diagnose.SignIn, via: ok, fast: true},
		{name: "long content", pages: []string{long}, want: diagnose.SignIn, via: long, fast: true},
		{name: "content where there must be none", pages: []string{liar}, want: diagnose.SignIn, via: liar, fast: true},
		{name: "status 511", pages: []string{needs}, want: diagnose.SignIn, via: needs, fast: true},
		{name: "one open page wins", pages: []string{found, silent, ok, good}, want: diagnose.Open, via: good, fast: true},
		{name: "a sign-in page and silence", pages: []string{silent, found}, want: diagnose.SignIn, via: found, fast: true},
		{name: "one broken page", pages: []string{broken}, want: diagnose.Silent, fast: true, err: "status 503"},
		{name: "one broken page and a refusal", pages: []string{broken, closed}, want: diagnose.Silent, fast: true},
		{name: "two broken pages", pages: []string{broken, broken2}, want: diagnose.SignIn, fast: true},
		{name: "the page's own secure form", pages: []string{upgrade}, want: diagnose.Silent, fast: true, err: "status 301"},
		{name: "an empty page", pages: []string{empty}, want: diagnose.Silent, fast: true, err: "status 200"},
		{name: "silence", pages: []string{silent}, want: diagnose.Silent, err: "timeout"},
		{name: "a page that is mute", pages: []string{mute}, want: diagnose.Silent, fast: true, err: "EOF"},
		{name: "a refusal", pages: []string{closed}, want: diagnose.Silent, fast: true, err: "refused"},
		{name: "an endless head", pages: []string{endless}, want: diagnose.Silent, fast: true, err: "longer than 8192"},
		{name: "an interim answer", pages: []string{interim}, want: diagnose.Open, via: interim, fast: true},
		{name: "no HTTP", pages: []string{nonsense}, want: diagnose.Silent, fast: true, err: "malformed"},
		{name: "no page's address", pages: []string{"gopher://x/", "%"}, want: diagnose.Silent, fast: true},
		{name: "a secure page", pages: []string{"https://" + at(1) + ":80/"}, want: diagnose.Silent, fast: true, err: "no address of a page"},
		{name: "no port", pages: []string{"http://" + at(1) + ":99999/"}, want: diagnose.Silent, fast: true, err: "out of range"},
		{name: "too many pages", pages: append(repeat(closed, maxPages), good), want: diagnose.Silent, fast: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("HTTP_PROXY", "http://"+at(2)+":80")
			t.Setenv("http_proxy", "http://"+at(2)+":80")
			got := outside(t).Internet(t.Context(), tt.pages)
			if !got.Checked || got.Reach != tt.want || tt.via != "" && got.Via != tt.via {
				t.Errorf("got %+v, want %s via %s", got, tt.want, tt.via)
			}
			if !strings.Contains(got.Err, tt.err) {
				t.Errorf("got %q, want %q in it", got.Err, tt.err)
			}
			if limit := 3500 * time.Millisecond; got.Took > limit || tt.fast && got.Took > limit-2*time.Second {
				t.Errorf("it took %v", got.Took)
			}
			if got.TimeKnown != (tt.want == diagnose.Open) {
				t.Errorf("the time is known: %t", got.TimeKnown)
			}
		})
	}
	if got := outside(t).Internet(t.Context(), nil); got.Checked {
		t.Errorf("without pages: %+v", got)
	}
	if got := outside(t).Internet(t.Context(), []string{kept}); got.Reach != diagnose.Open || got.TimeKnown {
		t.Errorf("from a cache: %+v", got)
	}
	want := "GET /generate_204 HTTP/1.1\r\nHost: 198.51.100.1:80\r\nUser-Agent: Mozilla/5.0\r\nConnection: close\r\nAccept: */*\r\nCache-Control: no-cache\r\n\r\n"
	if got := <-goodAsked; got != want {
		t.Errorf("it asks %q, want %q", got, want)
	}
	for page, want := range map[string]time.Duration{good: time.Hour, good6: -time.Hour} {
		got := outside(t).Internet(t.Context(), []string{page})
		if off := (got.Ahead - want).Abs(); !got.TimeKnown || off > 700*time.Millisecond {
			t.Errorf("%s: our clock is ahead by %v, want %v", page, got.Ahead, want)
		}
	}
}

// A page that is slower than the bound is silent, however it is slow.
func TestInternetSlow(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	var l net.Listener
	var err error
	f.do(func() { l, err = net.Listen("tcp", hosts+"1:80") })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for range time.Tick(20 * time.Millisecond) {
					if _, err := c.Write([]byte("H")); err != nil {
						return
					}
				}
			}()
		}
	}()
	got := outside(t).Internet(t.Context(), []string{"http://" + hosts + "1/"})
	if got.Reach != diagnose.Silent || got.Took > internetTimeout+500*time.Millisecond || !strings.HasSuffix(got.Err, "no answer") {
		t.Errorf("got %+v", got)
	}
}

func repeat(page string, n int) []string {
	var out []string
	for range n {
		out = append(out, page)
	}
	return out
}

// A portal that answers every name with its own address is found by names, and
// one that lets no name be resolved by addresses.
func TestInternetByName(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	f.page(hosts+"1", page204, 0)
	f.page(hosts+"2", page302, 0)
	f.page(hosts6+"1", page204, 0)
	literal := "http://" + hosts + "1/generate_204"
	named := "http://check.example.com/generate_204"
	for _, tt := range []struct {
		name   string
		answer func(dnsmessage.Question, bool) *dnsmessage.Message
		pages  []string
		want   diagnose.Reach
		via    string
	}{
		{"honest", always(hosts + "1"), []string{named}, diagnose.Open, named},
		{"only IPv6", always(hosts6 + "1"), []string{named}, diagnose.Open, named},
		{"IPv4 does not answer", always(beyond, hosts6+"1"), []string{named}, diagnose.Open, named},
		{"hijacked", always(hosts + "2"), []string{named}, diagnose.SignIn, named},
		{"hijacked to nowhere", always("0.0.0.0"), []string{named}, diagnose.Silent, ""},
		{"hijacked, and an address", always(hosts + "2"), []string{named, literal}, diagnose.Open, literal},
		{"dead, and an address", silent, []string{named, literal}, diagnose.Open, literal},
		{"dead", silent, []string{named}, diagnose.Silent, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s *nameServer
			f.do(func() { s = startServerAt(t, router+":0", tt.answer) })
			o := NewOutside(OutsideOptions{Mark: testMark, Lookup: NewResolver(Options{Mark: testMark, Servers: []netip.AddrPort{s.addr}}).Lookup})
			got := o.Internet(t.Context(), tt.pages)
			if got.Reach != tt.want || got.Via != tt.via || got.Took > 3500*time.Millisecond {
				t.Errorf("got %+v, want %s via %q", got, tt.want, tt.via)
			}
		})
	}
}

// What is asked carries the mark, so that it leaves outside the tunnel, and
// what the firewall refuses is told in its words.
func TestInternetMarked(t *testing.T) {
	if !alone(t) {
		return
	}
	f := startFar(t)
	page, _ := f.page(hosts+"1", page204, 0)
	filter(t, "output", "meta mark != 0x6866 drop")
	if got := outside(t).Internet(t.Context(), []string{page}); got.Reach != diagnose.Open {
		t.Errorf("marked: got %+v", got)
	}
	filter(t, "output", "meta mark 0x6866 ip daddr "+hosts+"1 reject with icmp type admin-prohibited")
	if got := outside(t).Internet(t.Context(), []string{page}); got.Reach != diagnose.Silent || got.Err == "" {
		t.Errorf("refused: got %+v", got)
	}
}
