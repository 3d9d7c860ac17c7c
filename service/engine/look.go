package engine

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// The rhythm of looking at the counters.
const (
	// sampleEvery is the resolution of the live figures while traffic flows.
	sampleEvery = time.Second
	// rateOver is the shortest time that a rate is taken over: two looks may
	// follow each other at once.
	rateOver = sampleEvery / 2
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
	if e.judged.Next.IsZero() || !now.Before(e.judged.Next) || !e.well() {
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

// well says that the verdict is a good one. Any other is asked for at every
// look: one that comes early can only be better.
func (e *Engine) well() bool {
	return e.judged.Verdict == health.Healthy || e.judged.Verdict == health.Idle
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
	e.note(now, event.CodeHistoryNotKept, e.opt.Journal.Health())
}

// meter turns readings into rates.
type meter struct {
	at             time.Time // of the last reading; zero: none since restart
	counters       tunnel.Counters
	endpoint       string
	rtt            time.Duration
	rxRate, txRate float64 // bytes a second

	rateAt         time.Time // since when spanRx and spanTx are counted
	spanRx, spanTx uint64
	movedAt        time.Time // when data last moved; keepalives are none
	busyAt         time.Time // when the rate was last above quietBelow
	toldQuiet      bool
	loadedAt       time.Time // when the rate was last above calmBelow

	asked        bool      // data has left since repliedAt
	repliedAt    time.Time // when data last came after data had left; zero: never
	cutRx, cutTx uint64    // carried since the last sample
	load         uint64    // carried since the memory was last freed
}

// restart forgets the readings of a device that is no longer the active one.
func (m *meter) restart() { *m = meter{load: m.load} }

// take adds a reading. Counters that went backwards are a new device's.
func (m *meter) take(now time.Time, r Reading) {
	m.endpoint = r.Endpoint
	if r.RTT > 0 {
		m.rtt = r.RTT
	}
	was, c := m.counters, r.Counters
	if m.at.IsZero() {
		was, m.movedAt, m.busyAt, m.loadedAt, m.rateAt = c, now, now, now, now
	}
	m.counters, m.at = c, now
	if c.RxBytes < was.RxBytes || c.TxBytes < was.TxBytes {
		was = tunnel.Counters{}
	}
	m.carry(c.RxBytes-was.RxBytes, c.TxBytes-was.TxBytes)
	m.reply(c, was)
	if c.DataSent != was.DataSent || c.DataReceived != was.DataReceived {
		m.movedAt = now
	}
	if over := now.Sub(m.rateAt); over >= rateOver {
		m.rxRate, m.txRate = float64(m.spanRx)/over.Seconds(), float64(m.spanTx)/over.Seconds()
		m.rateAt, m.spanRx, m.spanTx = now, 0, 0
		if m.rxRate+m.txRate >= quietBelow {
			m.busyAt = now
		}
		if m.rxRate+m.txRate >= calmBelow {
			m.loadedAt = now
		}
	}
}

// carry counts what was carried.
func (m *meter) carry(rx, tx uint64) {
	m.spanRx, m.spanTx = m.spanRx+rx, m.spanTx+tx
	m.cutRx, m.cutTx = m.cutRx+rx, m.cutTx+tx
	m.load += rx + tx
}

// reply notes data that came after data had left.
func (m *meter) reply(c, was tunnel.Counters) {
	m.asked = m.asked || c.DataSent > was.DataSent
	if m.asked && c.DataReceived > was.DataReceived {
		m.asked, m.repliedAt = false, c.LastReceived
	}
}

// roundTrip is the latest moment of which it is known that the server had
// heard us: a handshake, or data in reply to data. Zero: there was none.
func (m *meter) roundTrip() time.Time {
	if m.repliedAt.After(m.counters.LastHandshake) {
		return m.repliedAt
	}
	return m.counters.LastHandshake
}

// still says that no data has moved for as long as a line takes to be quiet. The
// rate of the last data may be taken a look later than the data itself.
func (m *meter) still(now time.Time) bool {
	return now.Sub(m.movedAt) >= quietAfter && now.Sub(m.busyAt) >= quietAfter
}

// quiet says that the rate has been low for long enough.
func (m *meter) quiet(now time.Time) bool { return !m.at.IsZero() && now.Sub(m.busyAt) >= quietAfter }

// calm says that no load has flowed for as long. A still line is calm.
func (m *meter) calm(now time.Time) bool { return now.Sub(m.loadedAt) >= quietAfter }

// cut returns what was carried since the last cut.
func (m *meter) cut() (rx, tx uint64) {
	rx, tx = m.cutRx, m.cutTx
	m.cutRx, m.cutTx = 0, 0
	return rx, tx
}
