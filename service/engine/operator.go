package engine

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/tunnel"
)

// ErrUntestable says that no responder is known that a member could reach.
var ErrUntestable = errors.New("no responder is known to ask")

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
	// Compare asks, beside the session, at the device's endpoint and at that of
	// cfg, and fails unless only the latter answers.
	Compare(ctx context.Context, id tunnel.Name, cfg *tunnel.Config) error
	// Move takes the live device of a site to another member's endpoint.
	Move(ctx context.Context, from, to tunnel.Name, cfg *tunnel.Config) (time.Duration, error)
	Rebind(id tunnel.Name) error
	Rotate(ctx context.Context, id tunnel.Name) error
	Stop(id tunnel.Name) error
	// Close ends every device and the interface.
	Close() error

	// Ask sends one handshake question beside the member's session, and a round of
	// echoes to the responders behind its server. It returns at once.
	Ask(id tunnel.Name) error
	// Refresh has the member's device make a new session; it returns when the
	// initiation has left.
	Refresh(ctx context.Context, id tunnel.Name) error
	// Reach sends echoes through the member's device, active or not, to targets and
	// the responders that it knows, until one answers or ctx ends. ErrUntestable.
	Reach(ctx context.Context, id tunnel.Name, targets []netip.Addr) (netip.Addr, time.Duration, error)
	// Responders lists what has answered behind the member's server, best first.
	Responders(id tunnel.Name) []netip.Addr
	// Seek looks the member's endpoint up anew, and moves to where its server
	// answers. from and to are the same where it has not moved.
	Seek(ctx context.Context, id tunnel.Name) (from, to netip.AddrPort, err error)
	// Widest is the largest of these sizes of inner packets that comes back. 0: none.
	Widest(ctx context.Context, id tunnel.Name, sizes []int) (int, error)

	Counters(id tunnel.Name) (tunnel.Counters, error)
	Endpoint(id tunnel.Name) netip.AddrPort
	Watch(id tunnel.Name)
	Activity() <-chan struct{}
	Faults() <-chan Fault
	Settle()
}

// Fault is an interface that broke by itself, and all devices behind it.
type Fault struct {
	ID  tunnel.Name // the member that was active; "": none
	Err error
	// Stale says that the interface has been closed since. Nil: it has not.
	Stale func() bool
}

// Network is the system's side of the interface.
type Network interface {
	// Remember notes the name servers of the underlay, before the tunnel sets
	// its own, which are the exceptions.
	Remember(except ...netip.Addr)
	// Apply makes the system's addresses, routes and DNS those of the spec, as
	// one transaction.
	Apply(ctx context.Context, spec NetSpec) error
	// Seal leaves of it, or sets, only what keeps in what the guard carries, for
	// when there is no interface. The next Apply, Seal or Clear moves on from it.
	Seal(ctx context.Context, carry []netip.Prefix) error
	// Clear undoes all of it.
	Clear(ctx context.Context) error
}

// Guard is the kill switch.
type Guard interface {
	// Set makes the rules those of s, in one step, and reads them back. On an
	// error what was in force stays.
	Set(ctx context.Context, s guardset.Set) error
}

// NetSpec is what the system is to be set to while a member is active.
type NetSpec struct {
	Interface string
	MTU       int
	Addresses []netip.Prefix
	Routes    []netip.Prefix
	DNS       []netip.Addr
	Search    []string
	// FailClosed keeps in, beside the guard, what the interface loses, and all of
	// Carry.
	FailClosed bool
	Carry      []netip.Prefix
}

