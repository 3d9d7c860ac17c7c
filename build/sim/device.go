package sim

import (
	"time"

	"holdfast/service/health"
	"holdfast/service/tunnel"
)

const (
	// askApart is the least time between a question beside the session and the
	// next initiation of any kind; settleApart is that after the device's own
	// handshake was answered.
	askApart, settleApart = 40 * time.Millisecond, 40 * time.Millisecond
	// While a handshake of the device, or of the server, is under way, nothing is
	// asked for twice the round trip: at least leastHold, unknownHold where the
	// round trip is not known.
	leastHold, unknownHold = 300 * time.Millisecond, time.Second
	// confirmWithin is how long a new session is waited for to be confirmed before a
	// question is asked beside it all the same.
	confirmWithin = time.Second
	// insistAfter is when an initiation that was asked for is sent again.
	insistAfter = time.Second
	// maxRun is how many questions in a row count as lost.
	maxRun = 4
	// questionWait is how long a question is open while the round trip is not known.
	questionWait = time.Second
	// The responders that are known of a server once one has answered.
	knownNear, knownBeyond = 1, 2
)

// question is one that waits for its answer.
type question struct {
	what  content // echo, request; nothing: a handshake
	id    uint32
	sent  time.Duration
	until time.Duration
	near  bool
}

// device is one WireGuard device of the client, and what its taps see.
type device struct {
	w      *World
	server *server
	near   *peer
	addr   int // the endpoint's address
	port   int
	closed bool

	c          tunnel.Counters
	waiting    []question
	run        int
	estimate   health.Estimate
	armed      bool
	greeted    bool // a handshake was completed
	hasCookie  bool
	lastAsk    time.Duration // the last question beside the session
	ownAsk     time.Duration // the last initiation of the device
	ownMatched time.Duration // when it was answered
	peerAsk    time.Duration // the last initiation of the server
	matched    time.Duration // how long the last handshake took
	nudged     time.Duration // when a keepalive was first sent for that
	confirmed  time.Duration // when something last came by the current session
	nearRound  uint32        // the last round of echoes that was answered
	farRound   uint32
	pings      uint64
	pongs      uint64
	pongAt     time.Duration
	discos     uint64
	discoAt    time.Duration
	discoRTT   time.Duration
	onShake    func()
	onEcho     func(near bool)
	insisting  bool
}

// newDevice makes a device that asks for a session at once.
func (w *World) newDevice(s *server, port int) *device {
	d := &device{w: w, server: s, addr: s.addr, port: port, lastAsk: -time.Hour, ownAsk: -time.Hour, ownMatched: -time.Hour, peerAsk: -time.Hour}
	d.near = newPeer(d, true)
	d.near.keepalive = w.keep
	d.c.Path.Askable = true
	d.near.initiate(false)
	return d
}

func (d *device) close() {
	d.closed, d.armed = true, false
	d.near.forget()
}

// at turns a moment of the client's clock into what a program reads.
func at(t time.Duration) time.Time { return epoch.Add(t) }

// leaving is the tap's look at a datagram on its way out. False: the system
// refuses to send it.
func (d *device) leaving(k *packet) bool {
	own := k.kind == initiation && !k.side
	data := k.kind == transport && k.what != nothing && k.what != echo
	if own {
		d.ownAsk = d.w.mono()
		if d.c.InitiatingSince.IsZero() {
			d.c.InitiatingSince = at(d.w.mono())
		}
	}
	if (own || data) && d.armed && d == d.w.active {
		d.armed = false
		d.w.sent.in(0)
	}
	if d.w.below == Unplugged {
		d.c.SendErrors++
		return false
	}
	d.c.TxBytes += uint64(k.size)
	switch {
	case own:
		d.c.Initiations++
	case data:
		d.c.DataSent++
		if d.c.UnansweredSince.IsZero() {
			d.c.UnansweredSince = at(d.w.mono())
		}
	}
	if k.side || k.what == echo || k.what == ping || k.kind == disco {
		d.w.Tally.ProbeBytes += uint64(k.size)
	}
	return true
}

// sendInner sends what an application wants to be sent.
func (d *device) sendInner(k *packet) {
	now := d.w.mono()
	k.sent = now
	if k.what == request || k.what == segment {
		if d.c.Path.WaitingSince.IsZero() {
			d.c.Path.WaitingSince, d.c.Path.WaitingFlows = at(now), 0
		}
		if k.fresh {
			d.c.Path.WaitingFlows++
		}
	}
	if k.what == request {
		d.asks(question{what: request, id: k.id, sent: now})
	}
	d.near.send(k)
}

