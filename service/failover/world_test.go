package failover_test

import (
	"container/heap"
	"errors"
	"math/rand/v2"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// server is what a member leads to.
type server struct {
	failover.Member
	alive     bool
	liar      bool      // answers handshakes and carries nothing
	loss      float64   // share of the probes that are lost
	dumb      bool      // nothing behind it answers, so that its data cannot be proven
	wellAt    time.Time // since when it is alive and no liar
	broken    bool      // its device cannot be started
	standby   bool      // the operator runs a device for it beside the active one
	asked     int       // probes under way
	answered  time.Time
	askedAt   time.Time
	lastProbe bool           // how its last probe ended
	data      failover.Proof // what came of its last question for data
	dataAt    time.Time
}

// world is everything below the machine: servers, underlay, devices, and the
// loop that carries inputs to the machine and actions to the devices. Time in
// it is a queue of things to come.
type world struct {
	*rand.Rand
	t       failing
	policy  failover.Policy
	now     time.Time
	queue   queue
	servers []*server
	members []failover.Member // of the target

	machine, twin *failover.Machine
	monitor       *health.Monitor
	board         *event.Board
	nextID        int64

	usable  bool
	told    bool         // what the machine was told of it
	gap     bool         // the link is gone for a while and nobody says so
	nowhere tunnel.Cause // where the network leads if not to the internet; "": it does
	below   tunnel.Cause // what was found of that and told; "": nothing
	traffic bool         // the person sends a packet a second, answered if all is well
	wish    bool
	rekeys  bool // keepalives make the idle device shake hands every 2 min

	active   *server // whose device holds the interface; nil: none
	up       bool
	busy     failover.Verb // the tunnel action under way
	c        tunnel.Counters
	countAt  time.Time
	judged   health.Assessment
	lookAt   time.Time
	tickAt   time.Time
	boardAt  time.Time
	goodAt   time.Time // when data was last carried
	upAt     time.Time // since when the active device is this one
	busyAt   time.Time // since when the person sends
	switches []time.Time
	calmAt   time.Time // since when nothing but time has to pass for the bound
	out      bool      // there is an outage that a living member could end
	stats    stats
}

type stats struct {
	steps, events, switches, failovers, failbacks, restarts, outages, notices int
	longest                                                                   time.Duration // outage that a living member could end
	busiest                                                                   int           // switches in an hour
}

type failing interface {
	Helper()
	Fatalf(string, ...any)
}

// coming is something that will happen.
type coming struct {
	at  time.Time
	seq int
	do  func()
}

type queue struct {
	list []coming
	seq  int
}

func (q *queue) Len() int { return len(q.list) }
func (q *queue) Less(i, j int) bool {
	a, b := q.list[i], q.list[j]
	return a.at.Before(b.at) || (a.at.Equal(b.at) && a.seq < b.seq)
}
func (q *queue) Swap(i, j int) { q.list[i], q.list[j] = q.list[j], q.list[i] }
func (q *queue) Push(x any)    { q.list = append(q.list, x.(coming)) }
func (q *queue) Pop() any {
	x := q.list[len(q.list)-1]
	q.list = q.list[:len(q.list)-1]
	return x
}

func (w *world) after(d time.Duration, do func()) {
	w.queue.seq++
	heap.Push(&w.queue, coming{w.now.Add(d), w.queue.seq, do})
}

// about is a random wait with the given mean.
func (w *world) about(mean time.Duration) time.Duration {
	return time.Duration(float64(mean)*w.ExpFloat64()) + time.Millisecond
}

// every makes do happen again and again.
func (w *world) every(mean time.Duration, do func()) {
	w.after(w.about(mean), func() {
		do()
		w.every(mean, do)
	})
}

func (w *world) server(id tunnel.Name) *server {
	for _, s := range w.servers {
		if s.Name == id {
			return s
		}
	}
	w.t.Fatalf("no server %q", id)
	return nil
}

// link says that packets get out of the computer and to the internet.
func (w *world) link() bool { return w.usable && !w.gap && w.nowhere == "" }

// carries says that data gets through the active tunnel and back.
func (w *world) carries() bool {
	return w.active != nil && w.up && w.link() && w.active.alive && !w.active.liar
}

// count lets the counters of the active device grow up to now. It is called
// before anything changes, so that all was as it is since the last time.
func (w *world) count() {
	from := w.countAt
	w.countAt = w.now
	if w.active == nil || !w.up {
		return
	}
	if w.carries() {
		w.goodAt = w.now
	}
	seconds := uint64(w.now.Sub(from) / time.Second)
	if w.traffic && w.now.After(from) {
		w.c.DataSent += seconds + 1
		w.c.TxBytes += 100 * (seconds + 1)
		if w.c.UnansweredSince.IsZero() {
			w.c.UnansweredSince = from
		}
		if w.carries() {
			w.c.RxBytes += 100 * (seconds + 1)
			w.c.DataReceived += seconds + 1
			w.c.UnansweredSince = time.Time{}
		}
	}
	w.shake(from)
}

// shake lets the device ask for the handshakes that WireGuard would.
func (w *world) shake(from time.Time) {
	if w.c.InitiatingSince.IsZero() {
		silent := !w.c.UnansweredSince.IsZero() && w.now.Sub(w.c.UnansweredSince) >= 15*time.Second
		stale := (w.rekeys || w.traffic) && w.now.Sub(w.c.LastHandshake) >= 2*time.Minute
		if silent || stale {
			w.c.InitiatingSince = from
			w.c.Initiations++
		}
	}
	if !w.c.InitiatingSince.IsZero() && w.link() && w.active.alive {
		w.c.LastHandshake, w.c.InitiatingSince = w.now, time.Time{}
		w.c.UnansweredSince = time.Time{}
		w.c.RxBytes += 92
	}
}

// fresh is a new device for the active member, which asks at once.
func (w *world) fresh() {
	w.c = tunnel.Counters{InitiatingSince: w.now, Initiations: 1, TxBytes: 148}
	w.countAt, w.upAt = w.now, w.now
}

// step hands one input to the machine, and to its twin, and takes the answer.
func (w *world) step(in failover.Input) {
	w.count()
	switch in := in.(type) {
	case failover.Changed:
		w.judged = health.Assessment{Verdict: health.Unknown}
		w.lookAt = time.Time{}
		if in.State == tunnel.Up {
			w.monitor.Reset(w.now)
			w.lookAt = w.now
		}
	case failover.Switched:
		if in.Err == nil {
			w.monitor.Reset(w.now)
			w.judged = health.Assessment{Verdict: health.Unknown}
			w.lookAt = w.now
		}
	case failover.Underlay, failover.NetworkChanged, failover.Woke:
		w.monitor.Reset(w.now)
		if w.machine.View().State == tunnel.Up {
			w.lookAt = w.now
		}
	}
	was := w.machine.View()
	out := w.machine.Step(w.now, in)
	w.stats.steps++
	w.check(was, in, out)
	w.tickAt = out.Next
	for _, a := range out.Actions {
		w.act(a)
	}
	w.record(out.Events)
	if w.machine.View().On != w.wish {
		w.wish = w.machine.View().On
		w.calmAt = w.now
	}
}

func (w *world) record(events []event.Event) {
	for i := range events {
		w.nextID++
		events[i].ID = w.nextID
		w.stats.events++
		switch events[i].Kind {
		case event.FailedOver:
			w.stats.failovers++
		case event.FailedBack:
			w.stats.failbacks++
		case event.Restarted:
			w.stats.restarts++
		default:
		}
	}
	notices := w.board.Take(w.now, events)
	w.nextID += int64(len(notices))
	w.stats.notices += len(notices)
	w.boardAt = w.board.Next()
	w.checkNotices()
}

// look asks the monitor and tells the machine what changed.
func (w *world) look() {
	w.lookAt = time.Time{}
	if w.active == nil || !w.up {
		return
	}
	w.count()
	was := w.judged
	w.judged = w.assess()
	w.lookAt = w.judged.Next
	if w.lookAt.IsZero() && w.traffic {
		w.t.Fatalf("%s: nobody looks while data is sent", w.now)
	}
	if w.judged.Verdict != was.Verdict || w.judged.Cause != was.Cause || w.judged.DeadAt.After(was.DeadAt) {
		w.step(failover.Judged{ID: w.active.Name, Verdict: w.judged.Verdict, Cause: w.judged.Cause, Since: w.judged.Since,
			DeadAt: w.judged.DeadAt})
	}
	if w.judged.Verdict == health.Healthy {
		w.somewhere()
	}
}

// act carries out an action as the operator does; its report comes later.
func (w *world) act(a failover.Action) {
	took := w.about(100 * time.Millisecond)
	if w.IntN(50) == 0 {
		took = w.about(5 * time.Second)
	}
	switch a.Do {
	case failover.Probe:
		w.probe(w.server(a.ID), a.Data)
		return
	case failover.Release:
		if s := w.server(a.ID); s.asked == 0 {
			s.standby = false
		}
		return
	default:
	}
	w.busy = a.Do
	w.after(min(took, 20*time.Second), func() {
		w.count()
		w.busy = ""
		w.step(w.outcome(a))
	})
}

var errBroken = errors.New("broken")

// outcome is what the operator reports about a tunnel action.
func (w *world) outcome(a failover.Action) failover.Input {
	s := w.server(a.ID)
	switch a.Do {
	case failover.Start:
		if s.broken || w.IntN(100) == 0 {
			w.closeAll()
			return failover.Changed{ID: a.ID, State: tunnel.Down, Err: errBroken}
		}
		w.active, w.up, s.standby = s, true, false
		w.fresh()
		return failover.Changed{ID: a.ID, State: tunnel.Up}
	case failover.Restart:
		if w.active == nil || w.IntN(200) == 0 {
			w.closeAll()
			return failover.Changed{ID: a.ID, State: tunnel.Down, Err: errBroken}
		}
		if a.Rung >= failover.Renew {
			w.fresh()
		} else if w.c.InitiatingSince.IsZero() {
			w.c.InitiatingSince = w.now
			w.c.Initiations++
		}
		return failover.Changed{ID: a.ID, State: tunnel.Up}
	case failover.Switch:
		within := w.active != nil && w.active.Site == s.Site
		if w.active == nil || w.IntN(50) == 0 || (within && (!s.alive || !w.link() || a.IfSilent && w.active.alive)) {
			return failover.Switched{From: a.From, To: a.ID, Err: errBroken}
		}
		if !within {
			w.active.standby = true
			w.fresh()
		}
		w.active, s.standby, w.upAt = s, false, w.now
		w.stats.switches++
		return failover.Switched{From: a.From, To: a.ID}
	default:
		w.closeAll()
		return failover.Changed{ID: a.ID, State: tunnel.Down}
	}
}

func (w *world) closeAll() {
	w.active, w.up = nil, false
	for _, s := range w.servers {
		s.standby = s.asked > 0
	}
}

func (w *world) probe(s *server, data bool) {
	s.asked++
	s.standby, s.askedAt = true, w.now
	answered := s.alive && w.link() && !s.broken && w.Float64() >= s.loss
	took := 5 * time.Second
	if answered {
		took = w.about(50 * time.Millisecond)
	}
	w.after(took, func() {
		s.asked--
		in := failover.Probed{ID: s.Name, Answered: answered && s.alive && w.link(), RTT: 50 * time.Millisecond}
		s.lastProbe = in.Answered
		if in.Answered {
			s.answered = w.now
		}
		if in.Answered && data {
			in.Data = s.proof()
			s.data, s.dataAt = in.Data, w.now
		}
		w.step(in)
		if in.Answered {
			w.somewhere()
		}
	})
}

// run lets the world go on until a moment.
func (w *world) run(until time.Time) {
	for w.now.Before(until) {
		next := w.queue.list[0].at
		what := 0
		for i, t := range []time.Time{w.tickAt, w.lookAt, w.boardAt} {
			if !t.IsZero() && !t.After(next) {
				next, what = t, i+1
			}
		}
		if next.After(w.now) {
			w.now = next
		}
		switch what {
		case 0:
			heap.Pop(&w.queue).(coming).do()
		case 1:
			w.step(failover.Tick{})
		case 2:
			w.look()
		case 3:
			w.record(nil)
		}
		w.checkWorld()
	}
}
