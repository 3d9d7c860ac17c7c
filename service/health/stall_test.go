package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// A download that stops dead is asked about, wherever between two looks it stops,
// and although the path was proven in the moment before.
func TestStoppedDownloadIsAskedAbout(t *testing.T) {
	for _, p := range profiles {
		for stops := time.Minute; stops < time.Minute+2*p.limits.SuspectAfter; stops += 90 * ms {
			for _, proven := range []time.Duration{0, stops, stops + 50*ms} {
				m := New(p.limits)
				c := tunnel.Counters{RxBytes: 92, Initiations: 1, LastHandshake: start}
				c.Path = tunnel.Path{Askable: true, RTT: 40 * ms, RTTVar: 5 * ms, RoundTripAt: start}
				c.Path.Near.Known, c.Path.Beyond.Known = 1, 2
				a := m.Observe(start, c)
				asked := false
				next := a.Next
				for now := 100 * ms; now < stops+20*sec && !asked; now += 10 * ms {
					if now <= stops && now%(100*ms) == 0 {
						c.DataReceived++
						c.RxBytes += 640
						c.LastReceived = at(now)
					}
					if now == proven {
						c.Path.RoundTripAt = at(now)
					}
					if !next.IsZero() && at(now).Before(next) {
						continue
					}
					if next.IsZero() && now > stops {
						break
					}
					a = m.Observe(at(now), c)
					next = a.Next
					asked = a.Ask.Path && now > stops
					if a.Ask.Path && now <= stops {
						c.Path.Asked.Sent++
						c.Path.Asked.Answered++
						c.Path.Asked.AnsweredAt, c.Path.RoundTripAt = at(now+5*ms), at(now+5*ms)
					}
				}
				if !asked {
					t.Fatalf("%s: stopped at %s, proven at %s: %s, and nobody asked", p.name, stops, proven, show(a))
				}
			}
		}
	}
}
