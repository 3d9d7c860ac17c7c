package engine

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"sync"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

const (
	// examineWithin bounds an examination.
	examineWithin = 5 * time.Second
	// pagesAfter is how long the server may take to answer a person's
	// examination before web pages are asked: third parties have nothing to
	// hear of a tunnel that works.
	pagesAfter = 1500 * time.Millisecond
	// doubtedFor is the same for a tunnel that is merely suspect: on a lossy
	// line the next questions, which are under way, are mostly answered.
	doubtedFor = 600 * time.Millisecond
	// peekEvery is the time between two looks for such an answer.
	peekEvery = 50 * time.Millisecond
)

// Why no page was asked.
const (
	pagesOff      = "turned off in the settings"
	pagesNeedless = "not asked while the tunnel works"
	pagesKeptIn   = "not asked: the guard lets nothing out"
)

// Facts are what the caller of Examine knows already.
type Facts struct {
	// Person says that a person wants to know: everything is asked, the other
	// members too. Otherwise the tunnel is in trouble and the machine asks them
	// by itself; Others is what they said.
	Person bool
	Others []diagnose.Answer
	// Tell is told each check as it begins (diagnose.Running) and as it ends, one
	// at a time, and must return quickly. Nil: nobody is.
	Tell func(diagnose.Check)
	// Active is the member that holds the interface, or should. "": none.
	Active tunnel.Name
	// Members are those of the target.
	Members []tunnel.Name
	// Underlay is what the system tells of the network below.
	Underlay failover.Underlay
	// Judged is what was concluded from Active's traffic, Lossy with it.
	Judged health.Assessment
	// Before are Active's counters of when it was last well. Zero: of when its
	// device came up.
	Before tunnel.Counters
	// Sought says that all addresses of the endpoint's name are asked, or were,
	// beside this examination.
	Sought bool
	// Contrast says that another member reaches what Active does not.
	Contrast bool
	// Widest is the size of the largest packet that passes, MTU the interface's
	// before it was lowered. 0: not known.
	Widest, MTU int
	// ThirdParty allows to ask Pages.
	ThirdParty bool
	Pages      []string
	// KeptIn says that the guard keeps in our own questions, too.
	KeptIn bool
}

// Examine looks at everything around the members now, all of it at once. It
// takes as long as the slowest answer, and examineWithin at the most.
//
// The active member's session is not disturbed. Members of its site are not
// asked, since a second handshake with one key would break it.
func (o *Operator) Examine(ctx context.Context, f Facts) diagnose.Evidence {
	ctx, cancel := context.WithTimeout(ctx, examineWithin)
	defer cancel()
	e := diagnose.Evidence{Usable: f.Underlay.Usable, Underlay: f.Underlay.Cause, Others: f.Others}
	if o.senses.Clock != nil {
		e.Clock = o.senses.Clock()
	}
	x := examination{Operator: o, Facts: f, found: &e, answered: make(chan struct{}), progress: progress{tell: f.Tell}}
	x.progress.begin()
	if !e.Usable {
		e.Inside = inside(f, tunnel.Counters{})
		x.announce()
		return e
	}
	x.MTU, x.Widest = o.sizes(f.Active)
	x.look(ctx)
	return e
}

// examination is one look around.
type examination struct {
	*Operator
	Facts
	progress progress
	found    *diagnose.Evidence // written by ends as long as looks go on
	at       netip.AddrPort     // the endpoint that is looked at; zero: none
	met      bool               // hosts has been told
	// answered is closed when Active has answered.
	answered chan struct{}
	// first are Active's counters at the start. Zero: it has no device.
	first tunnel.Counters
	asked diagnose.Answer // what Active said to a person's question
	inner beyond          // what was found inside the tunnel for a person
}

// look runs all questions side by side.
func (x *examination) look(ctx context.Context) {
	e := x.found
	x.first, _ = x.devices.Counters(x.Active)
	var all sync.WaitGroup
	looks := x.questions(ctx)
	x.expect()
	for l := range looks {
		x.progress.begin(l)
	}
	x.announce()
	for _, do := range looks {
		all.Go(do)
	}
	all.Wait()
	if !x.met {
		x.meet()
	}
	if x.Person {
		e.Others = slices.DeleteFunc(e.Others, func(a diagnose.Answer) bool { return a.Member == x.Active })
	}
	x.conclude()
	x.announce()
}

// expect says of what is asked at a person's request whose it is.
func (x *examination) expect() {
	if !x.Person {
		return
	}
	x.found.Self.Member = x.Active
	x.found.Others = make([]diagnose.Answer, len(x.Members))
	for i, id := range x.Members {
		x.found.Others[i].Member = id
	}
	if x.Active != "" {
		x.found.Inside = inside(x.Facts, x.first)
	}
}

