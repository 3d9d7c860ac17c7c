package event

import (
	"fmt"
	"strings"
	"time"

	"holdfast/service/tunnel"
)

// Sentence puts the event in one line for a person, in English.
func (e Event) Sentence() string { return e.SentenceIn(English) }

// SentenceIn puts the event in one line for a person, in a language. The
// evidence, which is written down in English, follows in English only.
func (e Event) SentenceIn(lang Language) string {
	l := lexiconOf(lang)
	s := e.tell(lang, e.phrase())
	if e.DowntimeMs > 0 {
		s += " " + strings.ReplaceAll(l.phrases[downtime], "{span}", SpanIn(lang, time.Duration(e.DowntimeMs)*time.Millisecond))
	}
	if lang == English && e.Evidence != "" && !strings.Contains(s, e.Evidence) {
		s += " " + capital(e.Evidence)
		if !strings.HasSuffix(s, ".") {
			s += "."
		}
	}
	return s
}

// tell fills in a phrase.
func (e Event) tell(lang Language, p phrase) string {
	l := lexiconOf(lang)
	name := string(e.Tunnel)
	if name == "" {
		name = l.phrases[anyTunnel]
	}
	title := ""
	switch e.Kind {
	case NoticeOpened:
		title = DescribeIn(lang, Code(e.To)).Title
	case NoticeCleared:
		title = DescribeIn(lang, Code(e.From)).Title
	default:
	}
	return strings.NewReplacer("{tunnel}", name, "{from}", e.From, "{to}", e.To, "{because}", e.because(lang),
		"{title}", title, "{kind}", capital(strings.ReplaceAll(string(e.Kind), "_", " "))).Replace(l.phrases[p])
}

// Span is a length of time as people write it: "5.2 s", "42 s", "3 min 20 s",
// "2 h 5 min". It is rounded to a tenth of a second below ten seconds, to the
// second below an hour, and to the minute above.
func Span(d time.Duration) string { return SpanIn(English, d) }

// SpanIn is Span as people of another language write it: "5,2 s".
func SpanIn(lang Language, d time.Duration) string {
	switch {
	case d < 10*time.Second-50*time.Millisecond:
		tenths := strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0")
		return strings.Replace(tenths, ".", lexiconOf(lang).point, 1) + " s"
	case d < time.Minute-500*time.Millisecond:
		return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
	case d < time.Hour-500*time.Millisecond:
		return parts(d.Round(time.Second), time.Minute, "min", time.Second, "s")
	default:
		return parts(d.Round(time.Minute), time.Hour, "h", time.Minute, "min")
	}
}

// parts writes d in two units, and leaves the smaller away where it is nothing.
func parts(d, large time.Duration, largeWord string, small time.Duration, smallWord string) string {
	s := fmt.Sprintf("%d %s", d/large, largeWord)
	if rest := d % large / small; rest > 0 {
		s += fmt.Sprintf(" %d %s", rest, smallWord)
	}
	return s
}

// phrase chooses what the event is told with.
func (e Event) phrase() phrase {
	switch e.Kind {
	case WishChanged:
		return e.wish()
	case StateChanged:
		return e.oneOf("state")
	case VerdictChanged:
		return e.verdict()
	case Restarted:
		return e.oneOf("restarted")
	case Held:
		return e.oneOf("held")
	case UnderlayChanged:
		return e.underlay()
	case GuardChanged:
		if e.From == e.To {
			return guardDisturbed
		}
		return e.oneOf("guard")
	case HandshakeRecovered:
		if e.Cause == tunnel.SessionStale {
			return sessionRenewed
		}
	case ConfigChanged:
		if e.Tunnel == "" {
			return configOfAny
		}
		return configOfOne
	default:
	}
	if p := phrase(e.Kind); englishPhrases[p] != "" {
		return p
	}
	return otherKind
}

// oneOf is the phrase for what is now, or the one for anything.
func (e Event) oneOf(what phrase) phrase {
	if p := what + " " + phrase(e.To); englishPhrases[p] != "" {
		return p
	}
	return what
}

// offWord is the wish for no tunnel.
const offWord = "off"

func (e Event) wish() phrase {
	switch {
	case e.byPolicy():
		return wishByPolicy
	case e.To == offWord:
		return wishOff
	case e.Tunnel != "":
		return wishMember
	default:
		return wishTarget
	}
}

// byPolicy says that the policy ended the wish: a person gives no reason. What
// could not start has no cause.
func (e Event) byPolicy() bool {
	return e.Kind == WishChanged && e.To == offWord && (e.Cause != "" || e.Evidence != "")
}

// verdict says what was seen, where a verdict's own word says too little.
func (e Event) verdict() phrase {
	switch {
	case e.To == "suspect" && e.Cause == tunnel.Unanswered:
		return verdictNoReply
	case e.To == "healthy" && (e.From == "suspect" || e.From == "unhealthy"):
		return verdictAgain
	default:
		return e.oneOf("verdict")
	}
}

func (e Event) underlay() phrase {
	switch {
	case e.To == "ok" && e.From == "ok":
		return networkOther
	case e.To == "ok":
		return networkBack
	default:
		return networkGone
	}
}

// because goes on a sentence with the cause, in the catalogue's words.
func (e Event) because(lang Language) string {
	if e.Cause == "" {
		return ""
	}
	l := lexiconOf(lang)
	title := DescribeIn(lang, Code(e.Cause)).Title
	if l.lowers {
		title = strings.ToLower(title[:1]) + title[1:]
	}
	return strings.ReplaceAll(l.phrases[because], "{title}", title)
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
