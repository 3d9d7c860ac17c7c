package engine

import (
	"context"
	"errors"
	"time"

	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

const (
	// seekWithin bounds a look-up of the endpoint and the questions to what it found.
	seekWithin = 5 * time.Second
	// sizeWithin bounds the search for the size that passes.
	sizeWithin = 20 * time.Second
	// sizeSearches is how often it is searched for before less than what is wanted
	// is believed: a line that loses packets loses large ones too.
	sizeSearches = 3
	// leastMTU is what IPv6 demands of every link, and the floor of an interface.
	leastMTU = 1280
)

// Ask asks the active device, as the health rules want it.
func (o *Operator) Ask(a health.Ask) {
	id, session := o.asked()
	if id == "" {
		return
	}
	if a.Path {
		if err := o.devices.Ask(id); err != nil {
			o.log.Debug("ask", "tunnel", string(id), "err", err)
		}
	}
	if a.Session {
		o.wg.Go(func() {
			ctx, cancel := context.WithTimeout(session, answerWithin)
			defer cancel()
			if err := o.devices.Refresh(ctx, id); err != nil && ctx.Err() == nil {
				o.log.Debug("make a new session", "tunnel", string(id), "err", err)
			}
		})
	}
	if a.Size {
		o.wg.Go(func() { o.size(session, id) })
	}
}

// asked is the active member, and what ends with its interface.
func (o *Operator) asked() (tunnel.Name, context.Context) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.active, o.session
}

// Seek looks the active member's endpoint up anew and moves to where its server
// answers.
func (o *Operator) Seek() {
	id, session := o.asked()
	cfg := o.runs(id)
	if cfg == nil || !named(cfg) {
		return
	}
	o.wg.Go(func() {
		ctx, cancel := context.WithTimeout(session, seekWithin)
		defer cancel()
		from, to, err := o.devices.Seek(ctx, id)
		if err != nil {
			o.log.Debug("seek the server", "tunnel", string(id), "err", err)
			return
		}
		if from != to {
			o.tell(Sought{ID: id, From: from.String(), To: to.String()})
		}
	})
}

// named says that an endpoint of a config is a name, which may lead elsewhere.
func named(cfg *tunnel.Config) bool {
	for i := range cfg.Peers {
		ep := cfg.Peers[i].Endpoint
		if _, literal := ep.Addr(); !literal && !ep.IsZero() {
			return true
		}
	}
	return false
}

// size finds out which size of packets passes through the active member, and
// lowers the interface's MTU to it. It is raised again only where a later search
// finds that more passes.
func (o *Operator) size(session context.Context, id tunnel.Name) {
	cfg := o.runs(id)
	if cfg == nil {
		return
	}
	o.mu.Lock()
	want := o.wantedMTULocked(cfg)
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(session, sizeWithin)
	defer cancel()
	passes := 0
	var err error
	for range sizeSearches {
		var widest int
		widest, err = o.devices.Widest(ctx, id, sizesUpTo(want))
		passes = max(passes, widest)
		if err != nil || passes >= want {
			break
		}
	}
	if err != nil || passes == 0 {
		if ctx.Err() == nil {
			o.log.Debug("find the size that passes", "tunnel", string(id), "err", errors.Join(err, ctx.Err()))
		}
		return // nothing came back at all, which says nothing of sizes
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queueLocked(failover.Action{Do: narrow, ID: id}, max(passes, leastMTU))
}

// sizesUpTo are the sizes to try: what is wanted, and the usual ones below it.
func sizesUpTo(want int) []int {
	sizes := []int{want}
	for _, s := range []int{1420, 1400, 1380, 1360, 1320, leastMTU} {
		if s < want {
			sizes = append(sizes, s)
		}
	}
	return sizes
}

// narrow is a tunnel action of the operator's own: it sets the interface's MTU
// to what passes through the active member.
const narrow failover.Verb = "narrow"

// setSize carries out a narrow, and tells of the size also where it is set
// already: what was told of another one may be over. A member that is no longer
// the active one needs nothing.
func (o *Operator) setSize(ctx context.Context, id tunnel.Name, passes int) {
	o.mu.Lock()
	cfg := o.standLocked(id).running
	if o.active != id || cfg == nil {
		o.mu.Unlock()
		return
	}
	was, want := o.mtuLocked(cfg), o.wantedMTULocked(cfg)
	s := o.standLocked(id)
	before := s.passes
	s.sized = true
	if s.passes = passes; passes >= want {
		s.passes = 0
	}
	same := o.mtuLocked(cfg) == was
	o.mu.Unlock()
	if !same {
		if err := o.network.Apply(ctx, o.spec(cfg)); err != nil {
			o.log.Warn("set the MTU", "tunnel", string(id), "err", err)
			o.mu.Lock()
			defer o.mu.Unlock()
			s.passes = before
			return
		}
	}
	o.tell(Sized{ID: id, Was: want, Passes: passes})
}

// sizes are the MTU that a member wants, and the largest packet that is known to
// pass through it. 0: not known.
func (o *Operator) sizes(id tunnel.Name) (want, passes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.stands[id]
	if s == nil || s.running == nil || !s.sized {
		return 0, 0
	}
	want = o.wantedMTULocked(s.running)
	if s.passes == 0 {
		return want, want
	}
	return want, s.passes
}

// tell hands the engine what a look around brought.
func (o *Operator) tell(n News) {
	select {
	case o.news <- n:
	case <-o.ctx.Done():
	}
}

// News brings what came of Ask, LookAround and Seek.
func (o *Operator) News() <-chan News { return o.news }
