package guard

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/service/guardset"
)

// TestFromAnySetToAnyOther goes through all pairs, each of which is read back.
func TestFromAnySetToAnyOther(t *testing.T) {
	host := newSpace(t)
	g := host.guard()
	defer g.Permit("udp", netip.MustParseAddrPort("192.0.2.1:51820"))()
	defer g.Permit("tcp", netip.MustParseAddrPort("[2001:db8::1]:443"))()
	defer g.Permit("icmp", netip.MustParseAddrPort("192.0.2.1:0"))()
	sets := []guardset.Set{
		open(), full(), split(), blocked(), withLAN(full()), withLAN(blocked()), paused(full(), 300),
		withLAN(with(split(), func(s *guardset.Set) { s.Own = nil })),
		with(split(), func(s *guardset.Set) { s.Carry = prefixes("0.0.0.0/0", "fd00::/8") }),
	}
	for _, from := range sets {
		for _, to := range sets {
			host.set(g, from)
			host.set(g, to)
			var there bool
			var err error
			host.do(func() { there, err = Present() })
			if err != nil || there != to.Shut() {
				t.Fatalf("from %v to %v: there are rules: %v, %v", from, to, there, err)
			}
			if got := host.rules(); !to.Shut() && got != "" {
				t.Fatalf("from %v: left %s", from, got)
			}
		}
	}
}

func TestRelease(t *testing.T) {
	host := newSpace(t)
	release := func() (err error) {
		host.do(func() { err = Release(t.Context()) })
		return err
	}
	if err := release(); err != nil {
		t.Fatal("nothing there:", err)
	}
	host.run("nft add table inet other")
	before := host.rules()
	g := host.guard()
	host.set(g, full())
	if err := release(); !errors.Is(err, ErrOwned) {
		t.Fatal("the rules of a Guard that lives:", err)
	}
	g.Close()
	if !strings.Contains(host.rules(), "policy drop") {
		t.Fatal("the rules did not outlive their Guard")
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if got := host.rules(); got != before {
		t.Fatalf("got %s, want %s", got, before)
	}
}

// TestShownAsMeant reads the rules with another program than ours.
func TestShownAsMeant(t *testing.T) {
	host := newSpace(t)
	g := host.guard()
	defer g.Permit("udp", netip.MustParseAddrPort("[::ffff:192.0.2.1]:51820"))()
	host.set(g, split())
	got := host.rules()
	for _, want := range []string{
		"flags owner", `oifname "hf0" accept`, "elements = { 192.0.2.1 . udp . 51820 }",
		"elements = { 10.20.0.0-10.21.127.255 }", "elements = { fd00:20::/48 }", "elements = { 10.8.0.2 }",
		"type filter hook output priority filter - 10; policy drop;", "type filter hook forward priority filter - 10; policy drop;",
		"meta mark 0x00006866 meta skuid 0 jump ours",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("nft does not show %q in\n%s", want, got)
		}
	}
}

func TestErrors(t *testing.T) {
	host := newSpace(t)
	for _, o := range []Options{{Mark: 1}, {Interface: "hf0"}, {Interface: "a b", Mark: 1}} {
		if err := host.trySet(New(o), full()); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	first, second := host.guard(), host.guard()
	host.set(first, full())
	before := host.rules()
	for _, s := range []guardset.Set{open(), split(), full()} {
		if err := host.trySet(second, s); !errors.Is(err, ErrOwned) {
			t.Errorf("set %v of another's: %v", s, err)
		}
	}
	if got := host.rules(); got != before {
		t.Fatal("another's rules were changed:", got)
	}

	// A thread without the right to change the firewall.
	var err error
	stranger := newSpace(t)
	stranger.do(func() {
		hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err = unix.Capset(&hdr, &none[0]); err == nil {
			err = New(Options{Interface: "hf0", Mark: 1}).Set(t.Context(), full())
		}
	})
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
		t.Error("without the right:", err)
	}
}
