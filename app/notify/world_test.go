package notify

import (
	"fmt"
	"strings"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

var start = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// everything is what is told unless the person changed it.
var everything = Rules{Enabled: true}

// A world is a service as the desk sees it: the real board of notices and the
// real word for how things stand, fed with events as the machine tells them.
type world struct {
	board *event.Board
	desk  *Desk
	rules func(now time.Time) Rules
	now   time.Time
	id    int64
	gone  bool // the service does not answer

	wish   status.Wish
	view   failover.View
	last   *status.LastSwitch
	blocks bool // the guard keeps in what no tunnel carries

	out   []string
	shows []time.Time // when something was shown
}

func newWorld(r Rules) *world {
	return &world{board: event.NewBoard(time.Minute), desk: NewDesk(), now: start,
		rules: func(time.Time) Rules { return r },
		view:  failover.View{Usable: true, State: tunnel.Down, Verdict: health.Unknown}}
}

// runTo lets the board and the desk have the time they ask for until at.
func (w *world) runTo(at time.Time) {
	for {
		next := at
		for _, n := range []time.Time{w.board.Next(), w.desk.Next()} {
			if !n.IsZero() && n.Before(next) {
				next = n
			}
		}
		if !next.Before(at) {
			break
		}
		w.now = next
		w.board.Take(next, nil)
		w.look()
	}
	w.now = at
}

// tell is an event that happens after a time.
func (w *world) tell(after time.Duration, e event.Event) {
	w.runTo(start.Add(after))
	w.id++
	e.ID, e.At = w.id, w.now
	w.take(e)
	w.board.Take(w.now, []event.Event{e})
	w.look()
}

func (w *world) take(e event.Event) {
	switch e.Kind {
	case event.WishChanged:
		if e.Tunnel != "" {
			w.view.Active = e.Tunnel
			w.last = &status.LastSwitch{At: e.At, Kind: e.Kind, From: tunnel.Name(e.From), To: e.Tunnel}
			return
		}
		w.wish = status.Wish{On: e.To != "off", Target: "home"}
		if w.wish.On {
			w.wish.Target = tunnel.Name(e.To)
			w.view = failover.View{On: true, Active: "nl", State: tunnel.Up, Usable: w.view.Usable, Verdict: health.Unknown}
		} else {
			w.view = failover.View{Usable: w.view.Usable, State: tunnel.Down, Verdict: health.Unknown}
		}
	case event.VerdictChanged:
		if e.Tunnel == w.view.Active {
			w.view.Verdict = health.Verdict(e.To)
		}
	case event.FailedOver, event.FailedBack:
		w.view.Active, w.view.Verdict = tunnel.Name(e.To), health.Healthy
		w.last = &status.LastSwitch{At: e.At, Kind: e.Kind, From: tunnel.Name(e.From), To: tunnel.Name(e.To), Cause: e.Cause}
	case event.UnderlayChanged:
		w.view.Usable, w.view.UnderlayCause = e.Cause == "", e.Cause
	default:
	}
}

func (w *world) status() *status.Status {
	g := status.Guard{Mode: failover.GuardAuto, Verified: true, Blocking: w.blocks && w.wish.On && w.view.Verdict == health.Unhealthy}
	s := &status.Status{At: w.now, Overall: status.Sum(w.wish, w.view, g), Wish: w.wish, Guard: g, Notices: w.board.Open(), LastSwitch: w.last}
	if w.view.Active != "" {
		s.Active = &status.Active{Tunnel: w.view.Active, Group: w.wish.Target, Verdict: w.view.Verdict}
	}
	return s
}

func (w *world) look() {
	s := w.status()
	if w.gone {
		s = nil
	}
	for _, a := range w.desk.Look(w.now, w.rules(w.now), s) {
		w.note(a)
	}
}

func (w *world) note(a Action) {
	at := w.now.Sub(start)
	if a.Show == nil {
		w.out = append(w.out, fmt.Sprintf("%s -%s", at, a.Matter))
		return
	}
	w.shows = append(w.shows, w.now)
	mark := ""
	switch a.Show.Urgency {
	case Low:
		mark = " (low)"
	case Critical:
		mark = " (critical)"
	case Normal:
	}
	w.out = append(w.out, fmt.Sprintf("%s +%s %s%s: %s", at, a.Matter, a.Show.Kind, mark, a.Show.Title))
}

func (w *world) told() string { return strings.Join(w.out, "\n") }

func wishFor(target string) event.Event { return event.Event{Kind: event.WishChanged, To: target} }

func judged(name tunnel.Name, to health.Verdict, c tunnel.Cause) event.Event {
	return event.Event{Kind: event.VerdictChanged, Tunnel: name, To: string(to), Cause: c}
}

func moved(kind event.Kind, from, to tunnel.Name, c tunnel.Cause) event.Event {
	return event.Event{Kind: kind, Tunnel: to, From: string(from), To: string(to), Cause: c, DowntimeMs: 2400}
}

func network(c tunnel.Cause) event.Event {
	if c == "" {
		return event.Event{Kind: event.UnderlayChanged, From: string(tunnel.NoNetwork), To: "ok"}
	}
	return event.Event{Kind: event.UnderlayChanged, From: "ok", To: string(c), Cause: c}
}
