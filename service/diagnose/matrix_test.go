package diagnose

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// causes reads every cause from the source, so that none can be forgotten.
func causes(t *testing.T) []tunnel.Cause {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../tunnel/cause.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []tunnel.Cause
	ast.Inspect(f, func(n ast.Node) bool {
		v, isValue := n.(*ast.ValueSpec)
		if !isValue {
			return true
		}
		if typ, named := v.Type.(*ast.Ident); named && typ.Name == "Cause" {
			word, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, tunnel.Cause(word))
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("only %d causes were found", len(all))
	}
	return all
}

// The matrix has one row for every cause, in the order in which the causes are
// declared, and there are words for each.
func TestMatrixHasEveryCause(t *testing.T) {
	var rows []tunnel.Cause
	for _, r := range matrix {
		rows = append(rows, r.cause)
		if words := event.Describe(event.Code(r.cause)); strings.Contains(words.What, "no words") {
			t.Errorf("%s has no words", r.cause)
		}
		for _, c := range r.spares {
			if order(c) <= order(r.cause) {
				t.Errorf("%s spares %s, which is not below it", r.cause, c)
			}
		}
	}
	if want := causes(t); !slices.Equal(rows, want) {
		t.Errorf("rows  %v\ncauses %v", rows, want)
	}
}

func order(c tunnel.Cause) int {
	return slices.IndexFunc(matrix, func(r row) bool { return r.cause == c })
}

// What the scenarios are made of.
var (
	hereAP  = netip.MustParseAddrPort("203.0.113.1:51820")
	nearAP  = netip.MustParseAddrPort("203.0.113.1:443")
	thereAP = netip.MustParseAddrPort("198.51.100.2:51820")
	router  = netip.MustParseAddr("192.168.1.1")

	silent   = Answer{Member: "a", Endpoint: hereAP, Asked: true, Ports: 1}
	answered = Answer{Member: "a", Endpoint: hereAP, Asked: true, Answered: true, RTT: 20 * time.Millisecond}
	busy     = Answer{Member: "a", Endpoint: hereAP, Asked: true, Cookies: 2}
	foreign  = Answer{Member: "a", Endpoint: hereAP, Asked: true, Responses: 2}

	otherWell     = Answer{Member: "b", Endpoint: thereAP, Asked: true, Answered: true, RTT: time.Millisecond}
	otherSilent   = Answer{Member: "b", Endpoint: thereAP, Asked: true}
	samePortWell  = Answer{Member: "c", Endpoint: hereAP, Asked: true, Answered: true}
	sameHostMute  = Answer{Member: "d", Endpoint: nearAP, Asked: true}
	unknownSilent = Answer{Member: "e", Asked: true}

	open      = Internet{Checked: true, Reach: Open, Via: "http://pages.example"}
	dark      = Internet{Checked: true, Reach: Silent, Err: "i/o timeout"}
	portal    = Internet{Checked: true, Reach: SignIn, Via: "http://pages.example"}
	routerUp  = Gateway{Checked: true, Alive: true, Addr: router}
	routerOut = Gateway{Checked: true, Addr: router}
	hostUp    = Knock{Checked: true, HostUp: true}
	hostMute  = Knock{Checked: true}
	refused   = Knock{Checked: true, HostUp: true, Refused: true}
	onTheWay  = Knock{Checked: true, RefusedBy: netip.MustParseAddr("10.0.0.1")}

	elsewhere = Name{Checked: true, Host: "vpn.example", Addresses: []netip.Addr{thereAP.Addr()}}
	noName    = Name{Checked: true, Host: "vpn.example", Err: "no such host", Present: true}
	fineClock = Clock{Checked: true}
	traffic   = Inside{Verdict: health.Unhealthy, Cause: tunnel.Unanswered}
	isWell    = Inside{Verdict: health.Healthy}
)

func TestJudge(t *testing.T) {
	const certain, likely = true, false
	others := func(a ...Answer) []Answer { return a }
	for _, c := range []struct {
		name    string
		e       Evidence
		want    tunnel.Cause
		certain bool
		hidden  []tunnel.Cause
	}{
		{"nothing was looked at but the network", Evidence{Usable: true}, "", likely, nil},
		{"all is well", Evidence{Usable: true, Self: answered, Inside: isWell, Internet: open}, "", likely, nil},
		{"idle, and not asked", Evidence{Usable: true, Inside: Inside{Verdict: health.Idle}}, "", likely, nil},

		{"no link", Evidence{}, tunnel.NoNetwork, certain, nil},
		{"no link hides what follows", Evidence{Underlay: tunnel.NoNetwork, Self: silent, Inside: traffic}, tunnel.NoNetwork, certain, []tunnel.Cause{tunnel.KeyOrServer}},
		{"no link is said, and the server answers", Evidence{Self: answered}, "", likely, nil},

		{"the firewall refuses", Evidence{Usable: true, Self: Answer{Asked: true, SendErr: "operation not permitted", Forbidden: true}}, tunnel.LocalFirewall, certain, nil},
		{"sending fails", Evidence{Usable: true, Self: Answer{Asked: true, SendErr: "network is unreachable"}}, tunnel.LocalFirewall, likely, nil},
		{"a foreign tunnel has the route", Evidence{Usable: true, Self: silent, Route: Route{Checked: true, Interface: "tun7", Foreign: true}, Internet: dark}, tunnel.LocalFirewall, likely, []tunnel.Cause{tunnel.NoInternet, tunnel.KeyOrServer}},
		{"no route to this server", Evidence{Usable: true, Self: silent, Route: Route{Checked: true, Err: "no route"}, Internet: open}, tunnel.LocalFirewall, likely, []tunnel.Cause{tunnel.KeyOrServer}},
		{"a foreign route that does no harm", Evidence{Usable: true, Self: answered, Route: Route{Checked: true, Foreign: true}}, "", likely, nil},
		{"an old send error does not outweigh an answer", Evidence{Usable: true, Self: Answer{Asked: true, Answered: true, SendErr: "no route"}}, "", likely, nil},

		{"the system knows of a sign-in page", Evidence{Underlay: tunnel.SignIn, Self: silent}, tunnel.SignIn, certain, []tunnel.Cause{tunnel.KeyOrServer}},
		{"a sign-in page, one server", Evidence{Usable: true, Self: silent, Internet: portal}, tunnel.SignIn, likely, []tunnel.Cause{tunnel.KeyOrServer}},
		{"a sign-in page, two hosts", Evidence{Usable: true, Self: silent, Others: others(otherSilent), Internet: portal}, tunnel.SignIn, certain, nil},
		{"a page is filtered, and WireGuard passes", Evidence{Usable: true, Self: silent, Others: others(otherWell), Internet: portal}, tunnel.KeyOrServer, likely, nil},

		{"the router answers and nothing behind it", Evidence{Usable: true, Gateway: routerUp, Self: silent, Others: others(otherSilent), Internet: dark}, tunnel.NoInternet, certain, nil},
		{"the same with one server", Evidence{Usable: true, Gateway: routerUp, Self: silent, Internet: dark}, tunnel.NoInternet, likely, []tunnel.Cause{tunnel.KeyOrServer}},
		{"no pages may be asked, the router is silent", Evidence{Usable: true, Gateway: routerOut, Self: silent, Others: others(otherSilent)}, tunnel.NoInternet, likely, nil},
		{"pages are filtered, and a server answers", Evidence{Usable: true, Gateway: routerUp, Self: silent, Others: others(otherWell), Internet: dark}, tunnel.KeyOrServer, likely, nil},
		{"pages are filtered, and the server's computer answers", Evidence{Usable: true, Gateway: routerUp, Self: silent, Knock: hostUp, Internet: dark}, tunnel.KeyOrServer, likely, nil},
		{"no internet hides the name", Evidence{Usable: true, Gateway: routerUp, Self: silent, Others: others(otherSilent), Internet: dark, Name: noName}, tunnel.NoInternet, certain, []tunnel.Cause{tunnel.EndpointDNS}},

		{"the name fails, the last address is silent", Evidence{Usable: true, Name: noName, Self: silent, Internet: open}, tunnel.EndpointDNS, certain, []tunnel.Cause{tunnel.KeyOrServer}},
		{"the name fails, and no more is known", Evidence{Usable: true, Name: noName, Self: Answer{Err: "no address"}}, tunnel.EndpointDNS, likely, nil},
		{"the name fails, the last address answers", Evidence{Usable: true, Name: noName, Self: answered}, "", likely, nil},
		{"the name fails, the last address is busy", Evidence{Usable: true, Name: noName, Self: busy}, tunnel.ServerOverloaded, certain, nil},

		{"the name leads elsewhere and that answers", Evidence{Usable: true, Self: silent, Name: Name{Checked: true, Host: "vpn.example", Addresses: elsewhere.Addresses, Asked: true, Answered: thereAP.Addr()}}, tunnel.EndpointMoved, certain, []tunnel.Cause{tunnel.KeyOrServer}},
		{"the name leads elsewhere", Evidence{Usable: true, Self: silent, Name: elsewhere}, tunnel.EndpointMoved, likely, []tunnel.Cause{tunnel.KeyOrServer}},
		{"the name leads elsewhere, and that is silent too", Evidence{Usable: true, Self: silent, Name: Name{Checked: true, Host: "vpn.example", Addresses: elsewhere.Addresses, Asked: true}}, tunnel.KeyOrServer, likely, nil},
		{"the name leads elsewhere, and the old address answers", Evidence{Usable: true, Self: answered, Name: elsewhere}, "", likely, nil},

		{"the clock is behind", Evidence{Usable: true, Self: silent, Clock: Clock{Checked: true, Behind: time.Hour}, Internet: open}, tunnel.ClockMoved, likely, []tunnel.Cause{tunnel.KeyOrServer}},
		{"the clock is behind, and a later date is answered", Evidence{Usable: true, Self: silent, Clock: Clock{Checked: true, Behind: time.Hour, Asked: true, Proven: true}}, tunnel.ClockMoved, certain, []tunnel.Cause{tunnel.KeyOrServer}},
		{"the clock is behind, and a later date is not answered", Evidence{Usable: true, Self: silent, Clock: Clock{Checked: true, Behind: time.Hour, Asked: true}}, tunnel.KeyOrServer, likely, nil},
		{"the clock is behind, and the server answers", Evidence{Usable: true, Self: answered, Clock: Clock{Checked: true, Behind: time.Hour}}, "", likely, nil},
		{"handshakes are held back", Evidence{Usable: true, Clock: Clock{Checked: true, Held: true}}, tunnel.ClockMoved, certain, nil},
		{"the clock is behind a page's", Evidence{Usable: true, Self: silent, Internet: Internet{Checked: true, Reach: Open, TimeKnown: true, Ahead: -time.Hour}}, tunnel.ClockMoved, likely, []tunnel.Cause{tunnel.KeyOrServer}},
		{"a page's date is a little off", Evidence{Usable: true, Self: silent, Internet: Internet{Checked: true, Reach: Open, TimeKnown: true, Ahead: -time.Minute}}, tunnel.KeyOrServer, likely, nil},

		{"answers that do not authenticate", Evidence{Usable: true, Self: foreign}, tunnel.PSKMismatch, certain, nil},
		{"one answer that does not", Evidence{Usable: true, Self: Answer{Asked: true, Responses: 1, Cookies: 1}}, tunnel.PSKMismatch, likely, nil},

		{"refused, and others answer", Evidence{Usable: true, Self: silent, Others: others(otherWell), Knock: refused}, tunnel.NothingListens, certain, nil},
		{"refused, and nothing more", Evidence{Usable: true, Self: silent, Knock: refused}, tunnel.NothingListens, likely, nil},
		{"refused a while ago, and others answer", Evidence{Usable: true, Self: silent, Others: others(otherWell), Knock: Knock{Checked: true, HostUp: true, RefusedLately: true}}, tunnel.NothingListens, likely, nil},
		{"refused once, and the server answers", Evidence{Usable: true, Self: answered, Knock: refused}, "", likely, nil},

		{"two hosts silent, pages load", Evidence{Usable: true, Self: silent, Others: others(otherSilent), Internet: open}, tunnel.UDPBlocked, likely, nil},
		{"a firewall on the way refuses", Evidence{Usable: true, Self: silent, Internet: open, Knock: onTheWay}, tunnel.UDPBlocked, likely, nil},
		{"two members of one host silent, pages load", Evidence{Usable: true, Self: silent, Others: others(sameHostMute), Internet: open}, tunnel.KeyOrServer, likely, nil},
		{"one whose address is unknown is no second host", Evidence{Usable: true, Self: silent, Others: others(unknownSilent), Internet: open}, tunnel.KeyOrServer, likely, nil},
		{"a firewall refuses one server, others answer", Evidence{Usable: true, Self: silent, Others: others(otherWell), Knock: onTheWay}, tunnel.KeyOrServer, likely, nil},

		{"the host is up, others answer", Evidence{Usable: true, Self: silent, Others: others(otherWell), Knock: hostUp}, tunnel.KeyRefused, likely, nil},
		{"the same port answers another key", Evidence{Usable: true, Self: silent, Others: others(samePortWell)}, tunnel.KeyRefused, likely, nil},
		{"the same, from two ports and with a good clock", Evidence{Usable: true, Self: Answer{Asked: true, Endpoint: hereAP, Ports: 2}, Others: others(samePortWell), Clock: fineClock}, tunnel.KeyRefused, certain, nil},
		{"one silent server, its host is up", Evidence{Usable: true, Self: silent, Knock: hostUp, Internet: open}, tunnel.KeyOrServer, likely, nil},

		{"the host fell silent, others answer", Evidence{Usable: true, Self: silent, Others: others(otherWell), Knock: hostMute, KnownUp: true}, tunnel.ServerDown, certain, nil},
		{"the host fell silent, pages load", Evidence{Usable: true, Self: silent, Knock: hostMute, KnownUp: true, Internet: open}, tunnel.ServerDown, likely, nil},
		{"the host never answered, others answer", Evidence{Usable: true, Self: silent, Others: others(otherWell), Knock: hostMute}, tunnel.KeyOrServer, likely, nil},
		{"the host fell silent, and so did all", Evidence{Usable: true, Self: silent, Others: others(otherSilent), Knock: hostMute, KnownUp: true, Internet: open}, tunnel.UDPBlocked, likely, nil},

		{"one silent server", Evidence{Usable: true, Self: silent}, tunnel.KeyOrServer, likely, nil},
		{"one silent server, others answer", Evidence{Usable: true, Self: silent, Others: others(otherWell)}, tunnel.KeyOrServer, likely, nil},
		{"all silent, and the internet unknown", Evidence{Usable: true, Self: silent, Others: others(otherSilent)}, tunnel.HandshakeTimeout, likely, nil},
		{"handshakes are not answered, and nobody was asked", Evidence{Usable: true, Inside: Inside{Verdict: health.Unhealthy, Cause: tunnel.HandshakeTimeout}}, tunnel.HandshakeTimeout, likely, nil},

		{"a busy server", Evidence{Usable: true, Self: busy}, tunnel.ServerOverloaded, certain, nil},
		{"a busy server, while pages are silent", Evidence{Usable: true, Self: busy, Gateway: routerUp, Internet: dark}, tunnel.ServerOverloaded, certain, nil},

		{"the key is in use elsewhere", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Unhealthy, Cause: tunnel.KeyShared}}, tunnel.KeyShared, likely, nil},
		{"large packets are lost", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Healthy, Widest: 1280, MTU: 1420}}, tunnel.MTUBlackHole, likely, nil},
		{"large packets are lost, and now all are", Evidence{Usable: true, Self: Answer{Asked: true}, Inside: Inside{Verdict: health.Unhealthy, Widest: 1280, MTU: 1420}}, tunnel.KeyOrServer, likely, nil},
		{"large packets are lost, and now the upload", Evidence{Usable: true, Self: Answer{Asked: true}, Inside: Inside{Verdict: health.Unhealthy, Receiving: true, Widest: 1280, MTU: 1420}}, tunnel.UploadDead, likely, []tunnel.Cause{tunnel.MTUBlackHole}},
		{"large packets and segments are lost", Evidence{Usable: true, Self: answered, Inside: Inside{Widest: 1280, MTU: 1420, LargeLost: 4}}, tunnel.MTUBlackHole, certain, nil},
		{"all sizes pass", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Healthy, Widest: 1420, MTU: 1420, LargeLost: 1}}, "", likely, nil},

		{"nothing is forwarded, another member reaches it", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Unhealthy, Cause: tunnel.ForwardsNothing, Contrast: true}}, tunnel.ForwardsNothing, certain, nil},
		{"several addresses behind the server are silent", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Unhealthy, Cause: tunnel.Unanswered, Beyond: Echo{Known: 2, Asked: true}}}, tunnel.ForwardsNothing, likely, nil},
		{"the one address behind the server is silent", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Healthy, Beyond: Echo{Known: 1, Asked: true}}}, "", likely, nil},

		{"data arrives, questions do not get through", Evidence{Usable: true, Self: silent, Others: others(otherWell), Clock: fineClock, Inside: Inside{Verdict: health.Unhealthy, Cause: tunnel.Unanswered, Receiving: true}}, tunnel.UploadDead, certain, nil},
		{"data arrives, and the server may refuse new handshakes by their date", Evidence{Usable: true, Self: silent, Inside: Inside{Verdict: health.Unhealthy, Cause: tunnel.Unanswered, Receiving: true}}, tunnel.UploadDead, likely, nil},
		{"data arrives, and the clock is behind", Evidence{Usable: true, Self: silent, Clock: Clock{Checked: true, Behind: time.Hour}, Inside: Inside{Verdict: health.Suspect, Cause: tunnel.Unanswered, Receiving: true}}, tunnel.ClockMoved, likely, nil},
		{"the upload was found dead", Evidence{Usable: true, Inside: Inside{Verdict: health.Unhealthy, Cause: tunnel.UploadDead}}, tunnel.UploadDead, likely, nil},

		{"a lossy line", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Healthy, Lossy: true, Loss: 0.3, LossOf: 40}}, tunnel.Lossy, certain, nil},
		{"a slow line", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Healthy, Lossy: true, RTT: time.Second}}, tunnel.Lossy, likely, nil},
		{"loss that came of an outage", Evidence{Usable: true, Self: silent, Inside: Inside{Verdict: health.Unhealthy, Loss: 0.5, LossOf: 40}}, tunnel.KeyOrServer, likely, nil},
		{"a lossy line does not explain silence", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Unhealthy, Cause: tunnel.Unanswered, Lossy: true}}, tunnel.Unanswered, likely, []tunnel.Cause{tunnel.Lossy}},
		{"a lossy line does not explain a stale session", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Unhealthy, Cause: tunnel.SessionStale, Lossy: true}}, tunnel.SessionStale, certain, []tunnel.Cause{tunnel.Lossy}},

		{"a stale session", Evidence{Usable: true, Self: answered, Inside: Inside{Verdict: health.Suspect, Cause: tunnel.SessionStale}}, tunnel.SessionStale, certain, nil},
		{"data is unanswered, the server answers", Evidence{Usable: true, Self: answered, Inside: traffic}, tunnel.Unanswered, likely, nil},
		{"data is unanswered, and nobody was asked", Evidence{Usable: true, Inside: traffic}, tunnel.Unanswered, likely, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Judge(c.e)
			if f.Cause != c.want || f.Certain != c.certain || !slices.Equal(f.Others, c.hidden) {
				t.Errorf("got %q certain=%t hidden=%v, want %q %t %v", f.Cause, f.Certain, f.Others, c.want, c.certain, c.hidden)
			}
			if below := f.Cause == tunnel.NoNetwork || f.Cause == tunnel.SignIn || f.Cause == tunnel.NoInternet; below != f.Underlay {
				t.Errorf("underlay is %t", f.Underlay)
			}
			if c.want != "" && (!strings.HasSuffix(f.Evidence, ".") || strings.Contains(f.Evidence, "invalid")) {
				t.Errorf("evidence %q", f.Evidence)
			}
		})
	}
}

