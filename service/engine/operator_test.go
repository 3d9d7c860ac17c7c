package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/service/engine"
	"holdfast/service/failover"
	"holdfast/service/lab"
	"holdfast/service/tunnel"
)

func start(id tunnel.Name) failover.Action { return failover.Action{Do: failover.Start, ID: id} }

func switchTo(from, to tunnel.Name) failover.Action {
	return failover.Action{Do: failover.Switch, From: from, ID: to}
}

func TestStartSwitchStop(t *testing.T) {
	r := newRig(t, "a", "b")
	r.up(start("a"))
	select {
	case <-r.Measured():
	case <-time.After(patience):
		t.Fatal("the round trip of a fresh tunnel was not measured")
	}
	look, err := r.Look()
	if err != nil || look.RTT <= 0 || look.Counters.LastHandshake.IsZero() || look.Endpoint != r.lab.Server("a").Endpoint().String() {
		t.Errorf("look at a: %+v, %v", look, err)
	}
	if p := r.probe("b"); !p.Answered || p.RTT <= 0 || p.Err != nil {
		t.Errorf("probe of b: %+v", p)
	}
	r.carries("a")
	r.up(switchTo("a", "b"))
	if look, err := r.Look(); err != nil || look.RTT <= 0 || look.Endpoint != r.lab.Server("b").Endpoint().String() {
		t.Errorf("look at b: %+v, %v", look, err)
	}
	r.Do(failover.Action{Do: failover.Release, ID: "a"})
	if !slices.Contains(r.devices.Running(), "a") {
		t.Error("the device that was just left does not linger")
	}
	r.until("a's device to end", func() bool { return !slices.Contains(r.devices.Running(), "a") })
	r.carries("b")
	r.down("b")
	if _, err := r.Look(); err == nil {
		t.Error("there is something to look at after the stop")
	}
	r.up(start("a"))
}

func TestRungs(t *testing.T) {
	r := newRig(t, "a")
	r.up(start("a"))
	port, opened := r.devices.LocalPort("a"), r.opened
	for _, rung := range []failover.Rung{failover.Rebind, failover.Rotate, failover.Renew, failover.Reopen} {
		t.Log(rung)
		r.up(failover.Action{Do: failover.Restart, ID: "a", Rung: rung})
		if now := r.devices.LocalPort("a"); (now == port) != (rung == failover.Rebind) {
			t.Errorf("%s: port %d became %d", rung, port, now)
		}
		if (r.opened == opened) != (rung != failover.Reopen) {
			t.Errorf("%s: %d interfaces, before %d", rung, r.opened, opened)
		}
		port = r.devices.LocalPort("a")
	}
	// One that is not there any more is started.
	r.down("a")
	r.up(failover.Action{Do: failover.Restart, ID: "a", Rung: failover.Rebind})
}

// A member that cannot be started does not stand in the way of the others, and
// the interface that their probes opened goes with the last of them.
func TestOthersAreAskedAfterAFailedStart(t *testing.T) {
	r := newRig(t, "a", "b")
	r.change("a", func(c *tunnel.Config) { c.Peers[0].Endpoint.Host = "a.example" })
	in, ok := r.do(start("a")).(failover.Changed)
	if !ok || in.State != tunnel.Down || in.Err == nil {
		t.Fatalf("start a: %+v, want Down with the reason", in)
	}
	if len(r.devices.Running()) > 0 || r.isSet() {
		t.Error("a failed start left something behind")
	}
	if p := r.probe("b"); !p.Answered {
		t.Fatalf("probe of b: %+v", p)
	}
	r.Do(failover.Action{Do: failover.Release, ID: "b"})
	r.until("the empty interface to be closed", func() bool { return errors.Is(r.opensAnew(), nil) })
	if p := r.probe("b"); !p.Answered {
		t.Fatalf("probe of b: %+v", p)
	}
	r.up(start("b"))
}

// opensAnew is nil when the interface was closed; it leaves it closed.
func (r *rig) opensAnew() error {
	if _, err := r.devices.Open("test", 0); err != nil {
		return err
	}
	return r.devices.Close()
}

