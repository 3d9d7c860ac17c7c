package sim

import "time"

// coming is something that will happen: a datagram arrives, or a timer runs out.
type coming struct {
	at  time.Duration
	seq uint64
	pkt *packet
	tmr *timer
}

// queue is a heap of events, the soonest first, those of one moment in the
// order in which they were put.
type queue struct {
	list []coming
	seq  uint64
}

func (e *coming) before(o *coming) bool {
	return e.at < o.at || (e.at == o.at && e.seq < o.seq)
}

func (q *queue) push(e coming) {
	q.seq++
	e.seq = q.seq
	q.list = append(q.list, e)
	i := len(q.list) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(&q.list[up]) {
			break
		}
		q.list[i] = q.list[up]
		i = up
	}
	q.list[i] = e
}

func (q *queue) pop() coming {
	first := q.list[0]
	n := len(q.list) - 1
	e := q.list[n]
	q.list[n] = coming{}
	q.list = q.list[:n]
	if n == 0 {
		return first
	}
	i := 0
	for {
		least := 4*i + 1
		if least >= n {
			break
		}
		for c := least + 1; c < min(4*i+5, n); c++ {
			if q.list[c].before(&q.list[least]) {
				least = c
			}
		}
		if !q.list[least].before(&e) {
			break
		}
		q.list[i] = q.list[least]
		i = least
	}
	q.list[i] = e
	return first
}

// timer is one that can be put off cheaply: its event stays where it is in the
// queue and looks again when it comes up. A client's runs on the client's
// monotonic clock, which stops while the machine sleeps.
type timer struct {
	w      *World
	client bool
	fire   func()
	at     time.Duration // on its clock
	set    bool
	queued time.Duration // when its event comes up, in true time; 0: it has none
}

func (w *World) timer(client bool, fire func()) *timer {
	return &timer{w: w, client: client, fire: fire}
}

// clock is the present by the timer's clock.
func (t *timer) clock() time.Duration {
	if t.client {
		return t.w.now - t.w.slept
	}
	return t.w.now
}

// in sets the timer to a time from now, whatever it was set to.
func (t *timer) in(d time.Duration) { t.to(t.clock() + d) }

// to sets the timer to a moment of its clock. One that has passed is now.
func (t *timer) to(at time.Duration) {
	t.at, t.set = max(at, t.clock()), true
	comes := t.w.now + t.at - t.clock()
	if t.queued == 0 || comes < t.queued {
		t.queued = max(comes, 1)
		t.w.queue.push(coming{at: comes, tmr: t})
	}
}

func (t *timer) stop() { t.set = false }

// comeUp handles the timer's event.
func (t *timer) comeUp(at time.Duration) {
	if max(at, 1) != t.queued {
		return // it was set to an earlier moment since
	}
	t.queued = 0
	switch {
	case !t.set:
	case t.client && t.w.now < t.w.wakeAt:
		t.queued = t.w.wakeAt
		t.w.queue.push(coming{at: t.w.wakeAt, tmr: t})
	case t.at > t.clock():
		t.to(t.at)
	default:
		t.set = false
		t.fire()
	}
}
