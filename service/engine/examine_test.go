package engine_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/engine"
	"holdfast/service/failover"
	"holdfast/service/health"
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

// outside is a network that counts how often pages are asked.
type outside struct{ pages chan struct{} }

func (outside) Gateway(context.Context) diagnose.Gateway                 { return diagnose.Gateway{} }
func (outside) Knock(context.Context, netip.AddrPort) (k diagnose.Knock) { return k }
func (outside) Route(netip.AddrPort) (r diagnose.Route)                  { return r }
func (o outside) Internet(context.Context, []string) diagnose.Internet {
	o.pages <- struct{}{}
	return diagnose.Internet{Checked: true}
}

// A suspect tunnel that answers after all is not talked about with strangers.
func TestSuspectThatAnswers(t *testing.T) {
	r := newRig(t, "a")
	o := outside{make(chan struct{}, 10)}
	r.Equip(engine.Senses{Outside: o})
	r.up(start("a"))
	facts := engine.Facts{Active: "a", Members: []tunnel.Name{"a"}, Underlay: usable, ThirdParty: true, Pages: []string{"http://page.example"}}
	facts.Judged.Verdict = health.Suspect
	examine := func() diagnose.Internet { return r.Examine(t.Context(), facts).Internet }

	seen := make(chan diagnose.Internet, 1)
	go func() { seen <- examine() }()
	r.until("the pages to be spared", func() bool {
		r.carries("a")
		select {
		case i := <-seen:
			if i.Checked || i.Unasked == "" {
				t.Errorf("of a tunnel that answers: %+v", i)
			}
			return true
		default:
			return false
		}
	})
	if len(o.pages) != 0 {
		t.Error("pages were asked about a tunnel that answers")
	}
	facts.Judged.Since = time.Now().Add(-time.Minute) // it has answered since
	facts.Judged.Verdict = health.Unhealthy
	if i := examine(); i.Checked || len(o.pages) != 0 {
		t.Errorf("of a server that answers: %+v", i)
	}
	if err := r.lab.Server("a").Break(lab.BlackHole); err != nil {
		t.Fatal(err)
	}
	facts.Judged.Since, facts.Judged.Verdict = time.Now(), health.Suspect
	if i := examine(); !i.Checked || len(o.pages) != 1 {
		t.Errorf("of a tunnel that does not answer: %+v", i)
	}
	facts.Judged.Verdict = health.Unhealthy
	if i := examine(); !i.Checked || len(o.pages) != 2 {
		t.Errorf("of an unhealthy tunnel: %+v", i)
	}
}

// TestExamineTellsItsProgress: each check is told as it begins, once, and as it
// ends, and in the end each was told as the evidence has it.
func TestExamineTellsItsProgress(t *testing.T) {
	r := newRig(t, "a", "b", "c")
	r.Equip(engine.Senses{Outside: outside{make(chan struct{}, 10)}, Resolve: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	}})
	r.up(start("a"))
	if err := r.lab.Server("c").Break(lab.BlackHole); err != nil {
		t.Fatal(err)
	}
	r.change("a", func(c *tunnel.Config) { c.Peers[0].Endpoint.Host = "a.example" })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began, last := map[string]int{}, map[string]diagnose.Check{}
	var order []string
	facts := engine.Facts{Person: true, Active: "a", Members: []tunnel.Name{"a", "b", "c"}, Underlay: usable}
	facts.Tell = func(c diagnose.Check) { // one at a time: the race detector sees to it
		if c.Result == diagnose.Running {
			began[c.Name]++
			if _, ended := last[c.Name]; ended {
				t.Errorf("%s begins after its end", c.Name)
			}
			return
		}
		if _, again := last[c.Name]; !again {
			order = append(order, c.Name)
		}
		last[c.Name] = c
	}
	e := r.Examine(ctx, facts)
	for _, c := range diagnose.Checks(e) {
		if last[c.Name] != c {
			t.Errorf("%s was told as %+v, want %+v", c.Name, last[c.Name], c)
		}
	}
	for _, name := range []string{"router", "internet", "endpoint name", "handshake with a", "handshake with b", "handshake with c", "large packets"} {
		if began[name] != 1 {
			t.Errorf("%s was told to begin %d times", name, began[name])
		}
	}
	if began["network below the tunnel"] != 0 || order[0] != "network below the tunnel" {
		t.Errorf("what needs no look was told in the order %v", order)
	}
	if a, c := slices.Index(order, "handshake with a"), slices.Index(order, "handshake with c"); a > c {
		t.Errorf("a server that answers is told after one that is waited for: %v", order)
	}
	told := 0
	facts.Underlay, facts.Tell = failover.Underlay{Cause: tunnel.NoNetwork}, func(diagnose.Check) { told++ }
	if e := r.Examine(ctx, facts); told != len(diagnose.Checks(e)) {
		t.Errorf("without a network %d checks were told", told)
	}
}
