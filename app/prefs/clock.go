package prefs

import "time"

// Paused says that the person asked for silence until later.
func (n Notify) Paused(now time.Time) bool { return now.Before(n.PausedUntil) }

// minutes reads a clock, "07:05", as minutes since midnight. False: it is none.
func minutes(clock string) (int, bool) {
	t, err := time.Parse("15:04", clock)
	if err != nil || len(clock) != len("15:04") {
		return 0, false
	}
	return t.Hour()*60 + t.Minute(), true
}
