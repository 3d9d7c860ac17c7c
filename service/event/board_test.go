package event

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/service/tunnel"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// told is an event at a moment.
func told(at time.Duration, e Event) Event {
	e.At = start.Add(at)
	return e
}

func wish(to string) Event { return Event{Kind: WishChanged, To: to} }

func verdict(from, to string, c tunnel.Cause) Event {
	return Event{Kind: VerdictChanged, Tunnel: "nl", From: from, To: to, Cause: c}
}

func underlay(c tunnel.Cause) Event {
	if c == "" {
		return Event{Kind: UnderlayChanged, From: "no_network", To: "ok"}
	}
	return Event{Kind: UnderlayChanged, From: "ok", To: string(c), Cause: c}
}

// play feeds events at their moments, lets the board have the time it asks for
// up to end, and returns what it told: "12s +no_network", "1m -no_network", and
// "30s ~sign_in" where an open notice has come to say something else.
func play(b *Board, end time.Duration, events ...Event) []string {
	var out []string
	says := map[int64]Code{}
	note := func(now time.Time, told []Event) {
		at := now.Sub(start).String()
		for _, e := range told {
			mark := "+" + e.To
			if e.Kind == NoticeCleared {
				mark = "-" + e.From
			}
			out = append(out, at+" "+mark)
		}
		was := says
		says = map[int64]Code{}
		for _, n := range b.Open() {
			says[n.ID] = n.Code
			if code, open := was[n.ID]; open && code != n.Code {
				out = append(out, at+" ~"+string(n.Code))
			}
		}
	}
	events = append(events, told(end, Event{Kind: ConfigChanged}))
	for i, e := range events {
		for next := b.Next(); !next.IsZero() && next.Before(e.At); next = b.Next() {
			note(next, b.Take(next, nil))
		}
		e.ID = int64(i + 1)
		note(e.At, b.Take(e.At, []Event{e}))
	}
	return out
}

