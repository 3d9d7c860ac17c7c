package sim

import (
	"time"

	"holdfast/service/failover"
)

// NetBird watches the age of the last handshake, by the wall clock
// (client/internal/peer/wg_watcher.go, as HEALTH.md §2.5 has it): the first
// check after 30 s, then one 3 min 30 s after each handshake. It keeps every
// session alive by a keepalive of 25 s. A peer that fails is left for the next
// that serves the same route; a network that changes is answered, after 2 s, by
// a start from the beginning.
type NetBird struct {
	changed bool
}

const (
	netbirdFirst     = 30 * time.Second
	netbirdAge       = 210 * time.Second
	netbirdKeepalive = 25 * time.Second
	netbirdDebounce  = 2 * time.Second
)

// Name is how the report calls it.
func (c *NetBird) Name() string { return "NetBird" }

// Start connects.
func (c *NetBird) Start(h *Hands) {
	h.Keepalive(netbirdKeepalive)
	h.Connect(0)
	h.After(netbirdFirst)
}

// Active says nothing to it.
func (c *NetBird) Active(*Hands) {}

// News of another network begins anew.
func (c *NetBird) News(h *Hands, in failover.Input) {
	u, ok := in.(failover.Underlay)
	switch {
	case ok && u.Usable:
		c.changed = true
		h.After(netbirdDebounce)
	case ok:
		h.Below()
	}
}

// Wake checks.
func (c *NetBird) Wake(h *Hands) {
	if c.changed {
		c.changed = false
		h.Connect(max(h.At(), 0))
		h.After(netbirdFirst)
		return
	}
	if !h.Route() || !h.Up() {
		h.After(netbirdFirst)
		return
	}
	last := h.Counters().LastHandshake
	age := h.Wall().Sub(last)
	if last.IsZero() || age < 0 || age >= netbirdAge {
		h.Verdict()
		h.Connect((h.At() + 1) % h.Members())
		h.After(netbirdFirst)
		return
	}
	h.After(netbirdAge - age)
}
