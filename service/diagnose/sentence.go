package diagnose

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// The sentences of evidence: what was seen, and no conclusion.

// sentence makes one of words that may be the system's.
func sentence(words string) string {
	return strings.TrimRight(words, ". ") + "."
}

func signInEvidence(e Evidence) string {
	if e.portal() && e.Internet.Via != "" {
		return fmt.Sprintf("Something else answered in place of %s.", e.Internet.Via)
	}
	return "Something else answers in place of a web page."
}

func noInternetEvidence(e Evidence) string {
	g, pages := e.Gateway, ""
	if e.Internet.Checked {
		pages = "no web page does" + e.norServers()
	} else {
		pages = "no server does"
	}
	switch {
	case !e.Usable:
		return "Nothing outside this network answers."
	case g.Alive && g.Addr.IsValid():
		return fmt.Sprintf("The router %s answers, and %s.", g.Addr, pages)
	case e.noRouter():
		return fmt.Sprintf("The router %s does not answer, and %s.", g.Addr, pages)
	default:
		return fmt.Sprintf("No web page answers%s.", e.norServers())
	}
}

// norServers says that servers are silent too, where they were asked.
func (e Evidence) norServers() string {
	if e.silentHosts() == 0 {
		return ""
	}
	return ", and no server"
}

func nameFails(n Name) string {
	if n.Host == "" {
		return sentence("The endpoint's name has no address: " + n.Err)
	}
	return sentence(n.Host + " has no address: " + n.Err)
}

func movedEvidence(e Evidence) string {
	n := e.Name
	if n.Answered.IsValid() {
		return fmt.Sprintf("%s answers at %s%s.", n.Host, n.Answered, notAt(e.Self.Endpoint))
	}
	return fmt.Sprintf("%s now leads to %s%s.", n.Host, list(n.Addresses), notAt(e.Self.Endpoint))
}

func notAt(old netip.AddrPort) string {
	if !old.IsValid() {
		return ""
	}
	return fmt.Sprintf(", and %s does not answer", old.Addr())
}

func clockEvidence(e Evidence) string {
	switch {
	case e.Clock.Proven:
		return "A handshake with a later date is answered, and one with the date of now is not."
	case e.Clock.Held:
		return "The clock jumped far ahead, so no handshake is sent: its date would lock the key out."
	case e.Clock.Behind > 0:
		return fmt.Sprintf("The clock is %s behind the latest handshake that was sent.", span(e.Clock.Behind))
	default:
		return fmt.Sprintf("The clock is %s behind that of a web page.", span(e.late()))
	}
}

func pskEvidence(e Evidence) string {
	return fmt.Sprintf("The server sent %s, and none fits our preshared key.", count(e.Self.Responses, "answer"))
}

func refusedEvidence(e Evidence) string {
	if !e.Knock.Refused {
		return "The server's computer refused a datagram to the port a short while ago."
	}
	if e.Self.Endpoint.IsValid() {
		return fmt.Sprintf("%s refused a datagram to port %d.", e.Self.Endpoint.Addr(), e.Self.Endpoint.Port())
	}
	return "The server's computer refused a datagram to the port."
}

func udpEvidence(e Evidence) string {
	if e.Knock.RefusedBy.IsValid() {
		return fmt.Sprintf("Web pages load, and %s on the way refuses datagrams to the server.", e.Knock.RefusedBy)
	}
	return fmt.Sprintf("Web pages load, and no WireGuard server on %s answers.", count(e.silentHosts(), "host"))
}

func keyRefusedEvidence(e Evidence) string {
	if n := e.neighbour(); n != "" {
		return fmt.Sprintf("The server answers the key of %s at the same port, and not this one.", n)
	}
	return "The server's computer answers an echo and its WireGuard does not, while other servers do."
}

func serverDownEvidence(e Evidence) string {
	return "The server's computer answered before and does not now" + e.whileOthers() + "."
}

func silenceEvidence(e Evidence) string {
	s := "The server does not answer"
	if e.Self.Endpoint.IsValid() {
		s = fmt.Sprintf("%s does not answer", e.Self.Endpoint)
	}
	if !e.reaches() && e.silentHosts() > 1 {
		s += ", and neither does any other server"
	}
	s += e.whileOthers() + "."
	switch {
	case e.Knock.RefusedBy.IsValid():
		s += fmt.Sprintf(" %s on the way refuses datagrams to it.", e.Knock.RefusedBy)
	case e.hostUp():
		s += " Its computer answers an echo."
	}
	return s
}

// whileOthers says what does answer.
func (e Evidence) whileOthers() string {
	switch {
	case e.reaches():
		return ", while other servers do"
	case e.open():
		return ", while web pages load"
	default:
		return ""
	}
}

func cookieEvidence(e Evidence) string {
	return fmt.Sprintf("The server said %s that it is under load.", times(e.Self.Cookies))
}

func mtuEvidence(e Evidence) string {
	i := e.Inside
	if e.narrow() {
		return fmt.Sprintf("Packets of %d bytes pass, and those of %d do not.", i.Widest, i.MTU)
	}
	return "Large segments are lost again and again, while small ones arrive."
}

func forwardsEvidence(e Evidence) string {
	s := "The server answers, and nothing behind it"
	if n := e.Inside.Beyond.Known; n > 1 {
		s = fmt.Sprintf("The server answers, and none of the %d addresses behind it that answered before", n)
	}
	if e.Inside.Contrast {
		return s + ", while another member reaches what it does not."
	}
	return s + "."
}

func lossyEvidence(e Evidence) string {
	i := e.Inside
	if e.lossMeasured() && i.Loss > 0 {
		return fmt.Sprintf("%.0f %% of the last %d round trips were lost.", i.Loss*100, i.LossOf)
	}
	if i.RTT > 0 {
		return fmt.Sprintf("A round trip takes %s, which is far longer than before.", span(i.RTT))
	}
	return "Many round trips are lost, or take far longer than before."
}

// list names addresses, the first few.
func list(addrs []netip.Addr) string {
	const most = 3
	var s []string
	for _, a := range addrs[:min(most, len(addrs))] {
		s = append(s, a.String())
	}
	if more := len(addrs) - most; more > 0 {
		s = append(s, fmt.Sprintf("%d more", more))
	}
	return strings.Join(s, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// span is a length of time, as coarse as a person would say it.
func span(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}
