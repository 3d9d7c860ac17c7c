package engine

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// look reads the counters, hands them to the brain and samples them. While
// something flows it is wanted again within a second; when nothing does, the
// device's next packet wakes it.
func (e *Engine) look(now time.Time) {
	view := e.brain.View()
	if view.Active == "" || view.State != tunnel.Up {
		e.brain.Blind()
		return
	}
	r, err := e.opt.Hands.Look()
	if err != nil {
		e.opt.Log.Debug("look at the device", "err", err)
		e.brain.Blind()
		return
	}
	e.take(r)
	e.carryOut(now, e.brain.Look(now, r.Counters))
	e.tellRenewed(now, view.Active)
	e.sample(now, view.Active)
	if e.brain.LookAt().IsZero() {
		e.letGo(now, r.Counters)
	}
	e.settle(now)
	e.publish(now)
}

// take keeps what a reading tells beside the counters.
func (e *Engine) take(r Reading) {
	e.endpoint = r.Endpoint
	if e.rtt = r.Counters.Path.RTT; e.rtt == 0 {
		e.rtt = r.RTT
	}
}

// letGo arms the tap before it waits for nothing else, so that no packet can
// slip between the last look and the wait.
func (e *Engine) letGo(now time.Time, seen tunnel.Counters) {
	e.opt.Hands.Watch()
	if r, err := e.opt.Hands.Look(); err == nil && r.Counters != seen {
		e.brain.LookSoon(now)
	}
}

// settle frees what a load has left behind, once for each load.
func (e *Engine) settle(now time.Time) {
	if e.brain.LoadOver(now, e.brain.View().Active == "") {
		e.opt.Hands.Settle()
	}
}

// sample writes down what was carried since the last sample.
func (e *Engine) sample(now time.Time, id tunnel.Name) {
	rx, tx := e.brain.Cut()
	if rx == 0 && tx == 0 {
		return
	}
	s := Sample{At: now.UTC(), Tunnel: id, RxBytes: rx, TxBytes: tx, RTT: e.rtt, Verdict: e.brain.Judged().Verdict}
	if p := e.snapshot.Load(); p != nil {
		s.Overall = p.Overall
	}
	e.opt.Journal.AddSample(s)
	e.note(now, event.CodeHistoryNotKept, e.opt.Journal.Health())
}
