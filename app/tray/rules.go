package main

import (
	"strings"
	"time"

	"holdfast/app/notify"
	"holdfast/app/prefs"
	"holdfast/service/event"
)

// rulesOf are a person's preferences as the rules of the notifications.
func rulesOf(p prefs.Prefs, l event.Language) notify.Rules {
	n := p.Notify
	r := notify.Rules{Enabled: n.Enabled, Off: map[notify.Kind]bool{}, PausedUntil: n.PausedUntil,
		QuietFrom: sinceMidnight(n.QuietFrom), QuietUntil: sinceMidnight(n.QuietUntil), Language: string(l)}
	for _, k := range notify.Kinds {
		r.Off[k] = !n.Kinds[prefs.Kind(k)]
	}
	return r
}

// sinceMidnight reads "22:00". What is none, and "", is midnight.
func sinceMidnight(clock string) time.Duration {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		return 0
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// languageOf is the language that a person chose, or, for "auto", the first of
// the desktop's that there are words in.
func languageOf(chosen string, desktop []string) event.Language {
	if chosen != "auto" {
		desktop = []string{chosen}
	}
	for _, tag := range desktop {
		base, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(tag), "_", "-"), "-")
		for _, l := range event.Languages() {
			if base == string(l) {
				return l
			}
		}
	}
	return event.English
}