// Every row is tried above, as shown and, where it can be, as certain.
func TestEveryRowSaysWhatItRestsOn(t *testing.T) {
	for _, r := range matrix {
		if s := r.evidence(Evidence{Usable: true}); s == "" && r.cause != tunnel.LocalFirewall {
			t.Errorf("%s: no evidence", r.cause)
		}
	}
}

// anyAnswer draws what a member may have said.
func anyAnswer(t *rapid.T, name tunnel.Name) Answer {
	few := rapid.IntRange(0, 3)
	a := Answer{
		Member: name, Asked: rapid.Bool().Draw(t, "asked"), Ports: few.Draw(t, "ports"),
		Endpoint: rapid.SampledFrom([]netip.AddrPort{{}, hereAP, nearAP, thereAP}).Draw(t, "endpoint"),
	}
	if !a.Asked {
		a.Err = rapid.SampledFrom([]string{"", "no address"}).Draw(t, "err")
		return a
	}
	switch few.Draw(t, "answer") {
	case 0:
		a.Answered = true
	case 1:
		a.SendErr, a.Forbidden = "refused", rapid.Bool().Draw(t, "forbidden")
	case 2:
		a.Responses, a.Cookies = few.Draw(t, "responses"), few.Draw(t, "cookies")
	}
	return a
}

