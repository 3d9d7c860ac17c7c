package wg

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"holdfast/service/tunnel"
)

// Move takes a running device to another member of its site: the same key at
// the same server, reached at another endpoint. The device asks there from its
// own socket, while its session goes on at the old endpoint. When the answer
// has been authenticated, the endpoint moves, toCfg applies, and the device is
// known as to. Without an answer nothing has changed. There is never a second
// device, socket or session.
//
// The round trip's time is returned. Errors: ErrNoDevice, ErrOtherSite,
// ErrRunning (to has a device), ErrResolve, ErrNoEndpoint, ErrUnanswered,
// ErrStopped.
func (d *Devices) Move(ctx context.Context, name, to tunnel.Name, toCfg *tunnel.Config) (time.Duration, error) {
	m, err := d.movable(name, to, toCfg)
	if err != nil {
		return 0, err
	}
	endpoints, err := d.resolve(ctx, toCfg, netip.Addr{})
	if err != nil {
		return 0, err
	}
	defer m.tidy()
	there, err := m.tap.ParseEndpoint(endpoints[0].String())
	if err != nil {
		return 0, fmt.Errorf("endpoint of %s: %w", to, err)
	}
	rtt, err := m.roundTrip(ctx, question{
		send: func(packet []byte) error { return m.sendTo(packet, there) },
		soon: true, // what is under way goes to the old endpoint
		own:  true,
	})
	if err != nil {
		return 0, err
	}
	return rtt, d.moved(m, name, to, toCfg, endpoints)
}

// Compare asks, beside the session, at the present endpoint of a device and at
// that of toCfg, which is of its site. It is nil where the server answers there
// and not here; else nothing may be gained by Move. It changes nothing.
//
// Errors: ErrAnswers (it does here), ErrUnanswered (nowhere), ErrNoDevice,
// ErrNoEndpoint, ErrResolve, ErrOtherSite, ErrStopped.
func (d *Devices) Compare(ctx context.Context, name tunnel.Name, toCfg *tunnel.Config) error {
	m, err := d.movable(name, name, toCfg)
	if err != nil {
		return err
	}
	endpoints, err := d.resolve(ctx, toCfg, netip.Addr{})
	if err != nil {
		return err
	}
	p, _, err := m.readPeer()
	if err != nil {
		return err
	}
	defer m.tidy()
	s := &search{m: m, present: p.endpoint, places: []netip.AddrPort{p.endpoint}, found: make(chan sighting, maxBeside)}
	s.add(endpoints[:1])
	rtt, spread := m.path.rtt()
	s.patience = min(rtt+4*spread+besideSpacing, maxRetry)
	best, err := s.run(ctx, nil)
	if err == nil && best.at == p.endpoint {
		err = ErrAnswers
	}
	return err
}

// sendTo sends from the device's socket to an endpoint that is not the peer's.
func (m *member) sendTo(packet []byte, there conn.Endpoint) error {
	return m.tap.Send([][]byte{packet}, there)
}

// movable checks everything that needs no network.
func (d *Devices) movable(name, to tunnel.Name, toCfg *tunnel.Config) (*member, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.members[name]
	switch {
	case m == nil:
		return nil, ErrNoDevice
	case to != name && d.members[to] != nil:
		return nil, ErrRunning
	case m.cfg.Site() != toCfg.Site():
		return nil, ErrOtherSite
	case m.peer == nil || asked(toCfg) != 0 || asked(m.cfg) != 0:
		return nil, ErrNoEndpoint
	}
	return m, nil
}

// moved makes the device the one of to.
func (d *Devices) moved(m *member, name, to tunnel.Name, toCfg *tunnel.Config, endpoints []netip.AddrPort) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.members[name] != m {
		return ErrStopped
	}
	if to != name && d.members[to] != nil {
		return ErrRunning
	}
	var s settings
	interval := m.start.keepalive(m == d.active)
	for i := range m.cfg.Peers {
		if old := &m.cfg.Peers[i]; !hasPeer(toCfg, old.PublicKey) {
			s.peer(old, true)
			s.set("remove", "true")
		}
	}
	for i := range toCfg.Peers {
		p := &toCfg.Peers[i]
		s.peer(p, false)
		s.describe(p, endpoints[i], interval(p))
	}
	if err := s.apply(m.dev); err != nil {
		return fmt.Errorf("move device: %w", err)
	}
	delete(d.members, name)
	m.name, m.cfg = to, toCfg
	m.askAs(toCfg)
	m.port.learned.Store(d.learnedLocked(to, toCfg))
	d.members[to] = m
	// The keepalive with which the device confirmed the new session went to the
	// old endpoint, where it may be lost.
	m.peer.SendKeepalive()
	return nil
}

func hasPeer(cfg *tunnel.Config, key tunnel.PublicKey) bool {
	for i := range cfg.Peers {
		if cfg.Peers[i].PublicKey == key {
			return true
		}
	}
	return false
}
