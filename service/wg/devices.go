package wg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/tun"

	"holdfast/service/tunnel"
)

// DefaultMTU is the MTU of an interface that is opened with MTU 0.
const DefaultMTU = 1420

// Options are what Devices need from outside.
type Options struct {
	// Mark is the SO_MARK of every UDP socket, so that it bypasses the tunnel's
	// routes. Where the system has no marks, each is bound to the interface below
	// the tunnel that leads to its destination. 0: neither.
	Mark uint32
	// OpenTUN creates the interface. nil: the system's TUN.
	OpenTUN func(name string, mtu int) (tun.Device, error)
	// NewBind makes the UDP side of one device. nil: the system's sockets.
	NewBind func() conn.Bind
	// Resolve finds the addresses of an endpoint's name, outside the tunnel,
	// best first. nil: the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Initiate is asked before every handshake initiation, with the moment by
	// which it is dated, and notes that it leaves. Where it says no, the
	// initiation is withheld. It must return at once. nil: all may leave.
	Initiate func(stamp time.Time) bool
	// Permit lets our own datagrams pass the guard to exactly one address until
	// done is called. It is called before the first one leaves to a place, not
	// for each, and must return at once. nil: there is no guard.
	Permit func(network string, to netip.AddrPort) (done func())
	// Log takes the lines of the package. nil: none.
	Log *slog.Logger
}

// StartOptions say how a device is to run.
type StartOptions struct {
	// Keepalive is the persistent keepalive in seconds; 0: off; negative: the
	// config's. It applies while the device is active.
	Keepalive int
	// Warm keeps the session of a standby alive, with the same keepalive or one
	// of 25 s. A standby that is not warm sends nothing by itself.
	Warm bool
}

// Devices is one interface and the devices behind it. All methods may be called
// from any goroutine.
//
// Two rules for locks. mu protects everything below it. It is held while devices
// are built, switched and closed, which takes milliseconds, and never while the
// network is waited for; what waits holds a member and is told by the member's
// done channel that it was stopped. opening is taken before it, and held while the
// interface is created, which may take seconds, or closed.
type Devices struct {
	opts     Options
	log      *slog.Logger
	activity chan struct{}
	faults   chan Fault
	own      atomic.Pointer[string] // the interface's name. nil: none was opened yet

	opening sync.Mutex

	mu      sync.Mutex
	sw      *tunSwitch // nil: the interface is not open
	members map[tunnel.Name]*member
	active  *member // nil: none
	// left is when each site may be sent an initiation again after a device
	// that is gone.
	left map[tunnel.Site]int64
	// learned is what is known of the inside of each tunnel.
	learned map[tunnel.Name]*responders

	foundMu sync.Mutex
	found   map[string][]netip.Addr // the last answer for each endpoint's name
}

// New returns Devices without an interface.
func New(o Options) *Devices {
	d := &Devices{
		activity: make(chan struct{}, 1),
		faults:   make(chan Fault, 4),
		members:  map[tunnel.Name]*member{},
		left:     map[tunnel.Site]int64{},
		found:    map[string][]netip.Addr{},
		learned:  map[tunnel.Name]*responders{},
	}
	if o.OpenTUN == nil {
		o.OpenTUN = openTUN
	}
	if o.NewBind == nil {
		o.NewBind = d.newBind
	}
	if o.Resolve == nil {
		o.Resolve = lookup
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d.opts, d.log = o, o.Log
	return d
}

// Open creates the interface and returns the name the system gave it. mtu 0 is
// DefaultMTU. Nothing reads from the interface before Promote. ErrOpen: it is open.
func (d *Devices) Open(name string, mtu int) (string, error) {
	d.opening.Lock()
	defer d.opening.Unlock()
	if d.isOpen() {
		return "", ErrOpen
	}
	if mtu == 0 {
		mtu = DefaultMTU
	}
	real, err := d.opts.OpenTUN(name, mtu)
	if err != nil {
		return "", fmt.Errorf("open interface: %w", err)
	}
	actual, err := real.Name()
	if err != nil {
		return "", errors.Join(fmt.Errorf("open interface: %w", err), real.Close())
	}
	d.own.Store(&actual)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sw = newSwitch(real, d.fault)
	return actual, nil
}

func (d *Devices) isOpen() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sw != nil
}

// Start runs a device for cfg as a standby: its socket is open, and a first
// handshake initiation has been sent. For a name that runs with an equal config
// it only takes the options over. cfg must not be changed afterwards.
//
// Errors: ErrNotOpen, ErrRunning, ErrSiteInUse, ErrResolve (as *ResolveError), and
// the system's when the socket cannot be opened.
func (d *Devices) Start(ctx context.Context, name tunnel.Name, cfg *tunnel.Config, o StartOptions) error {
	sw, err := d.startAgain(name, cfg, o)
	if sw == nil || err != nil {
		return err
	}
	endpoints, err := d.resolve(ctx, cfg, netip.Addr{})
	if err != nil {
		return err
	}
	if err := d.keepDistance(ctx, cfg.Site()); err != nil {
		return err
	}
	m, err := d.startNew(sw, name, cfg, o, endpoints)
	if err != nil || m == nil {
		return err
	}
	m.greet(d.log)
	return nil
}