func TestBoard(t *testing.T) {
	const s, m = time.Second, time.Minute
	on := told(0, wish("home"))
	for _, tt := range []struct {
		name   string
		events []Event
		want   string
	}{
		{"the network is down for 2 minutes", []Event{on,
			told(60*s, underlay(tunnel.NoNetwork)),
			told(60*s, Event{Kind: Held, Tunnel: "nl", To: HeldOffline, Cause: tunnel.NoNetwork}),
			told(180*s, underlay("")),
			told(180*s, Event{Kind: Restarted, Tunnel: "nl", To: "rebind"}),
		}, "1m5s +no_network, 3m0s -no_network"},
		{"a clock that lets no handshake leave hides what follows from it", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.HandshakeTimeout)),
			told(60*s, Event{Kind: NoticeOpened, To: string(CodeClockAhead)}),
			told(90*s, Event{Kind: Held, Tunnel: "nl", To: HeldAllSilent, Cause: tunnel.HandshakeTimeout}),
			told(100*s, Event{Kind: NoticeCleared, From: string(CodeClockAhead)}),
			told(101*s, verdict("unhealthy", "healthy", "")),
		}, "45s +handshake_timeout, 1m0s -handshake_timeout, 1m40s +all_silent, 1m41s -all_silent"},
		{"a blink of the network is not told", []Event{on,
			told(60*s, underlay(tunnel.NoNetwork)), told(64*s, underlay("")),
		}, ""},
		{"the network hides what follows from it", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(40*s, underlay(tunnel.NoNetwork)),
			told(41*s, Event{Kind: Held, Tunnel: "nl", To: HeldAllSilent, Cause: tunnel.Unanswered}),
			told(100*s, underlay("")),
		}, "45s +no_network, 1m40s -no_network"},
		{"a sign-in page takes the place of no network", []Event{on,
			told(60*s, underlay(tunnel.NoNetwork)), told(80*s, underlay(tunnel.SignIn)), told(100*s, underlay("")),
		}, "1m5s +no_network, 1m20s ~sign_in, 1m40s -no_network"},
		{"an outage that heals at once is history", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(40*s, verdict("unhealthy", "healthy", "")),
		}, ""},
		{"an outage that lasts", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(300*s, verdict("unhealthy", "healthy", "")),
		}, "45s +unanswered, 5m0s -unanswered"},
		{"what becomes known changes the words of the notice", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(60*s, verdict("unhealthy", "unhealthy", tunnel.KeyOrServer)),
			told(90*s, verdict("unhealthy", "unhealthy", tunnel.NothingListens)),
			told(300*s, verdict("unhealthy", "healthy", "")),
		}, "45s +unanswered, 1m0s ~key_or_server, 1m30s ~nothing_listens, 5m0s -unanswered"},
		{"what is known before is told at once in its words, at its time", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(31*s, verdict("unhealthy", "unhealthy", tunnel.PSKMismatch)),
			told(300*s, verdict("unhealthy", "healthy", "")),
		}, "40s +psk_mismatch, 5m0s -psk_mismatch"},
		{"a cause that says what to do stands before that no member answers", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(31*s, Event{Kind: Held, Tunnel: "nl", To: HeldAllSilent}),
			told(60*s, verdict("unhealthy", "unhealthy", tunnel.UDPBlocked)),
			told(90*s, verdict("unhealthy", "unhealthy", tunnel.KeyOrServer)),
			told(300*s, verdict("unhealthy", "healthy", "")),
		}, "45s +all_silent, 1m0s ~udp_blocked, 1m30s ~all_silent, 5m0s -all_silent"},
		{"what the network does is told in place of what it does to the tunnel", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(60*s, underlay(tunnel.NoInternet)),
			told(660*s, underlay("")),
			told(661*s, verdict("unknown", "healthy", "")),
		}, "45s +unanswered, 1m0s -unanswered, 1m5s +no_internet, 11m0s -no_internet"},
		{"a stale session is history", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.SessionStale)),
			told(300*s, verdict("unhealthy", "healthy", "")),
		}, ""},
		{"a stale session that no new one mends is told for what it is", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.SessionStale)),
			told(60*s, verdict("unhealthy", "unhealthy", tunnel.ForwardsNothing)),
			told(70*s, verdict("unhealthy", "unhealthy", tunnel.SessionStale)),
			told(300*s, verdict("unhealthy", "healthy", "")),
		}, "1m0s +forwards_nothing, 5m0s -forwards_nothing"},
		{"everything dead for half a day is one notice", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.HandshakeTimeout)),
			told(31*s, Event{Kind: Held, Tunnel: "nl", To: HeldAllSilent}),
			told(35*s, verdict("unhealthy", "unhealthy", tunnel.UDPBlocked)),
			told(5*m, Event{Kind: Held, Tunnel: "nl", To: HeldExhausted}),
			told(6*m, Event{Kind: CooldownStarted, Tunnel: "nl"}),
			told(11*m, Event{Kind: CooldownEnded, Tunnel: "nl"}),
			told(12*m, Event{Kind: CooldownStarted, Tunnel: "nl"}),
			told(60*m, verdict("unhealthy", "healthy", "")),
		}, "45s +udp_blocked, 5m0s ~exhausted, 6m0s ~cooldown_started, 11m0s ~udp_blocked, 12m0s ~cooldown_started, 1h0m0s -udp_blocked"},
		{"what is said of a tunnel ends with it", []Event{on,
			told(30*s, Event{Kind: NoticeOpened, Tunnel: "nl", To: string(tunnel.Lossy)}),
			told(60*s, Event{Kind: FailedOver, Tunnel: "fr", From: "nl", To: "fr"}),
			told(70*s, Event{Kind: FailedBack, Tunnel: "nl", From: "fr", To: "nl"}),
		}, "1m0s +failed_over, 1m0s -lossy, 1m10s -failed_over"},
		{"what is said of a line ends with the network", []Event{on,
			told(30*s, Event{Kind: NoticeOpened, Tunnel: "nl", To: string(tunnel.MTUBlackHole)}),
			told(60*s, Event{Kind: UnderlayChanged, From: "ok", To: "ok"}),
		}, "1m0s -mtu"},
		{"what is said of a tunnel ends when it is turned off", []Event{on,
			told(30*s, Event{Kind: NoticeOpened, Tunnel: "nl", To: string(tunnel.Lossy)}),
			told(60*s, wish("off")),
		}, "1m0s -lossy"},
		{"a failover is told in place of its cause, and is no news after 10 well minutes", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(31*s, Event{Kind: FailedOver, Tunnel: "fr", From: "nl", To: "fr"}),
			told(32*s, verdict("unknown", "healthy", "")),
		}, "31s +failed_over, 10m32s -failed_over"},
		{"a failback ends the news", []Event{on,
			told(31*s, Event{Kind: FailedOver, Tunnel: "fr", From: "nl", To: "fr"}),
			told(32*s, verdict("unknown", "healthy", "")),
			told(5*m, Event{Kind: FailedBack, Tunnel: "nl", From: "fr", To: "nl"}),
		}, "31s +failed_over, 5m0s -failed_over"},
		{"a second failover is news again", []Event{on,
			told(31*s, Event{Kind: FailedOver, Tunnel: "fr", From: "nl", To: "fr"}),
			told(91*s, Event{Kind: FailedOver, Tunnel: "nl", From: "fr", To: "nl"}),
			told(92*s, verdict("unknown", "healthy", "")),
		}, "31s +failed_over, 1m31s -failed_over, 1m31s +failed_over, 11m32s -failed_over"},
		{"what the person does is not told", []Event{on,
			told(10*s, Event{Kind: WishChanged, Tunnel: "fr", From: "nl", To: "fr"}),
			told(20*s, wish("work")), told(30*s, wish("off")), told(40*s, wish("home")),
		}, ""},
		{"turning off ends everything", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)), told(60*s, wish("off")),
		}, "45s +unanswered, 1m0s -unanswered"},
		{"it gets worse: one notice at a time", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.HandshakeTimeout)),
			told(30*s, Event{Kind: Held, Tunnel: "nl", To: HeldAllSilent, Cause: tunnel.HandshakeTimeout}),
			told(200*s, Event{Kind: Held, Tunnel: "nl", To: HeldExhausted}),
			told(210*s, Event{Kind: Held, Tunnel: "nl", To: HeldAllSilent}),
			told(300*s, verdict("unhealthy", "healthy", "")),
		}, "45s +all_silent, 3m20s ~exhausted, 5m0s -all_silent"},
		{"a cooldown, and what is left after it", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(31*s, Event{Kind: CooldownStarted, Tunnel: "nl", Cause: tunnel.Unanswered}),
			told(331*s, Event{Kind: CooldownEnded, Tunnel: "nl"}),
			told(332*s, Event{Kind: FailedOver, Tunnel: "fr", From: "nl", To: "fr"}),
			told(333*s, Event{Kind: FailedBack, Tunnel: "nl", From: "fr", To: "nl"}),
		}, "45s +cooldown_started, 5m31s ~unanswered, 5m32s -cooldown_started, 5m32s +failed_over, 5m33s -failed_over"},
		{"the policy disconnects", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(30*s, Event{Kind: WishChanged, Tunnel: "nl", From: "home", To: "off", Cause: tunnel.Unanswered}),
			told(300*s, wish("home")),
		}, "30s +wish_changed, 5m0s -wish_changed"},
		{"the policy disconnects what cannot start", []Event{on,
			told(1*s, Event{Kind: StateChanged, Tunnel: "nl", From: "starting", To: "down", Evidence: "no such device"}),
			told(30*s, Event{Kind: WishChanged, Tunnel: "nl", From: "home", To: "off", Evidence: "Every attempt was made."}),
			told(300*s, wish("home")),
		}, "16s +state_changed, 30s -state_changed, 30s +wish_changed, 5m0s -wish_changed"},
		{"a tunnel that cannot start", []Event{on,
			told(1*s, Event{Kind: StateChanged, Tunnel: "nl", From: "starting", To: "down", Evidence: "no such device"}),
			told(7*s, Event{Kind: StateChanged, Tunnel: "nl", From: "starting", To: "down", Evidence: "no such device"}),
			told(30*s, Event{Kind: StateChanged, Tunnel: "nl", From: "starting", To: "up"}),
		}, "16s +state_changed, 30s -state_changed"},
		{"a tunnel that cannot start, and why", []Event{on,
			told(1*s, Event{Kind: StateChanged, Tunnel: "nl", From: "starting", To: "down", Evidence: "no such name"}),
			told(2*s, Event{Kind: StateChanged, Tunnel: "nl", From: "down", To: "down", Cause: tunnel.EndpointDNS, Evidence: "It has no address."}),
			told(7*s, Event{Kind: StateChanged, Tunnel: "nl", From: "starting", To: "down", Evidence: "no such name"}),
			told(30*s, Event{Kind: StateChanged, Tunnel: "nl", From: "starting", To: "up"}),
		}, "11s +endpoint_dns, 30s -endpoint_dns"},
		{"off: nothing is told of the network", []Event{
			told(60*s, underlay(tunnel.NoNetwork)), told(180*s, underlay("")),
		}, ""},
		{"on while there is no network", []Event{
			told(10*s, underlay(tunnel.NoNetwork)), told(60*s, wish("home")),
			told(61*s, Event{Kind: StateChanged, Tunnel: "nl", From: "starting", To: "down", Evidence: "no route"}),
			told(180*s, underlay("")),
		}, "1m5s +no_network, 3m0s -no_network"},
		{"the service stops", []Event{on,
			told(60*s, underlay(tunnel.NoNetwork)), told(90*s, Event{Kind: ServiceStopped}),
		}, "1m5s +no_network, 1m30s -no_network"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := NewBoard(m)
			got := strings.Join(play(b, 2*time.Hour, tt.events...), ", ")
			if got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
			if open := b.Open(); len(open) > 0 {
				t.Errorf("still open: %+v", open)
			}
		})
	}
}

