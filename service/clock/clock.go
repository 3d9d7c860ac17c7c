// Package clock tells whether the wall clock may date a handshake.
//
// WireGuard dates every handshake initiation by the wall clock, and a server
// refuses whatever is not later than the latest it has seen of a key. So an
// initiation that leaves while the clock is years ahead locks the key out for
// years, and a clock that was set back gets no answer until it has caught up.
//
// Guard holds the wall clock against the clocks that only count. It is pure: it
// is given readings and never reads a clock itself. Its floor, the latest date
// that ever left this machine, is for its caller to keep across restarts.
package clock

import "time"

// Reading is what the machine's clocks say at one moment.
type Reading struct {
	// Wall is the time of day, without a monotonic part.
	Wall time.Time
	// Mono counts while the machine is awake, Suspended while it sleeps. Where
	// each begins does not matter, but that they go on from reading to reading.
	Mono, Suspended time.Duration
}

// since is the time that passed between two readings, by the clocks that only count.
func (r Reading) since(earlier Reading) time.Duration {
	return r.Mono - earlier.Mono + r.Suspended - earlier.Suspended
}

// Trust is whether the wall clock may date a handshake.
type Trust string

// What a clock may be.
const (
	// OK dates handshakes.
	OK Trust = "ok"
	// Behind is below the floor: servers that saw the floor refuse what is
	// dated now. Asking harms nothing.
	Behind Trust = "behind"
	// Ahead is so far ahead, or may be, that no initiation may leave.
	Ahead Trust = "ahead"
)

// The tolerances.
const (
	// Jump is how far the clock may go forward unexplained. Time zones that were
	// mistaken, and a clock kept in local time by another system, stay below it;
	// a key locked out by less is free again the next day.
	Jump = 24 * time.Hour
	// Life is how long after it was built a program is taken to be in use.
	Life = 10 * 365 * 24 * time.Hour
	// Agree is how far a page's date may be off: it has whole seconds, and some
	// minutes pass in caches.
	Agree = 5 * time.Minute
	// Tick is the least that makes one initiation later than another: their
	// dates are cut to 2^24 ns.
	Tick = 1 << 24 * time.Nanosecond
	// slack is how far below the floor the clock may be without a word: unanswered
	// initiations are repeated after 5 s, and then it has caught up.
	slack = 5 * time.Second
	// noise is what a comparison of clocks that are read one after the other may
	// be off, and what daemons that correct the clock move it by in passing.
	noise = 2 * time.Second
	// lead is how far ahead of the last reading a date may be that was made
	// beside it.
	lead = time.Minute
)

// State is the judgement of a moment.
type State struct {
	Trust Trust
	// Behind is how far the clock is below the floor. 0: it is not.
	Behind time.Duration
	// Jumped is how far the clock has gone forward unexplained; Ahead by it
	// where above Jump.
	Jumped time.Duration
	// Outlived says that it is Ahead since the date is after the program's Life.
	Outlived bool
	// Floor is the latest date that ever left. Zero: none is known.
	Floor time.Time
	// Wrong is how far a page's date told the clock to be ahead when it was last
	// asked while Ahead; negative: behind. 0: no page has contradicted.
	Wrong time.Duration
}

// Guard judges the wall clock. Make it with New. It is not safe for concurrent use.
type Guard struct {
	built time.Time
	floor time.Time
	last  Reading
	// anchor is the reading at which the clock was lowest, held against the
	// clocks that only count, since it was last confirmed: many small steps
	// forward then add up.
	anchor   Reading
	anchored bool
	vouched  bool // the date was confirmed: Life does not count
	wrong    time.Duration
}

// New makes a Guard for a program that was built at a moment (zero: not known,
// and Life does not count), with the floor of earlier runs (zero: none).
func New(built, floor time.Time) *Guard { return &Guard{built: built, floor: floor.Round(0)} }

// Observe takes a reading, and returns by how far the wall clock was stepped
// since the reading before: positive forward. 0: it went on as time did, give or
// take two seconds and a thousandth of what passed.
func (g *Guard) Observe(r Reading) (step time.Duration) {
	r.Wall = r.Wall.Round(0)
	if !g.anchored {
		g.last, g.anchor, g.anchored = r, r, true
		return 0
	}
	passed := r.since(g.last)
	step = r.Wall.Sub(g.last.Wall) - passed
	g.last = r
	if g.drift() < 0 {
		g.anchor, g.wrong = r, 0
	}
	if abs(step) <= noise+abs(passed)/1000 {
		return 0
	}
	return step
}

// drift is how far the clock has gone forward from the anchor unexplained.
func (g *Guard) drift() time.Duration { return g.last.Wall.Sub(g.anchor.Wall) - g.last.since(g.anchor) }

// State judges the last reading. Before the first one it is OK.
func (g *Guard) State() State {
	s := State{Trust: OK, Floor: g.floor}
	if !g.anchored {
		return s
	}
	if d := g.floor.Sub(g.last.Wall); !g.floor.IsZero() && d > 0 {
		s.Behind = d
	}
	s.Jumped = g.drift()
	s.Outlived = !g.vouched && !g.built.IsZero() && g.last.Wall.Sub(g.built) > Life
	switch {
	case s.Jumped > Jump, s.Outlived:
		s.Trust, s.Wrong = Ahead, g.wrong
	case s.Behind > slack:
		s.Trust = Behind
	}
	return s
}

// Initiate says whether an initiation dated stamp may leave at the moment of a
// reading, and raises the floor where it may. While the clock is Ahead none
// may; nor may one that is dated ahead of the clock, but for the very next
// after the floor, which locks out nothing that is not locked out already.
func (g *Guard) Initiate(r Reading, stamp time.Time) bool {
	g.Observe(r)
	stamp = stamp.Round(0)
	if g.State().Trust == Ahead {
		return false
	}
	if stamp.Sub(g.last.Wall) > lead && (g.floor.IsZero() || stamp.Sub(g.floor) > Tick) {
		return false
	}
	if stamp.After(g.floor) {
		g.floor = stamp
	}
	return true
}

// Confirm holds the clock at a reading against the date that a page told then.
// Where they agree the clock is trusted from there on.
func (g *Guard) Confirm(r Reading, date time.Time) bool {
	g.Observe(r)
	off := g.last.Wall.Sub(date)
	if abs(off) > Agree {
		g.wrong = off
		return false
	}
	g.Vouch(r)
	return true
}

// Vouch takes the clock at a reading for right, since the person says so.
func (g *Guard) Vouch(r Reading) {
	g.Observe(r)
	g.anchor, g.vouched, g.wrong = g.last, true, 0
}

func abs(d time.Duration) time.Duration {
	if d < 0 {
		return -d
	}
	return d
}
