package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// computer is what outlives a service on it, and what every service does to it.
type computer struct {
	mu      sync.Mutex
	r       *rand.Rand
	calm    bool // nothing fails any more
	wish    status.Wish
	policy  failover.Policy
	rules   guardset.Set
	routes  string // "", "sealed", "shut" or "open": by which a tunnel's traffic is led
	devices map[tunnel.Name]bool
	boot    int // counts services; what is left of an earlier one does nothing
	broken  []string
}

func (c *computer) wrong(format string, args ...any) {
	c.broken = append(c.broken, fmt.Sprintf(format, args...))
}

// fails says that something does, now and then. mu is held.
func (c *computer) fails() bool { return !c.calm && c.r.IntN(8) == 0 }

// life is what one service sees of the computer, until it ends.
type life struct {
	*computer
	boot   int
	engine *Engine
	hands  *Operator
	// set is the one that the engine handed over last, failed what the guard said last.
	set    guardset.Set
	failed bool
	end    func()
	kill   func()
}

func (l *life) lives() bool { return l.boot == l.computer.boot }

var errGone = errors.New("the service was killed")

// Set is of the guard. A while passes before, unless the operator holds its locks:
// in a bubble time stands still for who waits for one.
func (l *life) Set(_ context.Context, s guardset.Set) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.failed {
		took := time.Duration(l.r.IntN(30)) * time.Millisecond
		l.mu.Unlock()
		time.Sleep(took)
		l.mu.Lock()
	}
	if !l.lives() {
		return errGone
	}
	if l.failed = l.fails(); l.failed {
		return errBusy
	}
	l.rules = s
	return nil
}

func (l *life) Remember(...netip.Addr) {}

func (l *life) Apply(_ context.Context, spec NetSpec) error { return l.lead("open", spec.FailClosed) }

func (l *life) lead(routes string, shut bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.lives() {
		return errGone
	}
	if l.fails() {
		return errBusy
	}
	if l.routes = routes; shut {
		l.routes = "shut"
	}
	return nil
}

func (l *life) Seal(context.Context, []netip.Prefix) error { return l.lead("sealed", false) }

func (l *life) Clear(context.Context) error { return l.lead("", false) }

func (l *life) Start(_ context.Context, id tunnel.Name, _ *tunnel.Config, _ int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.lives():
		return errGone
	case l.fails():
		return errBusy
	}
	l.devices[id] = true
	return nil
}

func (l *life) Stop(id tunnel.Name) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lives() {
		delete(l.devices, id)
	}
	return nil
}

// Promote is the moment from which a tunnel carries: the guard is as it was asked
// to be last.
func (l *life) Promote(id tunnel.Name) error {
	l.hands.mu.Lock()
	active, set := l.hands.active, l.hands.set
	l.hands.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lives() && active == "" && !l.rules.Equal(set) {
		l.wrong("%s starts under %+v, though %+v was asked for", id, l.rules, set)
	}
	return nil
}

func (l *life) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lives() {
		clear(l.devices)
	}
	return nil
}

func (l *life) Open(int) (string, error)                                { return "hf0", nil }
func (l *life) Rebind(tunnel.Name) error                                { return nil }
func (l *life) Rotate(context.Context, tunnel.Name) error               { return nil }
func (l *life) Ask(tunnel.Name) error                                   { return nil }
func (l *life) Refresh(context.Context, tunnel.Name) error              { return nil }
func (l *life) Responders(tunnel.Name) []netip.Addr                     { return nil }
func (l *life) Endpoint(tunnel.Name) netip.AddrPort                     { return netip.AddrPort{} }
func (l *life) Watch(tunnel.Name)                                       {}
func (l *life) Activity() <-chan struct{}                               { return nil }
func (l *life) Faults() <-chan Fault                                    { return nil }
func (l *life) Settle()                                                 {}
func (l *life) Widest(context.Context, tunnel.Name, []int) (int, error) { return 0, errBusy }

func (l *life) Probe(context.Context, tunnel.Name) (time.Duration, error) {
	return 10 * time.Millisecond, nil
}

func (l *life) Compare(context.Context, tunnel.Name, *tunnel.Config) error { return nil }

func (l *life) Move(context.Context, tunnel.Name, tunnel.Name, *tunnel.Config) (time.Duration, error) {
	return 0, errBusy
}

