package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// A server that has forgotten the session answers handshakes, and no echo
// within it. The echoes that were lost before the new session say nothing about
// that one: its first moments are no proof that the server forwards nothing.
func TestEchoesOfTheOldSessionDoNotCondemnTheNew(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			m := New(p.limits)
			c := tunnel.Counters{RxBytes: 92, Initiations: 1, LastHandshake: start}
			c.Path = tunnel.Path{Askable: true, RTT: 40 * ms, RTTVar: 5 * ms, RoundTripAt: start}
			c.Path.Near.Known, c.Path.Beyond.Known = 1, 2
			a := m.Observe(start, c)
			c.DataSent, c.TxBytes = 1, 128
			c.UnansweredSince, c.Path.WaitingSince = at(sec), at(sec)
			renewed := false
			for now := time.Second; now < 20*sec; {
				a = m.Observe(at(now), c)
				if renewed && a.Verdict == Unhealthy {
					t.Fatalf("%s just after the new session: %s", now, show(a))
				}
				if a.Ask.Path {
					c.Path.Asked.Sent++
					c.Path.Near.Sent++
					c.Path.Beyond.Sent++
					c.Path.Asked.Answered++
					c.Path.Asked.AnsweredAt, c.Path.RoundTripAt = at(now+40*ms), at(now+40*ms)
				}
				if renewed {
					return
				}
				if now >= 8*sec {
					// The new session, asked for long before, is there at last.
					c.LastHandshake, c.Path.RoundTripAt = at(now), at(now+ms)
					c.RxBytes += 92
					renewed = true
				}
				now = max(a.Next.Sub(start), now+10*ms)
			}
			t.Fatal("it was not looked at")
		})
	}
}
