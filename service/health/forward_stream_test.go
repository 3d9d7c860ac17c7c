package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// A server that stops to forward is found although the only traffic is two
// streams, of which none answers the other: it answers questions, and what lies
// behind it does not.
func TestCallThroughAServerThatForwardsNothing(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			const stops = time.Minute
			m := New(p.limits)
			c := tunnel.Counters{RxBytes: 92, Initiations: 1, LastHandshake: start}
			c.Path = tunnel.Path{Askable: true, RTT: 40 * ms, RTTVar: 5 * ms, RoundTripAt: start}
			c.Path.Near.Known, c.Path.Beyond.Known = 1, 2
			var a Assessment
			var keepalive time.Duration
			for now := time.Duration(0); now < stops+time.Minute; now += 20 * ms {
				if now%(100*ms) == 0 {
					c.DataSent++
					c.TxBytes += 640
					if c.UnansweredSince.IsZero() {
						c.UnansweredSince, keepalive = at(now), now+10*sec
					}
				}
				if now%(100*ms) == 60*ms && now < stops {
					c.DataReceived++
					c.RxBytes += 640
					c.LastReceived = at(now)
					c.UnansweredSince, keepalive = time.Time{}, 0
				}
				if keepalive > 0 && now >= keepalive {
					c.UnansweredSince, keepalive = time.Time{}, 0
					c.RxBytes += 32
				}
				if !a.Next.IsZero() && at(now).Before(a.Next) {
					continue
				}
				a = m.Observe(at(now), c)
				if a.Verdict == Unhealthy {
					if now < stops || a.Cause != tunnel.ForwardsNothing || now > stops+15*sec {
						t.Errorf("at %s: %s", now, show(a))
					}
					return
				}
				if a.Ask.Session {
					c.LastHandshake, c.Path.RoundTripAt = at(now), at(now)
					c.RxBytes += 92
				}
				if a.Ask.Path {
					answered := at(now + 10*ms)
					c.Path.Asked.Sent++
					c.Path.Asked.Answered++
					c.Path.Asked.AnsweredAt, c.Path.RoundTripAt = answered, answered
					c.Path.Near.Sent++
					c.Path.Beyond.Sent++
					if now < stops {
						c.Path.Near.Answered++
						c.Path.Beyond.Answered++
						c.Path.Near.AnsweredAt, c.Path.Beyond.AnsweredAt = answered, answered
						c.RxBytes += 192
						c.UnansweredSince = time.Time{}
					}
				}
			}
			t.Fatalf("not found: %s", show(a))
		})
	}
}