// A notice about the service itself is taken as it is told, once.
func TestBoardTakesOthersWord(t *testing.T) {
	b := NewBoard(time.Minute)
	said := Event{ID: 7, At: start, Kind: NoticeOpened, To: string(CodeConfigUnreadable), Evidence: "nl.conf: line 3"}
	if out := b.Take(start, []Event{said, said}); len(out) != 0 {
		t.Errorf("told again: %v", out)
	}
	open := b.Open()
	if len(open) != 1 || open[0].ID != 7 || open[0].Evidence != said.Evidence || open[0].Title == "" {
		t.Fatalf("open: %v, want the one notice", open)
	}
	if !b.Ack(7) || !b.Open()[0].Acknowledged {
		t.Error("it cannot be acknowledged")
	}
	other := Event{At: start, Kind: NoticeCleared, From: string(CodeConfigUnreadable), Evidence: "de.conf: line 1"}
	if b.Take(start, []Event{other}); len(b.Open()) != 1 {
		t.Error("another file's word cleared it")
	}
	other.Evidence = said.Evidence
	if b.Take(start, []Event{other}); len(b.Open()) != 0 {
		t.Error("its own word did not clear it")
	}
	b.Take(start, []Event{{ID: 9, At: start, Kind: NoticeOpened, To: string(CodeWishDamaged)}})
	out := b.Take(start, []Event{{ID: 10, At: start, Kind: WishChanged, From: "off", To: "home"}})
	if len(out) != 1 || out[0].Kind != NoticeCleared || out[0].From != string(CodeWishDamaged) {
		t.Errorf("a new wish gives %v, want the damaged one cleared", out)
	}
}

