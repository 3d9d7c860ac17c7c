package underlay

import (
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Everything that the kernel's tables say of a small network is read.
func TestRead(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for a network namespace")
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("needs a network namespace:", err)
	}
	for _, line := range []string{
		"ip link set lo up",
		"ip link add name eth0 index 10 type veth peer name far0 index 11",
		"ip link set eth0 up", "ip link set far0 up",
		"ip addr add 192.0.2.2/24 dev eth0", "ip addr add 2001:db8::2/64 dev eth0 nodad",
		"ip link add name br0 index 12 type bridge", "ip link set far0 master br0",
		"ip tuntap add tun0 mode tun",
		"ip route add default via 192.0.2.1 dev eth0 metric 7",
		"ip -6 route add default via fe80::1 dev eth0 metric 9",
		"ip route add 198.51.100.0/24 nexthop via 192.0.2.8 dev eth0 nexthop via 192.0.2.9 dev eth0",
		"ip route add unreachable 203.0.113.0/24",
	} {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	table, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Link{
		{Index: 1, Name: "lo", Up: true, Loopback: true},
		{Index: 10, Name: "eth0", Up: true},
		{Index: 11, Name: "far0", Up: true, Inside: true}, // joined to a bridge
		{Index: 12, Name: "br0", Inside: true},
	} {
		if got, ok := table.Named(want.Name); !ok || got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if tun, ok := table.Named("tun0"); !ok || !tun.Tunnel || !tun.Inside || tun.Up {
		t.Errorf("got %+v", tun)
	}
	for _, want := range []Route{
		wayTo("0.0.0.0/0", 10, "192.0.2.1", 7), wayTo("::/0", 10, "fe80::1%eth0", 9),
		wayTo("198.51.100.0/24", 10, "192.0.2.8", 0), wayTo("198.51.100.0/24", 10, "192.0.2.9", 0),
		wayTo("192.0.2.0/24", 10, "", 0),
	} {
		if !slices.Contains(table.Routes, want) {
			t.Errorf("%+v is not there", want)
		}
	}
	var addrs []Addr
	for _, a := range table.Addrs {
		if a.Link == 10 && a.Net.Addr().IsGlobalUnicast() {
			addrs = append(addrs, a)
		}
	}
	want := []Addr{{Link: 10, Net: netip.MustParsePrefix("192.0.2.2/24")}, {Link: 10, Net: netip.MustParsePrefix("2001:db8::2/64")}}
	if d := cmp.Diff(addrs, want, compareAddrs); d != "" {
		t.Error("-got +want:", d)
	}
	if r, ok := table.Toward(netip.MustParseAddr("203.0.113.9"), None); !ok || r.Link != 10 || !r.IsDefault() {
		t.Errorf("got %+v, %t: a route that refuses is no way", r, ok)
	}
}
