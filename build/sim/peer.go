package sim

import "time"

// The times of WireGuard, as wireguard-go has them.
const (
	rekeyAfter       = 120 * time.Second
	rejectAfter      = 180 * time.Second
	rekeyTimeout     = 5 * time.Second
	keepaliveTimeout = 10 * time.Second
	jitterMost       = 334 * time.Millisecond
	mostHandshakes   = 18
	initiationApart  = 20 * time.Millisecond
	mostStaged       = 128
)

// session is one pair of keys as one end has it.
type session struct {
	id        uint32 // 0: none
	born      time.Duration
	initiator bool
}

// peer is one end of a WireGuard session, with its timers. Both ends are alike.
type peer struct {
	w      *World
	dev    *device
	client bool

	cur, prev, next session
	index           uint32        // of the initiation whose response is awaited; 0: none
	asking          time.Duration // since when one is awaited
	lastSent        time.Duration
	sentAny         bool
	attempts        int
	lastMinute      bool
	another         bool
	keepalive       time.Duration
	staged          []*packet

	rekey, retry, answer, persist *timer

	// Of the responder.
	stamp     int64         // the highest accepted
	initAt    time.Duration // the last accepted; 0: none
	knowsPort bool          // it has an endpoint to send to
}

func newPeer(d *device, client bool) *peer {
	p := &peer{w: d.w, dev: d, client: client}
	p.rekey = d.w.timer(client, func() { p.initiate(false) })
	p.retry = d.w.timer(client, p.retryNow)
	p.answer = d.w.timer(client, p.answerNow)
	p.persist = d.w.timer(client, func() {
		if p.keepalive > 0 {
			p.sendKeepalive()
		}
	})
	return p
}

func (p *peer) now() time.Duration { return p.rekey.clock() }

func (p *peer) jitter() time.Duration {
	return time.Duration(p.w.noise.Int64N(int64(jitterMost)))
}

// forget ends every session and every wait.
func (p *peer) forget() {
	p.cur, p.prev, p.next, p.index = session{}, session{}, session{}, 0
	p.rekey.stop()
	p.retry.stop()
	p.answer.stop()
	p.persist.stop()
	p.drop()
	p.knowsPort, p.lastMinute, p.another, p.attempts = false, false, false, 0
	p.sentAny = false
}

func (p *peer) drop() {
	for _, k := range p.staged {
		p.w.done(k)
	}
	p.staged = p.staged[:0]
}

// usable says that the current session may still be sent with.
func (p *peer) usable() bool { return p.cur.id != 0 && p.now()-p.cur.born < rejectAfter }

// holds says that what comes by a session is taken.
func (p *peer) holds(id uint32) bool {
	for _, s := range []session{p.cur, p.prev, p.next} {
		if s.id == id && id != 0 {
			return p.now()-s.born <= rejectAfter
		}
	}
	return false
}

// send sends an inner packet, or keeps it until there is a session.
func (p *peer) send(k *packet) {
	if !p.client && !p.knowsPort {
		p.w.done(k)
		return
	}
	if !p.usable() {
		if len(p.staged) >= mostStaged {
			p.w.done(p.staged[0])
			p.staged = append(p.staged[:0], p.staged[1:]...)
		}
		p.staged = append(p.staged, k)
		p.initiate(false)
		return
	}
	p.transmit(k)
	if p.cur.initiator && p.now()-p.cur.born > rekeyAfter {
		p.initiate(false)
	}
}

func (p *peer) transmit(k *packet) {
	k.kind, k.index = transport, p.cur.id
	if k.what != nothing && !p.rekey.set {
		p.rekey.in(keepaliveTimeout + rekeyTimeout + p.jitter())
	}
	p.sentSomething()
	p.w.transmit(p, k)
}

func (p *peer) sendStaged() {
	list := p.staged
	p.staged = nil
	for _, k := range list {
		p.send(k)
	}
}

func (p *peer) sendKeepalive() {
	if len(p.staged) > 0 {
		p.sendStaged()
		return
	}
	k := p.w.packet()
	k.size = sizeKeepalive
	p.send(k)
}

