package main

import (
	"strings"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// words are those of the menu in one language. {name} stands for a tunnel's or
// a group's.
type words struct {
	// stands are the status lines: with the name of the tunnel, and without.
	stands                                                 map[status.Overall][2]string
	waiting                                                string
	stranger, startIt, viewer                              string
	connect, connectAny, disconnect, importOne, reconnect  string
	tunnels, group, more                                   string
	autoSwitch, autoSwitchTip                              string
	guard, guardNotInForce, guardReleased, guardPaused     string
	signIn, returnNow, letPass, atRest                     string
	open                                                   string
	pause, paused, hour, tomorrow, resume                  string
	diagnostics, copied                                    string
	quit, quitOn                                           string
	refused, noTray, noTrayWhat, reconnectLabel, openLabel string
}

var english = &words{
	stands: map[status.Overall][2]string{
		status.Off:                {"Off", "Off"},
		status.Connecting:         {"Connecting via {name}", "Connecting"},
		status.Protected:          {"Protected via {name}", "Protected"},
		status.Idle:               {"Idle via {name}", "Idle"},
		status.Checking:           {"Checking {name}", "Checking"},
		status.Switching:          {"Switching, away from {name}", "Switching"},
		status.Stalled:            {"Stalled: {name} carries nothing", "Stalled"},
		status.Blocked:            {"Blocked: {name} carries nothing", "Blocked: no traffic leaves"},
		status.Offline:            {"Offline", "Offline"},
		status.SignInNeeded:       {"Sign-in needed", "Sign-in needed"},
		status.ServiceUnreachable: {"Service unreachable", "Service unreachable"},
	},
	waiting:         "Looking for the service",
	stranger:        "Somebody else listens in its place…",
	startIt:         "The tunnel may be up or not…",
	viewer:          "You may see no more than this…",
	connect:         "Connect to {name}",
	connectAny:      "Connect",
	disconnect:      "Disconnect",
	importOne:       "Import a tunnel…",
	reconnect:       "Reconnect",
	tunnels:         "Tunnels",
	group:           "{name} (group)",
	more:            "More on the page…",
	autoSwitch:      "Auto-switch",
	autoSwitchTip:   "Move to another member when this one fails. Without it the one that failed is restarted. Whether to move back is a setting of its own.",
	guard:           "Kill switch",
	guardNotInForce: "Kill switch (not in force)",
	guardReleased:   "Kill switch (released)",
	guardPaused:     "Kill switch (paused)",
	signIn:          "Pause for sign-in (5 min)",
	returnNow:       "Return now",
	letPass:         "Let traffic pass…",
	atRest:          "Paused, not protected, until",
	open:            "Open dashboard",
	pause:           "Pause notifications",
	paused:          "Notifications paused until",
	hour:            "For 1 hour",
	tomorrow:        "Until tomorrow morning",
	resume:          "Resume now",
	diagnostics:     "Copy diagnostics",
	copied:          "Copy diagnostics (copied)",
	quit:            "Quit",
	quitOn:          "Quit, the tunnel stays on",
	refused:         "That was not done",
	noTray:          "There is no tray on this desktop",
	noTrayWhat:      "Holdfast runs without an icon and still tells when something is the matter. The page opens with: holdfast open",
	reconnectLabel:  "Reconnect",
	openLabel:       "Open Holdfast",
}

func wordsIn(l event.Language) *words {
	if l == event.German {
		return german
	}
	return english
}

// fill puts a name into words.
func fill(text string, name tunnel.Name) string {
	return strings.ReplaceAll(text, "{name}", string(name))
}

// status is the first line of the menu. It has no age in it, so that it stays
// true without being written anew.
func (w *words) status(v View, now time.Time) string {
	overall := v.overall()
	if v.guard() == status.GuardPaused {
		return w.atRest + " " + clock(*v.Status.Guard.PausedUntil, now)
	}
	if overall == "" {
		return w.waiting
	}
	stands, known := w.stands[overall]
	if !known {
		return string(overall) // of a newer service
	}
	if name := v.active(); name != "" {
		return fill(stands[0], name)
	}
	return stands[1]
}

// short is the status line for the tooltip, which is cut off by some systems.
func (w *words) short(v View, now time.Time) string {
	const most = 80 // characters; Windows shows 127 at most
	s := []rune(w.status(v, now))
	if len(s) > most {
		s = append(s[:most-1], '…')
	}
	return string(s)
}
