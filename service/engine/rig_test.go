package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/tun"

	"holdfast/service/engine"
	"holdfast/service/failover"
	"holdfast/service/lab"
	"holdfast/service/tunnel"
	"holdfast/service/userspace"
	"holdfast/service/wg"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// rig is an operator with real devices, on interfaces inside this process,
// before servers that can be broken.
type rig struct {
	*engine.Operator
	t       *testing.T
	lab     *lab.Lab
	devices *wg.Devices

	mu      sync.Mutex
	configs map[tunnel.Name]*tunnel.Config
	iface   *userspace.Interface // the latest; nil: none was opened
	opened  int
	end     context.CancelFunc
	applied engine.NetSpec // zero: cleared
	cleared int
	seals   [][]netip.Prefix
	refuse  error // what Apply answers
	stuck   error // what Seal answers
	resolve func(context.Context, string) ([]netip.Addr, error)
}

// wired fits wg to the operator, as the service does.
type wired struct {
	*wg.Devices
	faults chan engine.Fault
}

func (w *wired) Open(mtu int) (string, error) { return w.Devices.Open("test", mtu) }
func (w *wired) Watch(id tunnel.Name)         { _ = w.Arm(id) }
func (w *wired) Faults() <-chan engine.Fault  { return w.faults }
func (w *wired) Settle()                      { w.Trim() }
func (w *wired) Start(ctx context.Context, id tunnel.Name, cfg *tunnel.Config, keepalive int) error {
	return w.Devices.Start(ctx, id, cfg, wg.StartOptions{Keepalive: keepalive})
}

// newRig starts a server for each name. A name with a slash, "b/a", is another
// endpoint of the same site. Everything has ended when the test has, or it fails.
func newRig(t *testing.T, names ...string) *rig {
	t.Helper()
	goroutines := runtime.NumGoroutine()
	r := &rig{t: t, lab: lab.New(lab.Options{Seed: 1}), configs: map[tunnel.Name]*tunnel.Config{}}
	for _, name := range names {
		var o lab.ServerOptions
		if i := slices.Index([]byte(name), '/'); i > 0 {
			name, o.SameSite = name[:i], tunnel.Name(name[i+1:])
		}
		s, err := r.lab.AddServer(tunnel.Name(name), o)
		if err != nil {
			t.Fatal(err)
		}
		r.configs[tunnel.Name(name)] = s.ClientConfig()
	}
	r.devices = wg.New(wg.Options{OpenTUN: r.open, Resolve: r.lookup})
	ctx, cancel := context.WithCancel(context.Background())
	r.end = cancel
	faults := make(chan engine.Fault)
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case f := <-r.devices.Faults():
				select {
				case faults <- engine.Fault{ID: f.Name, Err: f.Err}:
				case <-ctx.Done():
				}
			}
		}
	})
	r.Operator = engine.NewOperator(ctx, &wired{r.devices, faults}, network{r}, r.config, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		cancel()
		r.within("the operator to end", r.Wait)
		passing.Wait()
		if names := r.devices.Running(); len(names) > 0 {
			t.Errorf("still running at the end: %v", names)
		}
		if err := r.lab.Close(); err != nil {
			t.Error(err)
		}
		r.until("every goroutine to end", func() bool { return runtime.NumGoroutine() <= goroutines })
	})
	return r
}

func (r *rig) open(_ string, mtu int) (tun.Device, error) {
	iface, err := userspace.New(mtu)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.iface, r.opened = iface, r.opened+1
	return iface, nil
}

func (r *rig) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	r.mu.Lock()
	resolve := r.resolve
	r.mu.Unlock()
	if resolve == nil {
		return nil, errors.New("no resolver")
	}
	return resolve(ctx, host)
}

func (r *rig) config(id tunnel.Name) (*tunnel.Config, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.configs[id]; c != nil {
		return c, nil
	}
	return nil, errors.New("no such tunnel")
}

// change replaces a config by a changed copy.
func (r *rig) change(id tunnel.Name, change func(*tunnel.Config)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := *r.configs[id]
	c.Peers = slices.Clone(c.Peers)
	change(&c)
	r.configs[id] = &c
}

// network is the system's side: the latest interface, and what was set.
type network struct{ r *rig }

func (n network) Remember(...netip.Addr) {}