func TestBoardWithoutHoldTellsAtOnce(t *testing.T) {
	b := NewBoard(time.Minute)
	b.Hold(0)
	play(b, 31*time.Second, told(0, wish("home")), told(30*time.Second, verdict("suspect", "unhealthy", tunnel.Unanswered)))
	if n := b.Open(); len(n) != 1 || n[0].Code != "unanswered" {
		t.Fatalf("open %+v", n)
	}
}

// A notice that has come to say more is the same one: seen is seen.
func TestNoticeStaysTheSame(t *testing.T) {
	b := NewBoard(time.Minute)
	play(b, 61*time.Second, told(0, wish("home")), told(30*time.Second, verdict("suspect", "unhealthy", tunnel.Unanswered)))
	was := b.Open()[0]
	if !b.Ack(was.ID) {
		t.Fatal("it cannot be acknowledged")
	}
	e := told(70*time.Second, verdict("unhealthy", "unhealthy", tunnel.ServerDown))
	e.Evidence = "The server's computer answered before and does not now."
	if out := b.Take(e.At, []Event{e}); len(out) != 0 {
		t.Errorf("told: %v", out)
	}
	now := b.Open()
	if len(now) != 1 || now[0].ID != was.ID || !now[0].Since.Equal(was.Since) || !now[0].Acknowledged {
		t.Errorf("open %+v, was %+v", now, was)
	}
	if n := now[0]; n.Code != "server_down" || n.Title != Describe("server_down").Title || n.Evidence != e.Evidence {
		t.Errorf("it says %+v", n)
	}
}