// questions are the looks there are to be made. Each says by ends what it found.
func (x *examination) questions(ctx context.Context) map[diagnose.Look]func() {
	e := x.found
	looks := map[diagnose.Look]func(){}
	if x.senses.Outside != nil {
		looks[diagnose.LookRouter] = func() {
			g := x.senses.Outside.Gateway(ctx)
			x.ends(diagnose.LookRouter, func() { e.Gateway = g })
		}
		looks[diagnose.LookPages] = func() {
			i := x.internet(ctx)
			x.ends(diagnose.LookPages, func() { e.Internet = i })
		}
	}
	if e.Clock.Behind > 0 && x.Active != "" && x.senses.Late != nil {
		looks[diagnose.LookClock] = func() {
			asked, proven := x.senses.Late(ctx, x.Active)
			x.ends(diagnose.LookClock, func() { e.Clock.Asked, e.Clock.Proven = asked, proven })
		}
	}
	if cfg, err := x.config(x.Active); err == nil && len(cfg.Peers) > 0 {
		ep := cfg.Peers[0].Endpoint
		if x.named(ep) {
			x.progress.begin(diagnose.LookName)
		}
		looks[diagnose.LookServer] = func() { x.endpoint(ctx, ep) }
	}
	if x.Person {
		x.personal(ctx, looks)
	}
	return looks
}

// personal adds what is asked at a person's request only.
func (x *examination) personal(ctx context.Context, looks map[diagnose.Look]func()) {
	e := x.found
	for i, id := range x.Members {
		if id == x.Active {
			continue
		}
		looks[diagnose.LookMember(id)] = func() {
			a := x.question(ctx, id)
			x.ends(diagnose.LookMember(id), func() { e.Others[i] = a })
		}
	}
	if x.Active == "" {
		return
	}
	looks[diagnose.LookMember(x.Active)] = func() {
		a := x.self(ctx)
		x.ends(diagnose.LookMember(x.Active), func() {
			x.asked = a
			a.Member = x.Active
			e.Self = a
		})
	}
	looks[diagnose.LookInside] = func() {
		b := x.behind(ctx)
		x.ends(diagnose.LookInside, func() {
			x.inner = b
			b.tell(&e.Inside)
		})
	}
}

// meet keeps what the server's computer has said of itself.
func (x *examination) meet() {
	e, now := x.found, time.Now()
	if e.Knock.Refused {
		x.hosts.refuse(now, x.at, e.Gateway.Addr)
	}
	e.Knock.RefusedLately = e.Knock.HostUp && !e.Knock.Refused && x.hosts.refused(now, x.at, e.Gateway.Addr)
	if e.Knock.HostUp {
		x.hosts.meet(x.at.Addr(), e.Gateway.Addr)
	}
	e.KnownUp = x.hosts.knows(x.at.Addr(), e.Gateway.Addr)
}

// conclude adds what the counters of the active device say by now.
func (x *examination) conclude() {
	if x.Active == "" {
		return
	}
	c, err := x.devices.Counters(x.Active)
	if err != nil {
		c = x.first // it was left meanwhile
	}
	self := x.asked
	if !x.Person {
		self = told(x.Facts, c)
	}
	self.Member, self.Endpoint = x.Active, x.at
	x.found.Self, x.found.Inside = self, inside(x.Facts, c)
	if x.Person {
		x.inner.tell(&x.found.Inside)
	}
}

// internet asks the pages. At a person's request, and while the tunnel is merely
// suspect, it waits first for the server: while that answers, there is nothing
// to ask them.
func (x *examination) internet(ctx context.Context) diagnose.Internet {
	if !x.ThirdParty || len(x.Pages) == 0 {
		return diagnose.Internet{Unasked: pagesOff}
	}
	switch {
	case x.KeptIn:
		return diagnose.Internet{Unasked: pagesKeptIn}
	case x.Active == "":
	case x.Person:
		wait := time.NewTimer(pagesAfter)
		defer wait.Stop()
		select {
		case <-x.answered:
			return diagnose.Internet{Unasked: pagesNeedless}
		case <-wait.C:
		case <-ctx.Done():
		}
	case x.heard(), x.Judged.Verdict == health.Suspect && x.recovers(ctx):
		return diagnose.Internet{Unasked: pagesNeedless}
	}
	return x.senses.Outside.Internet(ctx, x.Pages)
}

// heard says that the server has answered, or sent, in the silence that is judged:
// where it does, the internet is there.
func (x *examination) heard() bool {
	if x.Judged.Since.IsZero() {
		return false
	}
	return recent(x.Facts, x.first.Path.RoundTripAt) || recent(x.Facts, x.first.LastReceived)
}

