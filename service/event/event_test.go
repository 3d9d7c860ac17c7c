package event

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

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

func kinds() []Kind {
	return []Kind{
		WishChanged, StateChanged, VerdictChanged, HandshakeFailed, HandshakeRecovered, FailedOver, FailedBack,
		Restarted, Held, CooldownStarted, CooldownEnded, UnderlayChanged, Woke, EndpointChanged, GuardChanged,
		NoticeOpened, NoticeCleared, ConfigChanged, SettingsChanged, Denied, ServiceStarted, ServiceStopped,
	}
}

// Every cause has its own words: what is the matter, what follows, and for
// what a person can mend, what to do.
func TestEveryCauseHasWords(t *testing.T) {
	titles := map[string]Code{}
	for _, c := range causes(t) {
		if w, ok := catalogue[Code(c)]; !ok || w.ShownAfter > time.Minute && c != tunnel.SessionStale {
			t.Errorf("%s has no words, or they come too late: %+v", c, w)
		}
	}
	for code, w := range catalogue {
		if other, taken := titles[w.Title]; taken {
			t.Errorf("%s and %s have one title, %q", code, other, w.Title)
		}
		titles[w.Title] = code
		if strings.HasSuffix(w.Title, ".") || w.Title == "" {
			t.Errorf("%s: title %q", code, w.Title)
		}
		for _, s := range []string{w.What, w.Advice} {
			if s != "" && !strings.HasSuffix(s, ".") {
				t.Errorf("%s: %q is not a sentence", code, s)
			}
		}
		if w.What == "" || (w.Advice == "" && w.Severity == High) {
			t.Errorf("%s: %+v", code, w)
		}
		switch w.Severity {
		case Low, Medium, High:
		default:
			t.Errorf("%s: severity %q", code, w.Severity)
		}
	}
	for _, c := range []Code{CodeAllSilent, CodeExhausted, Code(CooldownStarted)} {
		if Describe(c).Severity != High {
			t.Errorf("%s is not told aloud", c)
		}
	}
}

func TestUnknownCodeHasPlainWords(t *testing.T) {
	if w := Describe("from_the_future"); !strings.Contains(w.What, "from_the_future") || w.Severity != Low {
		t.Errorf("got %+v", w)
	}
}

// causeOf tells apart the kinds whose sentences differ by the cause alone.
func causeOf(k Kind) tunnel.Cause {
	if k == VerdictChanged {
		return tunnel.Unanswered
	}
	return ""
}

func TestEveryKindHasASentence(t *testing.T) {
	seen := map[string]Kind{}
	for _, k := range kinds() {
		s := Event{Kind: k, Tunnel: "nl", From: "berlin", To: "paris", Cause: causeOf(k)}.Sentence()
		if !strings.HasSuffix(s, ".") || strings.Contains(s, "_") || strings.Contains(s, "  ") {
			t.Errorf("%s: %q", k, s)
		}
		if other, taken := seen[s]; taken {
			t.Errorf("%s and %s are both %q", k, other, s)
		}
		seen[s] = k
	}
}

func TestSentences(t *testing.T) {
	for _, tt := range []struct {
		e    Event
		want string
	}{
		{Event{Kind: FailedOver, Tunnel: "paris", From: "berlin", To: "paris", Cause: tunnel.Unanswered, DowntimeMs: 42_000},
			"Switched from berlin to paris: the tunnel carries nothing. Without service for 42 s."},
		{Event{Kind: FailedOver, Tunnel: "paris", From: "berlin", To: "paris", DowntimeMs: 5240, Evidence: "berlin could not be started."},
			"Switched from berlin to paris. Without service for 5.2 s. Berlin could not be started."},
		{Event{Kind: FailedBack, From: "paris", To: "berlin"}, "Switched back from paris to berlin."},
		{Event{Kind: VerdictChanged, Tunnel: "nl", From: "suspect", To: "unhealthy", Cause: tunnel.HandshakeTimeout, Evidence: "No answer for 30 s."},
			"nl is unhealthy: no answer from the server. No answer for 30 s."},
		{Event{Kind: VerdictChanged, Tunnel: "nl", From: "healthy", To: "suspect", Cause: tunnel.Unanswered},
			"nl is suspect: data was sent and nothing has come back so far."},
		{Event{Kind: VerdictChanged, Tunnel: "nl", From: "unhealthy", To: "healthy", DowntimeMs: 200_000},
			"nl is healthy again. Without service for 3 min 20 s."},
		{Event{Kind: VerdictChanged, Tunnel: "nl", From: "unknown", To: "healthy"}, "nl is healthy."},
		{Event{Kind: StateChanged, Tunnel: "nl", From: "starting", To: "down", Evidence: "permission denied"},
			"nl is down. Permission denied."},
		{Event{Kind: WishChanged, From: "off", To: "home"}, "Asked for home."},
		{Event{Kind: WishChanged, From: "home", To: "off"}, "Turned off."},
		{Event{Kind: WishChanged, From: "home", To: "off", Evidence: "Every attempt was made."},
			"Disconnected by the policy. Every attempt was made."},
		{Event{Kind: WishChanged, Tunnel: "paris", From: "berlin", To: "paris"}, "Switched from berlin to paris, as asked."},
		{Event{Kind: WishChanged, Tunnel: "nl", From: "home", To: "off", Cause: tunnel.Unanswered},
			"Disconnected by the policy: the tunnel carries nothing."},
		{Event{Kind: Restarted, Tunnel: "nl", To: "rebind", Evidence: "Attempt 1 of 5."}, "Restarted nl with new sockets. Attempt 1 of 5."},
		{Event{Kind: Held, To: HeldOffline, Cause: tunnel.NoNetwork}, "Holding: no network."},
		{Event{Kind: UnderlayChanged, From: "ok", To: "sign_in", Cause: tunnel.SignIn},
			"The network cannot be used: this network wants a sign-in."},
		{Event{Kind: UnderlayChanged, From: "sign_in", To: "ok"}, "The network can be used again."},
		{Event{Kind: NoticeOpened, To: "no_network"}, "Notice: No network."},
	} {
		if got := tt.e.Sentence(); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                "0 s",
		50 * time.Millisecond:            "0.1 s",
		5 * time.Second:                  "5 s",
		5240 * time.Millisecond:          "5.2 s",
		9960 * time.Millisecond:          "10 s",
		31500 * time.Millisecond:         "32 s",
		59700 * time.Millisecond:         "1 min",
		90 * time.Second:                 "1 min 30 s",
		time.Hour - 400*time.Millisecond: "1 h",
		2*time.Hour + 5*time.Minute + 29*time.Second: "2 h 5 min",
	} {
		if got := Span(d); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}
