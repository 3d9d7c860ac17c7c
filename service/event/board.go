package event

import (
	"slices"
	"time"

	"holdfast/service/tunnel"
)

// movedShownFor is how long the new member must be well until the failover is
// no longer news.
const movedShownFor = 10 * time.Minute

// Board draws from the events what a person should know now. It tells one
// notice at a time about a matter; while the network cannot be used, nothing
// about the tunnels above it; and nothing about what the person did. What
// becomes known about a matter later changes the words of its notice, which
// stays the same one. A NoticeOpened or NoticeCleared event that it is given is
// others' word about something beside the tunnels, or about how one of them
// works, which it takes as it is.
//
// Make it with NewBoard. It is not safe for concurrent use.
type Board struct {
	hold time.Duration
	on   bool // a tunnel is wished for

	network matter
	trouble matter // the active tunnel does not work
	moved   matter // another member took over
	ended   matter // the policy ended the wish
	said    []said // what others told, the oldest first

	below  Event     // why the network cannot be used; zero Kind: it can
	story  story     // of the trouble
	wellAt time.Time // since when the active member is well; zero: it is not
}

// said is a notice that others opened, and will clear.
type said struct {
	Notice
	over bool // it is cleared by something else than their word
}

// NewBoard returns an empty board. hold is the policy's minimum_hold: what
// heals within it, or within 15 s, is history and not news.
func NewBoard(hold time.Duration) *Board { return &Board{hold: hold} }

// Hold changes the hold for what comes.
func (b *Board) Hold(hold time.Duration) { b.hold = hold }

// Take takes numbered events in their order and returns the events of the
// notices that open and clear because of them, or because of the time. They
// are not numbered. Without events it does what Next asked for.
func (b *Board) Take(now time.Time, events []Event) []Event {
	var out []Event
	for _, e := range events {
		b.take(e)
		out = append(out, b.settle(now)...)
	}
	if len(events) == 0 {
		out = b.settle(now)
	}
	return out
}