// startAgain answers a Start for a name that runs already (nil, nil); otherwise
// it returns the switch of the interface that the device is for.
func (d *Devices) startAgain(name tunnel.Name, cfg *tunnel.Config, o StartOptions) (*tunSwitch, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sw == nil {
		return nil, ErrNotOpen
	}
	m := d.members[name]
	if m == nil {
		return d.sw, d.siteFreeLocked(cfg.Site())
	}
	if !reflect.DeepEqual(m.cfg, cfg) {
		return nil, ErrRunning
	}
	m.start = o
	return nil, d.applyKeepaliveLocked(m)
}

// startNew builds the device, unless another call was quicker (nil, nil). An
// interface that was closed meanwhile, and perhaps opened again, is not open.
func (d *Devices) startNew(sw *tunSwitch, name tunnel.Name, cfg *tunnel.Config, o StartOptions, endpoints []netip.AddrPort) (*member, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sw != sw {
		return nil, ErrNotOpen
	}
	if m := d.members[name]; m != nil {
		if !reflect.DeepEqual(m.cfg, cfg) {
			return nil, ErrRunning
		}
		return nil, nil
	}
	if err := d.siteFreeLocked(cfg.Site()); err != nil {
		return nil, err
	}
	m, err := d.newMember(sw, name, cfg, o, endpoints)
	if err != nil {
		return nil, err
	}
	d.members[name] = m
	return m, nil
}

func (d *Devices) siteFreeLocked(site tunnel.Site) error {
	for _, m := range d.members {
		if m.site == site {
			return ErrSiteInUse
		}
	}
	return nil
}

// keepDistance waits until a new device may send its first initiation to a
// site that a device has just left: blindSpacing at most.
func (d *Devices) keepDistance(ctx context.Context, site tunnel.Site) error {
	d.mu.Lock()
	free := d.left[site]
	delete(d.left, site)
	d.mu.Unlock()
	return awaitSpacing(ctx, nil, free)
}

// Promote makes a running device the active one: it reads from the interface
// from now on. The former one becomes a standby with its session, and may
// deliver what is under way for two more seconds. ErrNoDevice, ErrNotOpen,
// ErrInterfaceGone.
func (d *Devices) Promote(name tunnel.Name) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sw == nil {
		return ErrNotOpen
	}
	m := d.members[name]
	if m == nil {
		return ErrNoDevice
	}
	if d.active == m {
		return nil
	}
	if err := d.sw.promote(m.port); err != nil {
		return err
	}
	old := d.active
	d.active = m
	m.port.greetInside()
	if old != nil {
		old.tap.armed.Store(false)
	}
	return errors.Join(d.applyKeepaliveLocked(m), d.applyKeepaliveLocked(old))
}

// applyKeepaliveLocked sets the keepalive that fits the part m has now. m may
// be nil. d.mu is held.
func (d *Devices) applyKeepaliveLocked(m *member) error {
	if m == nil {
		return nil
	}
	interval := m.start.keepalive(m == d.active)
	var s settings
	for i := range m.cfg.Peers {
		p := &m.cfg.Peers[i]
		s.peer(p, true)
		s.set("persistent_keepalive_interval", fmt.Sprint(interval(p)))
	}
	if err := s.apply(m.dev); err != nil {
		return fmt.Errorf("set keepalive: %w", err)
	}
	return nil
}

// Active is the name of the device that reads from the interface. "": none.
func (d *Devices) Active() tunnel.Name {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.active == nil {
		return ""
	}
	return d.active.name
}

// Running lists the devices, in no order.
func (d *Devices) Running() []tunnel.Name {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := make([]tunnel.Name, 0, len(d.members))
	for name := range d.members {
		names = append(names, name)
	}
	return names
}

// Stop ends a device, its session and whatever waits for it. The interface
// stays; where the device was the active one, nothing reads until another is
// promoted. ErrNoDevice.
func (d *Devices) Stop(name tunnel.Name) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.members[name]
	if m == nil {
		return ErrNoDevice
	}
	d.dropLocked(m)
	m.close()
	return nil
}

// dropLocked forgets m, which its caller must then close. d.mu is held.
func (d *Devices) dropLocked(m *member) {
	delete(d.members, m.name)
	if d.active == m {
		d.active = nil
	}
	if free := m.tap.freeAt(); free != 0 {
		d.left[m.site] = free
	}
}

// Close ends every device, then the interface. Whatever waits returns. Without
// an interface it does nothing; one that is being created is waited for. The
// Devices may be opened again.
func (d *Devices) Close() error {
	d.opening.Lock()
	defer d.opening.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sw == nil {
		return nil
	}
	var closing sync.WaitGroup
	for _, m := range d.members {
		d.dropLocked(m)
		closing.Go(m.close)
	}
	closing.Wait()
	sw := d.sw
	d.sw = nil
	return sw.close()
}

// member finds a running device. ErrNoDevice.
func (d *Devices) member(name tunnel.Name) (*member, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.members[name]; m != nil {
		return m, nil
	}
	return nil, ErrNoDevice
}