// sentSomething is the timers' share of sending anything authenticated.
func (p *peer) sentSomething() {
	p.answer.stop()
	p.passed()
}

func (p *peer) passed() {
	if p.keepalive > 0 {
		p.persist.in(p.keepalive)
	}
}

func (p *peer) gotSomething() {
	p.rekey.stop()
	p.passed()
}

// initiate asks for a new session, unless that was done within five seconds.
func (p *peer) initiate(again bool) {
	if !again {
		p.attempts = 0
	}
	if p.sentAny && p.now()-p.lastSent < rekeyTimeout || (!p.client && !p.knowsPort) {
		return
	}
	p.force()
}

// force asks for a new session now.
func (p *peer) force() {
	p.lastSent, p.sentAny = p.now(), true
	if p.index == 0 {
		p.asking = p.now()
	}
	p.index = p.w.number()
	k := p.w.packet()
	k.kind, k.index, k.stamp, k.size = initiation, p.index, int64(p.w.wall()), sizeInitiation
	p.sentSomething()
	p.retry.in(rekeyTimeout + p.jitter())
	if p.client {
		p.dev.ownAsk = p.now()
		// A question beside the session that has just left is kept away from.
		if wait := p.dev.lastAsk + askApart - p.now(); wait > 0 {
			p.w.after(wait, func() { p.w.transmit(p, k) })
			return
		}
	}
	p.w.transmit(p, k)
}

func (p *peer) retryNow() {
	if p.attempts > mostHandshakes {
		p.answer.stop()
		p.drop()
		return
	}
	p.attempts++
	p.initiate(true)
}

func (p *peer) answerNow() {
	p.sendKeepalive()
	if p.another {
		p.another = false
		p.answer.in(keepaliveTimeout)
	}
}

func (p *peer) completed() {
	p.retry.stop()
	p.attempts, p.lastMinute = 0, false
	if p.client {
		p.dev.shook()
	}
}

// gotInitiation answers a question for a session. The caller has checked that
// this end is there and knows the other.
func (p *peer) gotInitiation(k *packet) {
	if !p.client && (k.stamp <= p.stamp || p.initAt != 0 && p.w.now-p.initAt < initiationApart) {
		return
	}
	p.stamp, p.initAt = max(p.stamp, k.stamp), p.w.now
	p.gotSomething()
	p.lastSent, p.sentAny = p.now(), true
	p.knowsPort = true
	p.next = session{id: p.w.number(), born: p.now()}
	p.prev = session{}
	r := p.w.packet()
	r.kind, r.index, r.id, r.size, r.side, r.sent = response, k.index, p.next.id, sizeResponse, k.side, k.sent
	p.sentSomething()
	p.w.transmit(p, r)
}

// gotResponse takes the answer to the last initiation.
func (p *peer) gotResponse(k *packet) {
	if k.index != p.index || p.index == 0 {
		return
	}
	p.index = 0
	p.gotSomething()
	if p.next.id != 0 {
		p.prev, p.next = p.next, session{}
	} else {
		p.prev = p.cur
	}
	p.cur = session{id: k.id, born: p.now(), initiator: true}
	p.completed()
	p.sendKeepalive()
}

// gotTransport takes a data packet. False: no session of it is known.
func (p *peer) gotTransport(k *packet) bool {
	s := &p.cur
	switch k.index {
	case p.cur.id:
	case p.prev.id:
		s = &p.prev
	case p.next.id:
		s = &p.next
	default:
		return false
	}
	if s.id == 0 || p.now()-s.born > rejectAfter {
		return false
	}
	if s == &p.next {
		p.prev, p.cur, p.next = p.cur, p.next, session{}
		s = &p.cur
		p.completed()
		p.sendStaged()
	}
	p.knowsPort = true
	if s.initiator && s == &p.cur && !p.lastMinute && p.now()-s.born > rejectAfter-keepaliveTimeout-rekeyTimeout {
		p.lastMinute = true
		p.initiate(false)
	}
	p.gotSomething()
	if k.what != nothing {
		if p.answer.set {
			p.another = true
		} else {
			p.answer.in(keepaliveTimeout)
		}
	}
	return true
}
