package wg

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/service/tunnel"
)

const (
	// echoSize is the length of the inner packet of an echo whose size does not matter.
	echoSize = 100
	// stampSize is what follows the ICMP header of our echoes.
	stampSize = 8 + 4 + 1 + 1 + 2 + 8
	// maxWaitingOut is how many echoes may wait for the device to read them.
	maxWaitingOut = 64
	// roundTime is when a round without an answer is given up.
	roundTime = 3 * time.Second
	// strangersAfter is how long an application must have waited for an answer
	// before an address on the internet is asked, which has answered one before.
	strangersAfter = 400 * time.Millisecond
	// maxRounds is how many rounds may be under way.
	maxRounds = 32
	// maxNear and maxBeyond are how many responders a round asks.
	maxNear, maxBeyond = 1, 2
	// trialGap is the least time between echoes to candidates that the config
	// names, newTrialGap between those to others.
	trialGap    = time.Second
	newTrialGap = 30 * time.Second
)

// purpose is what an echo is for. It travels in the echo.
type purpose uint8

const (
	ofRound purpose = iota // to a responder, in one of the rounds
	ofTrial                // to a candidate
	ofCall                 // somebody waits for the answer
)

// stamp is what an echo of ours carries, and its answer brings back.
type stamp struct {
	number  uint32 // of the round, or of the call
	purpose purpose
	slot    uint8
	at      int64
}

// echoes are those of one port.
type echoes struct {
	id    uint16
	token [8]byte // in every echo of ours: an id alone may be an application's

	nextCall atomic.Uint32

	mu           sync.Mutex
	rounds       [maxRounds]round
	last         uint32 // number of the last round
	near, beyond tunnel.Questions
	calls        map[uint32]chan<- arrival

	open atomic.Int32 // len(calls), so that Write need not lock
}

// round is one question to several responders.
type round struct {
	number                       uint32 // 0: none
	at                           int64
	n                            int // how many were asked
	to                           [maxNear + maxBeyond]netip.Addr
	isNear                       [maxNear + maxBeyond]bool
	answered                     [maxNear + maxBeyond]bool
	nearCame, beyondCame, judged bool
}

// arrival is an answer to an echo of a call.
type arrival struct {
	from netip.Addr
	size int // of the inner packet
	rtt  time.Duration
}

func newEchoes() *echoes {
	e := &echoes{calls: map[uint32]chan<- arrival{}}
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(e.token[:])
	e.id = binary.BigEndian.Uint16(id[:])
	return e
}

// build makes an echo request of size bytes from src to dst, which must be of
// one family. It is never fragmented on its way.
func (e *echoes) build(src, dst netip.Addr, size int, s stamp) []byte {
	proto, request, head := uint8(protoICMPv6), byte(128), 40
	if dst.Is4() {
		proto, request, head = protoICMP, 8, 20
	}
	p, head := header(src, dst, proto, max(size-head, 8+stampSize))
	icmp := p[head:]
	icmp[0] = request
	binary.BigEndian.PutUint16(icmp[4:], e.id)
	binary.BigEndian.PutUint16(icmp[6:], uint16(s.number))
	b := icmp[8:]
	copy(b, e.token[:])
	binary.BigEndian.PutUint32(b[8:], s.number)
	b[12], b[13] = byte(s.purpose), s.slot
	binary.BigEndian.PutUint64(b[16:], uint64(s.at))
	var sum uint32
	if dst.Is6() {
		sum = pseudo(p, head, proto)
	}
	binary.BigEndian.PutUint16(icmp[2:], checksum(sum, icmp))
	return p
}

// isOurs says that a packet is an echo of ours or the answer to one, and reads
// its stamp.
func (e *echoes) isOurs(in *inner, p []byte) (stamp, bool) {
	if in.kind != echoReply && in.kind != echoRequest || in.id != e.id || in.size < in.body+stampSize ||
		[8]byte(p[in.body:]) != e.token {
		return stamp{}, false
	}
	b := p[in.body:]
	return stamp{
		number:  binary.BigEndian.Uint32(b[8:]),
		purpose: purpose(b[12]),
		slot:    b[13],
		at:      int64(binary.BigEndian.Uint64(b[16:])),
	}, true
}

// quotesOurs says that a packet tells that one of our echoes was not delivered.
func (e *echoes) quotesOurs(in *inner, p []byte) bool {
	proto, b := quoted(in, p)
	if proto != protoICMP && proto != protoICMPv6 {
		return false
	}
	q := inner{v6: in.v6}
	q.icmp(b, 0)
	return q.kind == echoRequest && q.id == e.id && (len(b) < 16 || [8]byte(b[8:]) == e.token)
}

// sessionAt is when the session may last have become another one.
func (t *tap) sessionAt() int64 { return max(t.matchedAt.Load(), t.peerAskedAt.Load()) }

