package sim

import (
	"time"

	"holdfast/service/failover"
)

// Watchdog is a script that a timer runs every 30 s: when the last handshake is
// more than 135 s ago, by the wall clock, it looks up the endpoint's name and
// sets it again (reresolve-dns.sh of wireguard-tools, HEALTH.md §2.7). It
// moves to no other server.
type Watchdog struct{ bad bool }

const (
	watchdogEvery = 30 * time.Second
	watchdogAge   = 135 * time.Second
)

// Name is how the report calls it.
func (c *Watchdog) Name() string { return "handshake-age watchdog" }

// Start connects.
func (c *Watchdog) Start(h *Hands) {
	h.Connect(0)
	h.After(watchdogEvery)
}

// Active says nothing to it.
func (c *Watchdog) Active(*Hands) {}

// News says nothing to it.
func (c *Watchdog) News(*Hands, failover.Input) {}

// Wake checks.
func (c *Watchdog) Wake(h *Hands) {
	h.After(watchdogEvery)
	last := h.Counters().LastHandshake
	old := !last.IsZero() && h.Wall().Sub(last) > watchdogAge
	if old {
		if !c.bad {
			h.Verdict()
		}
		h.Resolve()
	}
	c.bad = old
}
