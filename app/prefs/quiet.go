package prefs

import "time"

// Wants says whether a notification of a kind may be shown at a moment. The
// quiet hours go by the clock in now's location, which is the one on the
// person's wall; they begin with their first minute and end before their last.
func (n Notify) Wants(kind Kind, now time.Time) bool {
	return n.Enabled && n.Kinds[kind] && !n.Paused(now) && !n.Quiet(now)
}

// Paused says that the person asked for silence until later.
func (n Notify) Paused(now time.Time) bool { return now.Before(n.PausedUntil) }

// Quiet says that a moment is in the quiet hours. Hours that begin when they end
// are none.
func (n Notify) Quiet(now time.Time) bool {
	from, ok := minutes(n.QuietFrom)
	until, okUntil := minutes(n.QuietUntil)
	if !ok || !okUntil {
		return false
	}
	at := now.Hour()*60 + now.Minute()
	if from <= until {
		return from <= at && at < until
	}
	return at >= from || at < until
}

// minutes reads a clock, "07:05", as minutes since midnight. False: it is none.
func minutes(clock string) (int, bool) {
	t, err := time.Parse("15:04", clock)
	if err != nil || len(clock) != len("15:04") {
		return 0, false
	}
	return t.Hour()*60 + t.Minute(), true
}
