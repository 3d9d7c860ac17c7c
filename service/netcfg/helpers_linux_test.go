package netcfg

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ownNamespace moves the test into a network namespace of its own, which goes
// with the test's thread. It holds lo, and veth "eth0" with a default route.
func ownNamespace(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for a network namespace")
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("needs a network namespace:", err)
	}
	for _, f := range []string{"ipv6/conf/default/accept_dad", "ipv6/conf/default/dad_transmits", "ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"} {
		if err := writeSysctl(f, "0"); err != nil {
			t.Skip("needs its own kernel settings:", err)
		}
	}
	run(t, "ip link set lo up")
	run(t, "ip link add eth0 type veth peer name peer0")
	for _, l := range []string{"eth0", "peer0"} {
		if err := writeSysctl("ipv6/conf/"+l+"/addr_gen_mode", "1"); err != nil {
			t.Fatal(err)
		}
		run(t, "ip link set "+l+" up")
	}
	eventually(t, "both ends are up", func() bool {
		return strings.Count(run(t, "ip link"), "state UP") == 2
	})
	run(t, "ip addr add 192.0.2.2/24 dev eth0")
	run(t, "ip addr add 2001:db8::2/64 dev eth0 nodad")
	eventually(t, "the kernel's own IPv6 routes are there", func() bool {
		local := run(t, "ip -6 route show table local")
		return strings.Contains(local, "2001:db8::2 ") && strings.Count(local, "ff00::/8") == 2
	})
	run(t, "ip route add default via 192.0.2.1")
	run(t, "ip -6 route add default via 2001:db8::1")
}

// openTun makes a tun interface that lives until the file is closed.
func openTun(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		t.Skip("needs /dev/net/tun:", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(int(f.Fd()), unix.TUNSETIFF, ifr); err != nil {
		t.Fatal(err)
	}
	return f
}

// run runs a command line of words without blanks and returns what it printed.
func run(t testing.TB, line string) string {
	t.Helper()
	words := strings.Fields(line)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

// An interface that was up once never shows the queue of one that never was.
var qdisc = regexp.MustCompile(`qdisc \S+ `)

// listing is everything that a Manager may change, in the words of ip(8).
func listing(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for _, line := range []string{
		"ip addr", "ip -4 route show table all", "ip -6 route show table all", "ip -4 rule", "ip -6 rule",
	} {
		b.WriteString("$ " + line + "\n" + qdisc.ReplaceAllString(run(t, line), ""))
	}
	for _, f := range []string{srcValidMark, allRPFilter} {
		v, err := readSysctl(f)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(f + " = " + v + "\n")
	}
	return b.String()
}

// testOptions keeps every file below temporary folders.
func testOptions(t testing.TB) Options {
	dir := t.TempDir()
	return Options{StateDir: dir + "/state", ResolvConf: dir + "/resolv.conf", Resolvconf: "none"}
}

func mustApply(t testing.TB, m *Manager, s Spec) {
	t.Helper()
	if err := m.Apply(t.Context(), s); err != nil {
		t.Fatal("apply:", err)
	}
}

// listingBecomes compares with a listing from before. The kernel does a part of
// its own work, such as the local routes of IPv6 addresses, a moment later.
func listingBecomes(t testing.TB, list func(testing.TB) string, want string) {
	t.Helper()
	var got string
	for range 100 {
		if got = list(t); got == want {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	sameListing(t, got, want)
}

// settled is the listing when the kernel has done its part, such as trying the
// addresses that it gave an interface itself.
func settled(t testing.TB) string {
	t.Helper()
	var got, before string
	eventually(t, "the kernel is done", func() bool {
		before, got = got, listing(t)
		return got == before && !strings.Contains(got, "tentative")
	})
	return got
}

func sameListing(t testing.TB, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			t.Fatalf("the listing differs in line %d:\ngot  %q\nwant %q\n\nall of it:\n%s", i+1, a, b, got)
		}
	}
}

// eventually waits for what happens by itself soon.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("not in time:", what)
		}
	}
}

func sortedListing(t testing.TB) string { return sorted(listing(t)) }

// sorted is the listing for states that differ only in the order in which
// they came about.
func sorted(s string) string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
