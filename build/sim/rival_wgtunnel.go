package sim

import (
	"time"

	"holdfast/service/failover"
)

// WGTunnel is WG Tunnel for Android (HEALTH.md §2.3). Version 5 bounces the
// tunnel when handshakes have failed for 30 s. Version 4 calls it unhealthy when
// a handshake did not complete after 5 s, when none is younger than 210 s while
// its pings (every 30 s, 3 attempts, 500 ms apart) fail, or when nothing was
// received in the first 15 s; all it then does is to look up the endpoint
// again, after 30 s and ever more seldom up to 300 s. Neither moves to another
// server. That the screen must be on is left out.
type WGTunnel struct {
	Version int

	bad       bool
	bouncedAt time.Time
	pingAt    time.Time
	failed    int
	resolveAt time.Time
	wait      time.Duration
	upAt      time.Time
}

const (
	wgtunnelLook    = time.Second
	wgtunnelFailing = 30 * time.Second
	wgtunnelRetry   = 5 * time.Second
	wgtunnelStale   = 210 * time.Second
	wgtunnelPing    = 30 * time.Second
	wgtunnelApart   = 500 * time.Millisecond
	wgtunnelNever   = 15 * time.Second
	wgtunnelAsk     = 30 * time.Second
	wgtunnelAskMost = 300 * time.Second
)

// Name is how the report calls it.
func (c *WGTunnel) Name() string {
	if c.Version == 4 {
		return "WG Tunnel 4"
	}
	return "WG Tunnel 5"
}

// Start connects.
func (c *WGTunnel) Start(h *Hands) {
	h.Connect(0)
	c.upAt = h.Now()
	h.After(wgtunnelLook)
}

// Active says nothing to it.
func (c *WGTunnel) Active(*Hands) {}

// News says nothing to it.
func (c *WGTunnel) News(*Hands, failover.Input) {}

// Wake looks.
func (c *WGTunnel) Wake(h *Hands) {
	h.After(wgtunnelLook)
	if !h.Up() || !h.Route() {
		return
	}
	now, n := h.Now(), h.Counters()
	if c.Version == 4 {
		c.four(h, now)
		return
	}
	since := n.InitiatingSince
	if since.IsZero() {
		c.bad = false
		return
	}
	if since.Before(c.bouncedAt) {
		since = c.bouncedAt
	}
	if now.Sub(since) < wgtunnelFailing {
		return
	}
	if !c.bad {
		h.Verdict()
	}
	c.bad, c.bouncedAt = true, now
	h.Connect(h.At())
}

func (c *WGTunnel) four(h *Hands, now time.Time) {
	n := h.Counters()
	if now.Sub(c.pingAt) >= wgtunnelPing {
		if !c.pingAt.IsZero() {
			c.failed++
		}
		if h.Pong().After(c.pingAt) {
			c.failed = 0
		}
		c.pingAt = now
		h.Ping(false)
	} else if now.Sub(c.pingAt) <= 2*wgtunnelApart+wgtunnelLook && h.Pong().Before(c.pingAt) {
		h.Ping(false)
	}
	failing := !n.InitiatingSince.IsZero() && now.Sub(n.InitiatingSince) >= wgtunnelRetry
	stale := h.Wall().Sub(n.LastHandshake) > wgtunnelStale && c.failed > 0
	never := n.RxBytes == 0 && now.Sub(c.upAt) > wgtunnelNever
	if !failing && !stale && !never {
		c.bad = false
		return
	}
	if !c.bad {
		c.bad, c.wait, c.resolveAt = true, wgtunnelAsk, now.Add(wgtunnelAsk)
		h.Verdict()
	}
	if !now.Before(c.resolveAt) {
		h.Resolve()
		c.wait = min(c.wait*3/2, wgtunnelAskMost)
		c.resolveAt = now.Add(c.wait)
	}
}
