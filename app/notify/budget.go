package notify

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

const (
	// mostAtOnce is how often a matter may be told until it has told enough.
	mostAtOnce = 4
	// oneMoreAfter is how long it takes until it may be told once more.
	oneMoreAfter = 16 * time.Hour
	// reserveAfter is how long it takes until a long outage may be told once
	// more beside that.
	reserveAfter = 24 * time.Hour
	// calmAfter is how long nothing must have failed for the count of failures
	// to begin anew.
	calmAfter = 12 * time.Hour
)

// A budget keeps a matter that comes and goes all day from being told each time:
// at most six times in any 24 hours. A full one gives four, one more after 16
// hours and one for a long outage; one that is not full has three at most, and
// two that may be added.
type budget struct {
	left     int
	filledAt time.Time
	reserve  time.Time // when the reserve was last spent
}

// budget is that of a matter, as it is now.
func (d *Desk) budget(m Matter, now time.Time) *budget {
	b := d.budgets[m]
	if b == nil {
		b = &budget{left: mostAtOnce, filledAt: now}
		d.budgets[m] = b
	}
	for b.left < mostAtOnce && !now.Before(b.filledAt.Add(oneMoreAfter)) {
		b.left++
		b.filledAt = b.filledAt.Add(oneMoreAfter)
	}
	if b.left == mostAtOnce {
		b.filledAt = now
	}
	return b
}

func (b *budget) spend(now time.Time) {
	if b.left > 0 {
		b.left--
		return
	}
	b.reserve = now
}

// more is when a budget that is spent allows something that is long from a
// moment on.
func (b *budget) more(long time.Time) time.Time {
	if again := b.reserve.Add(reserveAfter); !b.reserve.IsZero() && long.Before(again) {
		long = again
	}
	if next := b.filledAt.Add(oneMoreAfter); next.Before(long) {
		return next
	}
	return long
}

// A spell counts the failures of a link that fails again and again.
type spell struct {
	since time.Time
	last  time.Time
	times int
	name  tunnel.Name
	seen  int64 // the latest notice that was counted
	down  bool  // the picture before showed a tunnel that does not work
}

func (p *spell) count(now time.Time, s *status.Status) {
	if p.times > 0 && now.Sub(p.last) >= calmAfter {
		*p = spell{seen: p.seen}
	}
	down := false
	for _, n := range s.Notices {
		k := sortOf(n)
		moved := n.Code == event.Code(event.FailedOver)
		down = down || k.trouble
		if n.ID <= p.seen || !k.trouble && !moved {
			continue
		}
		p.seen = n.ID
		if moved && p.down {
			continue // that it failed was counted before it was left
		}
		if p.times == 0 {
			p.since = n.Since
		}
		p.times++
		p.last, p.name = now, n.Tunnel
		if moved && s.LastSwitch != nil && s.LastSwitch.Kind == event.FailedOver {
			p.name = s.LastSwitch.From
		}
	}
	p.down = down
}
