package diagnose

import (
	"net/netip"
	"time"
)

// Gateway is whether the router of this network answers.
type Gateway struct {
	Checked bool
	Alive   bool
	Addr    netip.Addr
	Took    time.Duration
	Err     string // why it could not be found out; "": it could
}

// Internet is what the pages said that are known to answer with nothing.
type Internet struct {
	Checked bool
	Reach   Reach
	// Via is the page that decided it.
	Via  string
	Took time.Duration
	Err  string // what the last page failed with; "": none did
	// Unasked is why no page was asked, where that was decided; "": it was not.
	Unasked string
	// Ahead is how far this computer's clock is ahead of the page's; negative:
	// behind. It means something only where TimeKnown.
	Ahead     time.Duration
	TimeKnown bool
}

// Reach is how far the network below reaches.
type Reach string

// How far.
const (
	Open   Reach = "open"    // a page answered as it should
	SignIn Reach = "sign_in" // something else answered in its place
	Silent Reach = "silent"  // none answered
)

// Knock is what a datagram to the endpoint that is no WireGuard brought back.
type Knock struct {
	Checked bool
	// Refused says that the host is up and nothing listens on the port.
	Refused bool
	// RefusedLately says that it refused a short while ago, and keeps silent about
	// the port now: hosts refuse only so many datagrams of one sender.
	RefusedLately bool
	// HostUp says that the endpoint's host has answered anything: an echo, or a
	// refusal.
	HostUp bool
	// RefusedBy is who refused in the endpoint's place: a firewall on the way.
	// Zero: nobody.
	RefusedBy netip.Addr
	Took      time.Duration
	Err       string // what the system said when it refused to send; "": nothing
}

// Route is the way the system would send to the endpoint.
type Route struct {
	Checked   bool
	Interface string
	// Foreign says that it leads into a tunnel that is not ours.
	Foreign bool
	Err     string // "no route", or what else stands in the way; "": nothing
}
