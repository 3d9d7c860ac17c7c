package event

import (
	"fmt"
	"strings"
	"time"

	"holdfast/service/tunnel"
)

// Sentence puts the event in one line for a person.
func (e Event) Sentence() string {
	s := e.fact()
	if e.DowntimeMs > 0 {
		s += fmt.Sprintf(" Without service for %s.", Span(time.Duration(e.DowntimeMs)*time.Millisecond))
	}
	if e.Evidence != "" && !strings.Contains(s, e.Evidence) {
		s += " " + capital(e.Evidence)
		if !strings.HasSuffix(s, ".") {
			s += "."
		}
	}
	return s
}

// Span is a length of time as people write it: "5.2 s", "42 s", "3 min 20 s",
// "2 h 5 min". It is rounded to a tenth of a second below ten seconds, to the
// second below an hour, and to the minute above.
func Span(d time.Duration) string {
	switch {
	case d < 10*time.Second-50*time.Millisecond:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
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

func (e Event) fact() string {
	switch e.Kind {
	case WishChanged:
		return e.wish()
	case StateChanged:
		return fmt.Sprintf("%s is %s%s.", e.tunnel(), e.To, e.because())
	case VerdictChanged:
		return e.verdict()
	case HandshakeFailed:
		return fmt.Sprintf("Handshakes of %s fail%s.", e.tunnel(), e.because())
	case HandshakeRecovered:
		if e.Cause == tunnel.SessionStale {
			return fmt.Sprintf("%s has a new session, since the server had forgotten the one before.", e.tunnel())
		}
		return fmt.Sprintf("Handshakes of %s succeed again.", e.tunnel())
	case FailedOver:
		return fmt.Sprintf("Switched from %s to %s%s.", e.From, e.To, e.because())
	case FailedBack:
		return fmt.Sprintf("Switched back from %s to %s.", e.From, e.To)
	case Restarted:
		return e.restarted()
	case Held:
		return e.held()
	case CooldownStarted:
		return "Waiting before any member is tried again."
	case CooldownEnded:
		return "The wait is over; members are tried again."
	case UnderlayChanged:
		return e.underlay()
	case Woke:
		return "The computer woke."
	case EndpointChanged:
		return fmt.Sprintf("The endpoint of %s changed from %s to %s.", e.tunnel(), e.From, e.To)
	case GuardChanged:
		return fmt.Sprintf("The guard went from %s to %s.", e.From, e.To)
	case NoticeOpened:
		return "Notice: " + Describe(Code(e.To)).Title + "."
	case NoticeCleared:
		return "No longer true: " + Describe(Code(e.From)).Title + "."
	case ConfigChanged:
		if e.Tunnel == "" {
			return "The list of tunnels or groups changed."
		}
		return fmt.Sprintf("The config of %s changed.", e.tunnel())
	case SettingsChanged:
		return "The settings changed."
	case Denied:
		return "A request was refused."
	case ServiceStarted:
		return "The service started."
	case ServiceStopped:
		return "The service stopped."
	default:
		return fmt.Sprintf("%s.", capital(strings.ReplaceAll(string(e.Kind), "_", " ")))
	}
}

// offWord is the wish for no tunnel.
const offWord = "off"

func (e Event) wish() string {
	switch {
	case e.byPolicy():
		return "Disconnected by the policy" + e.because() + "."
	case e.To == offWord:
		return "Turned off."
	case e.Tunnel != "":
		return fmt.Sprintf("Switched from %s to %s, as asked.", e.From, e.To)
	default:
		return fmt.Sprintf("Asked for %s.", e.To)
	}
}

// byPolicy says that the policy ended the wish: a person gives no reason. What
// could not start has no cause.
func (e Event) byPolicy() bool {
	return e.Kind == WishChanged && e.To == offWord && (e.Cause != "" || e.Evidence != "")
}

// verdict says what was seen, where a verdict's own word says too little.
func (e Event) verdict() string {
	switch {
	case e.To == "suspect" && e.Cause == tunnel.Unanswered:
		return fmt.Sprintf("%s is suspect: data was sent and nothing has come back so far.", e.tunnel())
	case e.To == "healthy" && (e.From == "suspect" || e.From == "unhealthy"):
		return fmt.Sprintf("%s is healthy again.", e.tunnel())
	case e.To == "unknown":
		return fmt.Sprintf("%s is judged anew.", e.tunnel())
	default:
		return fmt.Sprintf("%s is %s%s.", e.tunnel(), e.To, e.because())
	}
}

// restarted says what a restart made anew, from the word for its rung.
func (e Event) restarted() string {
	with := map[string]string{
		"rebind": "new sockets", "rotate": "a new port", "renew": "a new device", "reopen": "a new interface",
	}[e.To]
	if with == "" {
		return fmt.Sprintf("Restarted %s (%s)%s.", e.tunnel(), e.To, e.because())
	}
	return fmt.Sprintf("Restarted %s with %s%s.", e.tunnel(), with, e.because())
}

func (e Event) held() string {
	switch e.To {
	case HeldOffline:
		return "Holding" + e.because() + "."
	case HeldAllSilent:
		return "Holding: no other member answers."
	case HeldMinimum:
		return "Holding: another switch would come too soon after the last."
	case HeldExhausted:
		return "Every attempt to restart was made."
	case HeldRefused:
		return fmt.Sprintf("Could not switch to %s.", e.tunnel())
	default:
		return "Holding."
	}
}

func (e Event) underlay() string {
	switch {
	case e.To == "ok" && e.From == "ok":
		return "The network changed."
	case e.To == "ok":
		return "The network can be used again."
	default:
		return "The network cannot be used" + e.because() + "."
	}
}

func (e Event) tunnel() string {
	if e.Tunnel == "" {
		return "the tunnel"
	}
	return string(e.Tunnel)
}

// because names the cause after a colon, in the catalogue's words.
func (e Event) because() string {
	if e.Cause == "" {
		return ""
	}
	title := Describe(Code(e.Cause)).Title
	return ": " + strings.ToLower(title[:1]) + title[1:]
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
