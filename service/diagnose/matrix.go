package diagnose

import (
	"slices"

	"holdfast/service/tunnel"
)

// row is one cause and what must have been seen for it.
type row struct {
	cause tunnel.Cause
	// when says that the evidence supports it.
	when func(Evidence) bool
	// certain says, where when holds, that nothing else explains the evidence.
	certain func(Evidence) bool
	// spares lists causes below that this one does not explain: where one of
	// them is true as well, it is that one that is shown. Any other cause below
	// is hidden.
	spares []tunnel.Cause
	// evidence is what it rests on, in a sentence.
	evidence func(Evidence) string
	// underlay says that the network below the tunnel is at fault: nothing that
	// is done to the tunnel helps.
	underlay bool
}

// matrix has a row for every cause, in the order in which each hides those
// below it. How loudly a cause is told, and after which time, stands with its
// words in the catalogue of package event.
//
// A row is certain only where every other explanation that we know of would
// have looked otherwise. What one silent server alone cannot show is never
// certain: WireGuard answers nobody it does not know.
var matrix = []row{
	// The system's word that there is no link or route is final.
	{
		cause: tunnel.NoNetwork, underlay: true,
		when:     func(e Evidence) bool { return e.nobody() && e.noLink() },
		certain:  always,
		evidence: plain("There is no usable link or route."),
	},
	// What the system refuses for reasons of policy never left, whatever else
	// is true. Other failures to send, and a route into a foreign tunnel, may
	// pass or do no harm: a link that is just going away fails to send as well.
	{
		cause: tunnel.LocalFirewall,
		when: func(e Evidence) bool {
			return e.Usable && e.unheard() && e.Self.Responses == 0 && e.Self.Cookies == 0 && e.blocked() != ""
		},
		certain:  func(e Evidence) bool { return e.Self.Forbidden },
		evidence: func(e Evidence) string { return e.blocked() },
	},
	// Anything may answer in the place of one page, also a filter; but a filter
	// does not silence servers on two hosts.
	{
		cause: tunnel.SignIn, underlay: true,
		when: func(e Evidence) bool {
			return e.nobody() && (e.told(tunnel.SignIn) || e.Usable && e.portal())
		},
		certain:  func(e Evidence) bool { return e.told(tunnel.SignIn) || e.silentHosts() > 1 },
		evidence: signInEvidence,
	},
	// One silent server beside silent pages may be down in a network that lets
	// no page through. With two hosts what is left is the way to all of them. A
	// silent router says the same as silent pages, but less surely: some answer
	// nobody.
	{
		cause: tunnel.NoInternet, underlay: true,
		when: func(e Evidence) bool {
			return e.nobody() && (e.told(tunnel.NoInternet) || e.Usable && !e.hostUp() && (e.dark() || e.noRouter()))
		},
		certain:  func(e Evidence) bool { return e.told(tunnel.NoInternet) || e.dark() && e.silentHosts() > 1 },
		evidence: noInternetEvidence,
	},
	// Only where the address used last does not answer either: where it does, it
	// is used, and nobody needs the name. Names also fail where everything does.
	{
		cause: tunnel.EndpointDNS,
		when: func(e Evidence) bool {
			return e.Usable && e.Name.Err != "" && e.unheard() && (!e.Self.Asked || e.mute())
		},
		certain:  func(e Evidence) bool { return e.open() || e.reaches() },
		evidence: func(e Evidence) string { return nameFails(e.Name) },
	},
	// Proven by the answer from the other address. A name that merely leads
	// elsewhere may do so for other reasons.
	{
		cause: tunnel.EndpointMoved,
		when: func(e Evidence) bool {
			n := e.Name
			return e.mute() && (n.Answered.IsValid() || len(n.Addresses) > 0 && !n.Present && !n.Asked && n.Err == "")
		},
		certain:  func(e Evidence) bool { return e.Name.Answered.IsValid() },
		evidence: movedEvidence,
	},
	// A clock that is behind is a reason to be refused, and no proof that we
	// are; that is a handshake with a later date which is answered. One that
	// stays unanswered too refutes it. Where we hold handshakes back it is we
	// who are silent.
	{
		cause: tunnel.ClockMoved,
		when: func(e Evidence) bool {
			return !e.Self.Answered && e.Self.Responses == 0 && e.Self.Cookies == 0 &&
				(e.Clock.Held || e.Clock.Proven || e.late() > 0 && !e.Clock.Asked && e.Self.mute())
		},
		certain:  func(e Evidence) bool { return e.Clock.Held || e.Clock.Proven },
		evidence: clockEvidence,
	},
	// A server that knows us answered, and nothing but the preshared key is left
	// to differ. One such answer may have come too late for its question.
	{
		cause:    tunnel.PSKMismatch,
		when:     func(e Evidence) bool { return e.unheard() && e.Self.Responses > 0 },
		certain:  func(e Evidence) bool { return e.Self.Responses > 1 },
		evidence: pskEvidence,
	},
	// The refusal comes from the endpoint's own address. A firewall on the way
	// may put that in place of its own, so a server elsewhere that answers is
	// needed to be certain that this network lets WireGuard pass.
	{
		cause:    tunnel.NothingListens,
		when:     func(e Evidence) bool { return e.mute() && (e.Knock.Refused || e.Knock.RefusedLately) },
		certain:  func(e Evidence) bool { return e.Knock.Refused && e.reaches() },
		evidence: refusedEvidence,
	},
	// Never certain: servers on two hosts may both be down, or refuse a key that
	// has expired for both.
	{
		cause:    tunnel.UDPBlocked,
		when:     func(e Evidence) bool { return e.udpBlocked() },
		certain:  never,
		evidence: udpEvidence,
	},
	// The server's computer is up and the network lets WireGuard pass, so the
	// key is what is likely left; but WireGuard may have been stopped behind a
	// firewall that drops. Certain where the same port answers another key, ours
	// was tried from two ports, and the clock is no reason.
	{
		cause: tunnel.KeyRefused,
		when:  Evidence.keyRefused,
		certain: func(e Evidence) bool {
			return e.neighbour() != "" && e.Self.Ports > 1 && e.Clock.Checked && e.late() == 0
		},
		evidence: keyRefusedEvidence,
	},
	// The silence of a host says something only where it has answered before.
	// That others answer shows that it is not our network; without them the
	// echo may be what is blocked. Down and cut off are the same to us, and the
	// words say so.
	{
		cause: tunnel.ServerDown,
		when:  Evidence.serverDown,
		certain: func(e Evidence) bool {
			return e.reaches() && !e.dark() && !e.portal()
		},
		evidence: serverDownEvidence,
	},
	// The silence of one server alone. Its words claim no more than that.
	{
		cause:    tunnel.KeyOrServer,
		when:     Evidence.keyOrServer,
		certain:  never,
		evidence: silenceEvidence,
	},
	// Only a server that is under load sends cookies, and it has not judged the
	// key.
	{
		cause: tunnel.ServerOverloaded,
		when: func(e Evidence) bool {
			return e.unheard() && e.Self.Cookies > 0 && e.Self.Responses == 0
		},
		certain:  always,
		evidence: cookieEvidence,
	},
	// Handshakes succeed again and again and each session dies: a pattern, which
	// a restless server also makes.
	{
		cause:    tunnel.KeyShared,
		when:     concluded(tunnel.KeyShared),
		certain:  never,
		evidence: plain("Handshakes succeed one after the other, and each session falls silent soon after."),
	},
	// Responders may answer no large echo. Certain where an application's large
	// segments are lost as well. It explains no silence of what is small.
	{
		cause:    tunnel.MTUBlackHole,
		when:     func(e Evidence) bool { return e.largeLost() && !e.mute() },
		spares:   []tunnel.Cause{tunnel.ForwardsNothing, tunnel.UploadDead, tunnel.SessionStale},
		certain:  func(e Evidence) bool { return e.narrow() && e.Inside.LargeLost > 0 },
		evidence: mtuEvidence,
	},
	// The server answers, and what lies behind it did before and does not now.
	// Responders may all be off; that another member reaches one shows that it
	// is this server.
	{
		cause:    tunnel.ForwardsNothing,
		when:     Evidence.forwardsNothing,
		certain:  func(e Evidence) bool { return e.answers() && e.Inside.Contrast },
		evidence: forwardsEvidence,
	},
	// Data that arrives under our key proves the server and the way from it. That
	// handshakes go unanswered meanwhile is no proof for the way to it, since a
	// server may refuse them and keep a session; that data does as well is one.
	{
		cause:    tunnel.UploadDead,
		when:     Evidence.uploadDead,
		certain:  func(e Evidence) bool { return e.Inside.Receiving && e.Self.mute() && e.Clock.Checked && e.late() == 0 },
		evidence: plain("Data arrives from the server, and nothing that is sent to it is answered."),
	},
	// A measurement. It explains slowness, and no silence: whether the tunnel
	// works all the same is what the evidence about traffic has to say.
	{
		cause:    tunnel.Lossy,
		when:     func(e Evidence) bool { return e.Inside.Lossy },
		certain:  func(e Evidence) bool { return e.lossMeasured() && e.Inside.Loss >= lossyFrom },
		spares:   []tunnel.Cause{tunnel.SessionStale, tunnel.HandshakeTimeout, tunnel.Unanswered},
		evidence: lossyEvidence,
	},
	// The server answers a question beside the session, and the session itself
	// carries nothing.
	{
		cause:    tunnel.SessionStale,
		when:     func(e Evidence) bool { return e.Inside.Cause == tunnel.SessionStale && !e.mute() },
		certain:  func(e Evidence) bool { return e.answers() },
		evidence: plain("The server answers handshakes, and the session that was made before carries nothing."),
	},
	// Silence all around, and not known whether the internet is there: no more
	// can be said than that.
	{
		cause: tunnel.HandshakeTimeout,
		when: func(e Evidence) bool {
			return e.mute() || e.Inside.Cause == tunnel.HandshakeTimeout && e.unheard()
		},
		certain:  never,
		evidence: silenceEvidence,
	},
	{
		cause:    tunnel.Unanswered,
		when:     Evidence.unanswered,
		certain:  never,
		evidence: plain("Data was sent, and nothing has come back."),
	},
}

