package sim

import "time"

// kind is what a datagram is.
type kind uint8

const (
	initiation kind = iota + 1
	response
	cookie
	transport
	disco // a question beside WireGuard, as Tailscale asks its paths
)

// content is what an inner packet is.
type content uint8

const (
	nothing content = iota // a keepalive
	request                // wants a reply
	reply
	segment // of TCP, wants an acknowledgement
	ack
	stream // wants nothing
	echo   // ours
	echoReply
	ping // a rival's echo
	pong
)

// The sizes of datagrams, in bytes.
const (
	sizeInitiation = 148
	sizeResponse   = 92
	sizeCookie     = 64
	sizeKeepalive  = 32
	sizeEcho       = 96
	sizeSmall      = 128
	sizeLarge      = 1420
)

// packet is one datagram. They are used again.
type packet struct {
	kind  kind
	what  content
	up    bool // to the server
	side  bool // an initiation beside the session, or its response
	near  bool // an inner packet to or from the server itself
	fresh bool // the first of a flow
	large bool
	dev   *device
	index uint32 // of the initiation, or of the session
	stamp int64  // wall clock of an initiation
	addr  int    // the server's address it goes to
	port  int    // the client's port it came from
	app   uint8  // whose it is, inside
	size  int
	id    uint32
	sent  time.Duration // when the inner packet left, by the client's clock
}

func (w *World) packet() *packet {
	if n := len(w.spare); n > 0 {
		p := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return p
	}
	return &packet{}
}

func (w *World) done(p *packet) {
	*p = packet{}
	w.spare = append(w.spare, p)
}
