package sim

import (
	"time"

	"holdfast/service/brain"
	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// Holdfast is the product's own brain, carried out as its engine does.
type Holdfast struct {
	Profile failover.Profile
	// Set changes the policy. Nil: it is as a person finds it.
	Set func(*failover.Policy)
	// Trace is told every event and every verdict. Nil: nobody is.
	Trace func(now time.Time, what string)

	brain    *brain.Brain
	operator *operator
	board    *event.Board
	boardAt  time.Time
	nextID   int64
	verdict  health.Verdict
	at       int // the active member when the brain was last asked
}

const (
	// examineTakes is how long a look around the tunnel takes.
	examineTakes = 2 * time.Second
	// seekTakes is how long a look-up of the endpoint takes, and asking it there.
	seekTakes = 200 * time.Millisecond
	// sizeTakes is how long it takes to find out which packets pass.
	sizeTakes = 2 * time.Second
	// portalTakes is how long it takes to recognise a sign-in page.
	portalTakes = 100 * time.Millisecond
)

// Name is how the report calls it.
func (c *Holdfast) Name() string { return "Holdfast " + string(c.Profile) }

// Start connects to all members.
func (c *Holdfast) Start(h *Hands) {
	p := failover.DefaultPolicy()
	s, _ := failover.Lookup("profile")
	if err := s.Set(&p, string(c.Profile)); err != nil {
		panic(err)
	}
	if c.Set != nil {
		c.Set(&p)
	}
	c.brain = brain.New(p)
	c.board = event.NewBoard(p.MinimumHold)
	c.operator = newOperator(h.w, func(in failover.Input) { c.News(h, in) })
	members := make([]failover.Member, 0, h.Members())
	for _, s := range h.w.servers {
		members = append(members, s.Member)
	}
	c.News(h, failover.Connect{Target: "all", Members: members})
}

// Active looks at the device that sent something.
func (c *Holdfast) Active(h *Hands) { c.look(h) }

// News is an input of the machine.
func (c *Holdfast) News(h *Hands, in failover.Input) {
	c.carry(h, c.brain.Step(h.Now(), in))
	c.arm(h)
}

// Wake does what is due.
func (c *Holdfast) Wake(h *Hands) {
	now := h.Now()
	if !c.boardAt.IsZero() && !now.Before(c.boardAt) {
		c.record(h, nil)
	}
	if t := c.brain.TickAt(); !t.IsZero() && !now.Before(t) {
		c.carry(h, c.brain.Step(now, failover.Tick{}))
	}
	if t := c.brain.LookAt(); !t.IsZero() && !now.Before(t) {
		c.look(h)
		return
	}
	c.arm(h)
}

func (c *Holdfast) look(h *Hands) {
	if h.Up() {
		c.carry(h, c.brain.Look(h.Now(), h.Counters()))
	} else {
		c.brain.Blind()
	}
	c.arm(h)
}

// arm waits for whatever comes first.
func (c *Holdfast) arm(h *Hands) {
	if c.brain.LookAt().IsZero() {
		h.Arm()
	}
	var next time.Time
	for _, t := range []time.Time{c.brain.LookAt(), c.brain.TickAt(), c.boardAt} {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	h.Wake(next)
}

// carry does what the brain wants done.
func (c *Holdfast) carry(h *Hands, o brain.Output) {
	c.told(h)
	for _, a := range o.Actions {
		c.trace(h, "do "+string(a.Do)+" "+string(a.ID))
		c.operator.do(a)
	}
	if o.Ask.Any() && h.Up() {
		c.ask(h, o.Ask)
	}
	if o.Examine {
		h.w.after(c.examineTakes(h), func() { c.examined(h) })
	}
	if o.Seek {
		c.seek(h)
	}
	c.record(h, o.Events)
}

// told notes a verdict that the tunnel is bad.
func (c *Holdfast) told(h *Hands) {
	j := c.brain.Judged()
	if j.Verdict == c.verdict && c.at == h.At() {
		return
	}
	c.trace(h, "verdict "+string(j.Verdict)+" "+string(j.Cause))
	if j.Verdict == health.Unhealthy && c.brain.View().Usable {
		h.Verdict()
	}
	c.verdict, c.at = j.Verdict, h.At()
}

func (c *Holdfast) ask(h *Hands, a health.Ask) {
	d := h.w.active
	if a.Path {
		c.trace(h, "ask path")
		d.ask()
	}
	if a.Session {
		c.trace(h, "ask session")
		c.operator.refresh()
	}
	if a.Size {
		h.w.after(sizeTakes, func() {
			if passes := d.server.path.MTU; passes != 0 && d == h.w.active {
				c.carry(h, c.brain.Sized(h.Now(), d.server.Name, sizeLarge, passes))
				h.Verdict()
				h.w.change(func() { d.server.path.MTU = 0 }) // the interface is narrower now
			}
		})
	}
}

func (c *Holdfast) examineTakes(h *Hands) time.Duration {
	if h.w.below == Portal {
		return portalTakes
	}
	return examineTakes
}

// examined tells what is below the tunnel.
func (c *Holdfast) examined(h *Hands) {
	f := diagnose.Finding{Cause: tunnel.KeyOrServer}
	switch h.w.below {
	case Unplugged:
		f = diagnose.Finding{Underlay: true, Cause: tunnel.NoNetwork}
	case Portal:
		f = diagnose.Finding{Underlay: true, Cause: tunnel.SignIn}
	case NoWay:
		f = diagnose.Finding{Underlay: true, Cause: tunnel.NoInternet}
	default:
	}
	c.trace(h, "examined "+string(f.Cause))
	c.carry(h, c.brain.Examined(h.Now(), f))
	c.arm(h)
}

// seek looks up the endpoint and asks it there.
func (c *Holdfast) seek(h *Hands) {
	d := h.w.active
	h.w.Tally.ProbeBytes += 2 * sizeInitiation
	h.w.after(seekTakes, func() {
		if d == nil || d.closed || h.w.below != Sound || d.addr == d.server.addr || !d.server.alive {
			return
		}
		h.w.change(func() { d.addr = d.server.addr })
		c.carry(h, c.brain.Sought(h.Now(), d.server.Name, "old", "new"))
		c.arm(h)
	})
}

// record numbers events and lets the board make notices of them.
func (c *Holdfast) record(h *Hands, events []event.Event) {
	for i := range events {
		c.nextID++
		events[i].ID = c.nextID
		if events[i].Kind == event.UnderlayChanged && events[i].Cause != "" {
			h.Below()
		}
		c.trace(h, "event "+string(events[i].Kind)+" "+string(events[i].Tunnel)+" "+events[i].To+" "+string(events[i].Cause)+" "+events[i].Evidence)
	}
	for _, n := range c.board.Take(h.Now(), events) {
		c.nextID++
		if n.Kind == event.NoticeOpened {
			h.w.Tally.Notices++
			c.trace(h, "notice "+n.To)
		}
	}
	c.boardAt = c.board.Next()
}

func (c *Holdfast) trace(h *Hands, what string) {
	if c.Trace != nil {
		c.Trace(h.Now(), what)
	}
}
