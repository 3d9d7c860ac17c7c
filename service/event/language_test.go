package event

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/service/tunnel"
)

var inBraces = regexp.MustCompile(`\{\w*\}?`)

// fields are the names in braces of a phrase, sorted.
func fields(p string) []string {
	found := inBraces.FindAllString(p, -1)
	slices.Sort(found)
	return found
}

// TestEveryPhraseInEveryLanguage: no language lacks one, has one more, or fills
// in other things.
func TestEveryPhraseInEveryLanguage(t *testing.T) {
	known := []string{"{because}", "{from}", "{kind}", "{span}", "{title}", "{to}", "{tunnel}"}
	for _, lang := range Languages() {
		phrases := lexicons[lang].phrases
		for p, text := range phrases {
			if _, ok := englishPhrases[p]; !ok {
				t.Errorf("%s has a phrase %q that English has not", lang, p)
			}
			for _, f := range fields(text) {
				if !slices.Contains(known, f) {
					t.Errorf("%s, %q: nobody fills in %s", lang, p, f)
				}
			}
		}
		for p, text := range englishPhrases {
			if got, want := fields(phrases[p]), fields(text); phrases[p] == "" || !slices.Equal(got, want) {
				t.Errorf("%s, %q: %q fills in %v, English %v", lang, p, phrases[p], got, want)
			}
			if lang != English && phrases[p] == text && strings.Trim(inBraces.ReplaceAllString(text, ""), ":. ") != "" {
				t.Errorf("%s, %q: %q is still English", lang, p, text)
			}
		}
	}
}

// TestEveryCodeInEveryLanguage: each has words of its own, in the form that
// English has them.
func TestEveryCodeInEveryLanguage(t *testing.T) {
	for _, lang := range Languages()[1:] {
		l := lexicons[lang]
		titles := map[string]Code{}
		for code, english := range catalogue {
			w, ok := l.words[code]
			if !ok {
				t.Errorf("%s has no words for %s", lang, code)
				continue
			}
			if other, taken := titles[w.Title]; taken {
				t.Errorf("%s: %s and %s have one title, %q", lang, code, other, w.Title)
			}
			titles[w.Title] = code
			if w.Title == "" || strings.HasSuffix(w.Title, ".") || w.Title == english.Title {
				t.Errorf("%s, %s: title %q", lang, code, w.Title)
			}
			if !strings.HasSuffix(w.What, ".") || w.What == english.What {
				t.Errorf("%s, %s: %q", lang, code, w.What)
			}
			if (w.Advice == "") != (english.Advice == "") || w.Advice != "" && !strings.HasSuffix(w.Advice, ".") {
				t.Errorf("%s, %s: advice %q, where English has %q", lang, code, w.Advice, english.Advice)
			}
			if got := DescribeIn(lang, code); got.Severity != english.Severity || got.ShownAfter != english.ShownAfter || got.Title != w.Title {
				t.Errorf("%s, %s: %+v", lang, code, got)
			}
		}
		if len(l.words) != len(catalogue) {
			t.Errorf("%s has words for %d codes, there are %d", lang, len(l.words), len(catalogue))
		}
	}
}

// TestGermanAddressesNobody: its form is neutral.
func TestGermanAddressesNobody(t *testing.T) {
	address := regexp.MustCompile(`\b(du|dir|dich|dein\w*|Ihnen|Ihre?[mnrs]?|[Bb]itte)\b`)
	for code, w := range germanWords {
		for _, s := range []string{w.Title, w.What, w.Advice} {
			if address.MatchString(s) {
				t.Errorf("%s: %q", code, s)
			}
		}
	}
	for p, s := range germanPhrases {
		if address.MatchString(s) {
			t.Errorf("%s: %q", p, s)
		}
	}
}