// The bounds of what the operator does.
const (
	// actWithin bounds one tunnel action, name look-ups included; after it the
	// action is given up and reported as failed.
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
//
// Locks are taken in this order: a site's, house, opening, mu. None but mu is
// ever waited for by the engine's loop, and mu is held for moments only.
type Operator struct {
	devices Devices
	network Network
	config  func(tunnel.Name) (*tunnel.Config, error)
	log     *slog.Logger

	senses Senses
	hosts  acquaintances
	guard  Guard // nil: there is none

	ctx      context.Context
	wake     chan struct{} // holds one signal: there are tasks
	reports  chan failover.Input
	news     chan News
	measured chan struct{} // holds one signal
	wg       sync.WaitGroup

	// sites has one lock a site: starting, promoting and stopping the devices
	// of its members exclude each other.
	sites keyed
	// house is held for reading while devices are started, promoted and
	// stopped, and for writing while everything is closed.
	house sync.RWMutex
	// opening is held while the interface is opened.
	opening sync.Mutex

	mu sync.Mutex
	// The following are guarded by mu.
	policy  failover.Policy
	set     guardset.Set // the guard's, as it was asked for last
	unset   error        // why it is not in force; nil: it is
	sealed  bool         // the network is
	tasks   []*task      // tunnel actions to be carried out, in their order
	current *task        // the one under way; nil: none
	iface   string       // the interface's name; "": it is not open
	active  tunnel.Name
	stands  map[tunnel.Name]*stand
	// session ends when everything is closed, and another one begins: probes
	// and waits that belong to what was closed end with it.
	session    context.Context
	endSession context.CancelFunc
}

// task is one tunnel action and what ends it early.
type task struct {
	failover.Action
	size   int          // narrow: the size that passes
	set    guardset.Set // shut
	ctx    context.Context
	giveUp context.CancelFunc
}

// NewOperator makes an operator. config finds the config of a member. It works
// until ctx ends and Wait returns.
func NewOperator(ctx context.Context, d Devices, n Network, config func(tunnel.Name) (*tunnel.Config, error), log *slog.Logger) *Operator {
	o := &Operator{
		devices: d, network: n, config: config, log: log, ctx: ctx,
		wake:     make(chan struct{}, 1),
		reports:  make(chan failover.Input, 64),
		news:     make(chan News, 16),
		measured: make(chan struct{}, 1),
		policy:   failover.DefaultPolicy(),
		stands:   map[tunnel.Name]*stand{},
	}
	o.session, o.endSession = context.WithCancel(ctx)
	o.wg.Go(o.work)
	return o
}

// Wait returns when everything the operator began has ended. ctx must have
// ended, and nothing may be asked of the operator any more.
func (o *Operator) Wait() { o.wg.Wait() }

// Do takes an action; see Hands. What an action means for its member is noted
// here and now, so that two of them count in the order in which they came.
func (o *Operator) Do(a failover.Action) {
	o.mu.Lock()
	defer o.mu.Unlock()
	session := o.session
	switch a.Do {
	case failover.Probe:
		o.standLocked(a.ID).wanted = true
		o.wg.Go(func() { o.probe(session, a.ID, a.Data) })
	case failover.Release:
		o.standLocked(a.ID).wanted = false
		o.wg.Go(func() { o.release(session, a.ID) })
	case failover.Start, failover.Switch, failover.Restart, failover.Stop:
		o.queueLocked(a, 0)
	}
}

// queueLocked puts a tunnel action behind those that wait. mu is held.
func (o *Operator) queueLocked(a failover.Action, size int) {
	o.enqueueLocked(&task{Action: a, size: size})
}

// enqueueLocked puts a task behind those that wait. mu is held.
func (o *Operator) enqueueLocked(t *task) {
	t.ctx, t.giveUp = context.WithCancel(o.ctx)
	o.tasks = append(o.tasks, t)
	signal(o.wake)
}

// Interrupt gives up the tunnel action under way and those that wait.
func (o *Operator) Interrupt() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.current != nil {
		o.current.giveUp()
	}
	for _, t := range o.tasks {
		t.giveUp()
	}
}

// Reports brings outcomes; see Hands.
func (o *Operator) Reports() <-chan failover.Input { return o.reports }

// Activity signals that the active device sent something after Watch.
func (o *Operator) Activity() <-chan struct{} { return o.devices.Activity() }

// Measured signals that Look has a round trip to tell that it had not before.
func (o *Operator) Measured() <-chan struct{} { return o.measured }

// Watch makes Activity signal once when the active device next sends.
func (o *Operator) Watch() { o.devices.Watch(o.currently()) }

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
	var rtt time.Duration
	if s := o.stands[id]; s != nil {
		rtt = s.rtt
	}
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

// currently is the active member. "": none.
func (o *Operator) currently() tunnel.Name {
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
			o.finish()
			return
		case <-o.wake:
			for t := o.next(); t != nil; t = o.next() {
				o.act(t)
			}
		case f := <-o.devices.Faults():
			o.fault(f)
		}
	}
}

// finish closes everything. What was asked of the guard last is still done: it
// stays in force when nobody is left to ask. What opens waits for the tunnel's end.
func (o *Operator) finish() {
	last := o.lastSet()
	if last != nil && last.Shut() {
		o.setGuard(*last)
	}
	if err := o.closeAll(); err != nil {
		o.log.Error("close at the end", "err", err)
	}
	if last != nil && !last.Shut() {
		o.setGuard(*last)
	}
}

// lastSet is the set of the guard that was asked for last, where it waits still.
func (o *Operator) lastSet() *guardset.Set {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range slices.Backward(o.tasks) {
		if t.Do == shut {
			return &t.set
		}
	}
	return nil
}

// next takes the next task. Nil: there is none.
func (o *Operator) next() *task {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.current = nil
	if len(o.tasks) > 0 && o.ctx.Err() == nil {
		o.current = o.tasks[0] // on its own: Delete clears the place it was in
		o.tasks = slices.Delete(o.tasks, 0, 1)
	}
	return o.current
}

// signal puts one signal into a channel that has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
