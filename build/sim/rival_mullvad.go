package sim

import (
	"time"

	"holdfast/service/failover"
)

// Mullvad watches byte counters every second and asks the gateway in the
// tunnel before it believes (talpid-wireguard/src/connectivity, as HEALTH.md
// §2.2 has it): BYTES_RX_TIMEOUT 5 s, TRAFFIC_TIMEOUT 120 s, SECONDS_PER_PING
// 3 s, PING_TIMEOUT 15 s, ESTABLISH_TIMEOUT 4 s doubled to 15 s, SUSPEND_TIMEOUT
// 6 s. Down means the next relay, proven or not. Without a default route it
// waits. It has no primary and never returns to one.
type Mullvad struct {
	tx, rx        uint64
	txAt, rxAt    time.Time
	pingAt        time.Time // the last ping; zero: none
	firstAt       time.Time // the first of those unanswered; zero: none
	establishedAt time.Time // until when the new tunnel must have received; zero: it has
	tries         int
	offline       bool
}

const (
	mullvadLoop      = time.Second
	mullvadRx        = 5 * time.Second
	mullvadTraffic   = 2 * time.Minute
	mullvadPing      = 3 * time.Second
	mullvadPingLimit = 15 * time.Second
	mullvadEstablish = 4 * time.Second
)

// Name is how the report calls it.
func (c *Mullvad) Name() string { return "Mullvad" }

// Start connects.
func (c *Mullvad) Start(h *Hands) { c.connect(h, 0) }

// Active says nothing to it.
func (c *Mullvad) Active(*Hands) {}

// News is the default route, and sleep.
func (c *Mullvad) News(h *Hands, in failover.Input) {
	switch in := in.(type) {
	case failover.Underlay:
		c.offline = !in.Usable
		if in.Usable {
			c.tries = 0
			c.connect(h, max(h.At(), 0))
		} else {
			h.Below()
		}
	case failover.Woke:
		c.reset(h)
	}
}

func (c *Mullvad) connect(h *Hands, to int) {
	h.Connect(to)
	c.reset(h)
	c.tx, c.rx = 0, 0
	wait := min(mullvadEstablish<<min(c.tries, 2), mullvadPingLimit)
	c.establishedAt = h.Now().Add(rebuildTakes + wait)
	h.After(mullvadLoop)
}

func (c *Mullvad) reset(h *Hands) {
	c.txAt, c.rxAt = h.Now(), h.Now()
	c.pingAt, c.firstAt = time.Time{}, time.Time{}
}

// Wake is the loop.
func (c *Mullvad) Wake(h *Hands) {
	h.After(mullvadLoop)
	if c.offline || !h.Up() {
		return
	}
	now, n := h.Now(), h.Counters()
	if n.TxBytes != c.tx {
		c.tx, c.txAt = n.TxBytes, now
	}
	if n.RxBytes != c.rx {
		c.rx, c.rxAt = n.RxBytes, now
		c.pingAt, c.firstAt, c.establishedAt, c.tries = time.Time{}, time.Time{}, time.Time{}, 0
		return
	}
	if !c.establishedAt.IsZero() {
		if !now.Before(c.establishedAt) {
			c.tries++
			c.connect(h, (h.At()+1)%h.Members())
		} else if now.Sub(c.pingAt) >= mullvadPing {
			c.pingAt = now
			h.Ping(true)
		}
		return
	}
	silent := now.Sub(c.rxAt) >= mullvadRx && c.txAt.After(c.rxAt) || now.Sub(c.rxAt) >= mullvadTraffic
	if !silent {
		return
	}
	if c.firstAt.IsZero() {
		c.firstAt = now
	}
	if now.Sub(c.pingAt) >= mullvadPing {
		c.pingAt = now
		h.Ping(true)
	}
	if now.Sub(c.firstAt) >= mullvadPingLimit {
		h.Verdict()
		c.tries = 1
		c.connect(h, (h.At()+1)%h.Members())
	}
}
