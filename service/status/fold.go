package status

import (
	"slices"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// fold turns events into strokes, one event after the other. The clock may have
// been set back between two: what was drawn beyond the second is drawn anew.
type fold struct {
	heard []time.Time

	strokes []stroke // each ends where the next begins
	moves   []Move
	lastAt  time.Time // of the last event

	running bool
	judged  bool // it is known whether a tunnel is wished for
	on      bool
	below   tunnel.Cause // why the network cannot be used; "": it can
	active  tunnel.Name
	device  tunnel.State
	verdict health.Verdict
	cause   tunnel.Cause
	set     guardset.Kind // what the guard keeps in
	paused  bool
}

// stroke is a span, and whether a tunnel was wanted in it and none worked.
type stroke struct {
	Span
	down bool
}

// take draws up to an event, and notes how things stand since.
func (f *fold) take(e event.Event) {
	for n := len(f.strokes); n > 0 && f.strokes[n-1].From.After(e.At); n-- {
		f.strokes = f.strokes[:n-1]
	}
	if e.DowntimeMs > 0 {
		f.wasDown(e.At.Add(-time.Duration(e.DowntimeMs)*time.Millisecond), e.Cause)
	}
	if e.Kind != event.ServiceStarted && e.Kind != event.ServiceStopped {
		f.running = true
	}
	f.note(e)
	f.lastAt = e.At
	now := f.now()
	now.From = e.At
	if n := len(f.strokes); n > 0 && f.strokes[n-1].From.Equal(e.At) {
		f.strokes[n-1] = now
	} else {
		f.strokes = append(f.strokes, now)
	}
}

// note takes in what an event says.
func (f *fold) note(e event.Event) {
	switch e.Kind {
	case event.ServiceStarted:
		f.started(e.At)
	case event.ServiceStopped:
		f.running, f.judged = false, false
	case event.WishChanged:
		f.wish(e)
	case event.FailedOver, event.FailedBack:
		f.moved(e)
	case event.UnderlayChanged:
		f.below = e.Cause
	case event.GuardChanged:
		f.paused = e.To == string(guardset.Paused)
		f.set = guardset.Kind(e.To)
	case event.StateChanged:
		f.state(e)
	case event.VerdictChanged:
		f.judge(e)
	case event.Woke:
		if slept, err := time.ParseDuration(e.From); err == nil && slept > 0 {
			f.wasAway(e.At.Add(-slept))
		}
	default:
	}
}

// started begins anew. A service that was running until now has ended without a
// word: of the time since it was last heard of, nothing is known.
func (f *fold) started(at time.Time) {
	if f.running {
		last := earlier(f.lastAt, at) // the clock may have been set back
		for _, h := range f.heard {
			if h.After(last) && !h.After(at) {
				last = h
			}
		}
		f.wasAway(last)
	}
	*f = fold{heard: f.heard, strokes: f.strokes, moves: f.moves, running: true, judged: true, device: tunnel.Down}
}

func (f *fold) wish(e event.Event) {
	f.judged = true
	f.on = e.To != string(Off)
	if f.on && e.Tunnel != "" {
		f.moved(e) // to a member that was asked for
	}
}

func (f *fold) moved(e event.Event) {
	f.judged, f.on = true, true
	f.moves = append(f.moves, Move{ID: e.ID, At: e.At, Kind: e.Kind, From: tunnel.Name(e.From), To: tunnel.Name(e.To),
		Cause: e.Cause, DowntimeMs: e.DowntimeMs})
	f.active, f.device, f.verdict, f.cause = tunnel.Name(e.To), tunnel.Up, health.Unknown, ""
}

func (f *fold) state(e event.Event) {
	state := tunnel.State(e.To)
	if state == tunnel.Down {
		f.active, f.device, f.verdict, f.cause = "", tunnel.Down, health.Unknown, ""
		return
	}
	if state != tunnel.Stopping && !f.judged {
		f.judged, f.on = true, true // what is started was wished for
	}
	if e.Tunnel != f.active || state != f.device {
		f.verdict, f.cause = health.Unknown, ""
	}
	f.active, f.device = e.Tunnel, state
}

// judge takes a verdict. One about a member that was left says why.
func (f *fold) judge(e event.Event) {
	if f.active != "" && e.Tunnel != f.active {
		f.learn(e)
		return
	}
	if !f.judged {
		f.judged, f.on = true, true
	}
	f.active, f.device = e.Tunnel, tunnel.Up
	f.verdict, f.cause = health.Verdict(e.To), e.Cause
	if f.verdict == health.Unhealthy {
		f.wasSilent(len(f.strokes), e)
	}
}

// learn tells the last move, and the outage before it, the cause that has
// become known since.
func (f *fold) learn(e event.Event) {
	n := len(f.moves)
	if n == 0 || f.moves[n-1].From != e.Tunnel || e.Cause == "" {
		return
	}
	f.moves[n-1].Cause = e.Cause
	end := len(f.strokes)
	for end > 0 && !f.strokes[end-1].From.Before(f.moves[n-1].At) {
		end--
	}
	f.wasSilent(end, e)
}

// wasSilent draws anew the strokes before one, as far back as the tunnel was
// doubted: it was silent all the while, for the reason that is known by now.
func (f *fold) wasSilent(end int, e event.Event) {
	for i := end - 1; i >= 0; i-- {
		s := &f.strokes[i]
		if s.Tunnel != e.Tunnel || s.State != Checking && s.State != Stalled && s.State != Blocked {
			return
		}
		s.State, s.Cause, s.down = f.dead(), e.Cause, true
	}
}

// wasDown draws anew what turned out to be an outage when it ended.
func (f *fold) wasDown(since time.Time, why tunnel.Cause) {
	if why == "" {
		why = f.cause
	}
	for i := f.cut(since); i < len(f.strokes); i++ {
		s := &f.strokes[i]
		switch {
		case works(s.State):
			s.State, s.Cause, s.down = f.dead(), why, true
		case s.State == Connecting:
			s.down = true
		}
	}
}

// wasAway draws anew what nobody can know.
func (f *fold) wasAway(since time.Time) {
	for i := f.cut(since); i < len(f.strokes); i++ {
		f.strokes[i] = stroke{Span: Span{From: f.strokes[i].From, State: Unknown}}
	}
}

// cut makes a stroke begin at a moment, and returns its place. What lies before
// all of them stays unknown.
func (f *fold) cut(at time.Time) int {
	for i, each := range slices.Backward(f.strokes) {
		from := each.From
		if from.Equal(at) {
			return i
		}
		if from.Before(at) {
			f.strokes = append(f.strokes, stroke{})
			copy(f.strokes[i+2:], f.strokes[i+1:])
			f.strokes[i+1] = f.strokes[i]
			f.strokes[i+1].From = at
			return i + 1
		}
	}
	return 0
}

// now is how things stand after the last event.
func (f *fold) now() stroke {
	if !f.running || !f.judged {
		return stroke{Span: Span{State: Unknown}}
	}
	s := Span{State: Sum(Wish{On: f.on}, failover.View{
		On: f.on, Active: f.active, State: f.device, Verdict: f.verdict, Usable: f.below == "", UnderlayCause: f.below,
	}, f.guard())}
	switch s.State {
	case Off:
	case Offline, SignInNeeded:
		s.Tunnel, s.Cause = f.active, f.below
	default:
		s.Tunnel, s.Cause = f.active, f.cause
	}
	return stroke{Span: s, down: s.State == Stalled || s.State == Blocked && f.on}
}

// guard is what the guard did, as far as events tell. That its rules were in
// place is taken from there being an event.
func (f *fold) guard() Guard {
	g := Guard{Verified: true}
	switch {
	case f.paused:
		g.PausedUntil = &f.lastAt
	case f.set != "" && f.set != guardset.Open:
		g.Blocking = f.device != tunnel.Up || f.verdict == health.Unhealthy
	}
	return g
}

// dead is the word for a tunnel that is up and carries nothing.
func (f *fold) dead() Overall {
	if f.set == guardset.Held {
		return Blocked
	}
	return Stalled
}

// drawn are the strokes of [since, until), with their ends.
func (f *fold) drawn(since, until time.Time) []stroke {
	out := make([]stroke, 1, len(f.strokes)+1)
	out[0].Span = Span{From: since, State: Unknown}
	for _, s := range f.strokes {
		s.From = later(s.From, since)
		if last := &out[len(out)-1]; last.From.Equal(s.From) {
			*last = s
			continue
		}
		out = append(out, s)
	}
	for i := range out {
		out[i].Until = until
		if i+1 < len(out) {
			out[i].Until = out[i+1].From
		}
	}
	return out
}