// TestEveryEventCanBeTold: in every language, whatever the event holds.
func TestEveryEventCanBeTold(t *testing.T) {
	tos := []string{"ok", "off", "down", "starting", "up", "stopping", "unknown", "idle", "healthy", "suspect", "unhealthy", "rebind", "rotate",
		"renew", "reopen", HeldOffline, HeldAllSilent, HeldMinimum, HeldExhausted, HeldRefused, "no_network", "from_the_future"}
	for _, lang := range Languages() {
		for _, k := range append(kinds(), "history_gap", "from_the_future") {
			for _, to := range tos {
				for _, c := range append(causes(t), "") {
					e := Event{Kind: k, Tunnel: "nl", From: to, To: to, Cause: c, DowntimeMs: 1500}
					s := e.SentenceIn(lang)
					if strings.ContainsAny(s, "{}") || !strings.HasSuffix(s, ".") || strings.Contains(s, "  ") || strings.Contains(s, "..") {
						t.Fatalf("%s, %+v: %q", lang, e, s)
					}
				}
			}
			if got := (Event{Kind: k, Tunnel: "nl", To: "nl"}).phrase(); got == otherKind && k != "from_the_future" {
				t.Errorf("%s has no phrase", k)
			}
		}
	}
}

func TestGermanSentences(t *testing.T) {
	for _, tt := range []struct {
		e    Event
		want string
	}{
		{Event{Kind: FailedOver, Tunnel: "paris", From: "berlin", To: "paris", Cause: tunnel.Unanswered, DowntimeMs: 5240, Evidence: "No answer for 5 s."},
			"Von berlin zu paris gewechselt: Der Tunnel überträgt nichts. Unterbrechung: 5,2 s."},
		{Event{Kind: VerdictChanged, Tunnel: "nl", From: "suspect", To: "unhealthy", Cause: tunnel.HandshakeTimeout},
			"nl ist gestört: Keine Antwort vom Server."},
		{Event{Kind: VerdictChanged, Tunnel: "nl", From: "healthy", To: "suspect", Cause: tunnel.Unanswered},
			"nl wird geprüft: Es wurde gesendet, und bisher ist nichts zurückgekommen."},
		{Event{Kind: VerdictChanged, Tunnel: "nl", From: "unhealthy", To: "healthy", DowntimeMs: 200_000},
			"nl funktioniert wieder. Unterbrechung: 3 min 20 s."},
		{Event{Kind: WishChanged, From: "off", To: "home"}, "home wurde angefordert."},
		{Event{Kind: Held, To: HeldOffline, Cause: tunnel.NoNetwork}, "Es wird gewartet: Kein Netz."},
		{Event{Kind: NoticeCleared, From: "no_network"}, "Nicht mehr der Fall: Kein Netz."},
		{Event{Kind: StateChanged, From: "up", To: "down"}, "Der Tunnel ist aus."},
	} {
		if got := tt.e.SentenceIn(German); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
	if got := SpanIn(German, 5240*time.Millisecond); got != "5,2 s" {
		t.Errorf("got %q", got)
	}
}

func TestNoticeInAnotherLanguage(t *testing.T) {
	n := Notice{ID: 7, Code: "no_network", Title: "No network", What: "x", Advice: "y", Evidence: "eth0 is down.", Severity: Medium}
	got := n.In(German)
	if got.Title != "Kein Netz" || got.What == "x" || got.Advice == "y" || got.Evidence != n.Evidence || got.ID != 7 || n.Title != "No network" {
		t.Errorf("got %+v", got)
	}
	if n.In(English) != n {
		t.Error("English notices are worded anew")
	}
	n.Code = "from_the_future"
	if n.In(German) != n {
		t.Error("a notice that this version does not know loses the words it came with")
	}
	if got := DescribeIn("tlh", "no_network"); got != Describe("no_network") {
		t.Errorf("a language that there is none of: got %+v, want English", got)
	}
	if got := DescribeIn(German, "from_the_future"); !strings.Contains(got.What, "from_the_future") || got.Title == Describe("from_the_future").Title {
		t.Errorf("an unknown code: got %+v", got)
	}
}
