package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// epoch is the wall-clock moment at which every world begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Below is how the network below the tunnels is.
type Below uint8

// How it may be.
const (
	Sound     Below = iota
	Unplugged       // no route: nothing can be sent, and the system says so
	Portal          // a sign-in page: nothing passes
	NoWay           // the router is there and nothing behind it
)

// World is everything below a contender. It is not safe for concurrent use.
type World struct {
	queue queue
	spare []*packet
	now   time.Duration // true time since the epoch
	noise *rand.Rand    // of datagrams and timers
	fate  *rand.Rand    // of what happens to the world, the same for every contender
	count uint32

	slept   time.Duration // how long the client has slept in all
	wakeAt  time.Duration // until when it sleeps
	clock   time.Duration // by how much its wall clock is wrong
	below   Below
	up      buffer
	down    buffer
	gaps    gapping // of the link, shared by all paths
	servers []*server
	apps    []app

	contender Contender
	hands     Hands
	active    *device // nil: none
	wake      *timer  // the contender's
	sent      *timer  // an armed device sent

	learns  bool          // responders behind the servers answer echoes
	keep    time.Duration // persistent keepalive of the configs
	Tally   Tally
	serving bool
	needed  time.Duration // since when the person has wanted a service that is not there; <0: not
	lostAt  time.Duration // since when there is none
}

// newWorld makes a world of three servers on sound paths.
func newWorld(seed uint64) *World {
	w := &World{
		noise:  rand.New(rand.NewPCG(seed, 1)),
		fate:   rand.New(rand.NewPCG(seed, 2)),
		learns: true,
		needed: -1,
	}
	w.Tally.DetectedAt, w.Tally.begunAt, w.Tally.endedAt = -1, -1, -1
	for i := range 3 {
		s := &server{w: w, alive: true, knows: true, forwards: true, exit: true, index: i,
			Member: failover.Member{Name: tunnel.Name(fmt.Sprintf("t%d", i))}}
		s.Site[0] = byte(1 + i)
		s.path = Path{Latency: time.Duration(5+w.fate.IntN(46)) * time.Millisecond, Jitter: time.Duration(1+w.fate.IntN(6)) * time.Millisecond}
		s.far = newPeer(&device{w: w, server: s}, false)
		s.far.stamp = -1
		w.servers = append(w.servers, s)
	}
	w.hands = Hands{w}
	w.wake = w.timer(true, func() { w.contender.Wake(&w.hands) })
	w.sent = w.timer(true, func() { w.contender.Active(&w.hands) })
	return w
}

// number is the next of the numbers that tell datagrams and sessions apart.
func (w *World) number() uint32 {
	w.count++
	return w.count
}

// mono is the client's monotonic clock, wall its wall clock.
func (w *World) mono() time.Duration { return w.now - w.slept }
func (w *World) wall() time.Duration { return w.now + w.clock }

// asleep says that the client's machine sleeps.
func (w *World) asleep() bool { return w.now < w.wakeAt }

// at has do done at a moment of true time.
func (w *World) at(t time.Duration, do func()) { w.timer(false, do).to(t) }

// after has do done by the client, later.
func (w *World) after(d time.Duration, do func()) { w.timer(true, do).in(d) }

// change changes the world.
func (w *World) change(do func()) {
	do()
	w.judge()
}

// run lets the world go on until a moment.
func (w *World) run(until time.Duration) {
	for len(w.queue.list) > 0 && w.queue.list[0].at <= until {
		e := w.queue.pop()
		w.now = max(w.now, e.at)
		w.Tally.Events++
		if e.pkt != nil {
			w.arrive(e.pkt)
		} else {
			e.tmr.comeUp(e.at)
		}
	}
	w.now = until
}

// begin starts a contender in the world.
func (w *World) begin(c Contender) {
	w.contender = c
	for _, s := range w.servers {
		s.path.gaps.start(s.path.Gaps, rand.New(rand.NewPCG(w.fate.Uint64(), 3)))
	}
	w.gaps.start(w.gaps.Gaps, rand.New(rand.NewPCG(w.fate.Uint64(), 4)))
	c.Start(&w.hands)
	for _, a := range w.apps {
		a.start(w)
	}
}

// sleep has the client's machine sleep from now on.
func (w *World) sleep(d time.Duration) {
	w.judge()
	w.wakeAt = w.now + d
	w.at(w.wakeAt, func() {
		w.slept += d
		w.judge()
		w.after(0, func() { w.contender.News(&w.hands, failover.Woke{Slept: d}) })
	})
}

// plug changes what is below the tunnels. What the system can tell of it is
// told a moment later.
func (w *World) plug(b Below) {
	was := w.below
	w.change(func() { w.below = b })
	if (was == Unplugged) == (b == Unplugged) {
		return
	}
	in := failover.Underlay{Usable: b != Unplugged}
	if !in.Usable {
		in.Cause = tunnel.NoNetwork
	}
	w.after(200*time.Millisecond, func() { w.contender.News(&w.hands, in) })
}

// transmit sends a datagram on its way.
func (w *World) transmit(p *peer, k *packet) {
	s := p.dev.server
	k.up = p.client
	if p.client {
		k.dev, k.addr, k.port = p.dev, p.dev.addr, p.dev.port
		if !p.dev.leaving(k) {
			w.done(k)
			return
		}
	} else {
		k.dev = s.client
		if !s.alive || !s.knows {
			w.done(k)
			return
		}
	}
	w.route(s, k)
}

// route takes a datagram over the access link and the path, if it passes.
func (w *World) route(s *server, k *packet) {
	queue, dead, loss := &w.down, s.path.DeadDown, s.path.LossDown
	if k.up {
		queue, dead, loss = &w.up, s.path.DeadUp, s.path.LossUp
	}
	if w.below != Sound || w.gaps.closed(w.now) {
		w.done(k)
		return
	}
	leaves, ok := queue.take(w.now, k.size)
	if !ok || dead || s.path.gaps.closed(w.now) || (loss > 0 && w.noise.Float64() < loss) ||
		(k.large && s.path.MTU != 0 && s.path.MTU < sizeLarge) {
		w.done(k)
		return
	}
	comes := leaves + s.path.Latency
	if s.path.Jitter > 0 {
		comes += time.Duration(w.noise.Int64N(int64(s.path.Jitter)))
	}
	w.queue.push(coming{at: comes, pkt: k})
}

// arrive hands a datagram to the end it was sent to.
func (w *World) arrive(k *packet) {
	s := k.dev.server
	switch {
	case k.up:
		s.take(k)
	case !w.asleep() && !k.dev.closed:
		k.dev.take(k)
	}
	w.done(k)
}
