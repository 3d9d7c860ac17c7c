package daemon

import (
	"context"
	"strings"
	"time"

	"holdfast/service/clock"
	"holdfast/service/diagnose"
	"holdfast/service/engine"
	"holdfast/service/probe"
)

// senses are what the operator looks around with: questions that leave beside
// the tunnel. A tunnel inside this process takes no traffic of the system, so
// none needs to be led around it.
func (d *Daemon) senses() engine.Senses {
	o := probe.OutsideOptions{
		Log: d.log, Ours: d.own.has, Lookup: d.network.Find,
	}
	if !d.opt.Userspace {
		o.Mark, o.Permit = mark, d.permit()
	}
	outside := probe.NewOutside(o)
	d.clock.page = func(ctx context.Context) (ahead time.Duration, known bool) {
		p := d.library.Policy()
		if !p.ThirdPartyChecks {
			return 0, false
		}
		i := outside.Internet(ctx, strings.Fields(p.CheckPages))
		return i.Ahead, i.TimeKnown
	}
	return engine.Senses{Outside: outside, Resolve: d.network.Find, Clock: d.clock.evidence, Late: d.clock.late}
}

// evidence says how the clock stands to the handshakes it has dated.
func (k *timekeeper) evidence() diagnose.Clock {
	s := k.state()
	c := diagnose.Clock{Checked: true, Held: s.Trust == clock.Ahead}
	if s.Trust == clock.Behind {
		c.Behind = s.Behind
	}
	return c
}