// echo sends one round of echoes: to the responder that is likely the server
// itself, and to the best beyond it. It returns at once; what comes back shows
// in the counters. Without a responder it does nothing. Strangers are asked only
// while an application waits.
func (p *port) echo() {
	in := p.known().inside.Load()
	if in == nil {
		return
	}
	near, beyond := p.known().best(true, maxNear), p.known().best(false, maxBeyond)
	now := sinceBegan()
	if at := p.traffic.waitingAt.Load(); at == 0 || now-at < int64(strangersAfter) {
		beyond = slices.DeleteFunc(beyond, isStranger)
	}
	if len(near)+len(beyond) == 0 {
		return
	}
	e := p.echoes
	e.mu.Lock()
	p.judgeLocked(now)
	e.last++
	r := &e.rounds[e.last%maxRounds]
	p.judgeOneLocked(r)
	*r = round{number: e.last, at: now}
	for i, a := range append(near, beyond...) {
		r.to[i], r.isNear[i] = a, i < len(near)
		r.n++
	}
	if len(near) > 0 {
		e.near.Sent++
	}
	if len(beyond) > 0 {
		e.beyond.Sent++
	}
	out := *r
	e.mu.Unlock()
	for i, a := range out.to[:out.n] {
		p.send(in, a, stamp{out.number, ofRound, uint8(i), now})
	}
}

// judgeLocked draws the conclusions from the rounds that are over. e.mu is held.
func (p *port) judgeLocked(now int64) {
	for i := range p.echoes.rounds {
		if r := &p.echoes.rounds[i]; now-r.at >= int64(roundTime) {
			p.judgeOneLocked(r)
		}
	}
}

// judgeOneLocked: who was silent while another answered is marked. A round
// without any answer is one lost question, whoever was asked. e.mu is held.
func (p *port) judgeOneLocked(r *round) {
	if r.number == 0 || r.judged {
		return
	}
	r.judged = true
	if !r.nearCame && !r.beyondCame {
		p.lost()
		return
	}
	for i, a := range r.to[:r.n] {
		if !r.answered[i] && p.known().wasSilent(a) {
			p.lost()
		}
	}
}

// returned takes an answer to one of our echoes.
func (p *port) returned(s stamp, in *inner, packet []byte, now int64) {
	if in.kind == echoRequest || s.at <= 0 || s.at > now {
		return // sent back as it was
	}
	from, _ := in.addresses(packet)
	rtt := time.Duration(now - s.at)
	p.known().answered(from, rtt, in.kind == dnsReply)
	p.proven(now, rtt)
	e := p.echoes
	e.mu.Lock()
	defer e.mu.Unlock()
	switch s.purpose {
	case ofRound:
		if r := &e.rounds[s.number%maxRounds]; r.number == s.number {
			e.cameLocked(r, int(s.slot), now)
		}
	case ofCall:
		if to := e.calls[s.number]; to != nil {
			select {
			case to <- arrival{from: from, size: in.size, rtt: rtt}:
			default:
			}
		}
	default: // who answered a trial is known by now
	}
}

// cameLocked counts a round as answered once, for each of its two parts.
func (e *echoes) cameLocked(r *round, slot int, now int64) {
	if slot >= r.n || r.answered[slot] {
		return
	}
	r.answered[slot] = true
	came, q := &r.beyondCame, &e.beyond
	if r.isNear[slot] {
		came, q = &r.nearCame, &e.near
	}
	if !*came {
		*came = true
		q.Answered++
	}
	q.AnsweredAt = moment(now)
}

// learn tries the next candidate. It is called while packets for applications
// arrive, so that an idle tunnel is left alone and a dead one spoils no try.
func (p *port) learn(now int64) {
	due := p.learnAt.Load()
	if now < due || !p.learnAt.CompareAndSwap(due, now+int64(newTrialGap)) {
		return
	}
	a, more := p.known().next()
	if more {
		p.learnAt.Store(now + int64(trialGap))
	}
	if a.IsValid() {
		p.try(a, now)
	}
}

// greetInside tries all candidates that the config names, when the device
// becomes the active one.
func (p *port) greetInside() {
	now := sinceBegan()
	for _, a := range append(p.known().given(true), p.known().given(false)...) {
		p.try(a, now)
	}
}

func (p *port) try(a netip.Addr, now int64) {
	if in := p.known().inside.Load(); in != nil {
		p.send(in, a, stamp{purpose: ofTrial, at: now})
	}
}

// send asks a for an answer, in the way in which it is known to give one. A
// resolver of which nothing is known is asked in both.
func (p *port) send(in *inside, a netip.Addr, s stamp) {
	known, onlyDNS := p.known().way(a)
	if !onlyDNS {
		p.inject(p.echoes.build(in.source(a), a, echoSize, s))
	}
	if onlyDNS || !known && in.resolves(a) {
		p.inject(p.queries.build(in.source(a), a, s))
	}
}

// call registers somebody who waits for answers. hangUp must follow.
func (e *echoes) call(to chan<- arrival) (number uint32) {
	number = e.nextCall.Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls[number] = to
	e.open.Store(int32(len(e.calls)))
	return number
}

func (e *echoes) hangUp(number uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.calls, number)
	e.open.Store(int32(len(e.calls)))
}
