package diagnose

import (
	"net/netip"
	"time"

	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// Evidence is what was seen. The zero value of a part says that it was not
// looked at; the zero value of the whole, that the network cannot be used.
type Evidence struct {
	// Usable says that there is a link and a route besides the tunnel. Underlay
	// is why not; "" when Usable, or when nothing more is known.
	Usable   bool
	Underlay tunnel.Cause

	Gateway  Gateway
	Internet Internet
	Route    Route
	Knock    Knock
	// KnownUp says that the endpoint's host has answered a knock before, on this
	// network. Where it never did, its silence says nothing.
	KnownUp bool
	Name    Name
	Clock   Clock
	// Self is the tunnel's own server, Others the other members'.
	Self   Answer
	Others []Answer
	Inside Inside
}

// Answer is what asking one member for a handshake gave.
type Answer struct {
	Member tunnel.Name
	// Endpoint is where it was asked. Zero: not known.
	Endpoint netip.AddrPort
	Asked    bool
	Answered bool
	RTT      time.Duration
	Err      string // why it could not be asked; "": it could
	// SendErr is what the system said when it refused to send. "": nothing.
	SendErr string
	// Forbidden says that it refused for reasons of policy: a firewall.
	Forbidden bool
	// Responses is how many handshake responses came that did not authenticate,
	// Cookies how many cookie replies, while none did.
	Responses, Cookies int
	// Ports is from how many source ports it was asked, where that is known. A
	// router that has lost a flow lets another port pass.
	Ports int
}

// mute says that it was asked, and that nothing whatever came back.
func (a Answer) mute() bool {
	return a.Asked && !a.Answered && a.SendErr == "" && !a.Forbidden && a.Responses == 0 && a.Cookies == 0
}

// Name is what became of the endpoint's name.
type Name struct {
	Checked bool
	Host    string // "": the endpoint is an address
	// Addresses are those it has now. Present says that the one in use is among
	// them, or that none is in use.
	Addresses []netip.Addr
	Present   bool
	// Asked says that the addresses not in use were asked for a handshake;
	// Answered is the one that answered. Zero: none did.
	Asked    bool
	Answered netip.Addr
	Took     time.Duration
	Err      string // why it could not be resolved; "": it could
}

// Clock is how this computer's clock stands to the handshakes it has dated.
type Clock struct {
	Checked bool
	// Behind is how far it is below the latest date that ever left. 0: it is not.
	Behind time.Duration
	// Asked says that a handshake was asked for with a later date than that one,
	// Proven that it was answered while one of now was not.
	Asked, Proven bool
	// Held says that handshakes are held back, since the clock jumped so far
	// ahead that they would lock the key out.
	Held bool
}

// Inside is what is known of the tunnel itself, and of what lies behind it.
type Inside struct {
	// Verdict is "" where no tunnel is active.
	Verdict health.Verdict
	// Cause is what the evidence about traffic came to. "": nothing.
	Cause tunnel.Cause
	// Receiving says that the server's data arrives although our questions go
	// unanswered.
	Receiving bool
	// Loss is the share of round trips that are lost, 0 to 1, of the last LossOf.
	// Lossy says that it, or the delay, has been more than a person should bear.
	Loss   float64
	LossOf int
	Lossy  bool
	RTT    time.Duration // 0: not measured
	// Near is the server's own address inside, Beyond what lies behind it.
	Near, Beyond Echo
	// Contrast says that another member reached what this one does not.
	Contrast bool
	// MTU is the interface's before it was lowered, Widest the size of the
	// largest packet that passes. 0: not known.
	MTU, Widest int
	// LargeLost counts large segments that were sent again while small ones arrived.
	LargeLost uint64
}

// Echo is what the addresses said that have answered before.
type Echo struct {
	Known    int // how many there are
	Asked    bool
	Answered bool
}

// silent says that they were asked and that none answered.
func (e Echo) silent() bool { return e.Asked && !e.Answered }
