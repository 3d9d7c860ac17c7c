package status

import (
	"slices"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// Span is a time during which things stood one way.
type Span struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// State is the overall word, or "unknown" where the service did not run, the
	// computer slept, or nothing is kept of that time.
	State  Overall      `json:"state"`
	Tunnel tunnel.Name  `json:"tunnel"` // the active member; "": none
	Cause  tunnel.Cause `json:"cause"`  // why it was not well; "": it was, or nobody knows
	// Mostly is how things stood for longest in a span that stands for several:
	// its State, the worst, then lasted for LastedMs. "": State lasted all the while.
	Mostly   Overall `json:"mostly,omitempty"`
	LastedMs int64   `json:"lastedMs,omitempty"`
}

// Move is a move from one member to another: a failover, a return, or one that
// a person asked for.
type Move struct {
	ID         int64        `json:"id"` // of its event
	At         time.Time    `json:"at"`
	Kind       event.Kind   `json:"kind"`
	From       tunnel.Name  `json:"from"`
	To         tunnel.Name  `json:"to"`
	Cause      tunnel.Cause `json:"cause"`
	DowntimeMs int64        `json:"downtimeMs"`
}

// Timeline is how things stood from one moment to another.
type Timeline struct {
	// Spans follow each other without a gap and cover the whole time.
	Spans []Span
	Moves []Move
	// Wished is how long a tunnel was wished for, as far as that is known. In it,
	// for Uptime one worked; for Outage none did although there was a network.
	// The rest was without a network, or a tunnel was being started.
	Wished, Uptime, Outage time.Duration
	// Longest is the longest time without service, as far as it lies in this one.
	Longest time.Duration
	// Outages counts the times without service that lie in it at least in part.
	Outages int
}

// Known is what a timeline is drawn from.
type Known struct {
	// Events are those of the time, and the latest of each kind from before it,
	// in the order of their IDs. Only TimelineKinds matter.
	Events []event.Event
	// Heard are moments at which the service is known to have run, ascending.
	// Where it ended without a word, it counts as having run up to the last of
	// them, or up to the last event.
	Heard []time.Time
}

// TimelineKinds are the kinds of event that say how things stand.
func TimelineKinds() []event.Kind {
	return []event.Kind{
		event.WishChanged, event.StateChanged, event.VerdictChanged, event.FailedOver, event.FailedBack,
		event.UnderlayChanged, event.GuardChanged, event.Woke, event.ServiceStarted, event.ServiceStopped,
	}
}

// Timeline tells how things stood in [since, until).
func (k Known) Timeline(since, until time.Time) Timeline {
	f := fold{heard: k.Heard, strokes: make([]stroke, 0, 2*len(k.Events))}
	for _, e := range k.Events {
		if e.At.Before(until) {
			f.take(e)
		}
	}
	t := Timeline{Moves: slices.DeleteFunc(f.moves, func(m Move) bool { return m.At.Before(since) })}
	drawn := f.drawn(since, until)
	t.Spans = make([]Span, 0, len(drawn))
	wasDown := false
	var outage time.Duration
	for _, s := range drawn {
		length := s.Until.Sub(s.From)
		if s.State != Unknown && s.State != Off && (s.State != Blocked || s.down) {
			t.Wished += length
		}
		switch {
		case s.down:
			if !wasDown {
				t.Outages++
				outage = 0
			}
			t.Outage += length
			outage += length
			t.Longest = max(t.Longest, outage)
		case works(s.State):
			t.Uptime += length
		}
		wasDown = s.down
		t.Spans = appendSpan(t.Spans, s.Span)
	}
	return t
}

// works says that nothing is known to be wrong with the tunnel.
func works(o Overall) bool { return o == Protected || o == Idle || o == Checking }

// appendSpan goes on the last span where things stand as they did.
func appendSpan(spans []Span, s Span) []Span {
	if n := len(spans); n > 0 {
		last := &spans[n-1]
		if last.Mostly == "" && s.Mostly == "" && last.State == s.State && last.Tunnel == s.Tunnel && last.Cause == s.Cause {
			last.Until = s.Until
			return spans
		}
	}
	return append(spans, s)
}

// worseLast runs from good to bad: a span that stands for several must not hide
// that something was wrong.
var worseLast = []Overall{
	Off, Idle, Protected, Unknown, Connecting, Checking, Switching, SignInNeeded, Offline, Stalled, Blocked,
}

// Merge returns the timeline with so many spans at most: it is cut in that many
// parts of one length, and in each the worst that was tells for all of it.
// The figures stay those of the whole.
func (t Timeline) Merge(parts int) Timeline {
	if len(t.Spans) <= parts {
		return t
	}
	since, until := t.Spans[0].From, t.Spans[len(t.Spans)-1].Until
	width := until.Sub(since) / time.Duration(parts)
	rest := t.Spans
	t.Spans = nil
	for i := range parts {
		from := since.Add(time.Duration(i) * width)
		end := from.Add(width)
		if i == parts-1 {
			end = until
		}
		for !rest[0].Until.After(from) {
			rest = rest[1:]
		}
		s := worst(rest, from, end)
		s.From, s.Until = from, end
		t.Spans = appendSpan(t.Spans, s)
	}
	return t
}

// worst is the span in [from, until) that is the worst, the longest of several,
// and tells for how long it was so, and how it was mostly. The first of spans
// reaches into it.
func worst(spans []Span, from, until time.Time) Span {
	var found Span
	rank, longest := -1, time.Duration(0)
	lasted := make([]time.Duration, len(worseLast))
	for _, s := range spans {
		if !s.From.Before(until) {
			break
		}
		r := slices.Index(worseLast, s.State)
		length := earlier(s.Until, until).Sub(later(s.From, from))
		if r >= 0 {
			lasted[r] += length
		}
		if r > rank || r == rank && length > longest {
			found, rank, longest = s, r, length
		}
	}
	if rank >= 0 && lasted[rank] < until.Sub(from) {
		found.LastedMs = lasted[rank].Milliseconds()
		found.Mostly = worseLast[slices.Index(lasted, slices.Max(lasted))]
	}
	return found
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
