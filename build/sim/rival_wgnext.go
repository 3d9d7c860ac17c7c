package sim

import (
	"time"

	"holdfast/service/failover"
)

// WGnext polls byte counters (Sources/WireGuardKit/ConnectionHealthMonitor.swift
// and FailoverSettings.swift, as HEALTH.md §2.1 has them):
//
//	healthCheckInterval 10 s, trafficTimeout 30 s, minimumHoldTime 60 s,
//	maxCyclesBeforeCooldown 3 (single switches), cooldownDuration 300 s,
//	failbackProbeInterval 300 s, a probe is judged after 15 s.
//
// Bytes sent and none received start the clock; a poll that finds bytes
// received, or none sent, stops it. More than trafficTimeout later it moves to
// the next config, proven or not. Durations are by the wall clock. Promotion of
// the failback probe, which panics in the source, is modelled as working.
//
// Documented makes it what its documents say: the same traffic rule; the
// callback on handshakes that fail, of which no number is given, taken as
// initiations unanswered for 30 s; failback by a swap of the live tunnel for up
// to 15 s; and a rest while the system is offline.
type WGnext struct {
	Documented bool

	polled  bool
	tx, rx  uint64
	suspect time.Time
	movedAt time.Time
	moves   int
	coolTo  time.Time
	backAt  time.Time
	judgeAt time.Time
	probe   *device
	trying  bool // of Documented: the live tunnel is the failback's
	from    int
	offline bool
}

const (
	wgnextPoll     = 10 * time.Second
	wgnextTimeout  = 30 * time.Second
	wgnextHold     = time.Minute
	wgnextMoves    = 3
	wgnextCooldown = 5 * time.Minute
	wgnextFailback = 5 * time.Minute
	wgnextJudge    = 15 * time.Second
)

// Name is how the report calls it.
func (c *WGnext) Name() string {
	if c.Documented {
		return "WGnext, as documented"
	}
	return "WGnext, traffic rule"
}

// Start connects.
func (c *WGnext) Start(h *Hands) {
	h.Connect(0)
	h.After(wgnextPoll)
}

// Active says nothing to it.
func (c *WGnext) Active(*Hands) {}

// News is the system's word that it is offline, which only the documents heed.
func (c *WGnext) News(h *Hands, in failover.Input) {
	if u, ok := in.(failover.Underlay); ok && c.Documented {
		c.offline = !u.Usable
		c.suspect, c.polled = time.Time{}, false
		if u.Usable {
			h.Connect(max(h.At(), 0))
		} else {
			h.Below()
		}
	}
}

// Wake polls.
func (c *WGnext) Wake(h *Hands) {
	h.After(wgnextPoll)
	if !h.Up() || c.offline {
		c.polled = false
		return
	}
	now := h.Wall()
	n := h.Counters()
	sent, got := n.TxBytes > c.tx, n.RxBytes > c.rx
	if !c.polled || n.TxBytes < c.tx || n.RxBytes < c.rx {
		sent, got = false, false
	}
	c.tx, c.rx, c.polled = n.TxBytes, n.RxBytes, true
	c.failback(h, now)
	switch {
	case got:
		c.suspect, c.moves = time.Time{}, 0
	case !sent:
		c.suspect = time.Time{}
	case c.suspect.IsZero():
		c.suspect = now
	}
	bad := !c.suspect.IsZero() && now.Sub(c.suspect) > wgnextTimeout
	if c.Documented && !n.InitiatingSince.IsZero() && h.Now().Sub(n.InitiatingSince) >= wgnextTimeout {
		bad = true
	}
	if bad && !c.trying {
		c.fail(h, now)
	}
}

func (c *WGnext) fail(h *Hands, now time.Time) {
	if now.Before(c.coolTo) || (!c.movedAt.IsZero() && now.Sub(c.movedAt) < wgnextHold) {
		return
	}
	h.Verdict()
	if c.moves >= wgnextMoves {
		c.moves, c.coolTo = 0, now.Add(wgnextCooldown)
		return
	}
	c.moves++
	c.movedAt, c.suspect, c.polled = now, time.Time{}, false
	c.backAt = now.Add(wgnextFailback)
	h.Connect((h.At() + 1) % h.Members())
}

// failback tries the primary while another is active.
func (c *WGnext) failback(h *Hands, now time.Time) {
	switch {
	case !c.judgeAt.IsZero() && !now.Before(c.judgeAt):
		c.judge(h, now)
	case h.At() > 0 && c.judgeAt.IsZero() && !now.Before(c.backAt):
		c.judgeAt, c.from = now.Add(wgnextJudge), h.At()
		if c.Documented {
			c.trying, c.polled = true, false
			h.Back(0)
		} else {
			c.probe = h.Side(0)
		}
	}
}

func (c *WGnext) judge(h *Hands, now time.Time) {
	c.judgeAt, c.backAt = time.Time{}, now.Add(wgnextFailback)
	if c.Documented {
		c.trying = false
		if !h.Shook() {
			c.polled = false
			h.Back(c.from)
		}
		return
	}
	if c.probe.greeted {
		c.polled, c.movedAt = false, now
		h.Use(c.probe, true)
	} else {
		c.probe.close()
	}
	c.probe = nil
}