func TestInterruptHangingLookUp(t *testing.T) {
	r := newRig(t, "a", "b")
	asked := make(chan struct{}, 8)
	r.resolve = func(ctx context.Context, _ string) ([]netip.Addr, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	r.change("a", func(c *tunnel.Config) { c.Peers[0].Endpoint.Host = "a.example" })
	r.Do(start("a"))
	<-asked
	began := time.Now()
	r.Interrupt()
	in, ok := r.report().(failover.Changed)
	if !ok || in.State != tunnel.Down || in.Err == nil || !strings.Contains(in.Err.Error(), "given up") {
		t.Errorf("interrupted: %+v", in)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s to give up", took)
	}
	// What waits in line is given up as well; what comes later is not.
	r.Do(start("a"))
	r.Do(failover.Action{Do: failover.Restart, ID: "a", Rung: failover.Renew})
	r.Interrupt()
	r.Do(start("b"))
	for range 2 {
		if in := r.report().(failover.Changed); in.State != tunnel.Down {
			t.Errorf("interrupted: %+v", in)
		}
	}
	if in := r.report().(failover.Changed); in.State != tunnel.Up || in.ID != "b" {
		t.Errorf("after the interrupt: %+v", in)
	}
	// A switch is given up, and from stays what it was.
	r.Do(switchTo("b", "a"))
	<-asked
	r.Interrupt()
	if in := r.report().(failover.Switched); in.Err == nil {
		t.Errorf("interrupted: %+v", in)
	}
	r.carries("b")
	// A probe that hangs ends with everything else.
	r.Do(failover.Action{Do: failover.Probe, ID: "a"})
	<-asked
	began = time.Now()
	r.Do(failover.Action{Do: failover.Stop, ID: "b"})
	r.report()
	r.report()
	if took := time.Since(began); took > time.Second {
		t.Errorf("the stop waited %s for a probe", took)
	}
}

func TestInterfaceBreaks(t *testing.T) {
	r := newRig(t, "a", "b")
	r.up(start("a"))
	r.probe("b")
	if err := r.iface.Close(); err != nil {
		t.Fatal(err)
	}
	in, ok := r.report().(failover.Changed)
	if !ok || in.ID != "a" || in.State != tunnel.Down || in.Err == nil {
		t.Fatalf("broken: %+v", in)
	}
	if len(r.devices.Running()) > 0 || r.isSet() {
		t.Error("a broken interface left something behind")
	}
	r.up(start("a"))
	r.up(start("a")) // again changes nothing
	r.down("a")
}

// Every probe is reported once, however many are asked for at once.
func TestEveryProbeIsReported(t *testing.T) {
	r := newRig(t, "a", "b")
	r.up(start("a"))
	const probes = 5
	for range probes {
		r.Do(failover.Action{Do: failover.Probe, ID: "b"})
	}
	for range probes {
		if p := r.report().(failover.Probed); !p.Answered {
			t.Errorf("probe: %+v", p)
		}
	}
	select {
	case in := <-r.Reports():
		t.Errorf("one report too many: %+v", in)
	default:
	}
	r.carries("a")
}

func TestConfigsChange(t *testing.T) {
	r := newRig(t, "a", "b")
	r.up(start("a"))
	r.probe("b")
	// A standby takes its new config when it is next asked.
	r.change("b", func(c *tunnel.Config) { c.Peers[0].Keepalive = 7 })
	if p := r.probe("b"); !p.Answered {
		t.Errorf("probe with a changed config: %+v", p)
	}
	// The active one takes it when it is renewed, and works until then.
	r.change("a", func(c *tunnel.Config) {
		c.Interface.Addresses = []netip.Prefix{netip.MustParsePrefix("10.66.0.2/32")}
	})
	r.up(failover.Action{Do: failover.Restart, ID: "a", Rung: failover.Rebind})
	if len(r.applied.Addresses) == 1 {
		t.Error("a rebind took a config that the device does not have")
	}
	r.up(failover.Action{Do: failover.Restart, ID: "a", Rung: failover.Renew})
	if len(r.applied.Addresses) != 1 {
		t.Error("the new config's addresses were not set")
	}
	// One whose config is gone goes on with what it has.
	r.mu.Lock()
	delete(r.configs, "a")
	r.mu.Unlock()
	r.up(failover.Action{Do: failover.Restart, ID: "a", Rung: failover.Renew})
	if in := r.do(switchTo("a", "nowhere")).(failover.Switched); in.Err == nil {
		t.Errorf("switch to none: %+v", in)
	}
	r.carries("a")
}

// Where the system refuses, the member that was active still is.
func TestSystemRefuses(t *testing.T) {
	r := newRig(t, "a", "b")
	r.up(start("a"))
	refuse := func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.refuse = err
	}
	refuse(errors.New("no permission"))
	if in := r.do(switchTo("a", "b")).(failover.Switched); in.Err == nil {
		t.Errorf("switch: %+v, want an error", in)
	}
	r.carries("a")
	r.until("the standby to end", func() bool { return !slices.Contains(r.devices.Running(), "b") })
	r.up(failover.Action{Do: failover.Restart, ID: "a", Rung: failover.Rebind}) // makes do with what is set
	if in := r.do(failover.Action{Do: failover.Restart, ID: "a", Rung: failover.Reopen}).(failover.Changed); in.State != tunnel.Down || in.Err == nil {
		t.Errorf("reopen: %+v, want Down", in)
	}
	refuse(nil)
	r.up(start("a"))
}

