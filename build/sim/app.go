package sim

import "time"

// app is what the person's programs send and expect.
type app interface {
	start(w *World)
	// got takes a packet for the client, far one for what it talks to.
	got(k *packet)
	far(k *packet)
}

// Traffic names what a person's programs do.
type Traffic string

// The kinds of traffic.
const (
	Idle      Traffic = "idle"
	Pings     Traffic = "pings"
	Download  Traffic = "TCP download"
	Upload    Traffic = "TCP upload"
	OneWayUp  Traffic = "one-way up"
	OneWayDn  Traffic = "one-way down"
	Trickle   Traffic = "DNS trickle"
	Saturated Traffic = "saturated"
	Wakes     Traffic = "wakes now and then"
	Call      Traffic = "call"
	Mixed     Traffic = "TCP upload and pings"
)

// use has the person's programs do something.
func (w *World) use(t Traffic) {
	switch t {
	case Pings:
		w.add(&asker{every: fixed(time.Second)})
	case Download:
		w.add(&flow{every: 100 * time.Millisecond, window: 8})
	case Upload:
		w.add(&flow{up: true, every: 100 * time.Millisecond, window: 8})
	case OneWayUp:
		w.add(&sender{up: true, every: 100 * time.Millisecond})
	case OneWayDn:
		w.add(&sender{every: 100 * time.Millisecond})
	case Trickle:
		w.add(&asker{every: random(20 * time.Second), again: 5 * time.Second, tries: 3, near: true})
	case Saturated:
		w.up = buffer{rate: 250_000, depth: 1500 * time.Millisecond}
		w.down = buffer{rate: 250_000, depth: 1500 * time.Millisecond}
		w.add(&bulk{up: w.fate.IntN(2) == 0})
		w.add(&asker{every: fixed(time.Second)})
	case Wakes:
		w.add(&waker{})
	case Mixed:
		w.add(&flow{up: true, every: 100 * time.Millisecond, window: 8})
		w.add(&asker{every: fixed(time.Second)})
	case Call:
		w.add(&sender{up: true, every: 200 * time.Millisecond})
		w.add(&sender{every: 200 * time.Millisecond})
	default:
	}
}

func (w *World) add(a app) {
	w.apps = append(w.apps, a)
}

func (w *World) place(a app) uint8 {
	for i, o := range w.apps {
		if o == a {
			return uint8(i)
		}
	}
	return 0
}

func fixed(d time.Duration) func(*World) time.Duration {
	return func(*World) time.Duration { return d }
}

// random is a wait with a mean.
func random(mean time.Duration) func(*World) time.Duration {
	return func(w *World) time.Duration { return w.about(mean) }
}

func (w *World) about(mean time.Duration) time.Duration {
	return time.Duration(float64(mean)*w.noise.ExpFloat64()) + time.Millisecond
}

// client sends an application's packet through the active device. Without one
// it is lost.
func (w *World) client(k *packet) {
	w.need()
	if w.active == nil || w.active.closed {
		w.done(k)
		return
	}
	w.active.sendInner(k)
}

// asker sends a request now and then, and again when no reply comes.
type asker struct {
	w     *World
	me    uint8
	every func(*World) time.Duration
	again time.Duration // 0: never
	tries int
	near  bool

	id   uint32 // of the request that waits; 0: none
	left int
	tick *timer
	redo *timer
}

func (a *asker) start(w *World) {
	a.w, a.me = w, w.place(a)
	a.tick = w.timer(true, a.next)
	a.redo = w.timer(true, a.repeat)
	a.tick.in(a.every(w))
}

func (a *asker) next() {
	a.left = a.tries
	a.send(true)
	a.tick.in(a.every(a.w))
}

func (a *asker) send(fresh bool) {
	k := a.w.packet()
	a.id = a.w.number()
	k.what, k.size, k.app, k.id, k.near, k.fresh = request, sizeSmall, a.me, a.id, a.near, fresh
	a.w.client(k)
	if a.again > 0 {
		a.redo.in(a.again)
	}
}

func (a *asker) repeat() {
	if a.left--; a.left > 0 {
		a.send(false)
	}
}

func (a *asker) got(k *packet) {
	if k.id == a.id {
		a.redo.stop()
	}
}

func (a *asker) far(*packet) {}

// sender sends packets that nobody answers, in one direction.
type sender struct {
	w     *World
	me    uint8
	up    bool
	every time.Duration
	tick  *timer
}

func (a *sender) start(w *World) {
	a.w, a.me = w, w.place(a)
	a.tick = w.timer(true, a.next)
	a.tick.in(a.every)
}

func (a *sender) next() {
	k := a.w.packet()
	k.what, k.size, k.app = stream, 5*sizeSmall, a.me
	if a.up {
		a.w.client(k)
	} else {
		a.w.server(k)
	}
	a.tick.in(a.every)
}

func (a *sender) got(*packet) {}
func (a *sender) far(*packet) {}

// server sends a packet to the client through the server of the active device.
func (w *World) server(k *packet) {
	w.need()
	if w.active == nil || w.active.closed {
		w.done(k)
		return
	}
	w.active.server.push(k)
}

