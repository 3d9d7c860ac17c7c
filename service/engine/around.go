package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/tunnel"
)

// answers are what the other members last said to the machine's probes.
type answers map[tunnel.Name]answered

type answered struct {
	at time.Time
	diagnose.Answer
	// carries says that what lies behind a server was reached through it.
	carries bool
}

// take keeps the report of a probe.
func (a answers) take(now time.Time, in failover.Probed) {
	x := answered{at: now, Answer: Answer(in.ID, in.RTT, in.Err), carries: in.Data == failover.Carries}
	x.Endpoint = in.Endpoint
	a[in.ID] = x
}

// since are those that came after a moment, of the members that are given.
func (a answers) since(at time.Time, members []tunnel.Name) (list []diagnose.Answer) {
	for _, id := range members {
		if x, ok := a[id]; ok && !x.at.Before(at) {
			list = append(list, x.Answer)
		}
	}
	return list
}

// carrying says that one of the members that are given has carried data since a
// moment.
func (a answers) carrying(at time.Time, members []tunnel.Name) bool {
	return slices.ContainsFunc(members, func(id tunnel.Name) bool {
		x, ok := a[id]
		return ok && x.carries && !x.at.Before(at)
	})
}

// facts are what is known now of the active member, or of the one that could
// not be started.
func (e *Engine) facts() Facts {
	view := e.brain.View()
	f := Facts{
		Active: e.about(), Underlay: e.brain.Link(), Judged: e.brain.Judged(), Before: e.brain.Before(),
		Sought: e.brain.Sighted(), ThirdParty: e.opt.Policy.ThirdPartyChecks, Pages: strings.Fields(e.opt.Policy.CheckPages),
	}
	for _, m := range view.Members {
		f.Members = append(f.Members, m.Name)
	}
	f.Others, f.Contrast = e.others(), e.contrast()
	return f
}

// about is the active member, or the one that could not be started.
func (e *Engine) about() tunnel.Name {
	view := e.brain.View()
	switch {
	case view.Active != "":
		return view.Active
	case view.Failed != "":
		return view.Failed
	case len(view.Members) > 0:
		return view.Members[0].Name
	default:
		return ""
	}
}

// others is what the members that are not active said in this doubt.
func (e *Engine) others() []diagnose.Answer {
	return e.othersOf(e.brain.View().Active, e.brain.DoubtedSince())
}

// othersOf is what the members beside one said since a moment.
func (e *Engine) othersOf(id tunnel.Name, since time.Time) []diagnose.Answer {
	return e.answers.since(since, e.beside(id))
}

// contrast says that another member has carried data in this doubt.
func (e *Engine) contrast() bool {
	since := e.brain.DoubtedSince()
	return !since.IsZero() && e.answers.carrying(since, e.beside(e.brain.View().Active))
}

// beside are the members beside one.
func (e *Engine) beside(id tunnel.Name) (others []tunnel.Name) {
	for _, m := range e.brain.View().Members {
		if m.Name != id {
			others = append(others, m.Name)
		}
	}
	return others
}

// examined judges what was seen around a tunnel.
func (e *Engine) examined(now time.Time, seen diagnose.Evidence) {
	about, active := seen.Self.Member, e.brain.View().Active
	if about != "" && active != "" && about != active {
		seen.Others = e.othersOf(about, e.lookedFor)
		e.carryOut(now, e.brain.ExaminedLeft(now, about, diagnose.Judge(seen)))
		return
	}
	seen.Others, seen.Inside.Contrast = e.others(), e.contrast() // they may have answered meanwhile
	f := diagnose.Judge(seen)
	if e.lookedFor.Equal(e.brain.DoubtedSince()) {
		e.seen, e.seenAt = &seen, now
		e.tellDown(now, about, f)
	}
	e.carryOut(now, e.brain.Examined(now, f))
}

// freshFor is how long what was seen around a tunnel may be judged again.
const freshFor = 10 * time.Second

// reconsider judges what was seen last again, since another member has answered
// or has not: that tells a server from a network.
func (e *Engine) reconsider(now time.Time) {
	if e.seen == nil || now.Sub(e.seenAt) > freshFor || e.seenAt.Before(e.brain.DoubtedSince()) || e.seen.Self.Member != e.brain.View().Active {
		return
	}
	again := *e.seen
	again.Others, again.Inside.Contrast = e.others(), e.contrast()
	e.carryOut(now, e.brain.Reconsidered(now, diagnose.Judge(again)))
}

// Facts are what is known now, for a person who wants everything looked at.
func (e *Engine) Facts(ctx context.Context) (f Facts, err error) {
	err = e.within(ctx, func(time.Time) {
		f = e.facts()
		f.KeptIn = e.watchman.inForce.Kind == guardset.Blocked
	})
	f.Person = true
	return f, err
}

// LookAround looks at everything around the active member, and brings exactly
// one Examined.
func (o *Operator) LookAround(f Facts) {
	o.mu.Lock()
	session := o.session
	o.mu.Unlock()
	o.wg.Go(func() { o.tell(Examined{o.Examine(session, f)}) })
}

// Acquaintance knocks at the active member's server, which works.
func (o *Operator) Acquaintance() {
	id, session := o.asked()
	if id != "" {
		o.wg.Go(func() { o.Acquaint(session, id) })
	}
}