func anyEvidence(t *rapid.T) Evidence {
	yes := rapid.Bool()
	addr := rapid.SampledFrom([]netip.Addr{{}, router, thereAP.Addr()})
	e := Evidence{
		Usable:   rapid.IntRange(0, 5).Draw(t, "usable") > 0,
		Gateway:  Gateway{Checked: yes.Draw(t, "gateway"), Alive: yes.Draw(t, "alive"), Addr: addr.Draw(t, "router")},
		Internet: rapid.SampledFrom([]Internet{{}, open, dark, portal}).Draw(t, "internet"),
		Knock:    rapid.SampledFrom([]Knock{{}, hostUp, hostMute, refused, onTheWay}).Draw(t, "knock"),
		KnownUp:  yes.Draw(t, "known"),
		Route:    Route{Checked: yes.Draw(t, "route"), Foreign: yes.Draw(t, "foreign")},
		Name:     rapid.SampledFrom([]Name{{}, noName, elsewhere}).Draw(t, "name"),
		Clock: Clock{Checked: yes.Draw(t, "clock"), Behind: time.Duration(rapid.IntRange(0, 1).Draw(t, "behind")) * time.Hour,
			Asked: yes.Draw(t, "dated"), Held: yes.Draw(t, "held")},
		Self: anyAnswer(t, "a"),
		Inside: Inside{
			Verdict: rapid.SampledFrom([]health.Verdict{"", health.Healthy, health.Suspect, health.Unhealthy}).Draw(t, "verdict"),
			Cause:   rapid.SampledFrom(insideCauses).Draw(t, "cause"), Receiving: yes.Draw(t, "receiving"), Lossy: yes.Draw(t, "lossy"),
			Beyond:   Echo{Known: rapid.IntRange(0, 2).Draw(t, "known"), Asked: yes.Draw(t, "echoed"), Answered: yes.Draw(t, "echo")},
			Contrast: yes.Draw(t, "contrast"), MTU: 1420, Widest: rapid.SampledFrom([]int{0, 1280, 1420}).Draw(t, "widest"),
			LargeLost: rapid.Uint64Range(0, 2).Draw(t, "large"),
		},
	}
	if !e.Usable {
		e.Underlay = rapid.SampledFrom([]tunnel.Cause{"", tunnel.NoNetwork, tunnel.SignIn, tunnel.NoInternet}).Draw(t, "underlay")
	}
	for _, name := range []tunnel.Name{"b", "c"}[:rapid.IntRange(0, 2).Draw(t, "others")] {
		e.Others = append(e.Others, anyAnswer(t, name))
	}
	return e
}