// vague are the causes that say no more than that something is wrong: true of
// most others as well, and not worth a word beside them.
var vague = []tunnel.Cause{tunnel.HandshakeTimeout, tunnel.Unanswered}

// Judge names the cause that the evidence supports: the first of the matrix
// that nothing below it is spared from. An answer that came outweighs an older
// failure to send, or to resolve.
func Judge(e Evidence) Finding {
	var held []row
	for _, r := range matrix {
		if r.when(e) {
			held = append(held, r)
		}
	}
	if len(held) == 0 {
		return Finding{}
	}
	shown := held[0]
	for _, r := range held[1:] {
		if slices.Contains(shown.spares, r.cause) {
			shown = r
		}
	}
	f := Finding{Cause: shown.cause, Certain: shown.certain(e), Underlay: shown.underlay, Evidence: shown.evidence(e)}
	for _, r := range held {
		if r.cause != shown.cause && !slices.Contains(vague, r.cause) {
			f.Others = append(f.Others, r.cause)
		}
	}
	return f
}

func always(Evidence) bool { return true }

func never(Evidence) bool { return false }

func plain(sentence string) func(Evidence) string {
	return func(Evidence) string { return sentence }
}

// concluded says that the evidence about traffic came to a cause.
func concluded(c tunnel.Cause) func(Evidence) bool {
	return func(e Evidence) bool { return e.Inside.Cause == c }
}
