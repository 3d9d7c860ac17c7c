package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// Devices run WireGuard behind one interface.
type Devices interface {
	// Open creates the interface and returns the name the system gave it.
	Open(mtu int) (iface string, err error)
	// Start brings up a standby device for the member and sends a first
	// handshake initiation. keepalive replaces the config's where it is not
	// negative.
	Start(ctx context.Context, id tunnel.Name, cfg *tunnel.Config, keepalive int) error
	// Promote lets the member's device read from the interface.
	Promote(id tunnel.Name) error
	// Probe asks the member's device for a round trip until ctx ends.
	Probe(ctx context.Context, id tunnel.Name) (time.Duration, error)
	// Move takes the live device of a site to another member's endpoint.
	Move(ctx context.Context, from, to tunnel.Name, cfg *tunnel.Config) (time.Duration, error)
	Rebind(id tunnel.Name) error
	Rotate(ctx context.Context, id tunnel.Name) error
	Stop(id tunnel.Name) error
	// Close ends every device and the interface.
	Close() error

	Counters(id tunnel.Name) (tunnel.Counters, error)
	Endpoint(id tunnel.Name) netip.AddrPort
	Watch(id tunnel.Name)
	Activity() <-chan struct{}
	Faults() <-chan Fault
	Settle()
}

// Fault is a device or interface that broke by itself.
type Fault struct {
	ID  tunnel.Name
	Err error
}

// Network is the system's side of the interface.
type Network interface {
	// Remember notes the name servers of the underlay, before the tunnel sets
	// its own, which are the exceptions.
	Remember(except ...netip.Addr)
	// Apply makes the system's addresses, routes and DNS those of the spec, as
	// one transaction.
	Apply(ctx context.Context, spec NetSpec) error
	// Clear undoes all of it.
	Clear(ctx context.Context) error
}

// NetSpec is what the system is to be set to while a member is active.
type NetSpec struct {
	Interface string
	MTU       int
	Addresses []netip.Prefix
	Routes    []netip.Prefix
	DNS       []netip.Addr
	Search    []string
}

// The bounds of what the operator does.
const (
	// actWithin bounds one tunnel action, name look-ups included.
	actWithin = 20 * time.Second
	// answerWithin is how long a probed member may take to answer: long enough
	// for two lost initiations and a satellite's round trip.
	answerWithin = 5 * time.Second
	// lingerFor keeps a device that was just left for the packets still on
	// their way to it.
	lingerFor = 3 * time.Second
)

// Operator carries out actions on the real devices and the real system, one
// tunnel action at a time and in order; probes run beside them. It decides
// nothing: what came of an action is reported as the next input.
type Operator struct {
	devices Devices
	network Network
	config  func(tunnel.Name) (*tunnel.Config, error)
	log     *slog.Logger

	ctx     context.Context
	actions chan failover.Action
	reports chan failover.Input
	wg      sync.WaitGroup

	mu sync.Mutex
	// policy, active and the following are guarded by mu.
	policy  failover.Policy
	active  tunnel.Name
	running map[tunnel.Name]bool // devices that are up, the active one's included
	probing map[tunnel.Name]context.CancelFunc
	leftAt  map[tunnel.Name]time.Time // when a device was last the active one
	rtts    map[tunnel.Name]time.Duration
	giveUp  context.CancelFunc // ends the action under way; nil: none

	// devicesOf has one lock a member: starting, promoting and stopping its
	// device exclude each other. It is never taken while mu is held.
	devicesOf keyed

	// iface belongs to the goroutine that carries out actions.
	iface string
}

// NewOperator makes an operator. config finds the config of a member. It works
// until ctx ends and Wait returns.
func NewOperator(ctx context.Context, d Devices, n Network, config func(tunnel.Name) (*tunnel.Config, error), log *slog.Logger) *Operator {
	o := &Operator{
		devices: d, network: n, config: config, log: log, ctx: ctx,
		actions: make(chan failover.Action, 16),
		reports: make(chan failover.Input, 64),
		policy:  failover.DefaultPolicy(),
		running: map[tunnel.Name]bool{},
		probing: map[tunnel.Name]context.CancelFunc{},
		leftAt:  map[tunnel.Name]time.Time{},
		rtts:    map[tunnel.Name]time.Duration{},
	}
	o.wg.Go(o.work)
	return o
}

// Wait returns when everything the operator began has ended.
func (o *Operator) Wait() { o.wg.Wait() }

// Do takes an action; see Hands.
func (o *Operator) Do(a failover.Action) {
	switch a.Do {
	case failover.Probe:
		o.wg.Go(func() { o.probe(a.ID) })
	case failover.Release:
		o.wg.Go(func() { o.release(a.ID) })
	case failover.Start, failover.Switch, failover.Restart, failover.Stop:
		select {
		case o.actions <- a:
		case <-o.ctx.Done():
		}
	}
}

