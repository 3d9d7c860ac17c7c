package event

import (
	"slices"
	"time"

	"holdfast/service/tunnel"
)

const (
	// networkShownAfter keeps a short loss of the network from being told.
	networkShownAfter = 5 * time.Second
	// troubleShownAfter keeps an outage from being told that heals by itself,
	// or by a failover, which is told in its place. A shorter hold shortens it.
	troubleShownAfter = 15 * time.Second
	// movedShownFor is how long the new member must be well until the failover
	// is no longer news.
	movedShownFor = 10 * time.Minute
)

// Board draws from the events what a person should know now. It tells one
// notice at a time about a matter; while the network cannot be used, nothing
// about the tunnels above it; and nothing about what the person did. A
// NoticeOpened or NoticeCleared event that it is given is others' word about
// something beside the tunnels, which it takes as it is.
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
	base   Event     // the first event of the trouble; zero Kind: none
	wellAt time.Time // since when the active member is well; zero: it is not
}

// matter is something that there is one notice about at most.
type matter struct {
	code    Code // "": nothing is the matter
	source  Event
	showAt  time.Time // when it becomes a notice
	clearAt time.Time // when it stops to be one by itself; zero: never
	open    *Notice   // nil: there is no notice
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
			at = m.showAt
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
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
		if e.To == HeldAllSilent || e.To == HeldExhausted {
			b.worsen(Code(e.To), e)
		}
	case CooldownStarted:
		b.worsen(Code(CooldownStarted), e)
	case CooldownEnded:
		if b.trouble.code == Code(CooldownStarted) && b.base.Kind != "" {
			b.set(&b.trouble, codeOf(b.base), e, 0)
		}
	case FailedOver:
		b.end(&b.trouble)
		b.wellAt = time.Time{}
		b.set(&b.moved, Code(FailedOver), e, 0)
	case FailedBack:
		b.end(&b.trouble)
		b.end(&b.moved)
	case NoticeOpened:
		b.say(e)
	case NoticeCleared:
		b.said = slices.DeleteFunc(b.said, func(s said) bool {
			return string(s.Code) == e.From && s.Tunnel == e.Tunnel && (e.Evidence == "" || s.Evidence == e.Evidence)
		})
	case ServiceStopped:
		for _, m := range b.matters() {
			b.end(m)
		}
		for i := range b.said {
			b.said[i].over = true
		}
	default:
	}
}

// say opens a notice that others know of. One that is open already stays.
func (b *Board) say(e Event) {
	n := notice(&matter{code: Code(e.To), source: e})
	for _, s := range b.said {
		if s.Code == n.Code && s.Tunnel == n.Tunnel && s.Evidence == n.Evidence {
			return
		}
	}
	b.said = append(b.said, said{Notice: *n})
}

func (b *Board) wish(e Event) {
	for i := range b.said {
		// Now it is known again.
		b.said[i].over = b.said[i].over || b.said[i].Code == CodeWishDamaged
	}
	b.on = e.To != offWord
	b.end(&b.ended)
	if b.on && e.Tunnel == "" && e.From != offWord || !b.on || e.Tunnel != "" {
		// Another target, none, or another member: what was true is not.
		b.end(&b.trouble)
		b.end(&b.moved)
	}
	if !b.on {
		b.end(&b.network)
		if e.byPolicy() {
			b.set(&b.ended, Code(WishChanged), e, 0)
		}
	} else if b.below.Kind != "" && b.network.code == "" {
		why := b.below
		why.ID, why.At = e.ID, e.At
		b.set(&b.network, Code(why.Cause), why, networkShownAfter)
	}
}

func (b *Board) underlay(e Event) {
	b.end(&b.trouble)
	if e.Cause == "" {
		b.below = Event{}
		b.end(&b.network)
		return
	}
	b.below = e
	if b.on {
		b.set(&b.network, Code(e.Cause), e, networkShownAfter)
	}
}

func (b *Board) verdict(e Event) {
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
		b.worsen(codeOf(e), e)
	case "unknown":
		b.end(&b.trouble)
	}
	b.wellAt, b.moved.clearAt = time.Time{}, time.Time{}
}

// state takes a device that could not start, or broke.
func (b *Board) state(e Event) {
	switch {
	case !b.on:
	case e.To == string(tunnel.Down) && e.Evidence != "":
		b.worsen(Code(StateChanged), e)
	case e.To == string(tunnel.Up):
		b.end(&b.trouble)
	}
}

// codeOf is the code of a notice about an event: its cause, else its kind.
func codeOf(e Event) Code {
	if e.Kind == VerdictChanged && e.Cause == "" {
		return Code(tunnel.Unanswered)
	}
	if e.Kind == VerdictChanged {
		return Code(e.Cause)
	}
	return Code(e.Kind)
}

// worsen makes the trouble what code says, unless it is known to be worse.
func (b *Board) worsen(code Code, e Event) {
	if b.trouble.code == "" {
		b.base = e
		b.set(&b.trouble, code, e, min(troubleShownAfter, b.hold))
		return
	}
	if gravity(code) > gravity(b.trouble.code) {
		showAt := b.trouble.showAt
		b.set(&b.trouble, code, e, 0)
		b.trouble.showAt = showAt
	}
}

// gravity orders the codes of one trouble.
func gravity(c Code) int {
	switch c {
	case Code(CooldownStarted):
		return 3
	case CodeExhausted:
		return 2
	case CodeAllSilent:
		return 1
	default:
		return 0
	}
}

// set makes a matter be what code says. One that is so already stays as it is.
func (b *Board) set(m *matter, code Code, e Event, after time.Duration) {
	if m.code == code && m.source.Tunnel == e.Tunnel {
		return
	}
	m.code, m.source, m.showAt, m.clearAt = code, e, e.At.Add(after), time.Time{}
}

func (b *Board) end(m *matter) {
	m.code = ""
	if m == &b.trouble {
		b.base = Event{}
	}
}

// settle opens and clears what must be at now.
func (b *Board) settle(now time.Time) []Event {
	var out []Event
	for _, m := range b.matters() {
		if m.code != "" && m.open != nil && !m.clearAt.IsZero() && !now.Before(m.clearAt) {
			m.code = ""
		}
		wanted := m.code != "" && !b.hides(m)
		if m.open != nil && (!wanted || m.open.ID != m.source.ID || m.open.Code != m.code) {
			out = append(out, Event{At: now.UTC(), Kind: NoticeCleared, Tunnel: m.open.Tunnel, From: string(m.open.Code)})
			m.open = nil
		}
		if wanted && m.open == nil && !now.Before(m.showAt) {
			m.open = notice(m)
			out = append(out, Event{At: now.UTC(), Kind: NoticeOpened, Tunnel: m.open.Tunnel, To: string(m.code),
				Cause: m.source.Cause, Evidence: m.open.Evidence})
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

// notice puts a matter in words.
func notice(m *matter) *Notice {
	w := Describe(m.code)
	return &Notice{
		ID: m.source.ID, Code: m.code, Severity: w.Severity, Tunnel: m.source.Tunnel,
		Title: w.Title, What: w.What, Advice: w.Advice, Evidence: evidence(m.source), Since: m.source.At.UTC(),
	}
}

// evidence is what was seen, or the event itself where that says more.
func evidence(e Event) string {
	if e.Kind == FailedOver || e.Evidence == "" {
		return e.Sentence()
	}
	return e.Evidence
}
