package health

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"holdfast/service/tunnel"
)

// world is a tunnel, its path and its server, packet by packet: what arrives
// when, what is lost, what the taps make of it, what WireGuard does by itself,
// and an engine that looks when the monitor said and asks what it is told to.
// It is what the active rules are tried against.
type world struct {
	rng    *rand.Rand
	now    time.Duration
	events agenda
	order  int
	c      tunnel.Counters
	est    Estimate
	lost   int // questions in a row

	rtt, jitter    time.Duration
	lossUp, lossDn float64
	queue          func(now time.Duration) time.Duration // what the way up takes longer
	gapTo          time.Duration                         // to when everything is lost
	deadUp, deadDn bool
	noForward      bool // the server forwards nothing
	forgot         bool // the server has forgotten the session
	nearOff        bool // the responders are switched off
	beyondOff      bool
	noAskAnswer    bool // the server has forgotten the key
	refuses        bool // a firewall here lets nothing out
	clears         bool // the answer to an ask counts as a datagram for UnansweredSince
	think          time.Duration

	owes   bool          // the peer's keepalive is under way
	ownAt  time.Duration // when WireGuard asks for a session, as nothing came; 0: it does not
	initAt time.Duration // when it repeats an initiation
	left   bool          // something left since the last look
	lastUp time.Duration
	lastDn time.Duration

	m       *Monitor
	last    Assessment
	next    time.Time
	seen    map[Verdict]int
	looks   int
	asks    int
	session int
	sizes   int
	bytes   int // of questions and their answers
	log     []string
	keep    bool

	moved   uint64
	movedAt time.Duration
}

type happening struct {
	at    time.Duration
	order int
	do    func()
}

type agenda []happening

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(happening)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// newWorld is a tunnel that has just shaken hands, with one responder of each
// kind.
func newWorld(seed uint64, l Limits) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), rtt: 40 * ms, m: New(l), seen: map[Verdict]int{}, now: sec}
	w.c.RxBytes, w.c.TxBytes, w.c.Initiations, w.c.LastHandshake = 92, 148, 1, at(w.now)
	w.c.Path.Askable, w.c.Path.RoundTripAt = true, at(w.now)
	w.c.Path.Near.Known, w.c.Path.Beyond.Known = 1, 1
	return w
}

// after has something done later.
func (w *world) after(d time.Duration, do func()) {
	w.order++
	heap.Push(&w.events, happening{w.now + max(d, 0), w.order, do})
}

// every has something done again and again.
func (w *world) every(d time.Duration, do func()) {
	var again func()
	again = func() {
		do()
		w.after(d, again)
	}
	w.after(time.Duration(w.rng.Int64N(int64(d))), again)
}

func (w *world) oneWay() time.Duration {
	d := w.rtt / 2
	if w.jitter > 0 {
		d += time.Duration(w.rng.Int64N(int64(w.jitter)))
	}
	return d
}

// up sends a packet to the server. It says whether the system took it.
func (w *world) up(size int, arrive func()) bool {
	if w.refuses {
		w.c.Path.Refused++
		w.c.SendErrors++
		return false
	}
	if w.deadUp || w.now < w.gapTo || w.rng.Float64() < w.lossUp {
		return true
	}
	d := w.oneWay()
	if w.queue != nil {
		d += w.queue(w.now)
	}
	// A path does not overtake itself.
	w.lastUp = max(w.lastUp, w.now+d)
	w.after(w.lastUp-w.now, func() {
		if w.now >= w.gapTo {
			arrive()
		}
	})
	return true
}

func (w *world) down(arrive func()) {
	if w.deadDn || w.now < w.gapTo || w.rng.Float64() < w.lossDn {
		return
	}
	w.lastDn = max(w.lastDn, w.now+w.oneWay())
	w.after(w.lastDn-w.now, func() {
		if w.now >= w.gapTo && !w.deadDn {
			arrive()
		}
	})
}

// flow is what becomes of a data packet at the server.
type flow int

const (
	ignored flow = iota // nobody answers it
	asking              // it asks, and the far end answers
	pushing             // TCP data, acknowledged
)

// data sends a packet of an application.
func (w *world) data(kind flow) {
	was := w.c
	w.c.DataSent++
	w.c.TxBytes += 128
	w.left = true
	if w.c.UnansweredSince.IsZero() {
		w.c.UnansweredSince = at(w.now)
	}
	if kind != ignored {
		if w.c.Path.WaitingSince.IsZero() {
			w.c.Path.WaitingSince = at(w.now)
		}
	}
	if w.ownAt == 0 {
		w.ownAt = w.now + 15*sec
		w.after(15*sec, w.rekey)
	}
	sent, answered := w.now, false
	ok := w.up(128, func() {
		if w.forgot {
			return
		}
		if kind != ignored && !w.noForward {
			w.after(w.think, func() {
				w.down(func() {
					answered = true
					w.receive(true, true, w.now-sent-w.think)
				})
			})
			return
		}
		if !w.owes {
			w.owes = true
			w.after(10*sec, func() {
				w.owes = false
				w.down(func() { w.receive(false, false, 0) })
			})
		}
	})
	if !ok {
		refused := w.c.Path.Refused
		errors := w.c.SendErrors
		w.c = was
		w.c.Path.Refused, w.c.SendErrors = refused, errors
		return
	}
	if kind != ignored {
		w.expire(&answered)
	}
}

// rekey is WireGuard's own: no answer for 15 s.
func (w *world) rekey() {
	if w.ownAt == 0 || w.now < w.ownAt {
		return
	}
	w.initiate()
}

