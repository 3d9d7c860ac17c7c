package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// A tunnel whose initiations get lost for a while, and whose session still
// carries our echoes there and back, is not given up for that.
func TestLostHandshakesDoNotCondemnALivingSession(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			m := New(p.limits)
			c := tunnel.Counters{RxBytes: 92, Initiations: 1, LastHandshake: start}
			c.Path = tunnel.Path{Askable: true, RTT: 40 * ms, RTTVar: 5 * ms, RoundTripAt: start, Loss: 0.36, LossOf: 64}
			c.Path.Near.Known, c.Path.Beyond.Known = 1, 2
			m.Observe(start, c)
			for now := 2 * time.Minute; now < 2*time.Minute+50*sec; now += 100 * ms {
				// A stream that goes up and is never answered, with a re-key that fails.
				c.DataSent++
				c.TxBytes += 128
				if c.InitiatingSince.IsZero() {
					c.InitiatingSince = at(now)
				}
				if now%(5*sec) == 0 {
					c.Initiations++
				}
				if c.UnansweredSince.IsZero() {
					c.UnansweredSince = at(now)
				}
				a := m.Observe(at(now), c)
				if a.Verdict == Unhealthy {
					t.Fatalf("%s after the first initiation: %s", now-2*time.Minute, show(a))
				}
				if a.Ask.Path {
					c.Path.Asked.Sent++
					c.Path.Near.Sent++
					c.Path.Near.Answered++
					c.Path.Beyond.Sent++
					c.Path.Beyond.Answered++
					c.RxBytes += 2 * 96
					answered := at(now + 40*ms)
					c.Path.Near.AnsweredAt, c.Path.Beyond.AnsweredAt, c.Path.RoundTripAt = answered, answered, answered
					c.UnansweredSince = time.Time{}
				}
			}
		})
	}
}
