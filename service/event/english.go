package event

// phrase names a sentence, or a part of one, that events are told with. That of
// a kind with one sentence only is the kind itself.
type phrase string

// The phrases beside those of a kind's own name. A word that stands after a
// blank is the To of the event.
const (
	anyTunnel phrase = "any tunnel" // where an event names none
	because   phrase = "because"    // goes on the sentence before it
	downtime  phrase = "downtime"   // follows the sentence
	otherKind phrase = "other"

	wishByPolicy phrase = "wish ended by the policy"
	wishOff      phrase = "wish off"
	wishMember   phrase = "wish for a member"
	wishTarget   phrase = "wish for a target"

	verdictNoReply phrase = "verdict suspect, no reply so far"
	verdictAgain   phrase = "verdict healthy again"

	sessionRenewed phrase = "session renewed"

	networkOther phrase = "network another"
	networkBack  phrase = "network back"
	networkGone  phrase = "network gone"

	guardDisturbed phrase = "guard disturbed"

	configOfAny phrase = "config of any"
	configOfOne phrase = "config of one"
)

var englishPhrases = map[phrase]string{
	anyTunnel: "the tunnel",
	because:   ": {title}",
	downtime:  "Without service for {span}.",
	otherKind: "{kind}.",

	wishByPolicy: "Disconnected by the policy{because}.",
	wishOff:      "Turned off.",
	wishMember:   "Switched from {from} to {to}, as asked.",
	wishTarget:   "Asked for {to}.",

	"state":          "{tunnel} is {to}{because}.",
	"state down":     "{tunnel} is down{because}.",
	"state starting": "{tunnel} is starting{because}.",
	"state up":       "{tunnel} is up{because}.",
	"state stopping": "{tunnel} is stopping{because}.",

	"verdict":           "{tunnel} is {to}{because}.",
	"verdict unknown":   "{tunnel} is judged anew.",
	"verdict idle":      "{tunnel} is idle{because}.",
	"verdict healthy":   "{tunnel} is healthy{because}.",
	"verdict suspect":   "{tunnel} is suspect{because}.",
	"verdict unhealthy": "{tunnel} is unhealthy{because}.",
	verdictNoReply:      "{tunnel} is suspect: data was sent and nothing has come back so far.",
	verdictAgain:        "{tunnel} is healthy again.",

	phrase(HandshakeFailed):    "Handshakes of {tunnel} fail{because}.",
	phrase(HandshakeRecovered): "Handshakes of {tunnel} succeed again.",
	sessionRenewed:             "{tunnel} has a new session, since the server had forgotten the one before.",

	phrase(FailedOver): "Switched from {from} to {to}{because}.",
	phrase(FailedBack): "Switched back from {from} to {to}.",

	"restarted":        "Restarted {tunnel} ({to}){because}.",
	"restarted rebind": "Restarted {tunnel} with new sockets{because}.",
	"restarted rotate": "Restarted {tunnel} with a new port{because}.",
	"restarted renew":  "Restarted {tunnel} with a new device{because}.",
	"restarted reopen": "Restarted {tunnel} with a new interface{because}.",

	"held":                  "Holding.",
	"held " + HeldOffline:   "Holding{because}.",
	"held " + HeldAllSilent: "Holding: no other member answers.",
	"held " + HeldMinimum:   "Holding: another switch would come too soon after the last.",
	"held " + HeldExhausted: "Every attempt to restart was made.",
	"held " + HeldRefused:   "Could not switch to {tunnel}.",

	"guard":          "The guard is now: {to}.",
	"guard open":     "The guard is open: it keeps nothing in.",
	"guard blocked":  "The guard is shut: it lets nothing out.",
	"guard held":     "The guard is shut: what the tunnel should carry may leave no other way.",
	"guard paused":   "The guard is paused: for a while everything may pass.",
	"guard released": "The guard is released: everything may pass until the wish changes.",
	guardDisturbed:   "Another program changed the rules of the guard.",

	phrase(CooldownStarted): "Waiting before any member is tried again.",
	phrase(CooldownEnded):   "The wait is over; members are tried again.",
	networkOther:            "The network changed.",
	networkBack:             "The network can be used again.",
	networkGone:             "The network cannot be used{because}.",
	phrase(Woke):            "The computer woke.",
	phrase(EndpointChanged): "The endpoint of {tunnel} changed from {from} to {to}.",
	phrase(NoticeOpened):    "Notice: {title}.",
	phrase(NoticeCleared):   "No longer true: {title}.",
	configOfAny:             "The list of tunnels or groups changed.",
	configOfOne:             "The config of {tunnel} changed.",
	phrase(SettingsChanged): "The settings changed.",
	phrase(Denied):          "A request was refused.",
	phrase(ServiceStarted):  "The service started.",
	phrase(ServiceStopped):  "The service stopped.",
	"history_gap":           "A part of the history is missing.",
}
