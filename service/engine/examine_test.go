package engine_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/engine"
	"holdfast/service/failover"
	"holdfast/service/lab"
	"holdfast/service/tunnel"
)

// usable is a network that the system has nothing to say against.
var usable = failover.Underlay{Usable: true}

func TestExamine(t *testing.T) {
	r := newRig(t, "a", "b", "c")
	r.Equip(engine.Senses{Resolve: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	}})
	r.up(start("a"))
	if err := r.lab.Server("c").Break(lab.BlackHole); err != nil {
		t.Fatal(err)
	}
	r.change("a", func(c *tunnel.Config) { c.Peers[0].Endpoint.Host = "a.example" })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	e := r.Examine(ctx, engine.Facts{Person: true, Active: "a", Members: []tunnel.Name{"a", "b", "c"}, Underlay: usable})
	if !e.Self.Answered || e.Self.Member != "a" || e.Name.Host != "a.example" || len(e.Name.Addresses) != 1 || e.Name.Present {
		t.Errorf("evidence: %+v", e)
	}
	if len(e.Others) != 2 || !e.Others[0].Answered || e.Others[1].Answered || !e.Others[1].Asked || e.Others[1].Member != "c" {
		t.Errorf("evidence of the others: %+v", e.Others)
	}
	if e.Inside.Widest == 0 || e.Inside.Widest > e.Inside.MTU || !e.Inside.Near.Answered && !e.Inside.Beyond.Answered {
		t.Errorf("inside: %+v", e.Inside)
	}
	if f := diagnose.Judge(e); f.Cause != "" {
		t.Errorf("a well tunnel is found ill: %+v", f)
	}
	r.until("the standbys to end", func() bool { return len(r.devices.Running()) == 1 })
	r.carries("a")
}