func (n network) Apply(ctx context.Context, spec engine.NetSpec) error {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	if n.r.refuse != nil {
		return n.r.refuse
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	n.r.applied = spec
	return n.r.iface.SetAddresses(spec.Addresses)
}

func (n network) Seal(_ context.Context, carry []netip.Prefix) error {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	if n.r.stuck != nil {
		return n.r.stuck
	}
	n.r.applied, n.r.seals = engine.NetSpec{}, append(n.r.seals, carry)
	return nil
}

func (n network) Clear(context.Context) error {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	n.r.applied = engine.NetSpec{}
	n.r.cleared++
	return nil
}

func (r *rig) isSet() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !reflect.DeepEqual(r.applied, engine.NetSpec{})
}

// within fails the test where do takes too long.
func (r *rig) within(what string, do func()) {
	r.t.Helper()
	done := make(chan struct{})
	go func() { do(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		buf := make([]byte, 1<<20)
		r.t.Fatalf("waited too long for %s\n%s", what, buf[:runtime.Stack(buf, true)])
	}
}

// until polls until a condition holds.
func (r *rig) until(what string, holds func() bool) {
	r.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			buf := make([]byte, 1<<20)
			r.t.Fatalf("waited too long for %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// do has an action done and returns its report.
func (r *rig) do(a failover.Action) failover.Input {
	r.t.Helper()
	r.Do(a)
	return r.report()
}

func (r *rig) report() failover.Input {
	r.t.Helper()
	select {
	case in := <-r.Reports():
		return in
	case <-time.After(patience):
		r.t.Fatal("no report came")
		return nil
	}
}

// up has an action done that must leave a member active and carrying traffic.
//
// It waits for the handshake that the action begins: on a very busy machine,
// handshakes that cross have been seen to cost a session for seconds.
func (r *rig) up(a failover.Action) {
	r.t.Helper()
	var before time.Time
	if look, err := r.Look(); err == nil && a.Do == failover.Restart {
		before = look.Counters.LastHandshake
	}
	switch in := r.do(a).(type) {
	case failover.Changed:
		if in.ID != a.ID || in.State != tunnel.Up || in.Err != nil {
			r.t.Fatalf("%s %s: %+v", a.Do, a.ID, in)
		}
	case failover.Switched:
		if in.To != a.ID || in.From != a.From || in.Err != nil {
			r.t.Fatalf("%s %s: %+v", a.Do, a.ID, in)
		}
	default:
		r.t.Fatalf("%s %s: reported %T", a.Do, a.ID, in)
	}
	r.until("the handshake", func() bool {
		look, err := r.Look()
		return err == nil && look.Counters.LastHandshake.After(before)
	})
	r.carries(a.ID)
}

// carries pings through the tunnel to the server of a member, and makes sure
// that it is that server.
func (r *rig) carries(id tunnel.Name) {
	r.t.Helper()
	s := r.lab.Server(id)
	before := s.Path().Counters().Up.Types[lab.Data]
	r.mu.Lock()
	iface := r.iface
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		try, stop := context.WithTimeout(ctx, 500*time.Millisecond)
		_, err := iface.Ping(try, s.Inner()[0])
		stop()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			look, lookErr := r.Look()
			r.t.Fatalf("nothing passes through %s: %v; device: %+v, %v; path: %+v", id, err, look, lookErr, s.Path().Counters())
		}
	}
	if s.Path().Counters().Up.Types[lab.Data] == before {
		r.t.Errorf("a ping passed, but not through %s", id)
	}
	if got := r.devices.Active(); got != id {
		r.t.Errorf("%s is active, want %s", got, id)
	}
}

// down stops everything.
func (r *rig) down(id tunnel.Name) {
	r.t.Helper()
	in, ok := r.do(failover.Action{Do: failover.Stop, ID: id}).(failover.Changed)
	if !ok || in.State != tunnel.Down || in.Err != nil {
		r.t.Errorf("stop: %+v", in)
	}
	if names := r.devices.Running(); len(names) > 0 || r.isSet() {
		r.t.Errorf("after stop %v still run, and the network is set: %v", names, r.isSet())
	}
}

func (r *rig) probe(id tunnel.Name) failover.Probed {
	r.t.Helper()
	in, ok := r.do(failover.Action{Do: failover.Probe, ID: id}).(failover.Probed)
	if !ok || in.ID != id {
		r.t.Fatalf("probe %s: %+v", id, in)
	}
	return in
}
