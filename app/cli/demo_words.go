package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/service/event"
	"holdfast/service/lab"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// introduction says what the demo is, to somebody who has not heard of any of it.
// Url is the page's; "": none is served.
func introduction(url, socket string) []string {
	lines := []string{
		"A VPN tunnel can look connected and carry nothing. Holdfast notices, and moves to a tunnel that works.",
		"",
		"Three WireGuard servers run inside this program: berlin, paris and oslo. A tunnel leads to berlin, " +
			"and two pings a second and some small web requests go through it. " +
			"Break a server and watch. Nothing of this computer is touched.",
		"",
		"What notices a dead server is as it always is. Only the way back is shorter here: a server that was left " +
			"must be well for 8 s, by default for 2 minutes. In another terminal you can ask this service, too:",
		"holdfast status --socket " + socket,
		"",
	}
	if url != "" {
		lines = append(lines, "The page shows all of it, with buttons that break things. It is at "+url+
			" and says nothing to anyone until it is opened with:", "holdfast open --socket "+socket, "")
	}
	return lines
}

// choice is a key and the fault that it stands for.
type choice struct {
	key   byte
	fault lab.FaultInfo
}

// shownFirst are the faults that teach most. They have the keys 1, 2, 3…
var shownFirst = []lab.Fault{
	lab.BlackHole, lab.Refused, lab.Revoked, lab.ForwardingOff, lab.BlackHoleUp, lab.Restart, lab.Loss, lab.Bursts,
}

// letters are the keys of the other faults: all but those that mean something else.
const letters = "abcdefgijklmprstuvwxyz"

// menu gives every fault its key: those that are shown first, then the others.
func menu() (first, others []choice) {
	for _, f := range lab.Faults() {
		if i := slices.Index(shownFirst, f.Key); i < 0 && len(others) < len(letters) {
			others = append(others, choice{letters[len(others)], f})
		}
	}
	for i, key := range shownFirst {
		at := slices.IndexFunc(lab.Faults(), func(f lab.FaultInfo) bool { return f.Key == key })
		first = append(first, choice{byte('1' + i), lab.Faults()[at]})
	}
	return first, others
}

// chosen finds the fault of a key.
func chosen(key byte) (lab.FaultInfo, bool) {
	first, others := menu()
	for _, c := range append(first, others...) {
		if c.key == key {
			return c.fault, true
		}
	}
	return lab.FaultInfo{}, false
}

// faultNamed is the entry of a fault; where there is none, its key is its name.
func faultNamed(key lab.Fault) lab.FaultInfo {
	for _, f := range lab.Faults() {
		if f.Key == key {
			return f
		}
	}
	return lab.FaultInfo{Key: key, Name: string(key)}
}

// stepWords says what a step does to the world, to a person.
func stepWords(s lab.Step) string {
	switch s.Verb {
	case lab.VerbBreak:
		var words []string
		for _, key := range s.Faults {
			f := faultNamed(key)
			words = append(words, f.Name+". "+f.What)
		}
		return fmt.Sprintf("%s: %s", s.Server, strings.Join(words, " "))
	case lab.VerbHeal:
		if s.Server == "" {
			return "Everything is healed."
		}
		if len(s.Faults) == 0 {
			return fmt.Sprintf("%s: everything is healed.", s.Server)
		}
		var names []string
		for _, key := range s.Faults {
			names = append(names, faultNamed(key).Name)
		}
		return fmt.Sprintf("%s: healed of %s.", s.Server, strings.Join(names, ", "))
	case lab.VerbNetwork:
		if s.Up {
			return "This computer has a network again."
		}
		return "This computer has no network any more."
	case lab.VerbSay:
		return s.Text
	default:
		return ""
	}
}

// metWords says that what a script expected has come about.
func metWords(o lab.Outcome) string {
	after := ""
	if took := o.Took.Round(100 * time.Millisecond); took > 0 {
		after = " after " + event.Span(took)
	}
	if o.Step.Subject == lab.SubjectActive {
		return fmt.Sprintf("✓ as expected, %s is in use%s", o.Step.Want, after)
	}
	return fmt.Sprintf("✓ as expected, %s%s", o.Step.Want, after)
}

// eventWords is an event in a line, and its colour. "": it says nothing that a
// spectator has not seen already. How long service was away is left to the
// pings, which see it with the person's eyes.
func eventWords(e event.Event) (words, colour string) {
	switch e.Kind {
	case event.ServiceStarted, event.ServiceStopped, event.WishChanged, event.SettingsChanged, event.ConfigChanged, event.NoticeCleared:
		return "", ""
	case event.NoticeOpened:
		return noticeWords(e), yellow
	case event.FailedOver, event.FailedBack:
		colour = bold
	case event.VerdictChanged:
		colour = verdictColour(e.To)
	case event.Held, event.CooldownStarted:
		colour = yellow
	default:
	}
	e.DowntimeMs = 0
	if e.Kind == event.VerdictChanged {
		// The history has all that was asked; here the beginning of it will do.
		e.Evidence, _, _ = strings.Cut(e.Evidence, ". ")
	}
	return e.Sentence(), colour
}

func verdictColour(verdict string) string {
	switch verdict {
	case "healthy", "idle":
		return green
	case "suspect":
		return yellow
	case "unhealthy":
		return red
	default:
		return ""
	}
}

// noticeWords is what a notice adds to the event it is about: the matter in
// words, and what to do. A switch, and a network that is away, have been told.
func noticeWords(e event.Event) string {
	switch event.Code(e.To) {
	case event.Code(event.FailedOver), event.Code(tunnel.NoNetwork):
		return ""
	default:
		w := event.Describe(event.Code(e.To))
		return strings.TrimSpace(fmt.Sprintf("Notice: %s. %s %s", w.Title, w.What, w.Advice))
	}
}

// outageWords is the consequence of an outage.
func outageWords(o outage, lost int) string {
	return fmt.Sprintf("The outage is over: %s without service, %s lost.", event.Span(o.length()), count(lost, "ping"))
}

// stateLine is the picture in a line that begins with the overall state.
func stateLine(s status.Status, c lab.TrafficCounts, silence time.Duration) string {
	line := string(s.Overall)
	if s.Active != nil {
		line += " via " + string(s.Active.Tunnel)
	}
	switch {
	case silence > 0:
		line += fmt.Sprintf(" · no ping answered for %d s", int(silence.Seconds()))
	case c.RTT > 0:
		line += fmt.Sprintf(" · ping %d ms", c.RTT.Milliseconds())
	}
	return line
}

// summaryWords are the last words.
func summaryWords(took time.Duration, switches int, o *outages, answered, otherwise int) []string {
	first := fmt.Sprintf("In %s: %s between servers, ", event.Span(took.Round(time.Second)), plural(switches, "switch", "switches"))
	if o.n == 0 {
		first += "no outage."
	} else {
		first += fmt.Sprintf("%s with %s without service in all.", count(o.n, "outage"), event.Span(o.sum))
	}
	second := fmt.Sprintf("Pings: %d answered, %d lost in outages", answered, o.lost)
	if otherwise > 0 {
		second += fmt.Sprintf(", %d lost otherwise", otherwise)
	}
	return []string{first, second + "."}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
