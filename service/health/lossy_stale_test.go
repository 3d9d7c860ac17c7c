package health

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// Where packets get lost, an echo that is missing beside an answered handshake
// tells nothing of the session.
func TestLossIsNoStaleSession(t *testing.T) {
	for _, p := range profiles {
		for i, known := range [][2]int{{1, 0}, {0, 1}, {1, 1}} {
			t.Run(fmt.Sprintf("%s/%d+%d", p.name, known[0], known[1]), func(t *testing.T) {
				w := path{loss: 0.2, rtt: 5 * ms, near: known[0], beyond: known[1]}.through(uint64(i), p.limits)
				w.keep = true
				shapes["one-way upload"](w)
				w.run(time.Hour, nil)
				t.Logf("%v with %d sessions, %d asks", w.seen, w.session, w.asks)
				stale := 0
				for _, line := range w.log {
					if strings.Contains(line, string(tunnel.SessionStale)) {
						stale++
					}
				}
				if stale > 0 || w.session > 12 {
					t.Errorf("called stale at %d looks, %d sessions in an hour", stale, w.session)
				}
			})
		}
	}
}