// Next is when Take wants to be called without an event. Zero: never.
func (b *Board) Next() time.Time {
	var next time.Time
	for _, m := range b.matters() {
		if m.code == "" || b.hides(m) {
			continue
		}
		at := m.clearAt
		if m.open == nil {
			at = b.showAt(m)
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// showAt is when a matter becomes a notice. Zero: never.
func (b *Board) showAt(m *matter) time.Time {
	after := Describe(m.code).ShownAfter
	if after == Never {
		return time.Time{}
	}
	if m == &b.trouble {
		after = min(after, b.hold)
	}
	return m.began.At.Add(after)
}

// Open lists the notices that are true now, the oldest first.
func (b *Board) Open() []Notice {
	out := []Notice{}
	for _, m := range b.matters() {
		if m.open != nil {
			out = append(out, *m.open)
		}
	}
	for _, s := range b.said {
		out = append(out, s.Notice)
	}
	slices.SortStableFunc(out, func(x, y Notice) int { return x.Since.Compare(y.Since) })
	return out
}

// Ack marks an open notice as seen. False: no notice with this ID is open.
func (b *Board) Ack(id int64) bool {
	for _, m := range b.matters() {
		if m.open != nil && m.open.ID == id {
			m.open.Acknowledged = true
			return true
		}
	}
	for i := range b.said {
		if b.said[i].ID == id {
			b.said[i].Acknowledged = true
			return true
		}
	}
	return false
}

func (b *Board) matters() []*matter {
	return []*matter{&b.network, &b.trouble, &b.moved, &b.ended}
}

// hides says that a root cause stands before a matter: no network, or a clock
// that lets no handshake leave.
func (b *Board) hides(m *matter) bool {
	ahead := func(s said) bool { return s.Code == CodeClockAhead && !s.over }
	return m == &b.trouble && (b.network.code != "" || slices.ContainsFunc(b.said, ahead))
}

// take notes what an event says.
func (b *Board) take(e Event) {
	switch e.Kind {
	case WishChanged:
		b.wish(e)
	case UnderlayChanged:
		b.underlay(e)
	case VerdictChanged:
		b.verdict(e)
	case StateChanged:
		b.state(e)
	case Held:
		switch e.To {
		case HeldAllSilent:
			b.story.silent = e
			b.worsen(e)
		case HeldExhausted:
			b.story.spent = e
			b.worsen(e)
		}
	case CooldownStarted:
		b.story.pause = e
		b.worsen(e)
	case CooldownEnded:
		b.story = story{cause: b.story.cause}
		b.tell()
	case FailedOver:
		b.leave(e.Tunnel)
		b.wellAt = time.Time{}
		b.end(&b.moved)
		b.moved = matter{code: Code(FailedOver), began: e, why: e, open: b.moved.open, told: b.moved.told}
	case FailedBack:
		b.leave(e.Tunnel)
		b.end(&b.moved)
	case NoticeOpened:
		b.say(e)
	case NoticeCleared:
		b.said = slices.DeleteFunc(b.said, func(s said) bool {
			return string(s.Code) == e.From && s.Tunnel == e.Tunnel && (e.Evidence == "" || s.Tunnel != "" || s.Evidence == e.Evidence)
		})
	case ServiceStopped:
		for _, m := range b.matters() {
			b.end(m)
		}
		b.overAll(func(said) bool { return true })
	default:
	}
}

// leave ends what was true of the member that was active. "": of any.
func (b *Board) leave(active tunnel.Name) {
	b.end(&b.trouble)
	b.overAll(func(s said) bool { return s.Tunnel != "" && s.Tunnel != active })
}

// overAll ends what others told, where it is not true any more whatever they say.
func (b *Board) overAll(which func(said) bool) {
	for i := range b.said {
		b.said[i].over = b.said[i].over || which(b.said[i])
	}
}

// say opens a notice that others know of. One that is open already stays: about
// a tunnel with the newer evidence, else there may be several of different
// evidence.
func (b *Board) say(e Event) {
	n := notice(&matter{code: Code(e.To), began: e, why: e})
	for i, s := range b.said {
		if s.Code != n.Code || s.Tunnel != n.Tunnel || s.over {
			continue
		}
		if n.Tunnel != "" {
			b.said[i].Evidence = n.Evidence
			return
		}
		if s.Evidence == n.Evidence {
			return
		}
	}
	b.said = append(b.said, said{Notice: *n})
}

func (b *Board) wish(e Event) {
	// Now it is known again.
	b.overAll(func(s said) bool { return s.Code == CodeWishDamaged })
	b.on = e.To != offWord
	b.end(&b.ended)
	if b.on && e.Tunnel == "" && e.From != offWord || !b.on || e.Tunnel != "" {
		// Another target, none, or another member: what was true is not.
		next := e.Tunnel
		if !b.on {
			next = ""
		}
		b.leave(next)
		b.end(&b.moved)
	}
	if !b.on {
		b.end(&b.network)
		if e.byPolicy() {
			b.ended = matter{code: Code(WishChanged), began: e, why: e, open: b.ended.open, told: b.ended.told}
		}
	} else if b.below.Kind != "" && b.network.code == "" {
		why := b.below
		why.ID, why.At = e.ID, e.At
		b.network.begin(why)
		b.network.is(Code(why.Cause), why)
	}
}

func (b *Board) underlay(e Event) {
	b.end(&b.trouble)
	b.overAll(func(s said) bool { return s.Code == Code(tunnel.Lossy) || s.Code == Code(tunnel.MTUBlackHole) })
	if e.Cause == "" {
		b.below = Event{}
		b.end(&b.network)
		return
	}
	b.below = e
	if b.on {
		b.network.begin(e)
		b.network.is(Code(e.Cause), e)
	}
}

func (b *Board) verdict(e Event) {
	if from := tunnel.Name(b.moved.began.From); b.moved.code != "" && e.Tunnel == from && e.To == "unhealthy" {
		// Why the member was left has become known.
		b.moved.why = b.moved.began
		b.moved.why.Cause, b.moved.why.Evidence = e.Cause, e.Evidence
		return
	}
	switch e.To {
	case "healthy", "idle":
		b.end(&b.trouble)
		if b.wellAt.IsZero() {
			b.wellAt = e.At
		}
		if b.moved.code != "" {
			b.moved.clearAt = b.wellAt.Add(movedShownFor)
		}
		return
	case "unhealthy":
		if b.trouble.code != "" && b.trouble.began.Tunnel != e.Tunnel {
			b.end(&b.trouble)
		}
		b.story.cause = e
		b.worsen(e)
	case "unknown":
		b.end(&b.trouble)
	}
	b.wellAt, b.moved.clearAt = time.Time{}, time.Time{}
}

// state takes a device that could not start, or broke, and later why.
func (b *Board) state(e Event) {
	switch {
	case !b.on:
	case e.To == string(tunnel.Down) && e.Evidence != "":
		if b.story.cause.Kind == "" || e.Cause != "" {
			b.story.cause = e
		}
		b.worsen(e)
	case e.To == string(tunnel.Up):
		b.leave(e.Tunnel)
		if b.moved.code != "" && b.moved.began.Tunnel != e.Tunnel {
			b.end(&b.moved) // the group is another one
		}
	}
}

// worsen tells of a trouble, or more of it.
func (b *Board) worsen(e Event) {
	b.trouble.begin(e)
	b.tell()
}

// tell makes the trouble what tells most of its story: that nothing is tried for
// now, then a cause that says what to do, then that no member answers, then any
// other cause.
func (b *Board) tell() {
	s := b.story
	cause := codeOf(s.cause)
	switch {
	case b.trouble.code == "" && b.trouble.began.Kind == "":
	case s.pause.Kind != "":
		b.trouble.is(Code(CooldownStarted), s.pause)
	case s.spent.Kind != "":
		b.trouble.is(CodeExhausted, s.spent)
	case s.cause.Kind != "" && !vague(cause):
		b.trouble.is(cause, s.cause)
	case s.silent.Kind != "":
		b.trouble.is(CodeAllSilent, s.silent)
	case s.cause.Kind != "":
		b.trouble.is(cause, s.cause)
	default:
		b.end(&b.trouble)
	}
}

func (b *Board) end(m *matter) {
	m.code, m.began, m.why, m.clearAt = "", Event{}, Event{}, time.Time{}
	if m == &b.trouble {
		b.story = story{}
	}
}

// settle opens and clears what must be at now.
func (b *Board) settle(now time.Time) []Event {
	var out []Event
	for _, m := range b.matters() {
		if m.code != "" && m.open != nil && !m.clearAt.IsZero() && !now.Before(m.clearAt) {
			b.end(m)
		}
		wanted := m.code != "" && !b.hides(m)
		if m.open != nil && (!wanted || m.open.ID != m.began.ID) {
			out = append(out, Event{At: now.UTC(), Kind: NoticeCleared, Tunnel: m.open.Tunnel, From: string(m.told)})
			m.open = nil
		}
		if !wanted {
			continue
		}
		if at := b.showAt(m); m.open == nil && !at.IsZero() && !now.Before(at) {
			m.open, m.told = notice(m), m.code
			out = append(out, Event{At: now.UTC(), Kind: NoticeOpened, Tunnel: m.open.Tunnel, To: string(m.code),
				Cause: m.why.Cause, Evidence: m.open.Evidence})
		}
		if m.open != nil {
			seen := m.open.Acknowledged
			m.open = notice(m)
			m.open.Acknowledged = seen
		}
	}
	b.said = slices.DeleteFunc(b.said, func(s said) bool {
		if s.over {
			out = append(out, Event{At: now.UTC(), Kind: NoticeCleared, Tunnel: s.Tunnel, From: string(s.Code)})
		}
		return s.over
	})
	return out
}
