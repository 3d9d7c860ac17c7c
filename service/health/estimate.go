package health

import "time"

// Estimate learns the round trip and the loss of a path from single questions.
// The zero value has seen nothing.
type Estimate struct {
	rtt, spread time.Duration
	loss        float64
	of          int
}

// lossSpan is over how many round trips the loss is taken.
const lossSpan = 64

// Answered takes a question that was answered after rtt.
func (e *Estimate) Answered(rtt time.Duration) {
	e.count(0)
	if e.rtt == 0 {
		e.rtt, e.spread = rtt, rtt/2
		return
	}
	// The weights of RFC 6298.
	e.spread += ((rtt - e.rtt).Abs() - e.spread) / 4
	e.rtt += (rtt - e.rtt) / 8
}

// Lost takes a question that was not answered in time.
func (e *Estimate) Lost() { e.count(1) }

// count averages over all round trips until there are lossSpan of them, and
// then lets the oldest fade.
func (e *Estimate) count(lost float64) {
	e.of = min(e.of+1, lossSpan)
	e.loss += (lost - e.loss) / float64(e.of)
}

// RTT is the smoothed round trip and how far it strays. 0: not measured.
func (e *Estimate) RTT() (rtt, spread time.Duration) { return e.rtt, e.spread }

// Loss is the share of round trips that were lost, 0 to 1, and how many it is
// taken from.
func (e *Estimate) Loss() (share float64, of int) { return e.loss, e.of }
