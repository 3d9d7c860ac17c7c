package wg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/service/tunnel"
)

const (
	// headStart is how long the present endpoint is asked alone where its round
	// trip is not known, and maxHeadStart where it is. The server takes no
	// question that is dated before one it has had: where two ways lead to it,
	// the quicker would silence the other.
	headStart    = 100 * time.Millisecond
	maxHeadStart = 250 * time.Millisecond
	// grace is how long the present endpoint may still answer after another has.
	grace = 100 * time.Millisecond
	// secondRound and laterRounds are the time from one round of questions to
	// the next.
	secondRound = 300 * time.Millisecond
	laterRounds = time.Second
	// maxPlaces is how many addresses are asked.
	maxPlaces = 8
)

// Seek looks for the server of a device: it resolves the endpoint's name anew,
// outside the tunnel, and asks at the present endpoint and at every address
// found, of both families, beside the session. Where another one answers and the
// present one does not, the device sends there from then on, and makes a new
// session. Before an authentic answer nothing changes.
//
// It returns the endpoint before and after, which are equal where the present
// one answered. Without an answer before ctx ends they are equal, too, and the
// error is ErrUnanswered (as *SilenceError), and ErrResolve as well where the
// name did not resolve. Then the addresses that it had before are asked.
// Further errors: ErrNoDevice, ErrNoEndpoint, ErrStopped.
func (d *Devices) Seek(ctx context.Context, name tunnel.Name) (from, to netip.AddrPort, err error) {
	m, err := d.member(name)
	if err != nil {
		return from, to, err
	}
	if m.peer == nil {
		return from, to, ErrNoEndpoint
	}
	select {
	case m.seeking <- struct{}{}:
		defer func() { <-m.seeking }()
	case <-ctx.Done():
		return from, to, &SilenceError{}
	case <-m.done:
		return from, to, ErrStopped
	}
	p, _, err := m.readPeer()
	if err != nil {
		return from, to, err
	}
	cfg := d.config(m)
	defer m.tidy()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &search{m: m, present: p.endpoint, places: []netip.AddrPort{p.endpoint}, found: make(chan sighting, maxBeside)}
	resolved := make(chan resolution, 1)
	go func() {
		places, err := d.places(ctx, cfg.Peers[asked(cfg)].Endpoint)
		resolved <- resolution{places, err}
	}()
	best, err := s.run(ctx, resolved)
	if err != nil || best.at == p.endpoint {
		return p.endpoint, p.endpoint, err
	}
	if err := d.settle(m, cfg, best); err != nil {
		return p.endpoint, p.endpoint, err
	}
	return p.endpoint, best.at, d.remind(ctx, name, m)
}

// places are where the endpoint may be, as far as there is a route.
func (d *Devices) places(ctx context.Context, ep tunnel.Endpoint) ([]netip.AddrPort, error) {
	if at, ok := ep.Addr(); ok {
		return []netip.AddrPort{netip.AddrPortFrom(at.Addr().Unmap(), at.Port())}, nil
	}
	addrs, err := d.lookUp(ctx, ep.Host)
	switch {
	case err != nil:
		err = &ResolveError{Host: ep.Host, Err: err}
	case len(addrs) == 0:
		err = &ResolveError{Host: ep.Host}
	}
	if err != nil {
		addrs = d.lastFound(ep.Host)
	}
	var places []netip.AddrPort
	for _, a := range addrs {
		if a = a.Unmap(); d.leads(a) {
			places = append(places, netip.AddrPortFrom(a, ep.Port))
		}
	}
	return places, err
}

// settle makes the place that answered the endpoint.
func (d *Devices) settle(m *member, cfg *tunnel.Config, best sighting) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.members[m.name] != m || m.cfg != cfg {
		return ErrStopped // or moved to another member meanwhile
	}
	var s settings
	s.peer(&cfg.Peers[asked(cfg)], true)
	s.set("endpoint", best.at.String())
	if err := s.apply(m.dev); err != nil {
		return fmt.Errorf("move endpoint: %w", err)
	}
	m.path.answered(best.rtt)
	m.path.roundTrip(best.came)
	return nil
}

type resolution struct {
	places []netip.AddrPort
	err    error
}

// sighting is an authentic answer from a place.
type sighting struct {
	at   netip.AddrPort
	rtt  time.Duration
	came int64 // since began
}