// flow is a steady TCP stream.
type flow struct {
	w      *World
	me     uint8
	up     bool
	every  time.Duration
	window int

	flying int
	rto    time.Duration
	heard  time.Duration // the last progress
	tick   *timer
	// Of a download: the client asks anew when nothing has come for stalled.
	stall *timer
	wait  time.Duration
}

const (
	leastRTO, mostRTO = time.Second, time.Minute
	// stalled is when a program gives up a download and begins it anew.
	stalled = 30 * time.Second
)

func (f *flow) start(w *World) {
	f.w, f.me, f.rto = w, w.place(f), leastRTO
	f.tick = w.timer(true, f.next)
	f.tick.in(f.every)
	f.stall = w.timer(true, f.ask)
	f.wait = stalled
	if !f.up {
		f.stall.in(stalled)
	}
}

func (f *flow) next() {
	now := f.w.mono()
	switch {
	case f.flying < f.window:
		f.flying++
		f.send()
		f.tick.in(f.every)
		if f.flying == 1 {
			f.heard = now
		}
	case now-f.heard >= f.rto:
		f.send()
		f.lost()
		f.rto = min(2*f.rto, mostRTO)
		f.heard = now
		f.tick.in(f.rto)
	default:
		f.tick.to(f.heard + f.rto)
	}
}

func (f *flow) send() {
	k := f.w.packet()
	k.what, k.size, k.app, k.large = segment, sizeLarge, f.me, true
	if f.up {
		f.w.client(k)
	} else {
		f.w.server(k)
	}
}

// lost has the tap see that a large segment was sent again, while smaller
// packets arrive.
func (f *flow) lost() {
	if d := f.w.active; f.up && d != nil && d.w.mono()-d.c.LastReceived.Sub(epoch) < f.rto {
		d.c.Path.LargeLost++
	}
}

// ask is a new connection of a program whose download has stalled.
func (f *flow) ask() {
	k := f.w.packet()
	k.what, k.size, k.app, k.fresh, k.id = request, sizeSmall, f.me, true, f.w.number()
	f.w.client(k)
	f.stall.in(f.wait)
	f.wait = min(2*f.wait, stalled)
}

// got takes a segment, which is acknowledged, or an acknowledgement.
func (f *flow) got(k *packet) {
	if f.up {
		f.progress()
		return
	}
	f.stall.in(stalled)
	f.wait = time.Second
	if k.what == reply {
		f.progress() // it was begun anew
		return
	}
	a := f.w.packet()
	a.what, a.size, a.app = ack, sizeSmall, f.me
	f.w.client(a)
}

func (f *flow) far(*packet) { f.progress() }

func (f *flow) progress() {
	was := f.flying >= f.window
	f.flying, f.rto, f.heard = 0, leastRTO, f.w.mono()
	if was {
		f.tick.in(f.every)
	}
}

// bulk is a TCP stream that takes all the link has, in chunks.
type bulk struct {
	w      *World
	me     uint8
	up     bool
	grown  float64 // the congestion window, in chunks
	flying []uint32
	halved uint32 // chunks sent up to the last halving
	rto    *timer
}

// sizeChunk is what bulk sends at once, in bytes.
const sizeChunk = 25_000

func (b *bulk) start(w *World) {
	b.w, b.me, b.grown = w, w.place(b), 2
	b.rto = w.timer(true, func() {
		b.grown, b.flying = 2, b.flying[:0]
		b.fill()
	})
	b.fill()
}

func (b *bulk) fill() {
	for len(b.flying) < int(b.grown) {
		k := b.w.packet()
		k.what, k.size, k.app, k.id, k.large = segment, sizeChunk, b.me, b.w.number(), true
		b.flying = append(b.flying, k.id)
		if b.up {
			b.w.client(k)
		} else {
			b.w.server(k)
		}
	}
	b.rto.in(4 * time.Second)
}

func (b *bulk) got(k *packet) {
	if b.up {
		b.acked(k.id)
		return
	}
	a := b.w.packet()
	a.what, a.size, a.app, a.id = ack, sizeSmall, b.me, k.id
	b.w.client(a)
}

func (b *bulk) far(k *packet) { b.acked(k.id) }

// acked takes an acknowledgement. What was sent before it and was not
// acknowledged is lost.
func (b *bulk) acked(id uint32) {
	i := 0
	for i < len(b.flying) && b.flying[i] < id {
		i++
	}
	if i == len(b.flying) || b.flying[i] != id {
		return
	}
	if i > 0 && id > b.halved {
		b.grown, b.halved = max(b.grown/2, 2), b.w.count
	} else {
		b.grown += 1 / b.grown
	}
	b.flying = append(b.flying[:0], b.flying[i+1:]...)
	b.fill()
}

// waker is a person who uses something for a moment, now and then.
type waker struct {
	asker
	left int
}

func (a *waker) start(w *World) {
	a.every = func(w *World) time.Duration {
		if a.left--; a.left > 0 {
			return w.about(500 * time.Millisecond)
		}
		a.left = 3 + w.noise.IntN(12)
		return w.about(10 * time.Minute)
	}
	a.again, a.tries = time.Second, 6
	a.asker.start(w)
	a.me = w.place(a)
}
