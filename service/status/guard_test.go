package status

import (
	"testing"
	"time"

	"holdfast/service/failover"
)

// TestGuardStandByEnumeration goes through every guard there can be: nothing is
// called shut that was not read back, and nothing that lets traffic pass.
func TestGuardStandByEnumeration(t *testing.T) {
	until := time.Date(2026, 3, 1, 12, 5, 0, 0, time.UTC)
	yes := []bool{false, true}
	for _, mode := range []failover.Guard{"", failover.GuardOff, failover.GuardAuto, failover.GuardAlways} {
		for _, pause := range []*time.Time{nil, &until} {
			for bits := range 16 {
				g := Guard{Mode: mode, Verified: yes[bits&1], Blocking: yes[bits>>1&1], Released: yes[bits>>2&1], PausedUntil: pause}
				wished := yes[bits>>3&1]
				stand := g.Stand(wished)
				keeps := stand == GuardShut || stand == GuardBlocking
				wanted := mode == failover.GuardAlways || mode == failover.GuardAuto && wished || g.Blocking
				switch {
				case keeps && (!g.Verified || g.Released || pause != nil):
					t.Errorf("%+v is %s", g, stand)
				case keeps != (wanted && g.Verified && !g.Released && pause == nil):
					t.Errorf("%+v, wished %t, is %s", g, wished, stand)
				case (stand == GuardUnverified) != (wanted && !g.Verified && !g.Released && pause == nil):
					t.Errorf("%+v, wished %t, is %s", g, wished, stand)
				case (stand == GuardBlocking) != (keeps && g.Blocking):
					t.Errorf("%+v, wished %t, is %s", g, wished, stand)
				case (stand == GuardPaused) != (pause != nil):
					t.Errorf("%+v is %s", g, stand)
				}
			}
		}
	}
}
