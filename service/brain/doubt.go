package brain

import (
	"fmt"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

const (
	// The wait from one examination to the next doubles from the first to the
	// last of these.
	examineFirst, examineMost = 5 * time.Second, time.Minute
	// belowFirst is the same where something below the tunnel was found, which a
	// person may end at any moment.
	belowFirst = time.Second
	// examineLost is when an examination whose result is missing counts as over.
	examineLost = 20 * time.Second
	// seekApart is the least time between two look-ups of an endpoint.
	seekApart = 10 * time.Second
)

// doubt is the search for the cause while the active member is not well. The
// zero value has none.
type doubt struct {
	open      bool
	began     time.Time
	sought    bool
	examineAt time.Time // when to examine next
	since     time.Time // when the examination under way began; zero: none is
	of        time.Time // when the doubt began that it belongs to
	rounds    int       // examinations made in this doubt
	seekAt    time.Time // when to seek next
	found     tunnel.Cause
	evidence  string // what found rests on
}

// begin opens a doubt unless there is one.
func (d *doubt) begin(now time.Time) {
	if !d.open {
		*d = doubt{open: true, began: now, examineAt: now, since: d.since, of: d.of, seekAt: laterOf(now, d.seekAt)}
	}
}

// end closes it. What is under way is still awaited.
func (d *doubt) end() { *d = doubt{since: d.since, of: d.of, seekAt: d.seekAt} }

// at is when something is to be done about it. Zero: nothing.
func (d *doubt) at() time.Time {
	switch {
	case !d.open:
		return time.Time{}
	case !d.since.IsZero():
		return sooner(d.since.Add(examineLost), d.seekAt)
	default:
		return sooner(d.examineAt, d.seekAt)
	}
}

// wonder has the surroundings looked at, and the endpoint sought, when their
// time has come. Without a link there is nothing to look at.
func (b *Brain) wonder(o *Output, now time.Time) {
	d := &b.doubt
	view := b.machine.View()
	if !view.On || !b.link.Usable || b.rests(view) {
		d.end()
	}
	if !d.open {
		return
	}
	if !d.since.IsZero() && now.Sub(d.since) >= examineLost {
		d.since = time.Time{}
	}
	if d.since.IsZero() && !now.Before(d.examineAt) {
		d.since, d.of = now, d.began
		o.Examine = true
	}
	if view.State == tunnel.Up && !now.Before(d.seekAt) {
		d.seekAt = now.Add(seekApart)
		d.sought, o.Seek = true, true
	}
	if view.State != tunnel.Up {
		d.seekAt = laterOf(d.seekAt, now.Add(seekApart))
	}
}

// rests says that the doubt is over without a word: nothing is sent, and nobody
// takes the tunnel for dead.
func (b *Brain) rests(view failover.View) bool {
	return b.judged.Verdict == health.Idle && view.Verdict != health.Unhealthy && b.below == ""
}

// Examined takes what an examination found. What belongs to an earlier doubt says
// nothing of this one.
func (b *Brain) Examined(now time.Time, f diagnose.Finding) Output {
	o := Output{}
	d := &b.doubt
	d.since = time.Time{}
	if !d.open || !d.of.Equal(d.began) {
		b.wonder(&o, now) // it was well again meanwhile, or the network is another one
		return o
	}
	b.believe(&o, now, f)
	first := examineFirst
	if b.below != "" {
		first = belowFirst
	}
	d.examineAt = now.Add(backoff(d.rounds, first, examineMost))
	d.rounds++
	b.wonder(&o, now)
	return o
}

// Reconsidered takes what the last examination comes to now that another member
// has answered, or has not. While another one is under way it waits for that.
func (b *Brain) Reconsidered(now time.Time, f diagnose.Finding) Output {
	o := Output{}
	if b.doubt.open && b.doubt.since.IsZero() {
		b.believe(&o, now, f)
		b.wonder(&o, now)
	}
	return o
}

// believe makes what was found the cause of the doubt.
func (b *Brain) believe(o *Output, now time.Time, f diagnose.Finding) {
	d := &b.doubt
	b.foundBelow(o, now, f)
	d.found, d.evidence = f.Cause, f.Evidence
	if f.Underlay {
		d.found, d.evidence = "", ""
	}
	if !isWell(b.judged.Verdict) {
		b.tell(o, now)
	}
}

// ExaminedLeft takes what an examination found about a member that has been left
// meanwhile: it tells why, where that is known and the one that was left last.
func (b *Brain) ExaminedLeft(now time.Time, id tunnel.Name, f diagnose.Finding) Output {
	o := Output{}
	b.doubt.since = time.Time{}
	if id == b.left && f.Cause != "" && !f.Underlay && (!vague(f.Cause) || f.Cause == tunnel.KeyOrServer) {
		bad := string(health.Unhealthy)
		o.Events = append(o.Events, event.Event{At: now.UTC(), Kind: event.VerdictChanged, Tunnel: id, From: bad, To: bad,
			Cause: f.Cause, Evidence: f.Evidence})
	}
	b.wonder(&o, now)
	return o
}

// foundBelow takes what was found about the network below. That it cannot be
// used the system itself tells better.
func (b *Brain) foundBelow(o *Output, now time.Time, f diagnose.Finding) {
	below := tunnel.Cause("")
	if f.Underlay && f.Cause != tunnel.NoNetwork {
		below = f.Cause
	}
	if below == b.below {
		return
	}
	b.doubt.rounds = 0
	b.below = below
	b.step(o, now, b.underlay())
}

// Sought takes that the active member's server has been found at another
// address.
func (b *Brain) Sought(now time.Time, id tunnel.Name, from, to string) Output {
	o := Output{Events: []event.Event{{At: now.UTC(), Kind: event.EndpointChanged, Tunnel: id, From: from, To: to,
		Cause: tunnel.EndpointMoved, Evidence: fmt.Sprintf("The server answers at %s.", to)}}}
	return o
}

// Sized takes which size of packets passes, and which the interface had.
func (b *Brain) Sized(now time.Time, id tunnel.Name, was, passes int) Output {
	o := Output{}
	if b.machine.View().Active != id || !b.watches() {
		return o // it was left meanwhile
	}
	told, known := b.narrow[id]
	switch {
	case passes < was && (!known || told != passes):
		b.narrow[id] = passes
		o.Events = append(o.Events, event.Event{At: now.UTC(), Kind: event.NoticeOpened, Tunnel: id, To: string(tunnel.MTUBlackHole),
			Cause: tunnel.MTUBlackHole, Evidence: fmt.Sprintf("Packets of %d bytes do not come back, those of %d do.", was, passes)})
	case passes >= was && known:
		delete(b.narrow, id)
		o.Events = append(o.Events, event.Event{At: now.UTC(), Kind: event.NoticeCleared, Tunnel: id, From: string(tunnel.MTUBlackHole)})
	}
	return o
}

// lossEvidence says what is lost, and how slow it is.
func lossEvidence(p tunnel.Path) string {
	return fmt.Sprintf("Of the last %d round trips %.0f %% were lost; one takes %v.", p.LossOf, 100*p.Loss, p.RTT.Round(time.Millisecond))
}

func backoff(n int, first, most time.Duration) time.Duration {
	d := first
	for ; n > 0 && d < most; n-- {
		d *= 2
	}
	return min(d, most)
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
