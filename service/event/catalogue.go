package event

import (
	"math"
	"time"

	"holdfast/service/tunnel"
)

// Words are how a notice is put: what is the matter, what follows from it, and
// what the person can do. Advice is empty where there is nothing to be done.
type Words struct {
	Title  string
	What   string
	Advice string
	// Severity is how loudly it is told.
	Severity Severity
	// ShownAfter is how long a trouble must have lasted before a notice tells it.
	// Never: it is history only. 0: at once.
	ShownAfter time.Duration
}

// Never is longer than any trouble.
const Never time.Duration = math.MaxInt64

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
	// The guard's rules could not be put in force, or not be read back.
	CodeGuardFailed Code = "guard_failed"
	// The guard is to be open, and its rules cannot be removed.
	CodeGuardStuck Code = "guard_stuck"
	// Another program changed the guard's rules or the tunnel's routes, and they
	// were put back.
	CodeGuardDisturbed Code = "guard_disturbed"
	// A route of the network leads around the tunnel.
	CodeRouteAround Code = "route_around"
)

// The codes of what a diagnosis found where there is no cause to name, or no
// tunnel that could suffer from it. They are never notices.
const (
	CodeNothingWrong  Code = "nothing_wrong"
	CodeNothingWanted Code = "nothing_wanted"
	CodeOffNoNetwork  Code = "off_no_network"
	CodeOffSignIn     Code = "off_sign_in"
	CodeOffNoInternet Code = "off_no_internet"
)

// Describe returns the words for a code in English, and plain words for one
// that this version does not know.
func Describe(c Code) Words { return DescribeIn(English, c) }

// How long a trouble must have lasted.
const (
	// networkShownAfter keeps a short loss of the network from being told.
	networkShownAfter = 5 * time.Second
	// knownShownAfter is for what an answer from the server has told: waiting
	// makes it no surer.
	knownShownAfter = 10 * time.Second
	// troubleShownAfter keeps an outage from being told that heals by itself, or
	// by a failover, which is told in its place.
	troubleShownAfter = 15 * time.Second
)