func (l *life) Reach(context.Context, tunnel.Name, []netip.Addr) (netip.Addr, time.Duration, error) {
	return netip.Addr{}, 0, ErrUntestable
}

func (l *life) Seek(context.Context, tunnel.Name) (netip.AddrPort, netip.AddrPort, error) {
	return netip.AddrPort{}, netip.AddrPort{}, errBusy
}

func (l *life) Counters(tunnel.Name) (tunnel.Counters, error) {
	return tunnel.Counters{RxBytes: 92, TxBytes: 148, Initiations: 1, LastHandshake: time.Now()}, nil
}

// guarding is the operator as the engine sees it, and looks at what it is told.
type guarding struct {
	*Operator
	life *life
}

// must says that the guard has to be shut, whatever else is.
func (e *Engine) must() bool {
	return e.opt.Policy.Guard != failover.GuardOff && e.watchman.leave == guardset.NoLeave && (e.wish.On || e.watchman.unknown)
}

func (g guarding) Guard(s guardset.Set) {
	g.life.mu.Lock()
	if e := g.life.engine; e.must() && (!s.Shut() || s.Paused > 0) {
		g.life.wrong("%+v is handed over while %+v is wished for", s, e.wish)
	}
	g.life.set = s
	g.life.mu.Unlock()
	g.Operator.Guard(s)
}

func (g guarding) Do(a failover.Action) {
	g.life.mu.Lock()
	if e := g.life.engine; e.must() && (g.life.set.Kind != guardset.Held || g.life.set.Paused > 0) {
		g.life.wrong("%s %s is asked for under %+v", a.Do, a.ID, g.life.set)
	}
	g.life.mu.Unlock()
	g.Operator.Do(a)
}

// Looks around are not of interest: each brings what the engine waits for.
func (g guarding) LookAround(Facts) { go g.tell(Examined{}) }
func (g guarding) Acquaintance()    {}
func (g guarding) Ask(health.Ask)   {}

// start begins a service on the computer.
func (c *computer) start(t *testing.T) *life {
	l := &life{computer: c}
	c.mu.Lock()
	c.boot++
	l.boot = c.boot
	clear(c.devices) // they were in the process
	wish, policy := c.wish, c.policy
	if !wish.On && policy.Guard != failover.GuardAlways {
		c.routes = "" // as the service does before its engine runs
	}
	c.mu.Unlock()
	own, kill := context.WithCancel(context.Background())
	hands := NewOperator(own, l, l, l.config, slog.New(slog.DiscardHandler))
	hands.EquipGuard(l)
	l.hands = hands
	opt := Options{
		Policy: policy, Hands: guarding{hands, l}, Journal: &journal{}, SaveWish: l.save, Guarded: true,
		Members: func(target tunnel.Name) ([]failover.Member, error) { return group("nl", "de"), nil },
		Scope:   func(tunnel.Name, tunnel.Name) guardset.Scope { return guardset.Everything() },
		Log:     slog.New(slog.DiscardHandler),
	}
	l.engine = New(opt, wish)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = l.engine.Run(ctx)
	}()
	l.end = func() {
		stop()
		<-ended
		kill()
		hands.Wait()
	}
	l.kill = func() {
		c.mu.Lock()
		c.boot++ // nothing that it does counts any more
		c.mu.Unlock()
		l.end()
	}
	return l
}

func (l *life) config(id tunnel.Name) (*tunnel.Config, error) {
	l.mu.Lock()
	took := time.Duration(l.r.IntN(200)) * time.Millisecond
	l.mu.Unlock()
	time.Sleep(took) // as the look-up of a name does
	cfg := &tunnel.Config{}
	cfg.Interface.PrivateKey = tunnel.NewPrivateKey([32]byte{id[0]})
	return cfg, nil
}

func (l *life) save(w status.Wish) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lives() {
		l.wish = w
	}
	return nil
}

