package demo

import (
	"slices"
	"sync"
	"time"

	"holdfast/service/event"
	"holdfast/service/lab"
	"holdfast/service/tunnel"
)

const (
	// pingEvery is the pace of the demo's background pings.
	pingEvery = 500 * time.Millisecond
	// outageFrom is the shortest gap between answered pings that is told as an
	// outage of its own: two pings in a row were lost.
	outageFrom = 2*pingEvery + pingEvery/2
	// storyMost is how much is told of one act: what comes first tells most.
	storyMost = 12
	// underlayOK is a network that can be used, in an event.
	underlayOK = "ok"
)

// Story is what was last done to the lab, and what has come of it.
type Story struct {
	At     time.Time   `json:"at"`     // UTC
	AgeMs  int64       `json:"ageMs"`  // since At
	Did    lab.Verb    `json:"did"`    // break, heal or network
	Server tunnel.Name `json:"server"` // "": all of them, or the network
	Faults []lab.Fault `json:"faults"` // what was broken or healed; none: everything
	Up     bool        `json:"up"`     // what the network became
	InUse  tunnel.Name `json:"inUse"`  // the server in use before; "": none
	Wants  []Turn      `json:"wants"`  // what should come of it, in this order
	Came   []Came      `json:"came"`   // what has come of it, by time
}

// Came is one turn that has come about.
type Came struct {
	Turn    Turn         `json:"turn"`
	AfterMs int64        `json:"afterMs"` // since the story's At
	Tunnel  tunnel.Name  `json:"tunnel,omitempty"`
	Cause   tunnel.Cause `json:"cause,omitempty"` // the last that was told
	// DowntimeMs is how long no ping was answered, on Back. 0: it is not known.
	DowntimeMs int64 `json:"downtimeMs,omitempty"`
}

// teller follows what happens and keeps the last story. The zero value has none.
type teller struct {
	mu    sync.Mutex // protects what follows
	story *Story
	// answeredAt is when the last ping that was answered was sent. Zero: none was.
	answeredAt time.Time
	// back waits where nothing else has come: an answer comes sooner than the event
	// that says why there is one, and after a loss by chance there is none.
	back *Came
}

// begin starts a new story. The one before is not told on.
func (t *teller) begin(s Story) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.story, t.back = &s, nil
}

// want says what should come of the story.
func (t *teller) want(turns []Turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.story.Wants = turns
}

// last returns the story as it stands; nil: nothing was done yet.
func (t *teller) last(now time.Time) *Story {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.story == nil {
		return nil
	}
	s := *t.story
	s.AgeMs = now.Sub(s.At).Milliseconds()
	// Lists that are empty are sent as such.
	s.Faults, s.Wants, s.Came = append([]lab.Fault{}, s.Faults...), append([]Turn{}, s.Wants...), append([]Came{}, s.Came...)
	if t.back != nil && (len(s.Came) > 0 || slices.Contains(s.Wants, Back)) {
		s.Came = append(s.Came, *t.back)
		slices.SortStableFunc(s.Came, func(a, b Came) int { return int(a.AfterMs - b.AfterMs) })
	}
	return &s
}

// silence is for how long pings have gone unanswered; 0: they are answered, or
// none ever was.
func (t *teller) silence(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answeredAt.IsZero() || now.Sub(t.answeredAt) < outageFrom {
		return 0
	}
	return now.Sub(t.answeredAt) - pingEvery
}

// event takes in what the service tells.
func (t *teller) event(e event.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := cameOf(e)
	if !ok || t.story == nil || e.At.Before(t.story.At) {
		return
	}
	same := func(b Came) bool { return b.Turn == c.Turn && b.Tunnel == c.Tunnel }
	if i := slices.IndexFunc(t.story.Came, same); i >= 0 {
		if c.Cause != "" { // what was found out meanwhile
			t.story.Came[i].Cause = c.Cause
		}
		return
	}
	// How a server does that is not in use is no part of it.
	if (c.Turn == Doubted || c.Turn == Noticed) && c.Tunnel != t.inUseLocked() || len(t.story.Came) == storyMost {
		return
	}
	c.AfterMs = e.At.Sub(t.story.At).Milliseconds()
	t.story.Came = append(t.story.Came, c)
}

// inUseLocked is the server in use as far as the story tells.
func (t *teller) inUseLocked() tunnel.Name {
	name := t.story.InUse
	for _, c := range t.story.Came {
		if c.Turn == Moved || c.Turn == Returned {
			name = c.Tunnel
		}
	}
	return name
}

// cameOf says what an event means to a story; false: nothing.
func cameOf(e event.Event) (Came, bool) {
	c := Came{Tunnel: e.Tunnel, Cause: e.Cause}
	switch {
	case e.Kind == event.VerdictChanged && e.To == "suspect":
		c.Turn = Doubted
	case e.Kind == event.VerdictChanged && e.To == "unhealthy":
		c.Turn = Noticed
	case e.Kind == event.FailedOver:
		c.Turn, c.Tunnel = Moved, tunnel.Name(e.To)
	case e.Kind == event.FailedBack:
		c.Turn, c.Tunnel = Returned, tunnel.Name(e.To)
	case e.Kind == event.HandshakeRecovered:
		c.Turn = Renewed
	case e.Kind == event.Held && e.To == event.HeldAllSilent:
		c.Turn = Held
	case e.Kind == event.UnderlayChanged && e.To == underlayOK && e.From != underlayOK:
		c.Turn = Online
	case e.Kind == event.UnderlayChanged && e.To != underlayOK:
		c.Turn = Offline
	default:
		return c, false
	}
	return c, true
}

// ping takes in a ping whose fate is known.
func (t *teller) ping(p lab.Ping) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !p.Answered || !p.SentAt.After(t.answeredAt) {
		return
	}
	before := t.answeredAt
	t.answeredAt = p.SentAt
	gap := p.SentAt.Sub(before)
	if t.story == nil || t.back != nil || before.IsZero() || gap < outageFrom || p.SentAt.Before(t.story.At) {
		return
	}
	t.back = &Came{
		Turn: Back, AfterMs: p.SentAt.Add(p.RTT).Sub(t.story.At).Milliseconds(), DowntimeMs: (gap - pingEvery).Milliseconds(),
	}
}