// Within a site there is only one device: it moves, and moves back.
func TestMoveWithinASite(t *testing.T) {
	r := newRig(t, "a", "b/a", "c")
	r.up(start("a"))
	r.up(switchTo("a", "b"))
	if names := r.devices.Running(); len(names) != 1 {
		t.Errorf("running: %v, want one device", names)
	}
	if err := r.lab.Server("a").Break(lab.BlackHole); err != nil {
		t.Fatal(err)
	}
	asked := r.lab.Server("a").Path().Counters().Up.Types[lab.Initiation]
	r.Do(switchTo("b", "a"))
	r.until("a to be asked", func() bool { return r.lab.Server("a").Path().Counters().Up.Types[lab.Initiation] > asked })
	r.Interrupt() // it would go on asking for seconds
	if in := r.report().(failover.Switched); in.Err == nil {
		t.Errorf("move into a black hole: %+v", in)
	}
	r.carries("b")
	// Siblings that are no longer wanted give way to each other at once.
	r.up(switchTo("b", "c"))
	r.Do(failover.Action{Do: failover.Release, ID: "b"})
	if err := r.lab.Heal(); err != nil {
		t.Fatal(err)
	}
	if p := r.probe("a"); !p.Answered {
		t.Errorf("probe of a: %+v", p)
	}
	r.Do(failover.Action{Do: failover.Release, ID: "a"})
	if p := r.probe("b"); !p.Answered {
		t.Errorf("probe of b: %+v", p)
	}
}

// Everything at once, in an order that no machine would choose: each tunnel
// action and each probe is reported once, nothing hangs, and nothing is left.
func TestStorm(t *testing.T) {
	r := newRig(t, "a", "b", "c", "d/c")
	r.resolve = func(ctx context.Context, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	r.mu.Lock()
	hanging := *r.configs["b"]
	r.mu.Unlock()
	hanging.Peers = slices.Clone(hanging.Peers)
	hanging.Peers[0].Endpoint.Host = "hangs.example"
	r.configs["e"] = &hanging
	names := []tunnel.Name{"a", "b", "c", "d", "e"}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func() tunnel.Name { return names[random.IntN(len(names))] }

	const actions = 400
	owed := make(chan int, actions) // reports that each action owes
	var told sync.WaitGroup
	told.Go(func() {
		got, want, all := 0, 0, false
		for !all || got < want {
			select {
			case n, more := <-owed:
				want += n
				if all = !more; all {
					owed = nil
				}
			case <-r.Reports():
				got++
			case <-time.After(2 * patience):
				t.Errorf("%d reports, want %d", got, want)
				return
			}
		}
	})
	var examining sync.WaitGroup
	for i := range actions {
		a, n := failover.Action{ID: pick()}, 1
		switch k := random.IntN(20); {
		case k < 7:
			a.Do = failover.Probe
		case k < 12:
			a.Do, n = failover.Release, 0
		case k < 14:
			a.Do = failover.Start
		case k < 16:
			a.Do, a.From = failover.Switch, r.devices.Active()
		case k < 18:
			a.Do, a.Rung = failover.Restart, failover.Rung(1+random.IntN(4))
		case k < 19:
			a.Do = failover.Stop
		default:
			f := engine.Facts{Person: true, Underlay: failover.Underlay{Usable: true}, Members: []tunnel.Name{pick(), pick()}}
			examining.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				r.Examine(ctx, f)
			})
			continue
		}
		owed <- n
		r.Do(a)
		_, _ = r.Look()
		if i%7 == 0 {
			r.Interrupt()
		}
		if i%3 == 0 {
			<-time.After(time.Duration(random.IntN(8)) * time.Millisecond)
		}
	}
	r.Interrupt()
	owed <- 1
	r.Do(failover.Action{Do: failover.Stop})
	close(owed)
	r.within("the storm to end", told.Wait)
	r.within("the questions to end", examining.Wait)
	for _, id := range names {
		r.Do(failover.Action{Do: failover.Release, ID: id})
	}
	r.until("every device to end", func() bool { return len(r.devices.Running()) == 0 })
	r.until("the interface to be closed", func() bool { return r.opensAnew() == nil })
	r.up(start("a"))
}
