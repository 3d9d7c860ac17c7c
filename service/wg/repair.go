package wg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

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

// Rotate moves a device to another source port (unless the config fixes one),
// resolves its endpoints again and sends a handshake initiation; the session
// stays. Where a name has several addresses it takes another one than the
// present. A name that does not resolve leaves the endpoint as it is, and is
// reported (ErrResolve) after the rest was done.
func (d *Devices) Rotate(ctx context.Context, name tunnel.Name) error {
	m, err := d.member(name)
	if err != nil {
		return err
	}
	cfg := d.config(m)
	endpoints, unresolved := d.resolve(ctx, cfg, d.Endpoint(name).Addr())
	if err := d.rotate(m, cfg, endpoints); err != nil {
		return err
	}
	if err := d.remind(ctx, name, m); err != nil {
		return err
	}
	return unresolved
}

// config is the config of m, which Move may change.
func (d *Devices) config(m *member) *tunnel.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return m.cfg
}

// rotate sets a new port, and the endpoints that were found for cfg; none leaves
// those as they are.
func (d *Devices) rotate(m *member, cfg *tunnel.Config, endpoints []netip.AddrPort) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.members[m.name] != m || m.cfg != cfg {
		return ErrStopped // or moved to another member meanwhile
	}
	var s settings
	if m.cfg.Interface.ListenPort == 0 {
		s.set("listen_port", "0")
	}
	for i, ep := range endpoints {
		if ep.IsValid() {
			s.peer(&m.cfg.Peers[i], true)
			s.set("endpoint", ep.String())
		}
	}
	if err := s.apply(m.dev); err != nil {
		return fmt.Errorf("rotate: %w", reason(err))
	}
	if m.cfg.Interface.ListenPort == 0 {
		return nil
	}
	if err := m.dev.BindUpdate(); err != nil {
		return fmt.Errorf("open socket: %w", reason(err))
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
