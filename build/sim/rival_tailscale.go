package sim

import (
	"time"

	"holdfast/service/failover"
)

// Tailscale trusts a path for as long as it has been answered by it
// (wgengine/magicsock, as HEALTH.md §2.4 has it): heartbeatInterval 3 s while
// something was sent within sessionActiveTimeout 45 s, trustUDPAddrDuration
// 6.5 s, upgradeUDPDirectInterval 60 s. What is asked is the path, not the
// session, and not what lies behind it. The members stand for its paths, all of
// them always there, as its relay is; a path that is no longer trusted is left
// for the first that answers.
type Tailscale struct {
	all     []*device
	sent    uint64
	sentAt  time.Time
	beatAt  time.Time // of the last heartbeat; zero: none since idle
	upAt    time.Time // when the preferred paths were last asked
	beating bool
	trusted time.Time
	said    bool
}

const (
	tailscaleBeat    = 3 * time.Second
	tailscaleTrust   = 6500 * time.Millisecond
	tailscaleActive  = 45 * time.Second
	tailscaleUpgrade = time.Minute
	tailscaleLook    = 500 * time.Millisecond
)

// Name is how the report calls it.
func (c *Tailscale) Name() string { return "Tailscale" }

// Start makes all paths.
func (c *Tailscale) Start(h *Hands) {
	c.all = h.Stand(make([]*device, h.Members()))
	h.Use(c.all[0], false)
	h.Arm()
}

// Active begins the heartbeats.
func (c *Tailscale) Active(h *Hands) {
	if !c.beating {
		c.beating, c.beatAt, c.sentAt = true, time.Time{}, h.Now()
		c.trusted = h.Now().Add(tailscaleTrust)
		h.After(0)
	}
}

// News of a network that is back has every path asked.
func (c *Tailscale) News(h *Hands, in failover.Input) {
	if u, ok := in.(failover.Underlay); ok && !u.Usable {
		h.Below()
	}
	c.trusted = h.Now().Add(tailscaleTrust)
}

// Wake looks at the paths.
func (c *Tailscale) Wake(h *Hands) {
	now, d := h.Now(), c.all[h.At()]
	if n := h.Counters(); n.DataSent != c.sent {
		c.sent, c.sentAt = n.DataSent, now
	}
	if now.Sub(c.sentAt) > tailscaleActive {
		c.beating = false
		h.Arm()
		return
	}
	h.After(tailscaleLook)
	if p := at(d.discoAt); d.discos > 0 && p.Add(tailscaleTrust).After(c.trusted) {
		c.trusted, c.said = p.Add(tailscaleTrust), false
	}
	if now.Sub(c.beatAt) >= tailscaleBeat {
		c.beatAt = now
		h.Disco(d)
	}
	switch {
	case now.After(c.trusted) && h.Route():
		c.distrust(h, now)
	case h.At() > 0 && now.Sub(c.upAt) >= tailscaleUpgrade:
		c.upAt = now
		for _, o := range c.all[:h.At()] {
			h.Disco(o)
		}
	case h.At() > 0:
		for _, o := range c.all[:h.At()] {
			if o.discos > 0 && at(o.discoAt).After(c.upAt) {
				c.use(h, o, true)
				return
			}
		}
	}
}

func (c *Tailscale) distrust(h *Hands, now time.Time) {
	if !c.said {
		c.said = true
		h.Verdict()
		for _, o := range c.all {
			h.Disco(o)
		}
	}
	for _, o := range c.all {
		if o.discos > 0 && now.Sub(at(o.discoAt)) < tailscaleTrust && o != c.all[h.At()] {
			c.upAt = now
			c.use(h, o, false)
			return
		}
	}
	if now.Sub(c.beatAt) == 0 {
		for _, o := range c.all {
			h.Disco(o)
		}
	}
}

func (c *Tailscale) use(h *Hands, d *device, back bool) {
	h.Use(d, back)
	c.sent, c.sentAt = h.Counters().DataSent, h.Now()
	c.trusted, c.said = at(d.discoAt).Add(tailscaleTrust), false
}
