package diagnose

import (
	"net/netip"
	"time"

	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// What the rows of the matrix ask of the evidence.

// mute says that the server gives no sign of life at all.
func (e Evidence) mute() bool { return e.Self.mute() && !e.Inside.Receiving }

// unheard says that nothing is known of the server being there, whether it was
// asked or could not be.
func (e Evidence) unheard() bool {
	return !e.Self.Answered && !e.Inside.Receiving && e.Inside.Verdict != health.Healthy
}

// answers says that it answered a handshake, or an echo inside the tunnel.
func (e Evidence) answers() bool { return e.Self.Answered || e.Inside.Near.Answered }

// told says that the network is known to be unusable for this reason.
func (e Evidence) told(c tunnel.Cause) bool { return !e.Usable && e.Underlay == c }

// noLink says that the system has no link or route, or is known to be cut off
// for a reason that has no row.
func (e Evidence) noLink() bool {
	return !e.Usable && e.Underlay != tunnel.SignIn && e.Underlay != tunnel.NoInternet
}

// noRouter says that the router is silent, and that nothing is known to be
// there behind it.
func (e Evidence) noRouter() bool {
	g := e.Gateway
	return g.Checked && g.Err == "" && g.Addr.IsValid() && !g.Alive && !e.open() && !e.portal() && e.silentHosts() > 0
}

// blocked is why this computer does not send to the server. "": it does.
func (e Evidence) blocked() string {
	switch {
	case e.Self.Answered:
		return ""
	case e.Self.SendErr != "":
		return sentence("The system refuses to send: " + e.Self.SendErr)
	case e.Self.Forbidden:
		return "The system refuses to send."
	case e.Knock.Checked && e.Knock.Err != "":
		return sentence("The system refuses to send to the server: " + e.Knock.Err)
	case e.Route.Checked && e.Route.Err != "":
		return sentence("The way to the server: " + e.Route.Err)
	case e.Route.Checked && e.Route.Foreign:
		return "The way to the server leads into " + e.Route.Interface + ", a tunnel that is not ours."
	default:
		return ""
	}
}

// udpBlocked says that web pages load here and no WireGuard server answers, or
// that somebody on the way refuses it.
func (e Evidence) udpBlocked() bool {
	return e.mute() && e.nobody() && e.open() && !e.Knock.Refused && !e.Knock.RefusedLately &&
		(e.silentHosts() > 1 || e.Knock.RefusedBy.IsValid())
}

// keyRefused says that the server is there for others, and silent to us.
func (e Evidence) keyRefused() bool {
	if !e.mute() || e.Knock.Refused || e.Knock.RefusedLately || e.Knock.RefusedBy.IsValid() {
		return false
	}
	return e.neighbour() != "" || e.hostUp() && e.reaches()
}

// serverDown says that the host answered before and does not now, in a network
// that lets others through.
func (e Evidence) serverDown() bool {
	return e.mute() && e.hostSilent() && e.neighbour() == "" && (e.reaches() || e.open() && !e.udpBlocked())
}

// keyOrServer says that the silence is of this server alone, as far as is
// known, and that nothing tells why.
func (e Evidence) keyOrServer() bool {
	return e.mute() && !e.Knock.Refused && !e.Knock.RefusedLately && !e.udpBlocked() && !e.keyRefused() && !e.serverDown() &&
		(e.reaches() || e.open() || e.silentHosts() == 1)
}

// narrow says that small packets pass inside the tunnel and large ones do not.
func (e Evidence) narrow() bool { return e.Inside.Widest > 0 && e.Inside.Widest < e.Inside.MTU }

func (e Evidence) largeLost() bool { return e.Inside.Cause == tunnel.MTUBlackHole || e.narrow() }

// forwardsNothing says that the server answers and what lies behind it does
// not. One that is silent may be off, so there must be more than one, or
// another member that reaches it.
func (e Evidence) forwardsNothing() bool {
	i := e.Inside
	return i.Cause == tunnel.ForwardsNothing && !e.mute() ||
		e.answers() && i.Beyond.silent() && (i.Beyond.Known > 1 || i.Contrast)
}

// uploadDead says that the server is heard, and that it does not hear us.
func (e Evidence) uploadDead() bool {
	i := e.Inside
	if e.Self.Answered {
		return false
	}
	return i.Cause == tunnel.UploadDead || i.Verdict == health.Unhealthy && i.Receiving && e.Self.mute()
}

// unanswered says that the tunnel does not work, and that no more is known.
func (e Evidence) unanswered() bool {
	return e.Inside.Verdict == health.Unhealthy && (e.Inside.Cause == tunnel.Unanswered || e.Inside.Cause == "")
}

// lossMeasured says that the loss is taken from enough to be one.
func (e Evidence) lossMeasured() bool { return e.Inside.LossOf >= lossyOf }

// From which share of lost round trips on, of at least how many, a line is lossy.
const (
	lossyFrom = 0.10
	lossyOf   = 20
)

// reaches says that another member answered: this network lets WireGuard pass.
func (e Evidence) reaches() bool {
	for _, o := range e.Others {
		if o.Answered {
			return true
		}
	}
	return false
}

// nobody says that no server gave any sign of life.
func (e Evidence) nobody() bool {
	for _, a := range e.everyone() {
		if a.Answered || a.Responses > 0 || a.Cookies > 0 {
			return false
		}
	}
	return !e.Inside.Receiving
}

func (e Evidence) everyone() []Answer { return append([]Answer{e.Self}, e.Others...) }

// silentHosts is how many hosts were asked and gave no sign of life. Two
// members at one address are one host, and so are all whose address is unknown.
func (e Evidence) silentHosts() int {
	hosts := map[netip.Addr]bool{}
	for _, a := range e.everyone() {
		if a.mute() {
			hosts[a.Endpoint.Addr().Unmap()] = true
		}
	}
	if len(hosts) > 1 {
		delete(hosts, netip.Addr{})
	}
	return len(hosts)
}

// neighbour is a member that answered with another key at the very endpoint
// where ours goes unanswered. "": there is none.
func (e Evidence) neighbour() tunnel.Name {
	for _, o := range e.Others {
		if o.Answered && o.Endpoint.IsValid() && o.Endpoint == e.Self.Endpoint {
			return o.Member
		}
	}
	return ""
}

// open says that web pages load.
func (e Evidence) open() bool { return e.Internet.Checked && e.Internet.Reach == Open }

// dark says that no page answers.
func (e Evidence) dark() bool { return e.Internet.Checked && e.Internet.Reach == Silent }

// portal says that something else answers in a page's place.
func (e Evidence) portal() bool { return e.Internet.Checked && e.Internet.Reach == SignIn }

// hostUp says that the server's computer answers, though not as WireGuard.
func (e Evidence) hostUp() bool { return e.Knock.Checked && e.Knock.HostUp }

// hostSilent says that it answered a knock before and does not now.
func (e Evidence) hostSilent() bool {
	return e.Knock.Checked && !e.Knock.HostUp && !e.Knock.Refused && e.Knock.Err == "" && e.KnownUp
}

// late is how far the clock is behind: below its own highest date, else behind
// a page's by more than pages are off.
func (e Evidence) late() time.Duration {
	if e.Clock.Behind > 0 {
		return e.Clock.Behind
	}
	if e.Internet.TimeKnown && e.Internet.Ahead < -pagesAgree {
		return -e.Internet.Ahead
	}
	return 0
}

// pagesAgree is how far a page's date may be off: some minutes pass in caches.
const pagesAgree = 5 * time.Minute
