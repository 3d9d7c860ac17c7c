package wg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// Rebind opens the sockets of a device anew, on the same port, and sends a
// handshake initiation; the session stays. It is the answer to a changed
// network. An initiation that cannot be sent now is no error: the device asks
// again by itself. ErrNoDevice, ErrStopped, or the system's error of the socket.
func (d *Devices) Rebind(name tunnel.Name) error {
	d.mu.Lock()
	m := d.members[name]
	if m == nil {
		d.mu.Unlock()
		return ErrNoDevice
	}
	err := m.dev.BindUpdate()
	d.mu.Unlock()
	if err != nil {
		return fmt.Errorf("open socket: %w", reason(err))
	}
	return d.remind(context.Background(), name, m)
}

// remind nudges m. Where the network does not take the initiation it is only logged.
func (d *Devices) remind(ctx context.Context, name tunnel.Name, m *member) error {
	err := m.nudge(ctx)
	if err == nil || errors.Is(err, ErrStopped) || ctx.Err() != nil {
		return err
	}
	d.log.Info("no initiation could be sent", "tunnel", string(name), "err", err)
	return nil
}

// answerAtOnce is how long the present endpoint may take to answer from a new
// port before another is looked for: longer than a satellite's round trip.
const answerAtOnce = time.Second

// Rotate ends the session of a device, moves it to another source port (unless
// the config fixes one) and sends a handshake initiation, before it waits for
// anything: after a long sleep the server has forgotten the session, and what
// would be sent in it were lost. What is sent meanwhile waits for the new one.
//
// Where the endpoint is a name and does not answer within a second, the name is
// resolved again, and another of its addresses than the present taken where
// there are several. A name that does not resolve leaves the endpoint as it is,
// and is reported (ErrResolve) after the rest was done.
func (d *Devices) Rotate(ctx context.Context, name tunnel.Name) error {
	m, err := d.member(name)
	if err != nil {
		return err
	}
	cfg := d.config(m)
	before, err := m.lastHandshake()
	if err != nil {
		return err
	}
	if err := d.rotate(m, cfg); err != nil {
		return err
	}
	if err := d.remind(ctx, name, m); err != nil {
		return err
	}
	if !named(cfg) || m.peer == nil || m.answersSince(ctx, before) {
		return nil
	}
	endpoints, err := d.resolve(ctx, cfg, d.Endpoint(name).Addr())
	if err != nil {
		return err
	}
	defer m.tidy()
	if err := d.readdress(m, cfg, endpoints); err != nil {
		return err
	}
	return d.remind(ctx, name, m)
}

// named says that an endpoint of cfg is a name.
func named(cfg *tunnel.Config) bool {
	for i := range cfg.Peers {
		ep := cfg.Peers[i].Endpoint
		if _, literal := ep.Addr(); !ep.IsZero() && !literal {
			return true
		}
	}
	return false
}

// answersSince waits a moment for another handshake than the one of before.
func (m *member) answersSince(ctx context.Context, before time.Time) bool {
	ctx, cancel := context.WithTimeout(ctx, answerAtOnce)
	defer cancel()
	look := time.NewTicker(answerAtOnce / 50)
	defer look.Stop()
	for {
		if now, err := m.lastHandshake(); err == nil && now.After(before) {
			return true
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
}

// config is the config of m, which Move may change.
func (d *Devices) config(m *member) *tunnel.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return m.cfg
}

// rotate ends the session and sets a new port.
func (d *Devices) rotate(m *member, cfg *tunnel.Config) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.members[m.name] != m || m.cfg != cfg {
		return ErrStopped // or moved to another member meanwhile
	}
	for i := range cfg.Peers {
		if p := m.dev.LookupPeer(device.NoisePublicKey(cfg.Peers[i].PublicKey)); p != nil {
			p.ExpireCurrentKeypairs()
		}
	}
	if cfg.Interface.ListenPort != 0 {
		if err := m.dev.BindUpdate(); err != nil {
			return fmt.Errorf("open socket: %w", reason(err))
		}
		return nil
	}
	var s settings
	s.set("listen_port", "0")
	if err := s.apply(m.dev); err != nil {
		return fmt.Errorf("rotate: %w", reason(err))
	}
	return nil
}

// readdress sets the endpoints that were found for cfg.
func (d *Devices) readdress(m *member, cfg *tunnel.Config, endpoints []netip.AddrPort) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.members[m.name] != m || m.cfg != cfg {
		return ErrStopped
	}
	var s settings
	for i, ep := range endpoints {
		if ep.IsValid() {
			s.peer(&cfg.Peers[i], true)
			s.set("endpoint", ep.String())
		}
	}
	if err := s.apply(m.dev); err != nil {
		return fmt.Errorf("set endpoint: %w", reason(err))
	}
	return nil
}

// Renew replaces a device by a new one with the same config, on the same
// interface and in the same part (active or standby). The session is lost; what
// the applications send meanwhile waits in the interface. The counters begin
// anew. When the new device cannot be built, the old one is gone all the same.
// ErrNoDevice, ErrResolve (the old device then stays), or the system's error of
// the socket.
func (d *Devices) Renew(ctx context.Context, name tunnel.Name) error {
	m, err := d.member(name)
	if err != nil {
		return err
	}
	cfg := d.config(m)
	endpoints, err := d.resolve(ctx, cfg, netip.Addr{})
	if err != nil {
		return err
	}
	if err := m.space(ctx); err != nil {
		return err
	}
	fresh, err := d.replace(m, cfg, endpoints)
	if err != nil {
		return err
	}
	fresh.greet(d.log)
	return nil
}

func (d *Devices) replace(m *member, cfg *tunnel.Config, endpoints []netip.AddrPort) (*member, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sw == nil || d.members[m.name] != m || m.cfg != cfg {
		return nil, ErrStopped // or moved to another member meanwhile
	}
	wasActive := d.active == m
	d.dropLocked(m)
	m.close()
	fresh, err := d.newMember(d.sw, m.name, cfg, m.start, endpoints)
	if err != nil {
		return nil, err
	}
	d.members[m.name] = fresh
	if !wasActive {
		return fresh, nil
	}
	if err := d.sw.promote(fresh.port); err != nil {
		return nil, err
	}
	d.active = fresh
	return fresh, d.applyKeepaliveLocked(fresh)
}