// search is one Seek.
type search struct {
	m       *member
	present netip.AddrPort
	places  []netip.AddrPort // the present one first
	found   chan sighting
	sent    int
	sendErr error
	// patience is how long the present endpoint may still answer after another
	// has, where that is longer than usual.
	patience time.Duration
}

// run asks in rounds until a place has answered.
func (s *search) run(ctx context.Context, resolved <-chan resolution) (sighting, error) {
	bad, cookies := s.m.replies()
	var unresolved error
	rounds := 0
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-s.m.done:
			return sighting{}, ErrStopped
		case <-ctx.Done():
			select {
			case r := <-resolved:
				unresolved = r.err
			default:
			}
			nowBad, nowCookies := s.m.replies()
			silence := &SilenceError{
				Initiations: s.sent, Responses: int(nowBad - bad), Cookies: int(nowCookies - cookies), Err: s.sendErr,
			}
			if unresolved != nil {
				return sighting{}, errors.Join(silence, unresolved)
			}
			return sighting{}, silence
		case seen := <-s.found:
			if seen.at != s.present {
				seen = s.preferPresent(ctx, seen)
			}
			return seen, nil
		case r := <-resolved:
			unresolved = r.err
			if s.add(r.places) && rounds > 0 {
				// They need not wait for the next round.
				next.Reset(s.headStart())
				rounds = 0
			}
		case <-next.C:
			rounds++
			next.Reset(s.round(ctx, rounds))
		}
	}
}

// add takes places that are not known yet.
func (s *search) add(places []netip.AddrPort) (more bool) {
	for _, p := range places {
		if len(s.places) < maxPlaces && !slices.Contains(s.places, p) {
			s.places = append(s.places, p)
			more = true
		}
	}
	return more
}

// round asks everywhere, the present endpoint first, unless an answer comes
// meanwhile. It returns when the next round is due.
func (s *search) round(ctx context.Context, n int) time.Duration {
	for i, place := range s.places {
		if i == 1 && s.await(ctx, s.headStart()) {
			return laterRounds
		}
		if s.ask(ctx, place) || len(s.found) > 0 {
			return laterRounds
		}
	}
	if n == 1 {
		return secondRound
	}
	return laterRounds
}

// headStart is how long the present endpoint is given before others are asked.
func (s *search) headStart() time.Duration {
	rtt, spread := s.m.path.rtt()
	if rtt == 0 {
		return headStart
	}
	return min(rtt+4*spread+besideSpacing, maxHeadStart)
}

// await waits for an answer, which it leaves where it is.
func (s *search) await(ctx context.Context, d time.Duration) (answered bool) {
	wait, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case seen := <-s.found:
		s.found <- seen
		return true
	case <-wait.Done():
	case <-s.m.done:
	}
	return false
}

// ask sends a question to a place, as soon as the spacing allows. over: there
// is no more time.
func (s *search) ask(ctx context.Context, place netip.AddrPort) (over bool) {
	b := s.m.tap.beside
	to, err := s.m.tap.ParseEndpoint(place.String())
	if err != nil {
		s.sendErr = err
		return false
	}
	for {
		asked, err := b.ask(to, func(rtt time.Duration, came int64) {
			select {
			case s.found <- sighting{place, rtt, came}:
			default: // there are enough
			}
		})
		if asked || err != nil {
			s.sent++
			s.sendErr = reason(err)
			return false
		}
		if awaitSpacing(ctx, s.m.done, b.freeAt()) != nil {
			return true
		}
	}
}

// preferPresent waits a little for the present endpoint, which another was
// quicker than, and asks it once more: its first question may have come to the
// server after the other's.
func (s *search) preferPresent(ctx context.Context, other sighting) sighting {
	ctx, cancel := context.WithTimeout(ctx, max(grace, s.headStart(), s.patience))
	defer cancel()
	s.ask(ctx, s.present)
	for {
		select {
		case seen := <-s.found:
			if seen.at == s.present {
				return seen
			}
		case <-ctx.Done():
			return other
		case <-s.m.done:
			return other
		}
	}
}

// replies are those that were no answers.
func (m *member) replies() (bad, cookies uint64) {
	_, bad = m.tap.beside.questions()
	return bad, m.tap.cookies.Load()
}
