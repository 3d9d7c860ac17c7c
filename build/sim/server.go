package sim

import (
	"holdfast/service/failover"
)

// server is what a member leads to.
type server struct {
	failover.Member
	w     *World
	index int
	path  Path
	far   *peer
	// client is the device that last sent something authentic.
	client *device

	alive    bool // it runs
	knows    bool // it has the client's key
	forwards bool // packets inside are answered at all
	exit     bool // what lies behind it can be reached
	loaded   bool // it asks for cookies, and loses much
	addr     int  // the address it has now
	port     int  // a port of the client that nothing passes from; 0: none
}

// sound says that it would serve a client, and its path carries.
func (s *server) sound() bool {
	return s.alive && s.knows && s.forwards && s.exit && !s.path.DeadUp && !s.path.DeadDown && s.path.MTU == 0
}

// restart has it forget every session.
func (s *server) restart() {
	s.far.forget()
	s.far.stamp, s.far.initAt = -1, 0
}

// take takes a datagram from the client.
func (s *server) take(k *packet) {
	if !s.alive || k.addr != s.addr || k.port == s.port {
		return
	}
	switch k.kind {
	case disco:
		r := s.w.packet()
		r.kind, r.dev, r.size, r.id, r.sent = disco, k.dev, sizeEcho, k.id, k.sent
		s.w.route(s, r)
	case initiation:
		s.asked(k)
	case response:
		if s.knows {
			s.far.gotResponse(k)
			s.client = k.dev
		}
	case transport:
		if s.knows && s.far.gotTransport(k) {
			s.client = k.dev
			s.inner(k)
		}
	default:
	}
}

// asked takes an initiation. A server under load answers one without a cookie
// by a cookie, which the next one carries.
func (s *server) asked(k *packet) {
	if !s.knows {
		return
	}
	if s.loaded && !k.dev.hasCookie {
		r := s.w.packet()
		r.kind, r.dev, r.size, r.side, r.index = cookie, k.dev, sizeCookie, k.side, k.index
		s.w.route(s, r)
		return
	}
	s.client = k.dev
	s.far.gotInitiation(k)
	s.w.judge()
}

// inner answers what was inside.
func (s *server) inner(k *packet) {
	if k.what == nothing || !s.forwards || (!k.near && !s.exit) {
		return
	}
	if s.loaded && s.w.noise.Float64() < 0.3 {
		return
	}
	var what content
	switch k.what {
	case request:
		what = reply
	case segment:
		what = ack
	case echo:
		what = echoReply
	case ping:
		what = pong
	case ack:
		s.w.apps[k.app].far(k)
		return
	default:
		return
	}
	r := s.w.packet()
	r.what, r.size, r.near, r.id, r.app, r.sent = what, sizeSmall, k.near, k.id, k.app, k.sent
	s.far.send(r)
}

// push sends something towards the client that it did not ask for.
func (s *server) push(k *packet) {
	if !s.alive || !s.forwards || !s.exit || !s.knows {
		s.w.done(k)
		return
	}
	s.far.send(k)
}