// recovers says that a suspect tunnel proves a round trip within doubtedFor. It
// is asked meanwhile: nothing of it needs to be asked here.
func (x *examination) recovers(ctx context.Context) bool {
	tick := time.NewTicker(peekEvery)
	defer tick.Stop()
	for ends := time.Now().Add(doubtedFor); time.Now().Before(ends); {
		c, err := x.devices.Counters(x.Active)
		if err != nil {
			return false
		}
		if c.Path.RoundTripAt.After(x.first.Path.RoundTripAt) || c.DataReceived > x.first.DataReceived {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// named says that the endpoint's name is to be looked up.
func (x *examination) named(ep tunnel.Endpoint) bool {
	_, isLiteral := ep.Addr()
	return !isLiteral && !ep.IsZero() && x.senses.Resolve != nil
}

// endpoint looks at the active member's endpoint: what its name means now, the
// way there, and who is there: where it is in use, else where it would be.
func (x *examination) endpoint(ctx context.Context, ep tunnel.Endpoint) {
	at := x.whereabouts(x.Active)
	var resolving sync.WaitGroup
	var n diagnose.Name
	if x.named(ep) {
		used := at.Addr()
		resolving.Go(func() {
			n = x.name(ctx, ep.Host, used)
			x.ends(diagnose.LookName, func() { x.found.Name = n })
		})
	}
	if !at.IsValid() {
		resolving.Wait()
		if len(n.Addresses) > 0 {
			at = netip.AddrPortFrom(n.Addresses[0], ep.Port)
		}
	}
	var route diagnose.Route
	var knock diagnose.Knock
	if at.IsValid() && x.senses.Outside != nil {
		route = x.senses.Outside.Route(at)
		knock = x.senses.Outside.Knock(ctx, at)
	}
	x.ends(diagnose.LookServer, func() { x.at, x.found.Route, x.found.Knock = at, route, knock })
	resolving.Wait()
}

// name resolves the endpoint's name. used is the address in use.
func (x *examination) name(ctx context.Context, host string, used netip.Addr) diagnose.Name {
	began := time.Now()
	addrs, err := x.senses.Resolve(ctx, host)
	n := diagnose.Name{Checked: true, Host: host, Addresses: addrs, Asked: x.Sought, Took: time.Since(began)}
	if err != nil {
		n.Err = err.Error()
	}
	n.Present = !used.IsValid() || slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Unmap() == used.Unmap() })
	return n
}

// self asks the active member's server.
func (x *examination) self(ctx context.Context) diagnose.Answer {
	if x.Active == "" {
		return diagnose.Answer{}
	}
	a := x.answer(ctx, x.Active)
	if a.Answered {
		close(x.answered)
	}
	return a
}

// question asks one member that is not active. One of the active member's site
// is not asked.
func (x *examination) question(ctx context.Context, id tunnel.Name) diagnose.Answer {
	cfg, err := x.config(id)
	switch {
	case id == x.Active:
		return diagnose.Answer{Member: id}
	case err != nil:
		return diagnose.Answer{Member: id, Err: err.Error()}
	}
	if active, err := x.config(x.Active); err == nil && active.Site() == cfg.Site() {
		return diagnose.Answer{Member: id}
	}
	a := x.answer(ctx, id)
	if a.Endpoint = x.whereabouts(id); a.Endpoint.IsValid() || len(cfg.Peers) == 0 || x.senses.Resolve == nil {
		return a
	}
	if addrs, _ := x.senses.Resolve(ctx, cfg.Peers[0].Endpoint.Host); len(addrs) > 0 {
		a.Endpoint = netip.AddrPortFrom(addrs[0], cfg.Peers[0].Endpoint.Port)
	}
	return a
}

// whereabouts is where a member is asked: where its device sends, else what its
// config says. Zero: it has no device, and is reached by a name.
func (o *Operator) whereabouts(id tunnel.Name) netip.AddrPort {
	if at := o.devices.Endpoint(id); at.IsValid() {
		return at
	}
	if cfg, err := o.config(id); err == nil && len(cfg.Peers) > 0 {
		at, _ := cfg.Peers[0].Endpoint.Addr()
		return at
	}
	return netip.AddrPort{}
}

// answer asks a member for a handshake.
func (o *Operator) answer(ctx context.Context, id tunnel.Name) diagnose.Answer {
	rtt, err := o.ask(ctx, id)
	return Answer(id, rtt, err)
}

// Answer is what a probe of a member means, by the error it ended with: nil, the
// answer took rtt.
func Answer(id tunnel.Name, rtt time.Duration, err error) diagnose.Answer {
	a := diagnose.Answer{Member: id}
	var silent silence
	switch {
	case err == nil:
		a.Asked, a.Answered, a.RTT = true, true, rtt
	case errors.As(err, &silent):
		a.Asked = true
		var sending error
		if a.Responses, a.Cookies, sending = silent.Seen(); sending != nil {
			a.SendErr, a.Forbidden = sending.Error(), errors.Is(sending, fs.ErrPermission)
		}
	default:
		a.Err = err.Error()
	}
	return a
}

// silence is the error of a member that was asked and did not answer: what came
// instead of an answer, and why nothing could be sent.
type silence interface {
	error
	Seen() (responses, cookies int, sending error)
}

// Acquaint knocks once at the server of a member that works, so that its
// silence says something later.
func (o *Operator) Acquaint(ctx context.Context, id tunnel.Name) {
	at := o.devices.Endpoint(id)
	if o.senses.Outside == nil || !at.IsValid() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, examineWithin)
	defer cancel()
	var router diagnose.Gateway
	var all sync.WaitGroup
	all.Go(func() { router = o.senses.Outside.Gateway(ctx) })
	k := o.senses.Outside.Knock(ctx, at)
	all.Wait()
	if k.HostUp {
		o.hosts.meet(at.Addr(), router.Addr)
	}
}
