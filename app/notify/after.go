package notify

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
)

// after is what to tell about the link when what was told of it is no longer a
// notice: that it works again, that the tunnel is back, or the same while that
// is not known yet. False: nothing; it is closed. What the person did ends it,
// and so does a network that cannot be used: the tunnel is not to blame then.
func (d *Desk) after(now time.Time, r Rules, s *status.Status) (claim, bool) {
	was := d.shown[Link]
	if was == nil || !s.Wish.On || s.Wish.Target != d.wish.Target {
		return claim{}, false
	}
	if was.unsteady {
		return was.claim, true
	}
	works := s.Overall == status.Protected || s.Overall == status.Idle
	if was.note.Kind == Recovery {
		return was.claim, works
	}
	if stillOpen(s, was.note.Notice) || s.Overall == status.Offline || s.Overall == status.SignInNeeded {
		return claim{}, false // seen, turned off, or not to be known
	}
	title, body := "", ""
	switch w := wordsOf(r.Language); {
	case was.trouble && s.Active != nil && s.Active.Tunnel == was.tunnel:
		title, body = w.recovered(was.tunnel, now.Sub(was.since))
	case was.note.Kind == Failover && s.LastSwitch != nil && s.LastSwitch.Kind == event.FailedBack && !s.LastSwitch.At.Before(was.since):
		title, body = w.returned(s.LastSwitch.From, s.LastSwitch.To)
	default:
		return claim{}, false
	}
	if !works {
		return was.claim, true
	}
	note := Note{Matter: Link, Kind: Recovery, Urgency: Low, Title: title, Body: body, Notice: was.note.Notice, Passing: true}
	return claim{note: note, code: was.code, since: now, tunnel: was.tunnel}, r.allows(Recovery)
}

func stillOpen(s *status.Status, notice int64) bool {
	for _, n := range s.Notices {
		if n.ID == notice {
			return true
		}
	}
	return false
}
