package tunnel

// Cause says why a tunnel is not healthy. The empty Cause means that nothing is
// wrong. The strings are stored and sent: they never change.
type Cause string

// The causes, in the order in which each hides those below it (HEALTH.md §5).
const (
	NoNetwork        Cause = "no_network"
	LocalFirewall    Cause = "local_firewall"
	SignIn           Cause = "sign_in"
	NoInternet       Cause = "no_internet"
	EndpointDNS      Cause = "endpoint_dns"
	EndpointMoved    Cause = "endpoint_moved"
	ClockMoved       Cause = "clock_moved"
	PSKMismatch      Cause = "psk_mismatch"
	NothingListens   Cause = "nothing_listens"
	UDPBlocked       Cause = "udp_blocked"
	KeyRefused       Cause = "key_refused"
	ServerDown       Cause = "server_down"
	KeyOrServer      Cause = "key_or_server"
	ServerOverloaded Cause = "server_overloaded"
	KeyShared        Cause = "key_shared"
	MTUBlackHole     Cause = "mtu"
	ForwardsNothing  Cause = "forwards_nothing"
	UploadDead       Cause = "upload_dead"
	Lossy            Cause = "lossy"
	SessionStale     Cause = "session_stale"
	// HandshakeTimeout and Unanswered say that nothing more is known than that
	// handshakes, or data, have gone without an answer for too long.
	HandshakeTimeout Cause = "handshake_timeout"
	Unanswered       Cause = "unanswered"
)
