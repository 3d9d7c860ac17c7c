package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"holdfast/service/engine"
	"holdfast/service/failover"
	"holdfast/service/tunnel"
	"holdfast/service/wg"
)

// devices fits wg to what the engine's operator needs.
type devices struct {
	*wg.Devices
	iface  string
	own    *own
	warm   func() bool
	faults chan engine.Fault
	log    *slog.Logger
}

// devices makes the WireGuard side. Its faults are passed on until ctx ends.
func (d *Daemon) devices(ctx context.Context) *devices {
	opt := wg.Options{Resolve: d.network.Lookup, Initiate: d.initiate, Log: d.log}
	if d.opt.Userspace {
		opt.OpenTUN = d.inside.open
	} else {
		opt.Mark, opt.Permit = mark, d.permit()
	}
	v := &devices{
		Devices: wg.New(opt), iface: d.opt.Interface, own: d.own, log: d.log, faults: make(chan engine.Fault),
		warm: func() bool { return d.library.Policy().Standby == failover.Warm },
	}
	d.running.Store(v)
	d.clock.resume, d.clock.server = v.ask, v.Devices
	d.wg.Go(func() { v.passOn(ctx) })
	return v
}

// passOn hands on what broke.
func (v *devices) passOn(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-v.Devices.Faults():
			select {
			case v.faults <- engine.Fault{ID: f.Name, Err: f.Err, Stale: func() bool { return v.Stale(f) }}:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (v *devices) Open(mtu int) (string, error) {
	name, err := v.Devices.Open(v.iface, mtu)
	if err == nil {
		v.own.named(name)
	}
	return name, err
}

func (v *devices) Start(ctx context.Context, id tunnel.Name, cfg *tunnel.Config, keepalive int) error {
	return v.Devices.Start(ctx, id, cfg, wg.StartOptions{Keepalive: keepalive, Warm: v.warm()})
}

// Rotate moves to another port and resolves the endpoint anew. A name that
// cannot be found now has left the rest done, and the device where it was.
func (v *devices) Rotate(ctx context.Context, id tunnel.Name) error {
	err := v.Devices.Rotate(ctx, id)
	if errors.Is(err, wg.ErrResolve) {
		v.log.Warn("the endpoint stays as it was", "tunnel", string(id), "err", err)
		return nil
	}
	return err
}

// toward is where the active member's server is. The zero Addr: there is none.
func (d *Daemon) toward() netip.Addr {
	v := d.running.Load()
	if v == nil {
		return netip.Addr{}
	}
	return v.Endpoint(v.Active()).Addr()
}

// moved has the devices look anew for the interfaces that lead to their servers.
func (d *Daemon) moved() {
	if v := d.running.Load(); v != nil {
		v.Reroute()
	}
}

// initiate is asked before each handshake initiation, a moment at which the machine
// may have woken and nothing told of it.
func (d *Daemon) initiate(stamp time.Time) bool {
	if d.watcher != nil {
		d.watcher.Look()
	}
	return d.clock.initiate(stamp)
}

// ask has the active device ask for a handshake now.
func (v *devices) ask() {
	if err := v.Rebind(v.Active()); err != nil && !errors.Is(err, wg.ErrNoDevice) {
		v.log.Warn("ask for the handshake that was held back", "err", err)
	}
}

// Reach has a member's device prove that it carries data.
func (v *devices) Reach(ctx context.Context, id tunnel.Name, targets []netip.Addr) (netip.Addr, time.Duration, error) {
	at, rtt, err := v.Devices.Reach(ctx, id, targets)
	if errors.Is(err, wg.ErrNoResponder) {
		err = engine.ErrUntestable
	}
	return at, rtt, err
}

// Watch arms the tap; a device that is gone has nothing to tell.
func (v *devices) Watch(id tunnel.Name) { _ = v.Arm(id) }

func (v *devices) Faults() <-chan engine.Fault { return v.faults }

func (v *devices) Settle() { v.Trim() }
