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
// up to end, and returns what it told: "12s +no_network", "1m -no_network".
func play(b *Board, end time.Duration, events ...Event) []string {
	var out []string
	note := func(now time.Time, told []Event) {
		for _, e := range told {
			mark := "+" + e.To
			if e.Kind == NoticeCleared {
				mark = "-" + e.From
			}
			out = append(out, now.Sub(start).String()+" "+mark)
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
		}, "1m5s +no_network, 1m20s -no_network, 1m25s +sign_in, 1m40s -sign_in"},
		{"an outage that heals at once is history", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(40*s, verdict("unhealthy", "healthy", "")),
		}, ""},
		{"an outage that lasts", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(300*s, verdict("unhealthy", "healthy", "")),
		}, "45s +unanswered, 5m0s -unanswered"},
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
		}, "45s +all_silent, 3m20s -all_silent, 3m20s +exhausted, 5m0s -exhausted"},
		{"a cooldown, and what is left after it", []Event{on,
			told(30*s, verdict("suspect", "unhealthy", tunnel.Unanswered)),
			told(31*s, Event{Kind: CooldownStarted, Tunnel: "nl", Cause: tunnel.Unanswered}),
			told(331*s, Event{Kind: CooldownEnded, Tunnel: "nl"}),
			told(332*s, Event{Kind: FailedOver, Tunnel: "fr", From: "nl", To: "fr"}),
			told(333*s, Event{Kind: FailedBack, Tunnel: "nl", From: "fr", To: "nl"}),
		}, "45s +cooldown_started, 5m31s -cooldown_started, 5m31s +unanswered, 5m32s -unanswered, 5m32s +failed_over, 5m33s -failed_over"},
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

// Any events at any times: what opens is cleared once and is open in between,
// one matter has one notice, and with the wish off and a network nothing stays
// but what others have told.
func TestAnyEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBoard(time.Minute)
		open := map[string]bool{}
		now := start
		feed := func(events ...Event) {
			for _, e := range events { // what others tell need not be told again
				switch e.Kind {
				case NoticeOpened:
					open[e.To] = true
				case NoticeCleared:
					delete(open, e.From)
				default:
				}
			}
			for _, e := range b.Take(now, events) {
				code, opens := e.From, false
				if e.Kind == NoticeOpened {
					code, opens = e.To, true
				}
				if open[code] == opens {
					t.Fatalf("%s twice: %v", code, opens)
				}
				open[code] = opens
			}
			for _, n := range b.Open() {
				if !open[string(n.Code)] {
					t.Fatalf("%s is open and was not told", n.Code)
				}
			}
			if next := b.Next(); !next.IsZero() && next.Before(now) {
				t.Fatalf("next %s is past", next)
			}
		}
		id := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "later")) * time.Second)
			feed()
			id++
			e := Event{ID: id, At: now, Kind: rapid.SampledFrom(kinds()).Draw(t, "kind"), Tunnel: "nl",
				From: rapid.SampledFrom([]string{"off", "home", "healthy"}).Draw(t, "from"),
				To: rapid.SampledFrom([]string{"off", "home", "healthy", "unhealthy", "suspect", "up", "down", "ok",
					HeldAllSilent, HeldExhausted, HeldOffline}).Draw(t, "to"),
				Cause: rapid.SampledFrom([]tunnel.Cause{"", tunnel.NoNetwork, tunnel.Unanswered}).Draw(t, "cause"),
			}
			if rapid.Bool().Draw(t, "about none") {
				e.Tunnel = ""
			}
			if e.Kind == NoticeOpened || e.Kind == NoticeCleared {
				code := string(rapid.SampledFrom([]Code{CodeWishDamaged, CodeTargetGone}).Draw(t, "code"))
				e.From, e.To, e.Tunnel = code, code, ""
			}
			feed(e)
		}
		feed(Event{ID: id + 1, At: now, Kind: WishChanged, From: "home", To: "off"})
		if n := b.Open(); len(n) > 1 || len(n) == 1 && n[0].Code != CodeTargetGone {
			t.Fatalf("off, and told: %s", fmt.Sprint(n))
		}
	})
}
