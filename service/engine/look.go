package engine

import (
	"time"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// The rhythm of looking at the counters.
const (
	// sampleEvery is the resolution of the live figures while traffic flows.
	sampleEvery = time.Second
	// quietBelow is the rate, in bytes a second, under which a line is quiet.
	quietBelow = 4000
	// quietAfter is how long the rate must stay below it.
	quietAfter = 10 * time.Second
	// calmBelow is the rate, in bytes a second, under which a line is calm: a
	// trickle, which needs few buffers, may go on for ever after a load.
	calmBelow = 100_000
	// settleAbove is how much a tunnel must have carried since the last time,
	// in bytes, for its buffers to be worth freeing once it is calm.
	settleAbove = 64 << 20
)

// look reads the counters, samples them, and asks the monitor when its time
// has come. While something flows it asks to look again within a second; when
// nothing does it stops, and the device's next packet wakes it.
func (e *Engine) look(now time.Time) {
	view := e.machine.View()
	if view.Active == "" || view.State != tunnel.Up {
		e.lookAt = time.Time{}
		return
	}
	r, err := e.opt.Hands.Look()
	if err != nil {
		e.opt.Log.Debug("look at the device", "err", err)
		e.lookAt = time.Time{}
		return
	}
	e.meter.take(now, r)
	if e.judged.Next.IsZero() || !now.Before(e.judged.Next) {
		e.judge(now, view.Active, r.Counters)
	}
	e.quiet(now)
	e.sample(now, view.Active)
	e.again(now)
	e.publish(now)
}

// judge asks the monitor, and tells the machine what changed.
func (e *Engine) judge(now time.Time, id tunnel.Name, c tunnel.Counters) {
	was := e.judged
	e.judged = e.monitor.Observe(now, c)
	if e.judged.Verdict != was.Verdict || e.judged.Cause != was.Cause {
		e.step(now, failover.Judged{ID: id, Verdict: e.judged.Verdict, Cause: e.judged.Cause, Since: e.judged.Since})
	}
}

// again decides when to look next. It arms the tap before it lets go, so that
// no packet can slip between the last look and the wait.
func (e *Engine) again(now time.Time) {
	next := e.judged.Next
	if flowing := !e.meter.still(now); flowing && (next.IsZero() || now.Add(sampleEvery).Before(next)) {
		next = now.Add(sampleEvery)
	}
	if next.IsZero() {
		e.opt.Hands.Watch()
		if r, err := e.opt.Hands.Look(); err == nil && r.Counters != e.meter.counters {
			next = now.Add(sampleEvery)
		}
	}
	if e.meter.calm(now) {
		e.settle()
	}
	e.lookAt = next
}

// settle frees what a load has left behind, once for each load.
func (e *Engine) settle() {
	if e.meter.load > settleAbove {
		e.meter.load = 0
		e.opt.Hands.Settle()
	}
}

// quiet tells the machine when the line becomes quiet or busy.
func (e *Engine) quiet(now time.Time) {
	if q := e.meter.quiet(now); q != e.meter.toldQuiet {
		e.meter.toldQuiet = q
		e.step(now, failover.Line{Quiet: q})
	}
}

// sample writes down what was carried since the last sample.
func (e *Engine) sample(now time.Time, id tunnel.Name) {
	rx, tx := e.meter.cut()
	if rx == 0 && tx == 0 {
		return
	}
	s := Sample{At: now.UTC(), Tunnel: id, RxBytes: rx, TxBytes: tx, RTT: e.meter.rtt, Verdict: e.judged.Verdict}
	if p := e.snapshot.Load(); p != nil {
		s.Overall = p.Overall
	}
	e.opt.Journal.AddSample(s)
}

// meter turns readings into rates.
type meter struct {
	at               time.Time // of the last reading; zero: none since restart
	counters         tunnel.Counters
	endpoint         string
	rtt              time.Duration
	rxRate, txRate   float64 // bytes a second
	movedAt          time.Time
	busyAt           time.Time // last faster than quietBelow
	loadedAt         time.Time // last faster than calmBelow
	toldQuiet        bool
	uncutRx, uncutTx uint64 // carried since the last sample
	load             uint64 // carried since the memory was last freed
}

// restart forgets the readings of a device that is no longer the active one.
func (m *meter) restart() { *m = meter{load: m.load} }

// take adds a reading. Counters that went backwards are a new device's.
func (m *meter) take(now time.Time, r Reading) {
	m.endpoint = r.Endpoint
	if r.RTT > 0 {
		m.rtt = r.RTT
	}
	was, first := m.counters, m.at.IsZero()
	m.counters = r.Counters
	dt := now.Sub(m.at)
	m.at = now
	if first {
		m.movedAt, m.busyAt, m.loadedAt = now, now, now
		return
	}
	if r.Counters.RxBytes < was.RxBytes || r.Counters.TxBytes < was.TxBytes {
		was = tunnel.Counters{}
	}
	rx, tx := r.Counters.RxBytes-was.RxBytes, r.Counters.TxBytes-was.TxBytes
	if rx > 0 || tx > 0 {
		m.movedAt = now
	}
	if dt > 0 {
		m.rxRate, m.txRate = float64(rx)/dt.Seconds(), float64(tx)/dt.Seconds()
	}
	if m.rxRate+m.txRate >= quietBelow {
		m.busyAt = now
	}
	if m.rxRate+m.txRate >= calmBelow {
		m.loadedAt = now
	}
	m.uncutRx += rx
	m.uncutTx += tx
	m.load += rx + tx
}

// still says that nothing has moved for as long as a line takes to be quiet.
func (m *meter) still(now time.Time) bool { return now.Sub(m.movedAt) >= quietAfter }

// quiet says that the rate has been low for long enough.
func (m *meter) quiet(now time.Time) bool { return !m.at.IsZero() && now.Sub(m.busyAt) >= quietAfter }

// calm says that no load has flowed for as long. A still line is calm.
func (m *meter) calm(now time.Time) bool { return now.Sub(m.loadedAt) >= quietAfter }

// cut returns what was carried since the last cut.
func (m *meter) cut() (rx, tx uint64) {
	rx, tx = m.uncutRx, m.uncutTx
	m.uncutRx, m.uncutTx = 0, 0
	return rx, tx
}