func TestNotice(t *testing.T) {
	b := NewBoard(0)
	b.Take(start, []Event{{ID: 7, At: start, Kind: WishChanged, To: "home"}})
	at := start.Add(time.Minute)
	b.Take(at, []Event{{ID: 8, At: at, Kind: FailedOver, Tunnel: "fr", From: "nl", To: "fr", Cause: tunnel.Unanswered, DowntimeMs: 42000}})
	open := b.Open()
	if len(open) != 1 {
		t.Fatalf("open %+v", open)
	}
	n, w := open[0], Describe(Code(FailedOver))
	want := Notice{ID: 8, Code: "failed_over", Severity: w.Severity, Tunnel: "fr", Title: w.Title, What: w.What,
		Advice: w.Advice, Since: at, Evidence: "Switched from nl to fr: the tunnel carries nothing. Without service for 42 s."}
	if n != want {
		t.Errorf("got  %+v\nwant %+v", n, want)
	}
	if b.Ack(7) || !b.Ack(8) || !b.Open()[0].Acknowledged {
		t.Error("only the open notice can be acknowledged")
	}
	open[0].Title = "changed"
	if b.Open()[0].Title == "changed" {
		t.Error("Open hands out the board's own notice")
	}
}

// Why a member was left is told by the notice that it was, once it is known.
func TestWhyItWasLeft(t *testing.T) {
	b := NewBoard(time.Minute)
	play(b, 33*time.Second, told(0, wish("home")),
		told(30*time.Second, verdict("suspect", "unhealthy", tunnel.Unanswered)),
		told(31*time.Second, Event{Kind: FailedOver, Tunnel: "fr", From: "nl", To: "fr", Cause: tunnel.Unanswered, DowntimeMs: 2400}),
		told(32*time.Second, Event{Kind: VerdictChanged, Tunnel: "fr", From: "unknown", To: "healthy"}))
	was, next := b.Open(), b.Next()
	why := told(33*time.Second, verdict("unhealthy", "unhealthy", tunnel.KeyRefused))
	why.Evidence = "Its computer answers an echo."
	if out := b.Take(why.At, []Event{why}); len(out) != 0 {
		t.Errorf("told: %v", out)
	}
	now := b.Open()
	if len(now) != 1 || now[0].ID != was[0].ID || now[0].Code != Code(FailedOver) || !b.Next().Equal(next) {
		t.Fatalf("open %+v, was %+v", now, was)
	}
	want := "Switched from nl to fr: the server seems to refuse this key. Without service for 2.4 s. Its computer answers an echo."
	if now[0].Evidence != want {
		t.Errorf("it says %q, want %q", now[0].Evidence, want)
	}
}