var insideCauses = []tunnel.Cause{"", tunnel.Unanswered, tunnel.HandshakeTimeout, tunnel.SessionStale, tunnel.ForwardsNothing,
	tunnel.UploadDead, tunnel.KeyShared, tunnel.MTUBlackHole}

// Whatever was seen: one cause at most is shown, all others that are true are
// below it or do not explain it, a certain word about one silent server has
// evidence that distinguishes, and an answer that came is never explained away.
func TestAnyEvidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvidence(t)
		f := Judge(e)
		if f.Cause == "" {
			if f.Certain || f.Underlay || f.Evidence != "" || len(f.Others) > 0 {
				t.Fatalf("nothing is wrong, and %+v", f)
			}
			if e.mute() || !e.Usable && e.nobody() {
				t.Fatalf("nothing is said of %+v", e)
			}
			return
		}
		if order(f.Cause) < 0 || !strings.HasSuffix(f.Evidence, ".") {
			t.Fatalf("%+v", f)
		}
		for _, o := range f.Others {
			spared := slices.Contains(matrix[order(o)].spares, f.Cause)
			if o == f.Cause || order(o) < order(f.Cause) && !spared || slices.Contains(vague, o) {
				t.Fatalf("%s is hidden by %s", o, f.Cause)
			}
		}
		checkCertain(t, e, f)
		if e.Self.Answered && order(f.Cause) < order(tunnel.KeyShared) {
			t.Fatalf("the server answers, and %s is said", f.Cause)
		}
		for _, c := range Checks(e) {
			if c.Name == "" || c.Evidence == "" || strings.Contains(c.Evidence, "invalid") || c.Evidence == "." {
				t.Fatalf("check %+v", c)
			}
		}
	})
}