// rest is what holds when nothing happens any more and nothing fails.
func (l *life) rest(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.engine
	want, routes := guardset.Open, ""
	switch g := e.Status().Guard; {
	case l.policy.Guard == failover.GuardOff, g.Released:
		routes = "open"
	case l.wish.On:
		want, routes = guardset.Held, "shut"
	case l.policy.Guard == failover.GuardAlways:
		want, routes = guardset.Blocked, "sealed"
	}
	if !l.wish.On && want == guardset.Open {
		routes = ""
	}
	led := l.routes == routes || routes == "" && l.routes == "open" // which keep nothing in, once their interface is gone
	if l.rules.Kind != want || !led || l.rules.Paused > 0 {
		l.wrong("%s, at rest: rules %s and routes %q, want %s and %q; wish %+v", what, l.rules.Kind, l.routes, want, routes, l.wish)
	}
	if st := e.Status(); st.Guard.Verified != (l.policy.Guard != failover.GuardOff) {
		l.wrong("%s, at rest: %+v", what, st.Guard)
	}
}

// deed is something that happens to the service.
type deed struct {
	what  string
	after time.Duration
	n     int
}

func (l *life) befalls(t *testing.T, d deed) *life {
	ctx := t.Context()
	switch d.what {
	case "up":
		_ = l.engine.Connect(ctx, []tunnel.Name{"home", "nl"}[d.n%2])
	case "down":
		_ = l.engine.Disconnect(ctx)
	case "pause":
		_ = l.engine.Pause(ctx, time.Duration(1+d.n)*time.Second)
	case "release":
		_ = l.engine.Release(ctx)
	case "shut":
		_ = l.engine.Shut(ctx)
	case "reconnect":
		_ = l.engine.Reconnect(ctx)
	case "switch":
		_ = l.engine.SwitchTo(ctx, []tunnel.Name{"nl", "de"}[d.n%2])
	case "configure":
		l.mu.Lock()
		l.policy.Guard = []failover.Guard{failover.GuardOff, failover.GuardAuto, failover.GuardAuto, failover.GuardAlways}[d.n%4]
		l.policy.AllowLAN = d.n%3 == 0
		p := l.policy
		l.mu.Unlock()
		_ = l.engine.Configure(ctx, p, "")
	case "kill":
		l.kill()
		return l.start(t)
	case "restart":
		l.end()
		l.left()
		return l.start(t)
	}
	return l
}

// left is what holds behind a service that has ended in order.
func (l *life) left() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.failed && l.rules.Kind != l.set.Kind {
		l.wrong("behind the service %s is in force, though %s was wanted", l.rules.Kind, l.set.Kind)
	}
	must := l.wish.On && l.policy.Guard != failover.GuardOff && !l.engine.Status().Guard.Released
	switch {
	case l.failed:
	case must && !l.rules.Shut():
		l.wrong("behind the service nothing is kept in of %+v", l.wish)
	case !l.wish.On && l.policy.Guard == failover.GuardAuto && l.rules.Shut():
		l.wrong("behind the service %s is in force, and nothing is wished for", l.rules.Kind)
	}
	if len(l.devices) > 0 {
		l.wrong("behind the service %v run", l.devices)
	}
}

// Whatever is asked for and in whatever order, however often the service is killed
// and the guard fails: while a tunnel is wished for, and nobody opened the guard,
// what is handed to it is held, and was so before any tunnel was asked to start.
// When it comes to rest, the rules and the routes are those of the wish.
func TestAnyOrderOfTheGuard(t *testing.T) {
	whats := []string{"up", "up", "up", "down", "pause", "release", "shut", "reconnect", "switch", "configure", "kill", "restart"}
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		deeds := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) deed {
			return deed{rapid.SampledFrom(whats).Draw(rt, "what"),
				time.Duration(rapid.SampledFrom([]int{0, 0, 1, 20, 300, 5000, 100000}).Draw(rt, "ms")) * time.Millisecond,
				rapid.IntRange(0, 11).Draw(rt, "n")}
		}), 1, 40).Draw(rt, "deeds")
		var broken []string
		synctest.Test(t, func(t *testing.T) {
			c := &computer{r: rand.New(rand.NewPCG(seed, 1)), devices: map[tunnel.Name]bool{}, policy: failover.DefaultPolicy()}
			l := c.start(t)
			for _, d := range deeds {
				time.Sleep(d.after)
				l = l.befalls(t, d)
			}
			c.mu.Lock()
			c.calm = true
			c.mu.Unlock()
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			l.rest("after all")
			l.end()
			l.left()
			broken = c.broken
		})
		if len(broken) > 0 {
			rt.Fatalf("%q", broken)
		}
	})
}
