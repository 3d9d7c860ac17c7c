package netwatch

import (
	"context"
	"time"

	"holdfast/service/clock"
	"holdfast/service/failover"
)

// leastJump is the least step of the wall clock that is told where the system
// does not tell of any: what clocks drift apart while nobody compares them is no
// step.
const leastJump = time.Second

// checkSleep reports a sleep since the last check. Steps of the wall clock are
// none: it is not asked.
func (l *loop) checkSleep(ctx context.Context) {
	l.clocks = l.Clock()
	slept := l.clocks.Suspended
	grew := slept - l.sleepSeen
	l.sleepSeen = slept
	if grew <= leastSleep {
		return
	}
	l.Log.Info("the machine slept", "took", grew)
	l.send(ctx, failover.Woke{Slept: grew})
}

// compareClocks does too, and tells of a jump of the wall clock where the system
// does not.
func (l *loop) compareClocks(ctx context.Context) {
	was := l.clocks
	l.checkSleep(ctx)
	if !tellsJumps && stepped(was, l.clocks) {
		l.Jumped()
	}
}

// stepped says that the wall clock went otherwise between two readings than the
// clocks that only count.
func stepped(was, now clock.Reading) bool {
	counted := now.Mono + now.Suspended - was.Mono - was.Suspended
	return (now.Wall.Sub(was.Wall) - counted).Abs() >= leastJump
}
