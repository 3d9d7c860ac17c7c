package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/build/version"
	"holdfast/service/clock"
	"holdfast/service/control"
	"holdfast/service/engine"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/guard"
	"holdfast/service/guardset"
	"holdfast/service/library"
	"holdfast/service/netwatch"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/store"
	"holdfast/web"
)

// Options say where a service keeps its things and what it runs on.
type Options struct {
	ConfigDir string // tunnels and holdfast.toml
	StateDir  string // history and wish
	Socket    string // where callers reach it
	// Userspace runs the tunnels on an interface inside this process: without
	// privileges, and without touching the system.
	Userspace bool
	// Interface is the name of the system's interface, or what it is to begin with
	// where the system gives it. "": DefaultInterface.
	Interface string
	// Underlay tells of the network below. Nil: the system's is watched.
	Underlay <-chan failover.Input
	// Clock reads the machine's clocks. Nil: the system's are read.
	Clock func() clock.Reading
	// Jumps tells that the wall clock was set. Nil: the system does.
	Jumps <-chan struct{}
	// Log gets what the service says. Nil: slog.Default.
	Log *slog.Logger
}

// DefaultInterface is the name of the interface where Options give none.
const DefaultInterface = "holdfast0"

// mark is the firewall mark of every UDP socket of ours, by which the rules of
// a full tunnel let it pass below the tunnel.
const mark = 0x6866

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = netwatch.ReadClock
	}
	if o.Interface == "" {
		o.Interface = DefaultInterface
	}
	return o
}

// Daemon is a service that has been put together. Make it with Open, Run it
// once; it closes itself at the end of Run.
type Daemon struct {
	opt     Options
	log     *slog.Logger
	library *library.Library
	store   *store.Store
	network network
	own     *own         // the tunnel's interface
	guard   *guard.Guard // nil: there is none
	inside  *Inside      // nil: the interface is the system's
	clock   *timekeeper
	running atomic.Pointer[devices] // nil: there are none yet
	watcher *netwatch.Watcher       // nil: others tell of the network
	engine  *engine.Engine
	hands   *engine.Operator
	hub     *web.Hub
	ring    *ring
	wish    status.Wish
	// wishUnknown says that there was a wish, and that it cannot be read.
	wishUnknown bool
	// stopHands ends the operator, after the engine.
	stopHands context.CancelFunc
	release   func() // gives the network back to other services; nil: it was not taken
	door      *door
	found     []event.Event      // what was found wrong at the start, for a person to see
	problems  problems           // of the configuration, as they were told last
	refusals  chan event.Event   // to be recorded
	stop      context.CancelFunc // ends what watches
	wg        sync.WaitGroup     // counts what stop ends
}

// Open puts a service together: it reads what is on disk, cleans up after a
// run that was killed, and listens. Nothing is brought up before Run.
// Its errors are *StageError.
func Open(ctx context.Context, opt Options) (*Daemon, error) {
	d := &Daemon{opt: opt.withDefaults(), ring: newRing(), hub: web.NewHub(), refusals: make(chan event.Event, mostRefusals)}
	d.own = newOwn(d.opt.Interface)
	d.log = slog.New(newHandler(d.opt.Log.Handler(), d.ring))
	ctx, d.stop = context.WithCancel(ctx)
	for _, s := range []struct {
		stage Stage
		do    func(context.Context) error
	}{
		{OpenLibrary, d.openLibrary},
		{OpenStore, d.openStore},
		{LoadWish, d.loadWish},
		{CleanUp, d.cleanUp},
		{WatchNet, d.watch},
		{OpenSocket, d.listen},
	} {
		if err := s.do(ctx); err != nil {
			d.close()
			return nil, &StageError{Stage: s.stage, Err: err, Advice: advice(s.stage, err)}
		}
	}
	return d, nil
}

func (d *Daemon) openLibrary(context.Context) (err error) {
	d.library, err = library.Open(d.opt.ConfigDir)
	if err != nil {
		return err
	}
	d.found = append(d.found, d.problems.news(d.library.Problems())...)
	return nil
}

func (d *Daemon) openStore(ctx context.Context) (err error) {
	d.store, err = store.Open(ctx, store.Options{Dir: d.opt.StateDir, Log: d.log, Committed: d.hub.Publish})
	if err != nil {
		return err
	}
	d.found = append(d.found, historyNews(d.store.Report())...)
	d.clock = newTimekeeper(ctx, version.Built, d.opt.Clock, d.store, d.log)
	return nil
}

// loadWish reads what the person last asked for. A wish that cannot be read is
// not guessed: the service starts without a tunnel, with the guard shut, and says
// so.
func (d *Daemon) loadWish(context.Context) (err error) {
	d.wish, err = d.store.LoadWish()
	if errors.Is(err, store.ErrWishDamaged) {
		d.log.Error("the wish cannot be read; connect again", "err", err)
		d.found = append(d.found, opened(event.CodeWishDamaged, err.Error()))
		d.wish, d.wishUnknown, err = status.Wish{}, true, nil
	}
	return err
}

// cleanUp removes what a killed process left in the system, unless a tunnel
// takes it over in a moment: then nothing opens meanwhile.
func (d *Daemon) cleanUp(ctx context.Context) error {
	d.openNetwork()
	release, err := d.network.Claim()
	if err != nil {
		return err
	}
	d.release = release
	if d.follows() || d.staysShut() {
		return nil
	}
	return d.network.Recover(ctx)
}

