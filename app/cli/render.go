package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// render is the picture as a person reads it: the one word, why, then the parts.
// No line is wider than maxWidth (colours aside) and none ends in a space.
func render(s *status.Status, now time.Time, p paint) string {
	var b strings.Builder
	b.WriteString(p.in(bold, p.overall(s.Overall)))
	if by := heading(s); by != "" {
		b.WriteString(" " + clip(printable(by), maxWidth-len(s.Overall)-1))
	}
	b.WriteByte('\n')
	b.WriteString(wrap(printable(why(s, now)), ""))
	if fields := renderActive(s.Active, now); fields != "" {
		b.WriteString("\n" + fields)
	}
	if s.Overall != status.ServiceUnreachable {
		b.WriteString("\n" + renderRest(s, now))
	}
	if len(s.Members) > 0 {
		b.WriteString("\n" + renderMembers(s.Members, now))
	}
	for _, n := range s.Notices {
		b.WriteString("\n" + renderNotice(n, now, p))
	}
	return b.String()
}

// heading names what the overall word is about: the active member and the target.
func heading(s *status.Status) string {
	a := s.Active
	switch {
	case a == nil && !s.Wish.On:
		return ""
	case a == nil:
		return "(" + string(s.Wish.Target) + ")"
	case a.Group == "" || a.Group == a.Tunnel:
		return "by way of " + string(a.Tunnel)
	default:
		return fmt.Sprintf("by way of %s, group %s", a.Tunnel, a.Group)
	}
}

// why says in one sentence what the overall word means here and now.
func why(s *status.Status, now time.Time) string {
	name := "The tunnel"
	if s.Active != nil {
		name = string(s.Active.Tunnel)
	}
	if until := s.Guard.PausedUntil; until != nil {
		return fmt.Sprintf("The tunnel is at rest until %s, so that you can sign in; traffic is not protected.", hour(*until, now))
	}
	switch s.Overall {
	case status.Off:
		if s.Wish.Target == "" {
			return "No tunnel was asked for yet: holdfast up NAME."
		}
		return fmt.Sprintf("Turned off; holdfast up turns %s on again.", s.Wish.Target)
	case status.Connecting:
		return name + " has not answered yet."
	case status.Protected:
		return name + " answers."
	case status.Idle:
		return "Nothing is being sent, so no answer is owed; this is no fault."
	case status.Checking:
		if a := s.Active; a != nil && (a.Verdict == health.Healthy || a.Verdict == health.Idle) {
			return name + " works, but the guard's rules are not verified: traffic may not be protected."
		}
		return fmt.Sprintf("%s owes an answer%s.", name, silence(s.Active, now))
	case status.Switching:
		return "Moving to a tunnel that works."
	case status.Stalled:
		return fmt.Sprintf("%s does not work%s.%s", name, silence(s.Active, now), because(s))
	case status.Blocked:
		if !s.Wish.On {
			return "No tunnel is wished for, and the guard lets nothing leave without one."
		}
		return "Traffic is blocked to protect you: no tunnel carries it." + because(s)
	case status.Offline:
		if s.Underlay == string(tunnel.NoNetwork) {
			return "This computer has no network now; the tunnel resumes by itself."
		}
		return "No network can be used now; the tunnel resumes by itself." + because(s)
	case status.SignInNeeded:
		return "This network wants a sign-in before it carries anything. To let you: holdfast guard pause."
	case status.ServiceUnreachable:
		return "The service does not answer; your tunnel may or may not be up."
	default:
		return ""
	}
}

// silence is how long ago the active member last answered: ": last answer 42 s ago".
func silence(a *status.Active, now time.Time) string {
	if a == nil || a.LastRoundTrip == nil {
		return ""
	}
	return ": last answer " + ago(a.LastRoundTrip, now)
}

// because names the cause in the catalogue's words, where one is known:
// " The server does not answer (server_down)."
func because(s *status.Status) string {
	var cause tunnel.Cause
	switch {
	case s.Active != nil && s.Active.Cause != nil:
		cause = *s.Active.Cause
	case s.Underlay != "ok":
		cause = tunnel.Cause(s.Underlay)
	}
	if cause == "" {
		return ""
	}
	return fmt.Sprintf(" %s (%s).", event.Describe(event.Code(cause)).Title, cause)
}

// field is one line of the block below the heading.
func field(name, value string) string {
	if value == "" {
		return ""
	}
	return clip(fmt.Sprintf("  %-10s  %s", name, printable(value)), maxWidth) + "\n"
}

