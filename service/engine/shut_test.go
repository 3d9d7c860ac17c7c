package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"holdfast/service/engine"
	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/tunnel"
)

// keeper is a guard that notes what it is asked.
type keeper struct {
	mu     sync.Mutex
	sets   []guardset.Set
	refuse error
}

func (k *keeper) Set(_ context.Context, s guardset.Set) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sets = append(k.sets, s)
	return k.refuse
}

func (k *keeper) refuses(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuse = err
}

func heldSet() guardset.Set {
	return guardset.Set{Kind: guardset.Held, Carry: guardset.Everything().Carry}
}

// guards puts a set in force and returns what came of it.
func (r *rig) guards(s guardset.Set) engine.Guarded {
	r.t.Helper()
	r.Guard(s)
	for {
		var n engine.News
		r.within("the guard", func() { n = <-r.News() })
		if g, ok := n.(engine.Guarded); ok {
			return g
		}
	}
}

// The routes keep in what the guard does, from before the tunnel until after it,
// and through a restart of everything.
func TestRoutesFollowTheGuard(t *testing.T) {
	r := newRig(t, "a")
	r.EquipGuard(&keeper{})
	if g := r.guards(heldSet()); g.Err != nil || len(r.seals) != 1 {
		t.Fatalf("shut: %v, sealed %d times, want once", g.Err, len(r.seals))
	}
	r.up(failover.Action{Do: failover.Start, ID: "a"})
	if !r.applied.FailClosed || len(r.applied.Carry) != 2 {
		t.Errorf("the network of a guarded tunnel: %+v, want it to fail closed", r.applied)
	}
	cleared := r.cleared
	r.up(failover.Action{Do: failover.Restart, ID: "a", Rung: failover.Reopen})
	r.down("a")
	if r.cleared != cleared {
		t.Error("the network was cleared while the guard was shut")
	}
	r.guards(guardset.Set{Kind: guardset.Open})
	if r.cleared != cleared+1 {
		t.Error("what the guard left in the routes stays when it is open")
	}
}

// A pause lets go of the routes as well.
func TestRoutesFollowAPause(t *testing.T) {
	r := newRig(t, "a")
	r.EquipGuard(&keeper{})
	r.guards(heldSet())
	r.up(failover.Action{Do: failover.Start, ID: "a"})
	paused := heldSet()
	paused.Paused = 60
	r.guards(paused)
	if r.applied.FailClosed {
		t.Error("the routes keep in what a pause lets pass")
	}
	cleared := r.cleared
	r.down("a")
	if r.cleared != cleared+1 {
		t.Error("the routes stay in a pause")
	}
	r.guards(heldSet())
	if len(r.seals) != 2 {
		t.Errorf("sealed %d times, want again after the pause", len(r.seals))
	}
	r.guards(guardset.Set{Kind: guardset.Open})
}

// No tunnel starts while the guard is not in force, and none of its parts is made.
func TestNoTunnelWithoutItsGuard(t *testing.T) {
	r := newRig(t, "a")
	k := &keeper{}
	r.EquipGuard(k)
	k.refuses(errors.New("no nf_tables"))
	if g := r.guards(heldSet()); g.Err == nil {
		t.Fatal("a set that was refused passes for one in force")
	}
	in, ok := r.do(failover.Action{Do: failover.Start, ID: "a"}).(failover.Changed)
	if !ok || in.State != tunnel.Down || in.Err == nil || !strings.Contains(in.Err.Error(), "set the guard: no nf_tables") {
		t.Errorf("start: %+v, want the guard's refusal", in)
	}
	if r.opened != 0 {
		t.Error("an interface was opened")
	}
	k.refuses(nil)
	r.up(failover.Action{Do: failover.Start, ID: "a"})
	r.down("a")
	r.guards(guardset.Set{Kind: guardset.Open})
}

// A set that was asked for before the end is put in force: nobody is left who
// could be asked later.
func TestLastSetIsSetAtTheEnd(t *testing.T) {
	for _, kind := range []guardset.Kind{guardset.Open, guardset.Held} {
		r := newRig(t, "a")
		k := &keeper{}
		r.EquipGuard(k)
		before := heldSet()
		if kind == guardset.Held {
			before = guardset.Set{Kind: guardset.Open}
		}
		r.guards(before)
		r.up(failover.Action{Do: failover.Start, ID: "a"})
		r.Do(failover.Action{Do: failover.Stop, ID: "a"})
		last := heldSet()
		last.Kind = kind
		r.Guard(last)
		r.end()
		r.Wait()
		if n := len(k.sets); k.sets[n-1].Kind != kind {
			t.Errorf("%s stays in force behind the service, want %s", k.sets[n-1].Kind, kind)
		}
	}
}

// Routes that do not follow are told, and tried again with the set.
func TestRoutesThatDoNotFollowAreTold(t *testing.T) {
	r := newRig(t, "a")
	r.EquipGuard(&keeper{})
	r.mu.Lock()
	r.stuck = errors.New("no buffer")
	r.mu.Unlock()
	if g := r.guards(heldSet()); g.Err == nil {
		t.Error("a seal that failed is not told")
	}
	r.mu.Lock()
	r.stuck = nil
	r.mu.Unlock()
	if g := r.guards(heldSet()); g.Err != nil || len(r.seals) != 1 {
		t.Errorf("once more: %v, sealed %d times", g.Err, len(r.seals))
	}
	r.guards(guardset.Set{Kind: guardset.Open})
}
