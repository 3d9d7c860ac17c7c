package guard

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"testing"

	"holdfast/service/guardset"
)

// TestPF puts every set in force in the real pf, and reads it back. It shuts this
// computer in for a moment.
func TestPF(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if os.Getenv("HOLDFAST_TEST_SHUTS_THIS_COMPUTER_IN") == "" {
		t.Skip("needs leave to shut this computer in: HOLDFAST_TEST_SHUTS_THIS_COMPUTER_IN")
	}
	ctx := context.Background()
	g := New(Options{Interface: "utun", Mark: 1})
	defer func() {
		if err := errors.Join(g.Close(), Release(ctx)); err != nil {
			t.Error(err)
		}
	}()
	defer g.Permit("udp", netip.MustParseAddrPort("203.0.113.9:51820"))()
	defer g.Permit("icmp", netip.MustParseAddrPort("[2001:db8::1]:0"))()
	for _, s := range []guardset.Set{full(), split(), withLAN(full()), paused(full(), 60), blocked(), open(), full()} {
		if err := g.Set(ctx, s); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		if present, err := Present(); err != nil || present != s.Shut() {
			t.Errorf("%+v: present %v, %v", s, present, err)
		}
	}
	g.Permit("tcp", netip.MustParseAddrPort("203.0.113.9:443"))()
	if o, told, err := g.check(); err != nil || told {
		t.Errorf("nobody changed anything, and there is %v, %v, %v", o.lost, told, err)
	}
	if _, err := pfctl("", "-a", pfAnchor, "-F", "rules"); err != nil {
		t.Fatal(err)
	}
	if o, told, err := g.check(); err != nil || !told || len(o.lost) == 0 {
		t.Errorf("what another program took away: %v, %v, %v", o.lost, told, err)
	}
	if present, err := Present(); err != nil || !present {
		t.Errorf("not back: %v", err)
	}
}
