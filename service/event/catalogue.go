package event

import "holdfast/service/tunnel"

// Words are how a notice is put: what is the matter, what follows from it, and
// what the person can do. Advice is empty where there is nothing to be done.
type Words struct {
	Title  string
	What   string
	Advice string
	// Severity is how loudly it is told.
	Severity Severity
}

// The codes of notices that are neither a cause nor a kind of event: why
// nothing is done about a tunnel that needs it.
const (
	CodeAllSilent Code = HeldAllSilent
	CodeExhausted Code = HeldExhausted
)

// The codes of notices about the service itself. They are told to the Board by
// a NoticeOpened event with the code in To, and ended by a NoticeCleared event
// with the code in From.
const (
	CodeWishDamaged      Code = "wish_damaged"
	CodeWishNotKept      Code = "wish_not_kept"
	CodeTargetGone       Code = "target_gone"
	CodeHistoryDamaged   Code = "history_damaged"
	CodeHistoryNotKept   Code = "history_not_kept"
	CodeConfigUnreadable Code = "config_unreadable"
	CodeClockAhead       Code = "clock_ahead"
)

// Describe returns the words for a code, and plain words for one that this
// version does not know.
func Describe(c Code) Words {
	if w, ok := catalogue[c]; ok {
		return w
	}
	return Words{Title: "Something happened", Severity: Low,
		What: "This version has no words for " + string(c) + ".", Advice: "Look at the history."}
}

