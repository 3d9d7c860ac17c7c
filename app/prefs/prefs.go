// Package prefs keeps what a person prefers for themself: the language and look
// of the page, and which notifications they want and when. It is one small file
// in their own config folder; the service neither reads it nor knows of it.
//
// It shows no notification, and decides about none: that does package notify.
package prefs

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Kind is a kind of notification that can be turned off by itself. The strings
// are kept on disk and sent to the page: they never change.
type Kind string

// The kinds.
const (
	Stall         Kind = "stall"          // the active tunnel carries nothing
	Failover      Kind = "failover"       // another tunnel took over, or the preferred one is back
	Recovery      Kind = "recovery"       // it works again
	AllDown       Kind = "all_down"       // no tunnel answers
	ActionNeeded  Kind = "action_needed"  // only the person can help: sign in, key, clock
	GuardBlocking Kind = "guard_blocking" // the guard lets nothing out
)

// Kinds are all kinds, in the order in which a person is shown them.
var Kinds = []Kind{Stall, Failover, Recovery, AllDown, ActionNeeded, GuardBlocking}

// Prefs are all preferences. The zero value is not valid; see Default.
type Prefs struct {
	// Language is "auto" (the browser's or the desktop's), or a language of Languages.
	Language string `json:"language"`
	// Theme is "auto" (the system's), "light" or "dark".
	Theme  string `json:"theme"`
	Notify Notify `json:"notify"`
}

// Notify says which notifications the person wants, and when.
type Notify struct {
	Enabled bool `json:"enabled"`
	// PausedUntil ends a pause. Zero: there is none.
	PausedUntil time.Time `json:"pausedUntil,omitzero"`
	// QuietFrom and QuietUntil bound the quiet hours by the clock on the wall,
	// "22:00" to "07:00"; they may go over midnight. Both "": there are none.
	QuietFrom  string `json:"quietFrom"`
	QuietUntil string `json:"quietUntil"`
	// Kinds holds every kind of Kinds.
	Kinds map[Kind]bool `json:"kinds"`
}

// Languages and Themes are what these preferences may be.
var (
	Languages = []string{"auto", "en", "de"}
	Themes    = []string{"auto", "light", "dark"}
)

// Default are the preferences of who has set none: every kind, at any hour.
func Default() Prefs {
	p := Prefs{Language: "auto", Theme: "auto", Notify: Notify{Enabled: true, Kinds: map[Kind]bool{}}}
	for _, k := range Kinds {
		p.Notify.Kinds[k] = true
	}
	return p
}

// Check says what is not a preference that can be kept.
func (p Prefs) Check() error {
	if !slices.Contains(Languages, p.Language) {
		return fmt.Errorf("language is one of %q, not %q", Languages, p.Language)
	}
	if !slices.Contains(Themes, p.Theme) {
		return fmt.Errorf("theme is one of %q, not %q", Themes, p.Theme)
	}
	for k := range p.Notify.Kinds {
		if !slices.Contains(Kinds, k) {
			return fmt.Errorf("there is no kind of notification %q", k)
		}
	}
	n := p.Notify
	if n.QuietFrom == "" && n.QuietUntil == "" {
		return nil
	}
	for _, clock := range []string{n.QuietFrom, n.QuietUntil} {
		if _, ok := minutes(clock); !ok {
			return fmt.Errorf("quiet hours are given as 22:00, both or none; not %q", clock)
		}
	}
	return nil
}

// clone is a copy that shares nothing.
func (p Prefs) clone() Prefs {
	kinds := map[Kind]bool{}
	maps.Copy(kinds, p.Notify.Kinds)
	p.Notify.Kinds = kinds
	return p
}
