package main

import (
	"time"

	"holdfast/app/tray/icon"
	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// Menu is everything the tray shows, as a value: what is on the screen is made
// the same as it, item by item.
type Menu struct {
	Icon    icon.Shape
	Tooltip string
	Items   []Item
}

// Item is one line of the menu. Which lines there are, and in which order, is
// the same in every menu; those that do not apply are hidden.
type Item struct {
	Key     Key
	Title   string
	Tooltip string // shown on macOS only
	Hidden  bool
	Off     bool // it cannot be chosen
	// Tick says whether it has a place for a tick, and one in it.
	Tick Tick
	// Do is what choosing it does.
	Do Command
	// Below are the lines of its submenu.
	Below []Item
}

// Key names an item of the menu. Items of the submenu Tunnels have none.
type Key string

// The keys, in the order of the menu. Divider is a line between items.
const (
	KeyStatus      Key = "status"
	KeyReason      Key = "reason"
	KeyWish        Key = "wish"
	KeyReconnect   Key = "reconnect"
	KeyLetPass     Key = "let-pass"
	KeyTunnels     Key = "tunnels"
	KeyAutoSwitch  Key = "auto-switch"
	KeyGuard       Key = "guard"
	KeyOpen        Key = "open"
	KeyPause       Key = "pause"
	KeyHour        Key = "hour"
	KeyTomorrow    Key = "tomorrow"
	KeyResume      Key = "resume"
	KeyDiagnostics Key = "diagnostics"
	KeyQuit        Key = "quit"
	Divider        Key = "-"
)

// Tick is the place for a tick beside a title.
type Tick int

// The ticks.
const (
	NoTick Tick = iota
	Unticked
	Ticked
)

func tick(on bool) Tick {
	if on {
		return Ticked
	}
	return Unticked
}

// mostTunnels is how many tunnels and groups the submenu lists; the page lists
// all of them.
const mostTunnels = 20

// MenuOf makes the menu. now is in the zone of the person; it decides about the
// pause of notifications alone.
func MenuOf(v View, now time.Time) Menu {
	w := wordsIn(v.Language)
	return Menu{
		Icon:    shapeOf(v),
		Tooltip: "Holdfast: " + w.short(v, now),
		Items: []Item{
			{Key: KeyStatus, Title: w.status(v, now), Off: true},
			reasonItem(v, w),
			{Key: Divider},
			wishItem(v, w),
			{Key: KeyReconnect, Title: w.reconnect, Hidden: !v.knows() || !v.on(), Off: v.active() == "", Do: Command{Verb: Reconnect}},
			letPassItem(v, w),
			{Key: KeyTunnels, Title: w.tunnels, Hidden: !v.knows() || len(v.Tunnels) == 0, Below: tunnelItems(v, w)},
			autoSwitchItem(v, w),
			guardItem(v, w),
			{Key: Divider},
			{Key: KeyOpen, Title: w.open, Do: Command{Verb: Open}},
			pauseItem(v, w, now),
			diagnosticsItem(v, w),
			{Key: Divider},
			quitItem(v, w),
		},
	}
}

// shapes are the icons. The tray that has heard nothing yet is unreachable to
// the person, but no cause for alarm.
var shapes = map[status.Overall]icon.Shape{
	"":                        icon.Off,
	status.Off:                icon.Off,
	status.Connecting:         icon.Connecting,
	status.Protected:          icon.Protected,
	status.Idle:               icon.Protected,
	status.Checking:           icon.Unsure,
	status.Switching:          icon.Unsure,
	status.Stalled:            icon.Stuck,
	status.Blocked:            icon.Stuck,
	status.Offline:            icon.Offline,
	status.SignInNeeded:       icon.SignIn,
	status.ServiceUnreachable: icon.Unreachable,
}

// shapeOf is the icon. One of a newer service claims nothing, and one of a tunnel
// beside which traffic may leave does not claim that it protects.
func shapeOf(v View) icon.Shape {
	shape, known := shapes[v.overall()]
	switch stand := v.guard(); {
	case !known:
		return icon.Off
	case stand == status.GuardPaused:
		return icon.SignIn
	case stand == status.GuardUnverified && shape == icon.Protected:
		return icon.Unsure
	default:
		return shape
	}
}

// reasonItem says why, or what the person can do, and leads to the whole notice on
// the page.
func reasonItem(v View, w *words) Item {
	i := Item{Key: KeyReason, Do: Command{Verb: Open}}
	switch n := v.reason(); {
	case v.Stranger:
		i.Title = w.stranger
	case v.Lost:
		i.Title = w.startIt
	case v.Status != nil && v.Status.Limited:
		i.Title = w.viewer
	case n != nil:
		i.Title, i.Do.Notice = n.Title, n.ID
	default:
		i.Hidden = true
	}
	return i
}

// wishItem is grey where nothing can be asked for: it keeps two dividers apart.
func wishItem(v View, w *words) Item {
	i := Item{Key: KeyWish}
	target := v.target()
	switch {
	case !v.knows():
		i.Title, i.Off = w.connectAny, true
		if v.on() {
			i.Title = w.disconnect
		}
	case v.on():
		i.Title, i.Do = w.disconnect, Command{Verb: Disconnect}
	case target == "":
		i.Title, i.Do = w.importOne, Command{Verb: Open}
	default:
		i.Title, i.Do = fill(w.connect, target), Command{Verb: Connect, Name: target}
	}
	return i
}

// tunnelItems are the groups and then the tunnels. A member of the group that is
// wished for is switched to; any other is connected to by itself.
func tunnelItems(v View, w *words) []Item {
	var out []Item
	if !v.knows() {
		return nil
	}
	members := map[tunnel.Name]bool{}
	for _, m := range v.group() {
		members[m] = true
	}
	for _, g := range v.Groups {
		out = append(out, Item{Title: fill(w.group, g.Name), Tick: tick(v.on() && v.Status.Wish.Target == g.Name), Do: Command{Verb: Connect, Name: g.Name}})
	}
	for _, name := range v.inOrder() {
		do := Command{Verb: Connect, Name: name}
		if members[name] {
			do.Verb = SwitchTo
		}
		out = append(out, Item{Title: string(name), Tick: tick(v.on() && v.active() == name), Do: do})
	}
	if len(out) > mostTunnels {
		out = append(out[:mostTunnels], Item{Title: w.more, Tick: Unticked, Do: Command{Verb: Open}})
	}
	return out
}

// inOrder are the tunnels, the members of the group that is wished for first and
// in its order.
func (v View) inOrder() []tunnel.Name {
	members := v.group()
	out := append([]tunnel.Name{}, members...)
	for _, name := range v.Tunnels {
		member := false
		for _, m := range members {
			member = member || m == name
		}
		if !member {
			out = append(out, name)
		}
	}
	return out
}

// autoSwitchItem is on_unhealthy in two words: move to another member, or only
// restart the one that failed. Whether to move back is another setting, and
// stays as it is.
func autoSwitchItem(v View, w *words) Item {
	on := v.OnUnhealthy == string(failover.ToFailover)
	i := Item{Key: KeyAutoSwitch, Title: w.autoSwitch, Tooltip: w.autoSwitchTip, Tick: tick(on), Hidden: !v.knows() || v.OnUnhealthy == "",
		Do: Command{Verb: Set, Setting: "on_unhealthy", Value: string(failover.ToFailover)}}
	if on {
		i.Do.Value = string(failover.ToRestart)
	}
	return i
}

// guardItem has a tick only where the guard does what it was asked for: a kill
// switch that is asked for and not there is worse than none.
func guardItem(v View, w *words) Item {
	i := Item{Key: KeyGuard, Title: w.guard, Tick: Unticked, Hidden: !v.knows(), Off: !v.Admin, Do: Command{Verb: GuardOn}}
	switch v.guard() {
	case status.GuardOpen, status.GuardShut, status.GuardBlocking:
		i.Tick, i.Do.Verb = Ticked, GuardOff
	case status.GuardUnverified:
		i.Title, i.Do.Verb = w.guardNotInForce, GuardOff
	case status.GuardReleased:
		i.Title = w.guardReleased
	case status.GuardPaused:
		i.Title = w.guardPaused
	case status.GuardIsOff:
	}
	return i
}

// letPassItem is there where a person may have to let traffic pass: to sign in to
// a network, which a pause does, or since nothing works, which is asked once
// more on the page. It also ends a pause.
func letPassItem(v View, w *words) Item {
	i := Item{Key: KeyLetPass, Title: w.signIn, Hidden: true, Do: Command{Verb: GuardPause}}
	stand := v.guard()
	switch {
	case !v.knows():
	case stand == status.GuardPaused:
		i.Hidden, i.Title, i.Do = false, w.returnNow, Command{Verb: GuardOn}
	case v.overall() == status.SignInNeeded && v.on():
		i.Hidden = false
	case stand == status.GuardBlocking && v.overall() == status.Blocked:
		i.Hidden, i.Title, i.Do = false, w.letPass, Command{Verb: Open}
	}
	return i
}

func pauseItem(v View, w *words, now time.Time) Item {
	paused := v.pausedAt(now)
	i := Item{Key: KeyPause, Title: w.pause, Hidden: !v.Notify, Below: []Item{
		{Key: KeyHour, Title: w.hour, Do: Command{Verb: PauseHour}},
		{Key: KeyTomorrow, Title: w.tomorrow, Do: Command{Verb: PauseTomorrow}},
		{Key: KeyResume, Title: w.resume, Hidden: !paused, Do: Command{Verb: Resume}},
	}}
	if paused {
		i.Title = w.paused + " " + clock(v.PausedUntil, now)
	}
	return i
}

// clock is a moment as a person reads it, with its day where that is another.
func clock(t, now time.Time) string {
	t = t.In(now.Location())
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

func diagnosticsItem(v View, w *words) Item {
	i := Item{Key: KeyDiagnostics, Title: w.diagnostics, Hidden: !v.knows(), Do: Command{Verb: Diagnostics}}
	if v.Copied {
		i.Title = w.copied
	}
	return i
}

// quitItem says what happens to the tunnel: nothing.
func quitItem(v View, w *words) Item {
	i := Item{Key: KeyQuit, Title: w.quit, Do: Command{Verb: Quit}}
	if v.on() && v.overall() != status.ServiceUnreachable {
		i.Title = w.quitOn
	}
	return i
}
