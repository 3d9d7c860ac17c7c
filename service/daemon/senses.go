package daemon

import (
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
		Log: d.log, Ours: func(iface string) bool { return iface == d.opt.Interface }, Lookup: d.network.Find,
	}
	if !d.opt.Userspace {
		o.Mark = mark
	}
	return engine.Senses{Outside: probe.NewOutside(o), Resolve: d.network.Find, Clock: d.clock.evidence}
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
