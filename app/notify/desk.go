package notify

import (
	"maps"
	"slices"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
)

const (
	// spacing is how long the same code is not told again.
	spacing = 30 * time.Second
	// lostAfter is how long the service may not answer until that is told: an
	// upgrade that restarts it is no news.
	lostAfter = 15 * time.Second
	// longOutage is how long a tunnel must not have worked for that to be told
	// although much has been told already.
	longOutage = 10 * time.Minute
)

// Desk decides what to show and what to close. Make it with NewDesk. It does no
// I/O, never reads the clock, and is not safe for concurrent use.
type Desk struct {
	wish    status.Wish
	known   bool // a picture has been seen
	lostAt  time.Time
	shown   map[Matter]*shown
	toldAt  map[event.Code]time.Time
	budgets map[Matter]*budget
	spell   spell
	// moved is the failover that was told, or that was there when we came: it is
	// not told once more when something that was told in between is over.
	moved int64
	next  time.Time
}

// shown is what is on the screen about a matter.
type shown struct {
	claim
	// unsteady says that it tells of many failures, and stays when one is over.
	unsteady bool
}

// NewDesk returns a desk with nothing on the screen.
func NewDesk() *Desk {
	return &Desk{shown: map[Matter]*shown{}, toldAt: map[event.Code]time.Time{}, budgets: map[Matter]*budget{}}
}

// Look says what to do now that things stand as s says. Nil: the service does
// not answer. now is in the zone of the person. The rules may be others each time.
func (d *Desk) Look(now time.Time, r Rules, s *status.Status) []Action {
	d.next = time.Time{}
	if s == nil {
		return d.tellAll(now, r, d.lost(now, r))
	}
	d.lostAt = time.Time{}
	if s.Wish.On && (!d.wish.On || d.wish.Target != s.Wish.Target) {
		// The person has just looked at it: what fails now is news.
		delete(d.budgets, Link)
		d.spell = spell{}
	}
	d.spell.count(now, s)
	wanted := claims(s, r)
	if c, there := wanted[Link]; there && c.note.Kind == Failover && d.isOld(c) {
		delete(wanted, Link)
	}
	if _, there := wanted[Link]; !there {
		if c, there := d.after(now, r, s); there {
			wanted[Link] = c
		}
	}
	d.wish, d.known = s.Wish, true
	return d.tellAll(now, r, wanted)
}

// isOld says that a failover is no news, and notes that it is none from now on.
func (d *Desk) isOld(c claim) bool {
	on := d.shown[Link]
	old := !d.known || c.note.Notice == d.moved && (on == nil || on.note.Notice != c.note.Notice)
	d.moved = c.note.Notice
	return old
}

// Next is when Look wants to be called though nothing has changed. Zero: never.
func (d *Desk) Next() time.Time { return d.next }

// Leave closes everything: nobody would answer its buttons.
func (d *Desk) Leave() []Action {
	var out []Action
	for _, m := range slices.Sorted(maps.Keys(d.shown)) {
		out = append(out, d.close(m))
	}
	return out
}

// lost is what there is to tell while the service does not answer: what is on
// the screen, since it may be true still, and that it does not, where a tunnel
// was wished for.
func (d *Desk) lost(now time.Time, r Rules) map[Matter]claim {
	wanted := map[Matter]claim{}
	for m, s := range d.shown {
		wanted[m] = s.claim
	}
	if d.lostAt.IsZero() {
		d.lostAt = now
	}
	if !d.known || !d.wish.On || !r.allows(ActionNeeded) {
		delete(wanted, Service)
		return wanted
	}
	if at := d.lostAt.Add(lostAfter); now.Before(at) {
		d.wake(at)
		return wanted
	}
	w := wordsOf(r.Language)
	wanted[Service] = claim{
		note: Note{Matter: Service, Kind: ActionNeeded, Urgency: Normal, Title: w.lost, Body: w.lostBody},
		code: event.Code(status.ServiceUnreachable), rank: rankAction, since: d.lostAt,
	}
	return wanted
}

// tellAll closes what is not wanted any more and tells what is.
func (d *Desk) tellAll(now time.Time, r Rules, wanted map[Matter]claim) []Action {
	var out []Action
	for _, m := range slices.Sorted(maps.Keys(d.shown)) {
		if _, still := wanted[m]; !still {
			out = append(out, d.close(m))
		}
	}
	for _, m := range slices.Sorted(maps.Keys(wanted)) {
		out = append(out, d.tell(now, r, wanted[m])...)
	}
	return out
}

// tell shows a claim, unless it is on the screen, or not yet or not at all to be
// told. What it would have replaced is closed then, as it is no longer true.
func (d *Desk) tell(now time.Time, r Rules, c claim) []Action {
	m := c.note.Matter
	was := d.shown[m]
	same := was != nil && was.note.Notice == c.note.Notice && (was.note.Kind == Recovery) == (c.note.Kind == Recovery)
	if same && c.rank <= was.rank {
		return nil
	}
	at, ever := d.opens(now, r, c)
	if ever && !at.After(now) {
		return []Action{d.show(now, r, c)}
	}
	if ever && c.note.Kind != Recovery {
		d.wake(at)
	}
	if was == nil || same || was.unsteady {
		return nil
	}
	return []Action{d.close(m)}
}

// opens is when a claim may be told. False: never.
func (d *Desk) opens(now time.Time, r Rules, c claim) (time.Time, bool) {
	at := r.opens(now)
	if told, before := d.toldAt[c.code]; before && c.note.Kind != Recovery && at.Before(told.Add(spacing)) {
		at = told.Add(spacing)
	}
	if c.bounded || d.budget(c.note.Matter, now).left > 0 {
		return at, true
	}
	if !c.trouble {
		return at, false
	}
	if more := d.budget(c.note.Matter, now).more(c.since.Add(longOutage)); at.Before(more) {
		at = more
	}
	return at, true
}

func (d *Desk) show(now time.Time, r Rules, c claim) Action {
	s := &shown{claim: c}
	b := d.budget(c.note.Matter, now)
	if !c.bounded {
		b.spend(now)
	}
	if b.left == 0 && d.spell.times > 1 && (c.rank == rankStall || c.rank == rankFailover || c.note.Kind == Recovery) {
		s.unsteady = true
		s.note.Title, s.note.Body = wordsOf(r.Language).flapping(d.spell.name, d.spell.times, d.spell.since.In(now.Location()), now)
		s.note.Passing = false
	}
	d.shown[c.note.Matter] = s
	d.toldAt[c.code] = now
	note := s.note
	return Action{Matter: c.note.Matter, Show: &note}
}

func (d *Desk) close(m Matter) Action {
	delete(d.shown, m)
	return Action{Matter: m}
}

// wake notes that there is something to do at a moment.
func (d *Desk) wake(at time.Time) {
	if d.next.IsZero() || at.Before(d.next) {
		d.next = at
	}
}
