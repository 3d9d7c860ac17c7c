package wg

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"holdfast/service/tunnel"
)

const (
	// reachGap is the time between the rounds of Reach, unless the round trip is longer.
	reachGap = 250 * time.Millisecond
	// nearGrace is how long an answer of the server itself waits for one from
	// beyond, which says more.
	nearGrace = 300 * time.Millisecond
	// maxTargets is how many addresses one Reach asks.
	maxTargets = 8
)

// Responders are the addresses beyond a tunnel's server that have answered
// echoes through it, best first. They stay known while no device runs.
func (d *Devices) Responders(name tunnel.Name) []netip.Addr {
	d.mu.Lock()
	r := d.learned[name]
	d.mu.Unlock()
	if r == nil {
		return nil
	}
	return r.best(false, maxResponders)
}

// Reach asks for an echo through a running device, active or not: those of
// targets that lie inside its tunnel, and the responders it has learned itself.
// It repeats the question until one answers or ctx ends, and returns who did
// and how long it took. The server's own address is returned only where nothing
// beyond it answers soon after.
//
// Errors: ErrNoResponder, ErrUnanswered (as *SilenceError), ErrStopped, ErrNoDevice.
func (d *Devices) Reach(ctx context.Context, name tunnel.Name, targets []netip.Addr) (netip.Addr, time.Duration, error) {
	m, err := d.member(name)
	if err != nil {
		return netip.Addr{}, 0, err
	}
	near, to := m.port.reachable(targets)
	if len(to) == 0 {
		return netip.Addr{}, 0, ErrNoResponder
	}
	answers := make(chan arrival, 2*maxTargets)
	call := m.port.echoes.call(answers)
	defer m.port.echoes.hangUp(call)
	again := time.NewTimer(0)
	defer again.Stop()
	var grace <-chan time.Time
	var first arrival // of the server itself
	for {
		select {
		case <-again.C:
			for _, a := range to {
				m.port.ask(a, call)
			}
			again.Reset(m.answerTime(reachGap))
		case got := <-answers:
			if !slices.Contains(near, got.from) || len(near) == len(to) {
				return got.from, got.rtt, nil
			}
			if grace == nil {
				first, grace = got, time.After(nearGrace+got.rtt)
			}
		case <-grace:
			return first.from, first.rtt, nil
		case <-m.done:
			return netip.Addr{}, 0, ErrStopped
		case <-ctx.Done():
			if grace != nil {
				return first.from, first.rtt, nil
			}
			return netip.Addr{}, 0, &SilenceError{}
		}
	}
}

// reachable is whom a Reach asks: targets inside the tunnel, what was learned,
// and what the config names. near are those of them that are likely the server.
func (p *port) reachable(targets []netip.Addr) (near, all []netip.Addr) {
	in := p.known().inside.Load()
	if in == nil {
		return nil, nil
	}
	add := func(addrs []netip.Addr) {
		for _, a := range addrs {
			if len(all) < maxTargets && in.reaches(a) && !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	known := p.known()
	add(known.best(true, maxNear))
	if len(all) == 0 {
		add(known.given(true))
	}
	near = slices.Clone(all)
	// What is also a target was asked for by name.
	near = slices.DeleteFunc(near, func(a netip.Addr) bool { return slices.Contains(targets, a) })
	add(known.best(false, maxBeyond))
	add(targets)
	add(known.given(false))
	return near, all
}

// ask asks one address for a call.
func (p *port) ask(to netip.Addr, call uint32) {
	if in := p.known().inside.Load(); in != nil && in.reaches(to) {
		p.send(in, to, stamp{number: call, purpose: ofCall, at: sinceBegan()})
	}
}

// answerTime is how long an answer may take: least, or what was measured.
func (m *member) answerTime(least time.Duration) time.Duration {
	if m.port.est == nil {
		return least
	}
	rtt, spread := m.port.est.rtt()
	return max(least, rtt+4*spread)
}
