package main

import (
	"slices"
	"time"

	"holdfast/app/prefs"
	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// A View is everything the menu is made of. Its zero value is a tray that has
// not heard from the service yet.
type View struct {
	// Status is the latest picture. Nil: none has come yet.
	Status *api.Status
	// Lost says that the service does not answer; Status is what it said last.
	Lost bool
	// Stranger says that somebody listens in place of the service who may not.
	Stranger bool

	// Admin says that the person may change the kill switch, not only pause it.
	Admin   bool
	Groups  []api.Group
	Tunnels []tunnel.Name
	// OnUnhealthy is the setting of that name. "": not known.
	OnUnhealthy string

	// PausedUntil is when the notifications come back. Zero: they are not paused.
	PausedUntil time.Time
	Notify      bool // there are notifications
	// Copied says that the diagnostics were copied since the menu last changed.
	Copied   bool
	Language event.Language // "": English
}

// overall is the one word for how things stand.
func (v View) overall() status.Overall {
	switch {
	case v.Lost || v.Stranger:
		return status.ServiceUnreachable
	case v.Status == nil:
		return ""
	default:
		return v.Status.Overall
	}
}

// knows says that there is a picture that is more than the one word.
func (v View) knows() bool {
	return v.overall() != status.ServiceUnreachable && v.Status != nil && !v.Status.Limited
}

// on says that a tunnel is wished for.
func (v View) on() bool { return v.Status != nil && v.Status.Wish.On }

// active is the tunnel that holds the interface. "": none, or not known.
func (v View) active() tunnel.Name {
	if !v.knows() || v.Status.Active == nil {
		return ""
	}
	return v.Status.Active.Tunnel
}

// group are the members of the target, where it is a group that is wished for.
func (v View) group() []tunnel.Name {
	if !v.knows() || !v.on() {
		return nil
	}
	i := slices.IndexFunc(v.Groups, func(g api.Group) bool { return g.Name == v.Status.Wish.Target })
	if i < 0 {
		return nil
	}
	return v.Groups[i].Members
}

// target is what Connect connects to: what was asked for last, if it is there
// still, else the first group or tunnel. "": there is nothing.
func (v View) target() tunnel.Name {
	if v.Status != nil && v.has(v.Status.Wish.Target) {
		return v.Status.Wish.Target
	}
	if len(v.Groups) > 0 {
		return v.Groups[0].Name
	}
	if len(v.Tunnels) > 0 {
		return v.Tunnels[0]
	}
	return ""
}

func (v View) has(name tunnel.Name) bool {
	return slices.Contains(v.Tunnels, name) || slices.ContainsFunc(v.Groups, func(g api.Group) bool { return g.Name == name })
}

// reason is the notice that says most about why things are as they are: not that
// there was a move, where the tunnel moved to does not work either. Nil: none does.
func (v View) reason() *event.Notice {
	if !v.knows() {
		return nil
	}
	works := v.Status.Overall == status.Protected || v.Status.Overall == status.Idle
	var most *event.Notice
	for i, n := range v.Status.Notices {
		if n.Acknowledged || n.Severity == event.Low || n.Code == event.Code(event.FailedOver) && !works {
			continue
		}
		if most == nil || n.Severity == event.High && most.Severity != event.High {
			most = &v.Status.Notices[i]
		}
	}
	return most
}

// guard is what the kill switch does. "": not known.
func (v View) guard() status.GuardStand {
	if !v.knows() {
		return ""
	}
	return v.Status.Guard.Stand(v.on())
}

// pausedAt says that notifications are paused at a moment.
func (v View) pausedAt(now time.Time) bool {
	return prefs.Notify{PausedUntil: v.PausedUntil}.Paused(now)
}
