package engine

import (
	"slices"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// record numbers events, lets the board draw its notices from them, writes
// them down and publishes the new picture.
func (e *Engine) record(now time.Time, events ...event.Event) {
	all := slices.Clone(events)
	e.number(now, all)
	notices := e.board.Take(now, all)
	e.number(now, notices)
	e.boardAt = e.board.Next()
	if all = append(all, notices...); len(all) > 0 {
		for _, ev := range all {
			e.remember(ev)
			e.opt.Log.Info("event", "kind", string(ev.Kind), "tunnel", string(ev.Tunnel),
				"from", ev.From, "to", ev.To, "cause", string(ev.Cause))
		}
		e.opt.Journal.Append(all)
	}
	e.keepNotices(now)
	e.publish(now)
	e.note(now, event.CodeHistoryNotKept, e.opt.Journal.Health())
}

// keepNotices saves what has changed about the open notices.
func (e *Engine) keepNotices(now time.Time) {
	was := e.shown
	e.shown = map[int64]event.Notice{}
	for _, n := range e.board.Open() {
		e.shown[n.ID] = n
		if was[n.ID] != n {
			e.opt.Journal.SaveNotice(n)
		}
		delete(was, n.ID)
	}
	for _, n := range was {
		n.ClearedAt = now.UTC()
		e.opt.Journal.SaveNotice(n)
	}
}

// note opens a notice about the service itself when there is an error, and
// clears it when there is none any more.
func (e *Engine) note(now time.Time, code event.Code, err error) {
	if (err != nil) == e.noted[code] {
		return
	}
	e.noted[code] = err != nil
	if err != nil {
		e.record(now, event.Event{Kind: event.NoticeOpened, To: string(code), Evidence: err.Error()})
	} else {
		e.record(now, event.Event{Kind: event.NoticeCleared, From: string(code)})
	}
}

// number gives events their IDs, and the moment to those that have none.
func (e *Engine) number(now time.Time, events []event.Event) {
	for i := range events {
		if events[i].At.IsZero() {
			events[i].At = now
		}
		events[i].At = events[i].At.UTC()
		events[i].ID = e.nextID
		e.nextID++
	}
}

// remember keeps the latest switch for the picture. One that was asked for is a
// wish that names the member.
func (e *Engine) remember(ev event.Event) {
	if e.last != nil && ev.Kind == event.VerdictChanged && ev.Tunnel == e.last.From && ev.Cause != "" && e.last.Kind == event.FailedOver {
		known := *e.last // a picture that shows it may be about
		known.Cause = ev.Cause
		e.last = &known
	}
	if ev.Kind == event.WishChanged || ev.Kind == event.StateChanged && ev.To == string(tunnel.Up) {
		e.downFor = ""
	}
	asked := ev.Kind == event.WishChanged && ev.Tunnel != "" && ev.To == string(ev.Tunnel)
	if asked || ev.Kind == event.FailedOver || ev.Kind == event.FailedBack {
		e.last = &status.LastSwitch{At: ev.At, Kind: ev.Kind, From: tunnel.Name(ev.From), To: tunnel.Name(ev.To),
			Cause: ev.Cause, DowntimeMs: ev.DowntimeMs}
	}
}