// catalogue has the words for every cause, and for every kind of event that
// can become a notice, in English. What is only likely is put so.
var catalogue = map[Code]Words{
	Code(tunnel.NoNetwork): {"No network",
		"This computer has no network, so the tunnel is at rest. It resumes by itself.",
		"Check the cable or the Wi-Fi.", Medium, networkShownAfter},
	Code(tunnel.LocalFirewall): {"This computer blocks the tunnel",
		"The system does not send the tunnel's packets to the server, so nothing passes. A firewall refuses them, another VPN has taken the route, or there is none.",
		"Allow Holdfast to send UDP, or close the other VPN.", High, knownShownAfter},
	Code(tunnel.SignIn): {"This network wants a sign-in",
		"A sign-in page stands before the internet. The tunnel is at rest until you have passed it.",
		"Let traffic pass for a while (holdfast guard pause), open a browser and sign in.", High, networkShownAfter},
	Code(tunnel.NoInternet): {"No internet",
		"Nothing outside this network answers, so the tunnel is at rest. It resumes by itself.",
		"Restart the router, or ask the provider.", Medium, networkShownAfter},
	Code(tunnel.EndpointDNS): {"The server's name is not found",
		"The name of the server cannot be resolved, and the last known address does not answer, so there is nowhere to connect to.",
		"Check the name in the tunnel's Endpoint, and this network's DNS.", High, knownShownAfter},
	Code(tunnel.EndpointMoved): {"The server has moved",
		"The server's name leads to another address than before, and the old one is silent. The new one is tried by itself.",
		"", Low, troubleShownAfter},
	Code(tunnel.ClockMoved): {"The clock has moved",
		"This computer's clock was set back, or jumped far ahead. A server refuses handshakes that look older than the last it saw.",
		"Set the clock right. If it was ahead before, the server's operator can reset the peer.", High, knownShownAfter},
	Code(tunnel.PSKMismatch): {"The preshared key does not match",
		"The server answered, and the answer could not be verified with the preshared key. No session begins until both sides have the same.",
		"Compare PresharedKey on both sides.", High, knownShownAfter},
	Code(tunnel.NothingListens): {"Nothing listens at the server",
		"The server's computer answers that nothing listens on this port: WireGuard is stopped there, or uses another.",
		"Check the port in Endpoint, and whether WireGuard runs there.", High, knownShownAfter},
	Code(tunnel.UDPBlocked): {"This network seems to block UDP",
		"Web pages load here, and no WireGuard server answers. Most likely the network lets no such traffic through.",
		"Try another network, or a server on another port.", High, troubleShownAfter},
	Code(tunnel.KeyRefused): {"The server seems to refuse this key",
		"The server is up and does not answer this key. Most likely it was removed, has expired or is suspended, or the config names another key for the server.",
		"Ask the server's operator for a fresh config, or switch to another tunnel.", High, troubleShownAfter},
	Code(tunnel.ServerDown): {"The server is down",
		"The server's computer answered before and no longer does, while others do: it is down, or cut off.",
		"Wait, or switch to another tunnel.", High, troubleShownAfter},
	Code(tunnel.KeyOrServer): {"The server does not answer",
		"The server does not answer this key, or is down: WireGuard is silent about which.",
		"Check the server, and the keys on both sides.", High, troubleShownAfter},
	Code(tunnel.ServerOverloaded): {"The server is busy",
		"The server answers that it is under load. The tunnel may take longer to come up.",
		"Wait, or switch to another tunnel.", Medium, knownShownAfter},
	Code(tunnel.KeyShared): {"This key seems to be in use elsewhere",
		"Each session ends soon after it began, as it does when another device uses the same private key: the two push each other out.",
		"Give every device its own key.", High, troubleShownAfter},
	Code(tunnel.MTUBlackHole): {"Large packets are lost",
		"Large packets get lost on the way to the server, which makes pages hang half-loaded. Holdfast lowers the tunnel's MTU to what passes.",
		"There is nothing to be done. If it is so on every network, set mtu to the size that passes.", Low, 0},
	Code(tunnel.ForwardsNothing): {"The server forwards nothing",
		"The server answers, and nothing behind it does, so no page loads.",
		"Switch to another tunnel, or tell the server's operator.", High, troubleShownAfter},
	Code(tunnel.UploadDead): {"Only receiving works",
		"Data still arrives, and nothing that is sent gets through, so no page loads.",
		"Reconnect, or switch to another tunnel.", High, troubleShownAfter},
	Code(tunnel.Lossy): {"The line loses packets",
		"Many packets are lost on the way to the server, or take very long. The tunnel works, slowly.",
		"Move closer to the access point, or try another network.", Low, 0},
	Code(tunnel.SessionStale): {"The session has ended",
		"The server has forgotten this session. A new one is being made.", "", Low, Never},
	Code(tunnel.HandshakeTimeout): {"No answer from the server",
		"Handshakes go unanswered. The server is off, UDP is blocked, or a key is wrong: WireGuard is silent about which.",
		"Check the server and the config, or try another network.", High, troubleShownAfter},
	Code(tunnel.Unanswered): {"The tunnel carries nothing",
		"Data is sent and nothing comes back.",
		"Run a diagnosis, or switch to another tunnel.", High, troubleShownAfter},

	CodeAllSilent: {"No member answers",
		"None of the tunnels of this group answers, so there is none to move to. They are asked again by and by.",
		"Check this computer's network: what fails everywhere is rarely the servers.", High, troubleShownAfter},
	CodeExhausted: {"Restarting has not helped",
		"Every restart was made and the tunnel still carries nothing. What follows is the setting when_exhausted.",
		"Run a diagnosis, or switch to another tunnel.", High, troubleShownAfter},
	Code(CooldownStarted): {"Waiting before the next try",
		"Every member was tried several times and none kept working. There is a pause before the next try.",
		"Reconnect ends the pause.", High, troubleShownAfter},
	Code(FailedOver): {"Moved to another tunnel",
		"The tunnel stopped working, and another member took over.",
		"", Medium, 0},
	Code(StateChanged): {"The tunnel cannot start",
		"The system did not let the tunnel start. It is tried again.",
		"Look at the log for the reason.", High, troubleShownAfter},
	Code(WishChanged): {"Disconnected by the policy",
		"The tunnel did not work, and the settings say to disconnect then. Traffic is no longer protected.",
		"Connect again when the cause is gone.", High, 0},
	Code(GuardChanged): {"Traffic is blocked",
		"No tunnel carries it now, and the guard lets it out no other way.",
		"Wait for the tunnel. Until the next up or down, holdfast guard release lets everything pass unprotected.", High, 0},
	Code(Denied): {"A request was refused",
		"A user of this computer asked for something they may not do.",
		"Add the user to the group holdfast to allow it.", Low, 0},

	CodeWishDamaged: {"What was asked for is not known",
		"The file that keeps the wish cannot be read, so no tunnel was brought up. Unless the guard is off, it lets nothing out until you connect or disconnect.",
		"Say what you want: holdfast up NAME, or holdfast down.", High, 0},
	CodeWishNotKept: {"The wish could not be kept",
		"What was asked for is done, but the disk refused to keep it. It is forgotten when the service restarts.",
		"Look at the disk of the state folder: it may be full, or read-only.", Medium, 0},
	CodeTargetGone: {"What was asked for is gone",
		"The tunnel or group that was asked for is not in the configuration.",
		"Restore it, or connect to another.", High, 0},
	CodeHistoryDamaged: {"The history begins anew",
		"The history that was there could not be used. Tunnels are not affected.", "", Low, 0},
	CodeHistoryNotKept: {"The history is not being kept",
		"The disk does not take the history. What happens now is forgotten when the service stops.",
		"Look at the disk of the state folder: it may be full, or read-only.", Medium, 0},
	CodeConfigUnreadable: {"A file of the configuration is left out",
		"It cannot be used as it is. The rest of the configuration is.",
		"Correct the file and restart the service, or import the tunnel again.", Medium, 0},
	CodeClockAhead: {"The clock jumped ahead",
		"Handshakes are held back: a server that saw one with a date far ahead would refuse this key until that date.",
		"Set the clock right. If it is right, connect again.", High, 0},
	CodeGuardFailed: {"Your traffic may not be protected",
		"The guard's rules could not be put in force or read back as they must be. What the tunnel should carry may leave this computer unprotected.",
		"Look at the log and at holdfast guard status. If it stays so, restart the computer, or turn the guard off to go without: holdfast guard off.", High, 0},
	CodeGuardStuck: {"The guard cannot be opened",
		"No tunnel is wished for, or the guard was released, and what keeps traffic in could not be removed. It is tried again by itself.",
		"As root: holdfast guard release. If that does not help, restart the service.", High, 0},
	CodeGuardDisturbed: {"Another program interfered with the guard",
		"It changed or removed rules of the firewall or routes that keep your traffic in. They are back in force.",
		"Find out which program it was, and see that it leaves the tables named holdfast and the interface alone.", Medium, 0},
	CodeRouteAround: {"A route of this network leads around the tunnel",
		"This network, or a program, sends some addresses another way than through the tunnel. The guard blocks what goes there.",
		"Leave this network or connect to it again. If the route is your own, leave its addresses out of the tunnel's AllowedIPs.", Medium, 0},

	CodeNothingWrong: {"Nothing that was looked at is wrong",
		"What was looked at works as it should.", "", Low, Never},
	CodeNothingWanted: {"No tunnel is wanted, and nothing below it is wrong",
		"The network could carry a tunnel.", "Connect, and ask again.", Low, Never},
	CodeOffNoNetwork: {"This computer has no network",
		"No tunnel is wanted now, and none could work.",
		"Check the cable or the Wi-Fi.", Medium, Never},
	CodeOffSignIn: {"This network wants a sign-in first",
		"A sign-in page stands before the internet. No tunnel is wanted now, and none could work before you have passed it.",
		"Open a browser and sign in.", Medium, Never},
	CodeOffNoInternet: {"This network has no internet",
		"Nothing outside this network answers. No tunnel is wanted now, and none could work.",
		"Restart the router, or ask the provider.", Medium, Never},
}