// Interrupt gives up the action under way.
func (o *Operator) Interrupt() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.giveUp != nil {
		o.giveUp()
	}
}

// Reports brings outcomes; see Hands.
func (o *Operator) Reports() <-chan failover.Input { return o.reports }

// Activity signals that the active device sent something after Watch.
func (o *Operator) Activity() <-chan struct{} { return o.devices.Activity() }

// Watch makes Activity signal once when the active device next sends.
func (o *Operator) Watch() { o.devices.Watch(o.current()) }

// Settle frees memory that a load has left behind.
func (o *Operator) Settle() { o.wg.Go(o.devices.Settle) }

// Configure brings the policy that new devices follow.
func (o *Operator) Configure(p failover.Policy) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.policy = p
}

// errNoActive says that no device is active; the engine then has nothing to read.
var errNoActive = errors.New("no device is active")

// Look reads the counters of the active device.
func (o *Operator) Look() (Reading, error) {
	o.mu.Lock()
	id := o.active
	rtt := o.rtts[id]
	o.mu.Unlock()
	if id == "" {
		return Reading{}, errNoActive
	}
	c, err := o.devices.Counters(id)
	if err != nil {
		return Reading{}, err
	}
	r := Reading{Counters: c, RTT: rtt}
	if ep := o.devices.Endpoint(id); ep.IsValid() {
		r.Endpoint = ep.String()
	}
	return r, nil
}

func (o *Operator) current() tunnel.Name {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.active
}

// report hands an outcome to the engine.
func (o *Operator) report(in failover.Input) {
	select {
	case o.reports <- in:
	case <-o.ctx.Done():
	}
}

// work carries out tunnel actions in order until ctx ends.
func (o *Operator) work() {
	for {
		select {
		case <-o.ctx.Done():
			o.closeAll()
			return
		case a := <-o.actions:
			o.act(a)
		case f := <-o.devices.Faults():
			o.fault(f)
		}
	}
}

// act carries out one tunnel action within its bound and reports the outcome.
func (o *Operator) act(a failover.Action) {
	ctx, cancel := context.WithTimeout(o.ctx, actWithin)
	defer cancel()
	o.mu.Lock()
	o.giveUp = cancel
	o.mu.Unlock()
	began := time.Now()
	in := o.carryOut(ctx, a)
	o.mu.Lock()
	o.giveUp = nil
	o.mu.Unlock()
	o.log.Debug("carried out", "do", string(a.Do), "tunnel", string(a.ID), "took", time.Since(began))
	o.report(in)
}

// carryOut does one tunnel action and returns what came of it.
func (o *Operator) carryOut(ctx context.Context, a failover.Action) failover.Input {
	switch a.Do {
	case failover.Start:
		if err := o.start(ctx, a.ID); err != nil {
			o.closeAll()
			return failover.Changed{ID: a.ID, State: tunnel.Down, Err: err}
		}
		return failover.Changed{ID: a.ID, State: tunnel.Up}
	case failover.Switch:
		return failover.Switched{From: a.From, To: a.ID, Err: o.switchTo(ctx, a.From, a.ID)}
	case failover.Restart:
		if err := o.restart(ctx, a.ID, a.Rung); err != nil {
			o.closeAll()
			return failover.Changed{ID: a.ID, State: tunnel.Down, Err: err}
		}
		return failover.Changed{ID: a.ID, State: tunnel.Up}
	default:
		return failover.Changed{ID: a.ID, State: tunnel.Down, Err: o.closeAll()}
	}
}

// start opens the interface and makes id the active member on it.
func (o *Operator) start(ctx context.Context, id tunnel.Name) error {
	cfg, err := o.config(id)
	if err != nil {
		return err
	}
	o.network.Remember(cfg.Interface.DNS...)
	spec := o.spec(cfg)
	if o.iface, err = o.devices.Open(spec.MTU); err != nil {
		return fmt.Errorf("open interface: %w", err)
	}
	return o.bringUp(ctx, id, cfg)
}

// bringUp starts a device for id on the open interface and makes it active.
func (o *Operator) bringUp(ctx context.Context, id tunnel.Name, cfg *tunnel.Config) error {
	defer o.devicesOf.lock(id)()
	if err := o.stand(ctx, id, cfg); err != nil {
		return err
	}
	if err := o.network.Apply(ctx, o.spec(cfg)); err != nil {
		return fmt.Errorf("set up network: %w", err)
	}
	if err := o.devices.Promote(id); err != nil {
		return fmt.Errorf("promote %s: %w", id, err)
	}
	o.became(id)
	return nil
}

