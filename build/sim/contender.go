package sim

import (
	"time"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// Contender watches the active tunnel of one world and does something about it.
// It is called by the world, one call at a time, and asks and acts through Hands.
type Contender interface {
	Name() string
	// Start is the wish to be connected to the first member.
	Start(h *Hands)
	// Wake says that the moment has come that Hands.Wake asked for.
	Wake(h *Hands)
	// Active says that the active device sent something after Hands.Arm.
	Active(h *Hands)
	// News brings reports of what was asked for, and what the system tells.
	News(h *Hands, in failover.Input)
}

// Hands are how a contender sees and acts.
type Hands struct{ w *World }

const (
	// rebuildTakes is how long a device is away when it is closed and started anew.
	rebuildTakes = 300 * time.Millisecond
	// moveTakes is how long a prepared move takes.
	moveTakes = 30 * time.Millisecond
)

// Now is the client's monotonic clock.
func (h *Hands) Now() time.Time { return at(h.w.mono()) }

// Wall is the client's wall clock.
func (h *Hands) Wall() time.Time { return epoch.Add(h.w.wall()) }

// Wake asks for one call of Wake. A zero moment takes the wish back.
func (h *Hands) Wake(t time.Time) {
	if t.IsZero() {
		h.w.wake.stop()
		return
	}
	h.w.wake.to(t.Sub(epoch))
}

// After asks for one call of Wake.
func (h *Hands) After(d time.Duration) { h.w.wake.in(d) }

// Up says that there is an active device.
func (h *Hands) Up() bool { return h.w.active != nil && !h.w.active.closed }

// At is the place of the active member; -1: there is none.
func (h *Hands) At() int {
	if !h.Up() {
		return -1
	}
	return h.w.active.server.index
}

// Members is how many there are.
func (h *Hands) Members() int { return len(h.w.servers) }

// Counters are those of the active device. Without one they are zero.
func (h *Hands) Counters() tunnel.Counters {
	if !h.Up() {
		return tunnel.Counters{}
	}
	return h.w.active.counters()
}

// Route says that the system has a way out.
func (h *Hands) Route() bool { return h.w.below != Unplugged }

// Arm asks for one call of Active when the active device next sends.
func (h *Hands) Arm() {
	if h.Up() {
		h.w.active.armed = true
	}
}

// Verdict tells that the tunnel has been found bad.
func (h *Hands) Verdict() { h.w.said() }

// Below tells the person that the network below is to blame.
func (h *Hands) Below() { h.w.knows() }

// Ping sends an echo through the tunnel: to the server itself, or beyond.
func (h *Hands) Ping(near bool) {
	if !h.Up() {
		return
	}
	d := h.w.active
	d.pings++
	k := h.w.packet()
	k.what, k.near, k.size = ping, near, sizeEcho
	d.near.send(k)
}

// Pong is when an echo was last answered; zero: never.
func (h *Hands) Pong() time.Time {
	if !h.Up() || h.w.active.pongs == 0 {
		return time.Time{}
	}
	return at(h.w.active.pongAt)
}

// Connect closes the active device and starts one for a member, proven or not.
func (h *Hands) Connect(to int) {
	w := h.w
	from := w.active
	port := 0
	if from != nil {
		port = from.port
		if from.server.index != to {
			w.moved(from, false)
		}
		w.change(from.close)
	}
	w.Tally.Actions++
	w.after(rebuildTakes, func() {
		if w.active != from {
			return
		}
		w.change(func() { w.active = w.newDevice(w.servers[to], port+1) })
	})
}

// Resolve sets the endpoint of the active device to what its name says now.
func (h *Hands) Resolve() {
	if h.Up() && h.w.below == Sound {
		d := h.w.active
		h.w.after(50*time.Millisecond, func() { h.w.change(func() { d.addr = d.server.addr }) })
	}
}

// Stand starts a device for every member that has none, beside the active one.
func (h *Hands) Stand(all []*device) []*device {
	w := h.w
	for i, s := range w.servers {
		switch {
		case w.active != nil && w.active.server == s:
			all[i] = w.active
		case all[i] == nil || all[i].closed:
			all[i] = w.newDevice(s, 100+i)
		}
	}
	return all
}

// Disco asks a device's path beside WireGuard.
func (h *Hands) Disco(d *device) {
	k := h.w.packet()
	k.kind, k.size, k.sent = disco, sizeEcho, h.w.mono()
	h.w.transmit(d.near, k)
}

// Use makes a device that stands the active one.
func (h *Hands) Use(d *device, back bool) {
	from := h.w.active
	h.w.Tally.Actions++
	if from != nil {
		h.w.moved(from, back)
	}
	h.w.change(func() { h.w.active = d })
}

// Side starts a device for a member beside the active one, which sends nothing
// but what WireGuard itself does.
func (h *Hands) Side(to int) *device { return h.w.newDevice(h.w.servers[to], 200) }

// Back closes the active device and starts one for a member that is preferred.
func (h *Hands) Back(to int) {
	from := h.w.active
	h.w.moved(from, true)
	h.w.change(from.close)
	h.w.Tally.Actions++
	h.w.after(rebuildTakes, func() {
		if h.w.active == from {
			h.w.change(func() { h.w.active = h.w.newDevice(h.w.servers[to], from.port+1) })
		}
	})
}

// Shook says that the active device has completed a handshake.
func (h *Hands) Shook() bool { return h.Up() && h.w.active.greeted }

// Keepalive sets the persistent keepalive of the devices that are started from now on.
func (h *Hands) Keepalive(d time.Duration) { h.w.keep = d }