func (w *world) initiate() {
	w.c.Initiations++
	w.c.TxBytes += 148
	w.left = true
	if w.c.InitiatingSince.IsZero() {
		w.c.InitiatingSince = at(w.now)
	}
	sent := w.now
	w.up(148, func() {
		if w.noAskAnswer {
			return
		}
		w.forgot = false
		w.down(func() {
			if w.c.InitiatingSince.IsZero() {
				return
			}
			w.c.LastHandshake, w.c.InitiatingSince = at(w.now), time.Time{}
			w.receive(false, true, w.now-sent)
		})
	})
	again := w.now + 5*sec
	w.initAt = again
	w.after(5*sec, func() {
		if !w.c.InitiatingSince.IsZero() && w.initAt == again {
			w.initiate()
		}
	})
}

// receive takes what is authenticated.
func (w *world) receive(inner, proof bool, rtt time.Duration) {
	w.c.RxBytes += 97
	w.c.UnansweredSince, w.ownAt = time.Time{}, 0
	if inner {
		w.c.DataReceived++
		w.c.LastReceived = at(w.now)
		w.c.Path.WaitingSince, w.c.Path.WaitingFlows = time.Time{}, 0
	}
	if proof {
		w.prove(rtt)
	}
}

func (w *world) prove(rtt time.Duration) {
	w.c.Path.RoundTripAt = at(w.now)
	if rtt > 0 {
		w.est.Answered(rtt)
		w.measure()
	}
}

func (w *world) measure() {
	w.c.Path.RTT, w.c.Path.RTTVar = w.est.RTT()
	w.c.Path.Loss, w.c.Path.LossOf = w.est.Loss()
}

// ask carries out an attempt as the devices do.
func (w *world) ask() {
	w.asks++
	if w.c.Path.Askable {
		w.question(&w.c.Path.Asked, 148+92, func() bool { return !w.noAskAnswer }, false)
	}
	if w.c.Path.Near.Known > 0 {
		w.question(&w.c.Path.Near.Questions, 2*128, func() bool { return !w.forgot && !w.nearOff }, true)
	}
	if w.c.Path.Beyond.Known > 0 {
		w.question(&w.c.Path.Beyond.Questions, 2*128, func() bool { return !w.forgot && !w.beyondOff && !w.noForward }, true)
	}
}

func (w *world) question(q *tunnel.Questions, size int, answers func() bool, inside bool) {
	sent, answered := w.now, false
	ok := w.up(size, func() {
		if !answers() {
			return
		}
		w.down(func() {
			answered = true
			q.Answered++
			q.AnsweredAt = at(w.now)
			if inside {
				w.receive(false, true, w.now-sent)
				return
			}
			if w.clears {
				w.c.UnansweredSince = time.Time{}
			}
			w.prove(w.now - sent)
		})
	})
	if !ok {
		return
	}
	q.Sent++
	w.bytes += size
	if inside {
		w.c.TxBytes += 96
	}
	w.expire(&answered)
}

// expire counts a question as lost that is not answered in time. A long run of
// them is an outage and no loss.
func (w *world) expire(answered *bool) {
	w.after(max(w.rtt+2*w.jitter, 3*sec), func() {
		if *answered {
			w.lost = 0
			return
		}
		if w.lost++; w.lost <= 4 {
			w.est.Lost()
			w.measure()
		}
	})
}

// look is the engine's.
func (w *world) look() {
	w.left = false
	was := w.last
	w.last = w.m.Observe(at(w.now), w.c)
	w.next = w.last.Next
	w.looks++
	w.seen[w.last.Verdict]++
	if w.keep && (was.Verdict != w.last.Verdict || was.Cause != w.last.Cause || w.last.Ask.Any()) {
		w.log = append(w.log, fmt.Sprintf("%s: %s ask %+v", w.now, show(w.last), w.last.Ask))
	}
	if !w.next.IsZero() && !w.next.After(at(w.now)) {
		panic(fmt.Sprintf("%s: next is not after now: %s", w.now, show(w.last)))
	}
	if w.last.Ask.Path {
		w.ask()
	}
	if w.last.Ask.Session {
		w.session++
		w.bytes += 148 + 92 + 32
		w.initiate()
	}
	if w.last.Ask.Size {
		w.sizes++
	}
	// While data moves the engine looks once a second.
	if moved := w.c.DataSent + w.c.DataReceived; moved != w.moved {
		w.moved, w.movedAt = moved, w.now
	}
	if w.next.IsZero() && w.now-w.movedAt < 10*sec {
		w.next = at(w.now + sec)
	}
}

// run moves on until stop says so or the time is over.
func (w *world) run(long time.Duration, stop func() bool) {
	if w.looks == 0 {
		w.look()
	}
	end := w.now + long
	for {
		at, lookFirst := end, false
		if len(w.events) > 0 {
			at = min(at, w.events[0].at)
		}
		if !w.next.IsZero() && w.next.Sub(start) <= at {
			at, lookFirst = max(w.next.Sub(start), w.now), true
		}
		w.now = at
		switch {
		case lookFirst:
			w.look()
		case len(w.events) > 0 && w.events[0].at <= end:
			heap.Pop(&w.events).(happening).do()
			if w.left && w.next.IsZero() {
				w.look()
			}
		default:
			return
		}
		if stop != nil && stop() {
			return
		}
	}
}

// isUnhealthy stops a run at the verdict.
func (w *world) isUnhealthy() bool { return w.last.Verdict == Unhealthy }

func balanced() Limits {
	l := classic()
	l.SuspectAfter = 2 * sec
	return l
}

func fast() Limits {
	l := classic()
	l.SuspectAfter = sec
	return l
}

func patient() Limits {
	l := classic()
	l.SuspectAfter = 5 * sec
	return l
}