// Any events at any times: what the board opens it clears once, under the same
// name; one matter has one notice, and while the network cannot be used none is
// about the tunnel; every notice has words; and with the wish off nothing stays
// but what others have told.
func TestAnyEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBoard(time.Minute)
		open := map[string]bool{}
		now := start
		feed := func(events ...Event) {
			for _, e := range b.Take(now, events) {
				code, opens := e.From, false
				if e.Kind == NoticeOpened {
					code, opens = e.To, true
				}
				if open[code] == opens && !othersWord(Code(code)) {
					t.Fatalf("%s twice: %v", code, opens)
				}
				open[code] = opens
			}
			checkOpen(t, b)
			if next := b.Next(); !next.IsZero() && next.Before(now) {
				t.Fatalf("next %s is past", next)
			}
		}
		id := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "later")) * time.Second)
			feed()
			id++
			feed(anyEvent(t, id, now))
		}
		feed(Event{ID: id + 1, At: now, Kind: WishChanged, From: "home", To: "off"})
		if n := b.Open(); len(n) > 1 || len(n) == 1 && n[0].Code != CodeTargetGone {
			t.Fatalf("off, and told: %s", fmt.Sprint(n))
		}
	})
}

// othersWord says that a notice is opened by others, whose word is the event.
func othersWord(c Code) bool {
	return c == CodeWishDamaged || c == CodeTargetGone || c == Code(tunnel.Lossy)
}

// checkOpen holds the open notices against what the board promises of them.
func checkOpen(t *rapid.T, b *Board) {
	network, trouble := 0, 0
	for _, n := range b.Open() {
		if n.Title == "" || n.What == "" || n.Evidence == "" || n.Severity == "" || n.ID == 0 || n.Title == Describe("unheard of").Title {
			t.Fatalf("without words: %+v", n)
		}
		switch {
		case othersWord(n.Code), n.Code == Code(FailedOver), n.Code == Code(WishChanged):
		case n.Code == Code(tunnel.NoNetwork), n.Code == Code(tunnel.SignIn):
			network++
		default:
			trouble++
		}
		if n.Code == Code(tunnel.SessionStale) {
			t.Fatalf("history is told: %+v", n)
		}
	}
	if network+trouble > 1 {
		t.Fatalf("%d notices about the network and %d about the tunnel", network, trouble)
	}
}

func anyEvent(t *rapid.T, id int64, now time.Time) Event {
	e := Event{ID: id, At: now, Kind: rapid.SampledFrom(kinds()).Draw(t, "kind"), Tunnel: "nl",
		From: rapid.SampledFrom([]string{"off", "home", "healthy"}).Draw(t, "from"),
		To: rapid.SampledFrom([]string{"off", "home", "healthy", "unhealthy", "suspect", "up", "down", "ok",
			HeldAllSilent, HeldExhausted, HeldOffline}).Draw(t, "to"),
		Cause: rapid.SampledFrom([]tunnel.Cause{"", tunnel.Unanswered, tunnel.PSKMismatch, tunnel.SessionStale, tunnel.KeyOrServer}).Draw(t, "cause"),
	}
	if rapid.Bool().Draw(t, "about none") {
		e.Tunnel = ""
	}
	switch e.Kind {
	case NoticeOpened, NoticeCleared:
		code := string(rapid.SampledFrom([]Code{CodeWishDamaged, CodeTargetGone, Code(tunnel.Lossy)}).Draw(t, "code"))
		if e.From, e.To, e.Tunnel = code, code, ""; code == string(tunnel.Lossy) {
			e.Tunnel = "nl"
		}
	case UnderlayChanged:
		e.Cause = rapid.SampledFrom([]tunnel.Cause{"", tunnel.NoNetwork, tunnel.SignIn}).Draw(t, "underlay")
	case StateChanged:
		e.Evidence = rapid.SampledFrom([]string{"", "no such device"}).Draw(t, "evidence")
	default:
	}
	return e
}