// take takes a datagram from the server.
func (d *device) take(k *packet) {
	switch k.kind {
	case disco:
		d.discos++
		d.discoAt, d.discoRTT = d.w.mono(), d.w.mono()-k.sent
		d.w.Tally.ProbeBytes += uint64(k.size)
	case cookie:
		d.c.Path.Cookies++
		if !d.hasCookie && k.side {
			d.hasCookie = true
			d.sendBeside(k.index)
		}
		d.hasCookie = true
	case initiation:
		d.c.RxBytes += uint64(k.size)
		d.c.Path.PeerInitiations++
		d.peerAsk = d.w.mono()
		d.near.gotInitiation(k)
		if d.lastAsk > 0 {
			d.doubtNext()
		}
	case response:
		d.took(k)
	case transport:
		d.c.UnansweredSince = time.Time{}
		if d.near.gotTransport(k) {
			if k.index == d.near.cur.id {
				d.confirmed = d.w.mono()
			}
			d.c.RxBytes += uint64(k.size)
			d.inner(k)
		}
	}
}

// doubtNext makes a new session when the server's own is not confirmed soon:
// where a question was asked beside the session since, the server may have
// dropped the session that the device still uses.
func (d *device) doubtNext() {
	id := d.near.next.id
	rtt, _ := d.estimate.RTT()
	d.w.after(max(2*rtt, leastHold), func() {
		if !d.closed && d.near.next.id == id {
			d.refresh()
		}
	})
}

// took takes a response. One to a question beside the session does not reach
// the session.
func (d *device) took(k *packet) {
	if k.side {
		d.c.Path.Asked.Answered++
		d.c.Path.Asked.AnsweredAt = at(d.w.mono())
		d.answered(nothing, k.index)
		d.c.Path.RoundTripAt = at(d.w.mono())
		d.w.Tally.ProbeBytes += uint64(k.size)
		return
	}
	d.c.UnansweredSince = time.Time{}
	now := d.w.mono()
	if k.index == d.near.index && d.ownMatched < d.ownAsk {
		d.matched = max(now-d.ownAsk, 1)
		if d.lastAsk > d.ownAsk {
			d.nudge() // the server has put away the session it made of that
			return
		}
		d.ownMatched = now
	}
	d.c.InitiatingSince = time.Time{}
	d.c.RxBytes += uint64(k.size)
	d.near.gotResponse(k)
	d.w.judge()
}

// shook notes that a handshake was completed.
func (d *device) shook() {
	d.c.LastHandshake = epoch.Add(d.w.wall())
	d.c.Path.RoundTripAt = at(d.w.mono())
	d.greeted, d.hasCookie = true, false
	if d.w.learns {
		d.c.Path.Beyond.Known = knownBeyond
	}
	d.c.Path.Near.Known = knownNear
	if f := d.onShake; f != nil {
		d.onShake = nil
		f()
	}
	d.w.judge()
}

// inner takes what was inside a data packet.
func (d *device) inner(k *packet) {
	now := d.w.mono()
	switch k.what {
	case nothing:
		return
	case echoReply:
		d.echoed(k)
		return
	case pong:
		d.w.Tally.ProbeBytes += uint64(k.size)
		d.pongs++
		d.pongAt = now
	case reply:
		d.answered(request, k.id)
		d.c.Path.RoundTripAt = at(now)
	case ack:
		d.c.Path.RoundTripAt = at(now)
	default:
	}
	d.c.DataReceived++
	d.c.LastReceived = at(now)
	d.c.Path.WaitingSince, d.c.Path.WaitingFlows = time.Time{}, 0
	if k.what != pong {
		d.w.apps[k.app].got(k)
	}
}

// echoed takes the answer to an echo. A round is answered once.
func (d *device) echoed(k *packet) {
	d.w.Tally.ProbeBytes += uint64(k.size)
	round, q := &d.farRound, &d.c.Path.Beyond.Questions
	if k.near {
		round, q = &d.nearRound, &d.c.Path.Near.Questions
	}
	d.c.Path.RoundTripAt = at(d.w.mono())
	if k.id > *round {
		*round = k.id
		q.Answered++
		q.AnsweredAt = at(d.w.mono())
		d.answered(echo, k.id)
	}
	if f := d.onEcho; f != nil {
		f(k.near)
	}
}

