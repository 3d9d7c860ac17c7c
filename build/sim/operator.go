package sim

import (
	"errors"
	"time"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// The times of Holdfast's operator.
const (
	answerWithin = 5 * time.Second
	probeAgain   = time.Second
	actTakes     = 100 * time.Millisecond
)

var errSilent = errors.New("no answer")

// operator carries out what Holdfast decides, as the engine's does.
type operator struct {
	w       *World
	devices []*device // by member; nil: none
	report  func(failover.Input)
	port    int
}

func newOperator(w *World, report func(failover.Input)) *operator {
	return &operator{w: w, devices: make([]*device, len(w.servers)), report: report, port: 1}
}

func (o *operator) index(id tunnel.Name) int {
	for i, s := range o.w.servers {
		if s.Name == id {
			return i
		}
	}
	return 0
}

// do takes an action. Its report comes later.
func (o *operator) do(a failover.Action) {
	i := o.index(a.ID)
	switch a.Do {
	case failover.Probe:
		o.probe(i, a.Data)
	case failover.Release:
		o.release(i)
	case failover.Start:
		o.w.Tally.Actions++
		o.w.after(actTakes, func() {
			o.w.change(func() { o.w.active = o.stand(i) })
			o.report(failover.Changed{ID: a.ID, State: tunnel.Up})
		})
	case failover.Restart:
		o.w.Tally.Actions++
		o.w.after(actTakes, func() { o.restart(i, a) })
	case failover.Switch:
		o.w.Tally.Actions++
		o.move(i, a)
	case failover.Stop:
		o.w.after(actTakes, func() {
			o.w.change(func() { o.w.active = nil })
			for j, d := range o.devices {
				if d != nil {
					d.close()
					o.devices[j] = nil
				}
			}
			o.report(failover.Changed{ID: a.ID, State: tunnel.Down})
		})
	default:
	}
}

// stand makes sure that a member has a device.
func (o *operator) stand(i int) *device {
	if o.devices[i] == nil {
		o.port++
		o.devices[i] = o.w.newDevice(o.w.servers[i], o.port)
	}
	return o.devices[i]
}

func (o *operator) release(i int) {
	if d := o.devices[i]; d != nil && d != o.w.active {
		d.close()
		o.devices[i] = nil
	}
}

// probe asks a member for a handshake until it answers or its time is over,
// and then for an echo, where data is to be proven.
func (o *operator) probe(i int, data bool) {
	d := o.stand(i)

	over := false
	finish := func(in failover.Probed) {
		if !over {
			over = true
			d.onShake, d.onEcho = nil, nil
			in.ID = d.server.Name
			o.report(in)
		}
	}
	again := o.w.timer(true, nil)
	limit := o.w.timer(true, func() { finish(failover.Probed{Err: errSilent}) })
	d.onShake = func() {
		again.stop()
		in := failover.Probed{Answered: true, RTT: max(d.matched, 1)}
		if !data {
			limit.stop()
			finish(in)
			return
		}
		o.prove(d, limit, in, finish)
	}
	tries := 0
	again.fire = func() {
		d.near.force()
		tries++
		again.in(probeAgain * time.Duration(1+tries/2))
	}
	limit.in(answerWithin)
	if d.near.index == 0 || o.w.mono()-d.near.lastSent >= probeAgain {
		again.in(settleApart)
	} else {
		again.in(probeAgain)
	}
}

// prove asks a member that has answered to carry data.
func (o *operator) prove(d *device, limit *timer, in failover.Probed, finish func(failover.Probed)) {
	if d.c.Path.Beyond.Known == 0 {
		limit.stop()
		in.Data = failover.Untestable
		finish(in)
		return
	}
	var again *timer
	d.onEcho = func(near bool) {
		if near {
			return
		}
		again.stop()
		limit.stop()
		in.Data = failover.Carries
		finish(in)
	}
	limit.fire = func() {
		again.stop()
		in.Data = failover.Mute
		finish(in)
	}
	again = o.w.timer(true, nil)
	again.fire = func() {
		d.c.Path.Beyond.Sent++
		d.echo(false, d.c.Path.Beyond.Known)
		again.in(probeAgain / 2)
	}
	again.in(0)
}

// restart rebuilds the active device as far as the rung says.
func (o *operator) restart(i int, a failover.Action) {
	d := o.devices[i]
	switch {
	case d == nil || a.Rung >= failover.Renew:
		if d != nil {
			d.close()
		}
		o.devices[i] = nil
		o.w.change(func() { o.w.active = o.stand(i) })
	default:
		o.w.change(func() {
			if a.Rung == failover.Rotate {
				o.port++
				d.port = o.port
				if o.w.below == Sound {
					d.addr = d.server.addr
				}
			}
		})
		d.near.force()
	}
	o.report(failover.Changed{ID: a.ID, State: tunnel.Up})
}

// move makes a member's device the active one. One that has no session must
// get one first.
func (o *operator) move(i int, a failover.Action) {
	d := o.stand(i)
	from := o.w.active
	over := false
	take := func() {
		if over {
			return
		}
		over = true
		o.w.after(moveTakes, func() {
			o.w.moved(from, i < from.server.index)
			o.w.change(func() { o.w.active = d })
			o.report(failover.Switched{From: a.From, To: a.ID})
		})
	}
	if d.near.usable() {
		take()
		return
	}
	d.onShake = take
	o.w.after(answerWithin, func() {
		if !over {
			over = true
			d.onShake = nil
			o.report(failover.Switched{From: a.From, To: a.ID, Err: errSilent})
		}
	})
	d.near.force()
}

// refresh has the live device make a new session.
func (o *operator) refresh() {
	if d := o.w.active; d != nil && !d.closed {
		d.refresh()
	}
}