// stand makes sure that id has a device. The caller holds its lock.
func (o *Operator) stand(ctx context.Context, id tunnel.Name, cfg *tunnel.Config) error {
	o.mu.Lock()
	keepalive := o.policy.KeepaliveOverride
	o.mu.Unlock()
	if err := o.devices.Start(ctx, id, cfg, keepalive); err != nil {
		return fmt.Errorf("start %s: %w", id, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running[id] = true
	return nil
}

// became notes that id is the active member.
func (o *Operator) became(id tunnel.Name) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.active != "" && o.active != id {
		o.leftAt[o.active] = time.Now()
	}
	o.active = id
}

// switchTo makes to the active member in place of from. The system's side is
// changed first, so that nothing ever leaves with the wrong address.
func (o *Operator) switchTo(ctx context.Context, from, to tunnel.Name) error {
	cfg, err := o.config(to)
	if err != nil {
		return err
	}
	was, err := o.config(from)
	if err == nil && was.Site() == cfg.Site() {
		return o.move(ctx, from, to, cfg)
	}
	defer o.devicesOf.lock(to)()
	if err := o.stand(ctx, to, cfg); err != nil {
		return err
	}
	if err := o.network.Apply(ctx, o.spec(cfg)); err != nil {
		return fmt.Errorf("set up network: %w", err)
	}
	if err := o.devices.Promote(to); err != nil {
		if was != nil {
			err = errors.Join(err, o.network.Apply(ctx, o.spec(was)))
		}
		return fmt.Errorf("promote %s: %w", to, err)
	}
	o.became(to)
	return nil
}

// move takes the live device to the endpoint of another member of its site.
func (o *Operator) move(ctx context.Context, from, to tunnel.Name, cfg *tunnel.Config) error {
	rtt, err := o.devices.Move(ctx, from, to, cfg)
	if err != nil {
		return fmt.Errorf("move to %s: %w", to, err)
	}
	o.mu.Lock()
	delete(o.running, from)
	o.running[to], o.active, o.rtts[to] = true, to, rtt
	o.mu.Unlock()
	return o.network.Apply(ctx, o.spec(cfg))
}

// restart rebuilds the active member as far as the rung says.
func (o *Operator) restart(ctx context.Context, id tunnel.Name, rung failover.Rung) error {
	if o.current() == "" {
		return o.start(ctx, id)
	}
	cfg, err := o.config(id)
	if err != nil {
		return err
	}
	o.network.Remember(cfg.Interface.DNS...)
	switch rung {
	case failover.Rebind:
		return o.devices.Rebind(id)
	case failover.Rotate:
		return o.devices.Rotate(ctx, id)
	case failover.Renew:
		if err := o.devices.Stop(id); err != nil {
			return fmt.Errorf("stop %s: %w", id, err)
		}
		return o.bringUp(ctx, id, cfg)
	default:
		if err := o.closeAll(); err != nil {
			o.log.Warn("close before reopening", "err", err)
		}
		return o.start(ctx, id)
	}
}

// clearWithin bounds the undoing of what was set up, which goes on when
// everything else has been given up.
const clearWithin = 5 * time.Second

// closeAll undoes everything: probes, the system's side, devices, interface.
func (o *Operator) closeAll() error {
	o.mu.Lock()
	for _, stop := range o.probing {
		stop()
	}
	o.active = ""
	clear(o.running)
	clear(o.leftAt)
	o.mu.Unlock()
	o.iface = ""
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), clearWithin)
	defer cancel()
	return errors.Join(o.network.Clear(ctx), o.devices.Close())
}

// fault tidies up after a device or interface that broke by itself. One that
// is not the active member's is started anew when it is next asked.
func (o *Operator) fault(f Fault) {
	if o.current() == "" {
		return // it was closed meanwhile, by us
	}
	o.log.Warn("device broke", "tunnel", string(f.ID), "err", f.Err)
	if f.ID != o.current() {
		o.drop(f.ID)
		return
	}
	err := errors.Join(f.Err, o.closeAll())
	o.report(failover.Changed{ID: f.ID, State: tunnel.Down, Err: err})
}

// spec says what the system is to be set to for a config.
func (o *Operator) spec(cfg *tunnel.Config) NetSpec {
	o.mu.Lock()
	mtu := o.policy.MTU
	o.mu.Unlock()
	if cfg.Interface.MTU != 0 {
		mtu = cfg.Interface.MTU
	}
	return NetSpec{Interface: o.iface, MTU: mtu, Addresses: cfg.Interface.Addresses, Routes: cfg.Routes(),
		DNS: cfg.Interface.DNS, Search: cfg.Interface.Search}
}