func renderActive(a *status.Active, now time.Time) string {
	if a == nil {
		return ""
	}
	since := ""
	if !a.Since.IsZero() {
		since = ", for " + span(now.Sub(a.Since))
	}
	loss := ""
	if a.Loss > 0 {
		loss = fmt.Sprintf(", %.0f %% lost", a.Loss*100)
	}
	return field("active", fmt.Sprintf("%s (%s, %s)%s", a.Tunnel, a.State, a.Verdict, since)) +
		field("endpoint", a.Endpoint) +
		field("handshake", handshake(a, now)) +
		field("answers", ago(a.LastRoundTrip, now)+roundTrip(a.RTTMs)+loss) +
		field("received", rate(a.RxRate, a.RxBytes)) +
		field("sent", rate(a.TxRate, a.TxBytes))
}

// handshake is when the last one took place, and what its age means: an old
// handshake of an idle tunnel is no fault.
func handshake(a *status.Active, now time.Time) string {
	at := a.LastHandshake
	if at == nil && a.HandshakeAgeMs != nil {
		t := now.Add(-time.Duration(*a.HandshakeAgeMs) * time.Millisecond)
		at = &t
	}
	if at == nil {
		return "none yet"
	}
	said := ago(at, now)
	const rejectAfter = 3 * time.Minute // of the protocol: after this a session is not used any more
	if a.Verdict == health.Idle && now.Sub(*at) > rejectAfter {
		said += " (a new one comes with the next packet)"
	}
	return said
}

func roundTrip(ms *float64) string {
	if ms == nil {
		return ""
	}
	return ", round trip " + milliseconds(ms)
}

func rate(perSecond float64, total uint64) string {
	return fmt.Sprintf("%s, now %s/s", size(float64(total)), size(perSecond))
}

func renderRest(s *status.Status, now time.Time) string {
	return field("underlay", s.Underlay) + field("guard", guardWords(s.Guard, s.Wish.On, now)) + field("last move", move(s.LastSwitch, now))
}

func move(l *status.LastSwitch, now time.Time) string {
	if l == nil {
		return ""
	}
	words := fmt.Sprintf("%s to %s, %s", l.From, l.To, ago(&l.At, now))
	if l.Cause != "" {
		words += ", " + string(l.Cause)
	}
	if l.DowntimeMs > 0 {
		words += ", without service for " + (time.Duration(l.DowntimeMs) * time.Millisecond).Round(100*time.Millisecond).String()
	}
	return words
}

func renderMembers(members []status.Member, now time.Time) string {
	rows := [][]string{{"  member", "role", "standby", "last answer", "round trip", "held"}}
	for _, m := range members {
		held := "-"
		if m.HeldUntil != nil && m.HeldUntil.After(now) {
			held = "for " + span(m.HeldUntil.Sub(now))
		}
		rows = append(rows, []string{
			"  " + printable(string(m.Tunnel)), m.Role, m.Stand, ago(m.LastAnswer, now), milliseconds(m.RTTMs), held,
		})
	}
	return table(rows)
}

// renderNotice is what a person should know, and what to do about it.
func renderNotice(n event.Notice, now time.Time, p paint) string {
	colour := yellow
	if n.Severity == event.High {
		colour = red
	}
	mark := "!"
	if n.Acknowledged {
		mark, colour = "-", faint
	}
	about := ""
	if n.Tunnel != "" {
		about = string(n.Tunnel) + ": "
	}
	tail := clip(printable(fmt.Sprintf("[%s, %s]", n.Code, ago(&n.Since, now))), maxWidth/2)
	title := clip(printable(about+n.Title), maxWidth-3-utf8.RuneCountInString(tail)) + " " + tail
	return p.in(colour, mark) + " " + p.in(bold, title) + "\n" +
		wrap(printable(n.What), "  ") + wrap(printable(n.Evidence), "  ") + wrap(printable(n.Advice), "  → ")
}

// changed is one line for a change, for --watch into a pipe and for the progress
// of up and down.
func changed(s *status.Status, now time.Time) string {
	line := string(s.Overall)
	if by := heading(s); by != "" {
		line += " " + by
	}
	return clip(printable(line+": "+why(s, now)), maxWidth)
}

// gist is what makes a change worth a line: not the counters, not the ages.
type gist struct {
	overall        status.Overall
	active, target tunnel.Name
	cause          tunnel.Cause
	underlay       string
	guard          string
}

func gistOf(s *status.Status) gist {
	g := gist{overall: s.Overall, target: s.Wish.Target, underlay: s.Underlay, guard: guardGist(s)}
	if s.Active != nil {
		g.active = s.Active.Tunnel
		if s.Active.Cause != nil {
			g.cause = *s.Active.Cause
		}
	}
	return g
}

// guardGist is what the guard does, and until when, without how long that is.
func guardGist(s *status.Status) string {
	g := s.Guard
	stand := g.Stand(s.Wish.On)
	if stand == status.GuardBlocking {
		stand = status.GuardShut // the overall word tells that no tunnel carries anything
	}
	gist := string(g.Mode) + " " + string(stand)
	if g.PausedUntil != nil {
		gist += g.PausedUntil.UTC().Format(time.RFC3339)
	}
	return gist
}
