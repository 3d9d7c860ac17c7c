package brain

import (
	"time"

	"holdfast/service/tunnel"
)

// The rhythm of looking at the counters.
const (
	// SampleEvery is the resolution of the live figures while traffic flows.
	SampleEvery = time.Second
	// rateOver is the shortest time that a rate is taken over: two looks may
	// follow each other at once.
	rateOver = SampleEvery / 2
	// quietBelow is the rate, in bytes a second, under which a line is quiet.
	quietBelow = 4000
	// quietAfter is how long the rate must stay below it.
	quietAfter = 10 * time.Second
	// calmBelow is the rate, in bytes a second, under which a line is calm: a
	// trickle, which needs few buffers, may go on for ever after a load.
	calmBelow = 100_000
)

// settleAbove is how much a tunnel must have carried, in bytes, for its buffers
// to be worth freeing once it is calm.
const settleAbove = 64 << 20

// Figures are what the counters of the active device come to. The zero value is
// that of no device.
type Figures struct {
	At             time.Time // of the reading; zero: none since the device became active
	Counters       tunnel.Counters
	RxRate, TxRate float64 // bytes a second; 0 on a still line
	// RoundTripAt is when something last came that shows that the server had
	// heard us. Zero: never.
	RoundTripAt time.Time
}

// Figures are those of the last reading.
func (b *Brain) Figures(now time.Time) Figures {
	m := &b.meter
	f := Figures{At: m.at, Counters: m.counters, RxRate: m.rxRate, TxRate: m.txRate, RoundTripAt: m.roundTrip()}
	if m.still(now) {
		f.RxRate, f.TxRate = 0, 0
	}
	return f
}

// Refresh takes a reading for its figures alone.
func (b *Brain) Refresh(now time.Time, c tunnel.Counters) { b.meter.take(now, c) }

// Cut is what was carried since the last cut, in bytes.
func (b *Brain) Cut() (rx, tx uint64) { return b.meter.cut() }

// LoadOver says, once for each load, that one has ended: what it left in memory
// may be freed. gone says that there is no device any more.
func (b *Brain) LoadOver(now time.Time, gone bool) bool {
	if b.meter.load <= settleAbove || !gone && !b.meter.calm(now) {
		return false
	}
	b.meter.load = 0
	return true
}

// meter turns readings into rates.
type meter struct {
	at             time.Time // of the last reading; zero: none since restart
	counters       tunnel.Counters
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
func (m *meter) take(now time.Time, c tunnel.Counters) {
	was := m.counters
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
// heard us: a handshake, an answered question, or data in reply to data. Zero:
// there was none.
func (m *meter) roundTrip() time.Time {
	return laterOf(laterOf(m.repliedAt, m.counters.Path.RoundTripAt), m.counters.LastHandshake)
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
