package guard

import "time"

// Changes tells of what other programs did to the rules, while Watch runs. Who
// does not read misses some.
func (g *Guard) Changes() <-chan Change { return g.changes }

func (g *Guard) watching(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watches += n
}

// check reads the rules and puts back what is not as it should be. err says why
// they still are not, and news that there is something to tell.
func (g *Guard) check() (o outcome, news bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.set.Shut() {
		return outcome{generations: allGenerations}, false, nil
	}
	if err = g.openLocked(); err == nil {
		o, err = g.kernel.enforce(g.meantLocked(g.set, g.pausedUntil))
	}
	before := g.err
	if g.err = err; err == nil {
		g.verifiedAt = time.Now()
	}
	switch {
	case err == nil:
		news = len(o.lost) > 0 && !g.unsettled || before != nil
		g.unsettled = false
	case before != nil:
		news = err.Error() != before.Error()
	default:
		news = true
	}
	return o, news, err
}

func (g *Guard) tell(c Change) {
	select {
	case g.changes <- c:
	default:
		g.Log.Warn("nobody asked what another program did to the rules", "by", c.By, "what", c.What, "err", c.Err)
	}
}
