package netcfg

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.zx2c4.com/wireguard/tun"
)

func TestTable(t *testing.T) {
	rows, err := readTable()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range prefixes("127.0.0.0/8", "::1/128") {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.dst == want && r.iface == "lo0" }) {
			t.Errorf("no route to %v by lo0", want)
		}
	}
	lo, err := net.InterfaceByName("lo0")
	if err != nil {
		t.Fatal(err)
	}
	if have, err := addressesOn(lo); err != nil || !slices.Contains(have, netip.MustParsePrefix("127.0.0.1/8")) {
		t.Errorf("lo0 has %v, %v", have, err)
	}
}

func TestWatch(t *testing.T) {
	w, err := watch(make(chan struct{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	w.close()
}

func TestNothingIsLeft(t *testing.T) {
	if left, err := leftByScutil(t.Context()); err != nil || left {
		t.Errorf("resolvers are left: %v, %v", left, err)
	}
}

// A tunnel to networks that nobody has is set up, moved, sealed and cleared, and
// after that the table is what it was.
func TestManager(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for an interface")
	}
	device, err := tun.CreateTUN("utun", 1420)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	name, err := device.Name()
	if err != nil {
		t.Fatal(err)
	}
	before := ordinaryRows(t, name)
	m := New(Options{StateDir: t.TempDir()})
	s := Spec{
		Interface: name, MTU: 1380, Mark: testMark, FailClosed: true,
		Addresses: prefixes("192.0.2.2/32", "2001:db8::2/128"), Routes: prefixes("198.51.100.0/24", "2001:db8:1::/48"),
		DNS: addrs("192.0.2.53"), Search: []string{"holdfast.invalid"},
	}
	defer func() {
		if err := m.Clear(t.Context()); err != nil {
			t.Error("clear:", err)
		}
		if d := cmp.Diff(ordinaryRows(t, name), before); d != "" {
			t.Error("left, -got +want:", d)
		}
	}()
	apply := func(change func(*Spec)) {
		change(&s)
		if err := m.Apply(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if lost, err := m.repair(); err != nil || len(lost) > 0 {
			t.Errorf("lost at once: %q, %v", lost, err)
		}
	}
	apply(func(*Spec) {})
	apply(func(s *Spec) { s.Addresses = prefixes("192.0.2.3/32", "2001:db8::3/128") })
	for host, want := range map[string]string{"198.51.100.7": "192.0.2.3", "2001:db8:1::7": "2001:db8::3"} {
		if got := sourceTo(t, host); got != want {
			t.Errorf("to %s it leaves with %s, not %s", host, got, want)
		}
	}
	apply(func(s *Spec) { s.FailClosed, s.DNS = false, nil })
	if err := m.Seal(t.Context(), s.Routes, testMark); err != nil {
		t.Fatal("seal:", err)
	}
	for _, host := range []string{"198.51.100.7", "2001:db8:1::7"} {
		if c, err := net.Dial("tcp", net.JoinHostPort(host, "80")); err == nil {
			t.Errorf("%s is reached through a seal", host)
			_ = c.Close()
		}
	}
}

// sourceTo is the address that a datagram to a host would leave with.
func sourceTo(t *testing.T, host string) string {
	t.Helper()
	c, err := net.Dial("udp", net.JoinHostPort(host, "9"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().String()
}

// ordinaryRows are the routes for all sockets that are not of an interface.
func ordinaryRows(t *testing.T, but string) []string {
	t.Helper()
	rows, err := readTable()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		if r.ordinary() && r.iface != but {
			out = append(out, r.dst.String()+" by "+r.iface)
		}
	}
	slices.Sort(out)
	return out
}