// catalogue has the words for every cause, and for every kind of event that
// can become a notice.
var catalogue = map[Code]Words{
	Code(tunnel.NoNetwork): {"No network",
		"This computer has no network, so the tunnel is at rest. It resumes by itself.",
		"Check the cable or the Wi-Fi.", Medium},
	Code(tunnel.LocalFirewall): {"This computer blocks the tunnel",
		"The system refused to send the tunnel's packets: a firewall, or another VPN that took the route.",
		"Allow Holdfast to send UDP, or close the other VPN.", High},
	Code(tunnel.SignIn): {"This network wants a sign-in",
		"A sign-in page stands before the internet. The tunnel is at rest until you have passed it.",
		"Open a browser and sign in.", High},
	Code(tunnel.NoInternet): {"No internet",
		"The router answers and nothing behind it does. The tunnel resumes by itself.",
		"Restart the router, or ask the provider.", Medium},
	Code(tunnel.EndpointDNS): {"The server's name is not found",
		"The name of the server cannot be resolved, and the last known address does not answer.",
		"Check the name in the tunnel's Endpoint, and this network's DNS.", High},
	Code(tunnel.EndpointMoved): {"The server has moved",
		"The server's name leads to another address than before. The new one is used.", "", Low},
	Code(tunnel.ClockMoved): {"The clock moved back",
		"This computer's clock was set back. A server refuses handshakes that look older than the last it saw.",
		"Set the clock right; if it was ahead before, the server's operator can reset the peer.", High},
	Code(tunnel.PSKMismatch): {"The preshared key does not match",
		"The server answered, and the answer could not be verified with the preshared key.",
		"Compare PresharedKey on both sides.", High},
	Code(tunnel.NothingListens): {"Nothing listens at the server",
		"The server's computer answers that nothing listens on this port.",
		"Check the port in Endpoint, and whether WireGuard runs there.", High},
	Code(tunnel.UDPBlocked): {"This network blocks UDP",
		"Web pages load here, and no WireGuard server answers: the network lets no such traffic through.",
		"Try another network, or a server on another port.", High},
	Code(tunnel.KeyRefused): {"The server does not take this key",
		"The server is up and does not answer this key: it was removed, has expired, or the server's key is another.",
		"Ask the server's operator for a fresh config.", High},
	Code(tunnel.ServerDown): {"The server is down",
		"The server's computer does not answer at all, while others do.",
		"Wait, or switch to another tunnel.", High},
	Code(tunnel.KeyOrServer): {"The server does not answer",
		"The server is down or does not take this key: WireGuard is silent about which.",
		"Check the server, and the keys on both sides.", High},
	Code(tunnel.ServerOverloaded): {"The server is busy",
		"The server answers that it is under load. The tunnel may take longer to come up.",
		"Wait, or switch to another tunnel.", Medium},
	Code(tunnel.KeyShared): {"The key is used elsewhere",
		"Another device uses this tunnel's private key, and the two push each other out.",
		"Give every device its own key.", High},
	Code(tunnel.MTUBlackHole): {"Large packets are lost",
		"Small packets arrive and large ones do not: pages hang half-loaded.",
		"Set mtu to 1280.", Medium},
	Code(tunnel.ForwardsNothing): {"The server forwards nothing",
		"The server answers, and nothing behind it does.",
		"Switch to another tunnel, or tell the server's operator.", High},
	Code(tunnel.UploadDead): {"Only receiving works",
		"Data still arrives, and nothing that is sent does.",
		"Reconnect, or switch to another tunnel.", High},
	Code(tunnel.Lossy): {"The line loses packets",
		"Many packets are lost on the way to the server. The tunnel works, slowly.",
		"Move closer to the access point, or try another network.", Low},
	Code(tunnel.SessionStale): {"The session has ended",
		"The server has forgotten this session. A new one is being made.", "", Low},
	Code(tunnel.HandshakeTimeout): {"No answer from the server",
		"Handshakes go unanswered. The server is off, UDP is blocked, or a key is wrong: WireGuard is silent about which.",
		"Check the server and the config, or try another network.", High},
	Code(tunnel.Unanswered): {"The tunnel carries nothing",
		"Data is sent and nothing comes back.",
		"Run a diagnosis, or switch to another tunnel.", High},

	CodeAllSilent: {"No member answers",
		"None of the tunnels of this group answers, so there is none to move to. They are asked again by and by.",
		"Check this computer's network: what fails everywhere is rarely the servers.", High},
	CodeExhausted: {"Restarting has not helped",
		"Every restart was made and the tunnel still carries nothing. What follows is the setting when_exhausted.",
		"Run a diagnosis, or switch to another tunnel.", High},
	Code(CooldownStarted): {"Waiting before the next try",
		"Every member was tried several times and none kept working. There is a pause before the next try.",
		"Reconnect ends the pause.", High},
	Code(FailedOver): {"Moved to another tunnel",
		"The tunnel stopped working, and another member took over.",
		"", Medium},
	Code(StateChanged): {"The tunnel cannot start",
		"The system did not let the tunnel start. It is tried again.",
		"Look at the log for the reason.", High},
	Code(WishChanged): {"Disconnected by the policy",
		"The tunnel did not work, and the settings say to disconnect then. Traffic is no longer protected.",
		"Connect again when the cause is gone.", High},
	Code(GuardChanged): {"Traffic is blocked",
		"The guard blocks traffic because no tunnel carries it.",
		"Wait for the tunnel, or release the guard.", High},
	Code(Denied): {"A request was refused",
		"A user of this computer asked for something they may not do.",
		"Add the user to the group holdfast to allow it.", Low},

	CodeWishDamaged: {"What was asked for is not known",
		"The file that keeps the wish cannot be read, so no tunnel was brought up. Traffic is not protected.",
		"Connect again.", High},
	CodeWishNotKept: {"The wish could not be kept",
		"What was asked for is done, but the disk refused to keep it. It is forgotten when the service restarts.",
		"Look at the disk of the state folder: it may be full, or read-only.", Medium},
	CodeTargetGone: {"What was asked for is gone",
		"The tunnel or group that was asked for is not in the configuration.",
		"Restore it, or connect to another.", High},
	CodeHistoryDamaged: {"The history begins anew",
		"The history that was there could not be used. Tunnels are not affected.", "", Low},
	CodeHistoryNotKept: {"The history is not being kept",
		"The disk does not take the history. What happens now is forgotten when the service stops.",
		"Look at the disk of the state folder: it may be full, or read-only.", Medium},
	CodeConfigUnreadable: {"A file of the configuration is left out",
		"It cannot be used as it is. The rest of the configuration is.",
		"Correct the file and restart the service, or import the tunnel again.", Medium},
	CodeClockAhead: {"The clock jumped ahead",
		"Handshakes are held back: a server that saw one with a date far ahead would refuse this key until that date.",
		"Set the clock right. If it is right, connect again.", High},
}