// checkCertain says again, in other words, what a certain finding needs.
func checkCertain(t *rapid.T, e Evidence, f Finding) {
	if !f.Certain {
		return
	}
	well := func(a Answer) bool { return a.Answered }
	switch f.Cause {
	case tunnel.KeyOrServer, tunnel.UDPBlocked, tunnel.KeyShared, tunnel.HandshakeTimeout, tunnel.Unanswered:
		t.Fatalf("%s is never certain", f.Cause)
	case tunnel.KeyRefused:
		if !slices.ContainsFunc(e.Others, func(a Answer) bool { return a.Answered && a.Endpoint == e.Self.Endpoint }) || e.Self.Ports < 2 {
			t.Fatalf("nothing tells a refused key from a dead server in %+v", e)
		}
	case tunnel.ServerDown:
		if !e.KnownUp || e.Knock.HostUp || !e.Knock.Checked || !slices.ContainsFunc(e.Others, well) {
			t.Fatalf("nothing tells a dead server from a refused key in %+v", e)
		}
	case tunnel.NothingListens:
		if !e.Knock.Refused || !slices.ContainsFunc(e.Others, well) {
			t.Fatalf("who refused in %+v?", e)
		}
	case tunnel.SignIn, tunnel.NoInternet:
		if e.Usable && e.silentHosts() < 2 {
			t.Fatalf("%s by %d silent hosts in %+v", f.Cause, e.silentHosts(), e)
		}
	default: // one fact proves it
	}
}