// follows says that a tunnel is wished for, and that it is there.
func (d *Daemon) follows() bool {
	if !d.wish.On {
		return false
	}
	_, err := d.library.Resolve(d.wish.Target)
	return err == nil
}

// watch puts the engine together and, unless it is told of the network by
// others, watches the system's.
func (d *Daemon) watch(ctx context.Context) error {
	underlay := d.opt.Underlay
	if underlay == nil {
		w, err := netwatch.Watch(ctx, netwatch.Options{Log: d.log, Clock: d.opt.Clock, Jumps: d.opt.Jumps, Jumped: d.clock.poke,
			Toward: d.toward, Mark: mark, Moved: d.moved,
			Ignore: d.own.has})
		if err != nil {
			return err
		}
		underlay, d.watcher = w.Inputs(), w
	}
	handsCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stopHands = stop
	d.hands = engine.NewOperator(handsCtx, d.devices(handsCtx), d.network, d.library.Tunnel, d.log)
	d.hands.Equip(d.senses())
	if d.guard != nil {
		d.hands.EquipGuard(d.guard)
	}
	stale, err := d.store.OpenNotices(ctx)
	if err != nil {
		d.log.Warn("read the notices of the last run", "err", err)
	}
	d.engine = engine.New(engine.Options{
		Policy: d.library.Policy(), Hands: d.hands, Journal: journal{d.store}, SaveWish: d.store.SaveWish,
		Guarded: d.guard != nil, WishUnknown: d.wishUnknown,
		Scope:   func(target, active tunnel.Name) guardset.Scope { return scopeOf(d.library, target, active) },
		Members: d.library.Resolve, Underlay: underlay, FirstEventID: d.store.LastEventID() + 1, Stale: stale, Log: d.log,
	}, d.wish)
	d.clock.record = d.engine.Record
	d.wg.Go(func() { d.clock.run(ctx) })
	return nil
}

func (d *Daemon) listen(ctx context.Context) error {
	l, err := control.Listen(d.opt.Socket, control.Options{Log: d.log, Refusal: web.Busy()})
	if err != nil {
		return err
	}
	done := make(chan struct{})
	d.door = newDoor(l, d.api(done), done, d.log)
	return nil
}

// Run serves until ctx ends, then takes the tunnel down and keeps the wish.
// ready is called when callers are answered.
func (d *Daemon) Run(ctx context.Context, ready func()) error {
	defer d.close()
	ended := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { ended <- d.engine.Run(ctx) })
	wg.Go(d.door.serve)
	wg.Go(func() { d.keepNetwork(ctx) })
	if d.guard != nil {
		wg.Go(func() { d.keepGuard(ctx) })
	}
	wg.Go(func() { d.recordRefusals(ctx) })
	if err := d.engine.Record(ctx, d.found...); err != nil && ctx.Err() == nil {
		d.log.Error("record what was found at the start", "err", err)
	}
	ready()
	err := <-ended
	d.door.close()
	wg.Wait()
	return err
}

// Connect wishes for a target, as a caller on the socket would.
func (d *Daemon) Connect(ctx context.Context, target tunnel.Name) error {
	return d.engine.Connect(ctx, target)
}

// Alive says whether the service still does its work, within a few seconds.
func (d *Daemon) Alive() bool {
	ctx, cancel := context.WithTimeout(context.Background(), aliveWithin)
	defer cancel()
	return d.engine.Alive(ctx)
}

// aliveWithin is far longer than the engine takes to answer, however busy the
// machine; after it the service counts as stuck.
const aliveWithin = 5 * time.Second

// Status is the picture of now.
func (d *Daemon) Status() status.Status { return d.engine.Status() }

// Follow returns a channel of events as they happen, and what ends it.
func (d *Daemon) Follow() (<-chan event.Event, func()) {
	_, ch, cancel := d.hub.SubscribeEvents(0)
	return ch, cancel
}

// Inside is the way into the tunnel for this process. Nil unless
// Options.Userspace.
func (d *Daemon) Inside() *Inside { return d.inside }

// closeWithin bounds the ending of what the operator began.
const closeWithin = 5 * time.Second

// close ends what Open began, in the opposite order.
func (d *Daemon) close() {
	if d.door != nil {
		d.door.close()
	}
	if d.hands != nil {
		d.stopHands()
		done := make(chan struct{})
		go func() { d.hands.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(closeWithin):
			d.log.Error("the tunnel's devices did not end in time")
		}
	}
	d.stop()
	d.wg.Wait()
	if d.store != nil {
		if err := d.store.Close(); err != nil {
			d.log.Error("close history", "err", err)
		}
	}
	if d.release != nil {
		d.release()
	}
}

// openNetwork chooses the system's side of the interface.
func (d *Daemon) openNetwork() {
	if d.opt.Userspace {
		d.inside = &Inside{}
		d.network = &inner{inside: d.inside, resolver: newResolver(d.opt, d.own.has, nil, d.log)}
		return
	}
	if guard.Supported {
		d.guard = guard.New(guard.Options{Interface: d.opt.Interface, Mark: mark, Log: d.log, Afterwards: d.afterwards})
	}
	d.network = newSystem(d.opt, d.own.has, d.permit(), d.log)
}