// refresh has the device make a new session, unless it is about to.
func (d *device) refresh() {
	now := d.w.mono()
	rtt := d.matched
	switch {
	case d.ownMatched >= d.ownAsk:
		d.w.after(max(d.ownMatched+rtt+settleApart-now, 0), d.nudge)
	case now < d.ownAsk+max(insistAfter, 2*rtt):
		d.insist()
	default:
		d.nudge()
	}
}

// nudge sends an initiation now, and insists on its answer.
func (d *device) nudge() {
	if !d.closed {
		d.near.force()
		d.insist()
	}
}

// insist repeats the last initiation of the device while it is lost, for as long
// as the device itself would not.
func (d *device) insist() {
	if d.insisting {
		return
	}
	d.insisting = true
	until := d.w.mono() + rekeyTimeout
	var again *timer
	again = d.w.timer(true, func() {
		if d.closed || d.ownMatched >= d.ownAsk || d.w.mono() >= until {
			d.insisting = false
			return
		}
		d.near.force()
		again.in(max(insistAfter, 2*d.matched))
	})
	again.in(max(d.ownAsk+insistAfter-d.w.mono(), 0))
}

// ask makes one attempt of each kind: a handshake beside the session and a
// round of echoes.
func (d *device) ask() {
	now := d.w.mono()
	if d.closed {
		return
	}
	switch {
	case d.confirmed < d.ownMatched && (d.nudged < d.ownMatched || now-d.nudged < max(confirmWithin, 4*d.matched)):
		if d.nudged < d.ownMatched {
			d.nudged = now
		}
		d.near.sendKeepalive()
	case now >= d.askFree():
		d.lastAsk = now
		d.askHandshake()
	}
	if d.c.Path.Near.Known > 0 {
		d.c.Path.Near.Sent++
		d.echo(true, 1)
	}
	if d.c.Path.Beyond.Known > 0 {
		d.c.Path.Beyond.Sent++
		d.echo(false, d.c.Path.Beyond.Known)
	}
}

// askFree is the moment from which a question beside the session may be asked.
func (d *device) askFree() time.Duration {
	rtt, _ := d.estimate.RTT()
	rtt = max(rtt, d.matched)
	hold := unknownHold
	if rtt > 0 {
		hold = max(2*rtt, leastHold)
	}
	free := max(d.lastAsk+askApart, d.peerAsk+hold)
	if d.ownMatched >= d.ownAsk {
		return max(free, d.ownMatched+2*rtt+settleApart)
	}
	return max(free, d.ownAsk+hold)
}

func (d *device) askHandshake() {
	d.c.Path.Asked.Sent++
	index := d.w.number()
	d.asks(question{id: index, sent: d.w.mono()})
	d.sendBeside(index)
}

func (d *device) sendBeside(index uint32) {
	k := d.w.packet()
	k.kind, k.side, k.index, k.stamp, k.size = initiation, true, index, int64(d.w.wall()), sizeInitiation
	d.w.transmit(d.near, k)
}

// echo sends a round of echoes.
func (d *device) echo(near bool, n int) {
	id := d.w.number()
	d.asks(question{what: echo, near: near, id: id, sent: d.w.mono()})
	for range n {
		k := d.w.packet()
		k.what, k.near, k.id, k.size, k.sent = echo, near, id, sizeEcho, d.w.mono()
		d.near.send(k)
	}
}

// asks notes an open question.
func (d *device) asks(q question) {
	d.expire()
	rtt, spread := d.estimate.RTT()
	q.until = q.sent + questionWait
	if rtt > 0 {
		q.until = q.sent + max(rtt*5/4+100*time.Millisecond, rtt+4*spread)
	}
	d.waiting = append(d.waiting, q)
}

// expire gives up the questions whose time is over.
func (d *device) expire() {
	now := d.w.mono()
	kept := d.waiting[:0]
	for _, q := range d.waiting {
		if q.until > now {
			kept = append(kept, q)
			continue
		}
		if d.run++; d.run <= maxRun {
			d.estimate.Lost()
		}
	}
	d.waiting = kept
}

// answered closes an open question. One that was given up already is closed.
func (d *device) answered(what content, id uint32) {
	for i, q := range d.waiting {
		if q.what == what && q.id == id {
			d.waiting = append(d.waiting[:i], d.waiting[i+1:]...)
			d.run = 0
			d.estimate.Answered(d.w.mono() - q.sent)
			return
		}
	}
}

// counters are what the device's taps tell now.
func (d *device) counters() tunnel.Counters {
	d.expire()
	d.c.Path.RTT, d.c.Path.RTTVar = d.estimate.RTT()
	d.c.Path.Loss, d.c.Path.LossOf = d.estimate.Loss()
	return d.c
}
