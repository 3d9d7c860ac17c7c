package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// A question that is held back for a handshake is none that the system refused:
// it makes nobody suspicious.
func TestQuestionsHeldBack(t *testing.T) {
	for _, refused := range []bool{false, true} {
		m := New(balanced())
		var c tunnel.Counters
		c.RxBytes, c.LastHandshake, c.Path.Askable, c.Path.RoundTripAt = 92, at(0), true, at(0)
		m.Observe(at(0), c)
		asks, suspects := 0, 0
		for now := sec; now < 4*sec; now += 100 * time.Millisecond {
			if c.UnansweredSince.IsZero() {
				c.DataSent, c.UnansweredSince = 1, at(now)
			}
			a := m.Observe(at(now), c)
			if a.Ask.Path {
				asks++
				if refused {
					c.SendErrors++
					c.Path.Refused++
				}
			}
			if a.Verdict == Suspect {
				suspects++
			}
		}
		if asks < 3 || refused != (suspects > 0) {
			t.Errorf("refused %t: suspect at %d looks, with %d questions wished for", refused, suspects, asks)
		}
	}
}
