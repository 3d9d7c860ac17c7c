package sim

import "time"

// Tally is what came of one world. Spans and moments are of true time; a
// moment below zero says never.
type Tally struct {
	// DetectedAt is when the contender first said that the tunnel is bad, from
	// when the fault first mattered to anybody.
	DetectedAt time.Duration
	// Outage is how long the person wanted a service that was not there, from the
	// beginning of the fault on. Harm is the same while nothing was wrong.
	Outage, Harm time.Duration
	// After is what of Outage came after the fault had ended.
	After time.Duration
	// Healthy is how long nothing was wrong while the contender ran.
	Healthy time.Duration
	// FalseVerdicts were said, FalseSwitches begun while nothing was wrong with
	// the active member, or the network below was to blame.
	FalseVerdicts, FalseSwitches int
	// Switches are all moves to another member, Backs those back to a preferred one.
	Switches, Backs int
	Notices         int
	Actions         int // starts, restarts and switches
	ProbeBytes      uint64
	Events          uint64
	Needed          bool // the fault mattered to somebody

	begunAt, endedAt time.Duration // of the fault
	mattersAt        time.Duration
	openedAt         time.Duration
	healthyAt        time.Duration
}

// Detected says that the fault was noticed.
func (t *Tally) Detected() bool { return t.DetectedAt >= 0 }

// late is how long after a service has returned a verdict may still be about
// the time without.
const late = 2 * time.Second

// pending is how long a new session may be under way for what is sent to be
// taken as on its way, too.
const pending = time.Second

// serves says that what the person's programs send now would be answered.
func (w *World) serves() bool {
	d := w.active
	if d == nil || d.closed || w.below != Sound || !d.server.sound() {
		return false
	}
	s, n := d.server, d.near
	if d.addr != s.addr || d.port == s.port {
		return false
	}
	if n.usable() {
		return s.far.knowsPort && s.far.holds(n.cur.id)
	}
	if n.index != 0 && n.now()-n.asking > pending {
		return false
	}
	return d.greeted && int64(w.wall()) > s.far.stamp
}

// judge notes whether there is service, after anything has changed.
func (w *World) judge() {
	is := w.serves() || w.asleep()
	if is == w.serving {
		return
	}
	w.serving = is
	if !is {
		w.lostAt = w.now
		return
	}
	w.settle()
	w.Tally.healthyAt = w.now
}

// settle ends the time for which the person has waited.
func (w *World) settle() {
	if w.needed < 0 {
		return
	}
	if w.Tally.begunAt >= 0 {
		w.Tally.Outage += w.now - w.needed
		if w.Tally.endedAt >= 0 {
			w.Tally.After += w.now - max(w.needed, w.Tally.endedAt)
		}
	} else {
		w.Tally.Harm += w.now - w.needed
	}
	w.needed = -1
}

// need notes that a program wants the service now.
func (w *World) need() {
	w.judge()
	if w.serving || w.needed >= 0 {
		return
	}
	w.needed = w.now
	if w.faulty() && !w.Tally.Needed {
		w.Tally.Needed, w.Tally.mattersAt = true, w.now
	}
}

// faulty says that a fault is on.
func (w *World) faulty() bool { return w.Tally.begunAt >= 0 && w.Tally.endedAt < 0 }

// fault begins the fault of this world, and cure ends it.
func (w *World) fault(do func()) {
	w.settle()
	w.Tally.begunAt = w.now
	w.change(do)
}

func (w *World) cure(do func()) {
	w.change(do)
	w.Tally.endedAt = w.now
}

// said takes a contender's verdict that the tunnel is bad.
func (w *World) said() {
	w.judge()
	switch {
	case w.faulty() && (!w.serving || !w.soundHere()):
		if !w.Tally.Detected() {
			w.Tally.DetectedAt = w.now
		}
	case w.innocent() && w.connected():
		w.Tally.FalseVerdicts++
	}
}

// aftermath is how long after a fault what is said and done may still be about it.
const aftermath = time.Minute

// innocent says that nothing is wrong with the world as the active member has
// it, and has not been for a while. A session that was broken by what the
// contender itself did is no excuse.
func (w *World) innocent() bool {
	switch {
	case w.faulty():
		return w.serving && w.soundHere() && w.now-w.Tally.healthyAt >= late
	case w.Tally.endedAt >= 0 && w.now-w.Tally.endedAt < aftermath:
		return w.serving && w.now-w.Tally.healthyAt >= late
	default:
		return w.soundHere()
	}
}

// soundHere says that nothing is wrong with the active member.
func (w *World) soundHere() bool {
	return w.active != nil && w.active.server.sound() && w.below == Sound
}

// connected says that the active member has had a session.
func (w *World) connected() bool { return w.active != nil && w.active.greeted }

// knows takes a contender's word to the person that the network below is to
// blame.
func (w *World) knows() {
	if w.faulty() && w.below != Sound && !w.Tally.Detected() {
		w.Tally.DetectedAt = w.now
	}
}

// moved takes a contender's move from a member to another. One without need, or
// while the network below is to blame, is a false one.
func (w *World) moved(from *device, back bool) {
	w.judge()
	w.Tally.Switches++
	if back {
		w.Tally.Backs++
		return
	}
	if from == w.active && (w.innocent() || w.below != Sound) {
		w.Tally.FalseSwitches++
	}
}

// open begins the books: what came before was the way up.
func (w *World) open() {
	w.judge()
	w.settle()
	events := w.Tally.Events
	w.Tally = Tally{DetectedAt: -1, begunAt: -1, endedAt: -1, Events: events, openedAt: w.now}
}

// end closes the books.
func (w *World) end() {
	w.judge()
	w.settle()
	w.Tally.Healthy = w.now - w.Tally.openedAt
	if w.Tally.begunAt >= 0 {
		to := w.now
		if w.Tally.endedAt >= 0 {
			to = w.Tally.endedAt
		}
		w.Tally.Healthy -= to - w.Tally.begunAt
	}
}
