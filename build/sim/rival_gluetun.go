package sim

import (
	"time"

	"holdfast/service/failover"
)

// Gluetun sends an echo through the tunnel once a minute, with tries of 10, 20
// and 30 s, and starts the tunnel anew with another server when all of them
// fail (HEALTH.md §2.7). The check by TCP and DNS every five minutes can only
// come later than this one and is left out, and so is any knowledge of the
// network below, of which it has none.
type Gluetun struct {
	try   int
	asked time.Time
}

const gluetunEvery = time.Minute

var gluetunTries = []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second}

// Name is how the report calls it.
func (c *Gluetun) Name() string { return "gluetun" }

// Start connects.
func (c *Gluetun) Start(h *Hands) {
	h.Connect(0)
	h.After(gluetunEvery)
}

// Active says nothing to it.
func (c *Gluetun) Active(*Hands) {}

// News says nothing to it.
func (c *Gluetun) News(*Hands, failover.Input) {}

// Wake checks.
func (c *Gluetun) Wake(h *Hands) {
	switch {
	case !c.asked.IsZero() && !h.Pong().Before(c.asked):
		c.asked, c.try = time.Time{}, 0
		h.After(gluetunEvery)
		return
	case c.try == len(gluetunTries):
		c.asked, c.try = time.Time{}, 0
		h.Verdict()
		h.Connect((max(h.At(), 0) + 1) % h.Members())
		h.After(gluetunTries[0])
		return
	}
	c.asked = h.Now()
	h.Ping(false)
	h.After(gluetunTries[c.try])
	c.try++
}
