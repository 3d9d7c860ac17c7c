package netwatch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"holdfast/service/clock"
	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

var (
	usable   = failover.Underlay{Usable: true}
	unusable = failover.Underlay{Cause: tunnel.NoNetwork}
	changed  = failover.NetworkChanged{}
)

// ownNamespace moves the test into a network namespace of its own, which goes
// with the test's thread: eth0 with the far end peer0, and a default route.
func ownNamespace(t *testing.T) {
	t.Helper()
	if t.Name() != "TestEnd" { // which counts what is open
		t.Parallel()
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root for a network namespace")
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("needs a network namespace:", err)
	}
	// Link-local addresses come a moment after the link, which is another change.
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/default/addr_gen_mode", []byte("1"), 0); err != nil {
		t.Skip("needs its own kernel settings:", err)
	}
	run(t, "ip link set lo up")
	addVeth(t, "eth0", "peer0")
	run(t, "ip addr add 192.0.2.2/24 dev eth0")
}

func addVeth(t *testing.T, name, peer string) {
	t.Helper()
	run(t, "ip link add "+name+" type veth peer name "+peer)
	run(t, "ip link set "+name+" up")
	run(t, "ip link set "+peer+" up")
}

// run runs a command line of words without blanks.
func run(t *testing.T, line string) {
	t.Helper()
	words := strings.Fields(line)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}

func watch(t *testing.T, o Options) *Watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w, err := Watch(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		select {
		case <-w.Done():
		case <-time.After(5 * time.Second):
			t.Error("the watcher does not end")
		}
	})
	return w
}

// next returns the next input, which must come soon.
func next(t *testing.T, w *Watcher) failover.Input {
	t.Helper()
	select {
	case in := <-w.Inputs():
		return in
	case <-time.After(5 * time.Second):
		t.Fatal("no input")
		return nil
	}
}

func expect(t *testing.T, w *Watcher, want ...failover.Input) {
	t.Helper()
	for _, in := range want {
		if d := cmp.Diff(next(t, w), in); d != "" {
			t.Fatal("-got +want:", d)
		}
	}
}

// settled returns what comes until nothing has come for a while that is longer
// than any debounce.
func settled(w *Watcher) []failover.Input {
	var out []failover.Input
	for {
		select {
		case in := <-w.Inputs():
			out = append(out, in)
		case <-time.After(800 * time.Millisecond):
			return out
		}
	}
}

func expectQuiet(t *testing.T, w *Watcher) {
	t.Helper()
	if got := settled(w); len(got) > 0 {
		t.Fatalf("got %v, want nothing", got)
	}
}

func TestLinkDownAndUp(t *testing.T) {
	for _, tt := range []struct{ name, down, up string }{
		{"the link", "ip link set eth0 down", "ip link set eth0 up"},
		{"the carrier", "ip link set peer0 down", "ip link set peer0 up"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ownNamespace(t)
			run(t, "ip route add default via 192.0.2.1")
			w := watch(t, Options{})
			expect(t, w, usable)
			run(t, tt.down)
			expect(t, w, unusable)
			start := time.Now()
			run(t, tt.up)
			if tt.name == "the link" {
				run(t, "ip route add default via 192.0.2.1") // went with the link
			}
			expect(t, w, usable)
			took := time.Since(start)
			t.Logf("the return was reported after %v", took.Round(time.Millisecond))
			if took > 500*time.Millisecond {
				t.Errorf("the return took %v", took)
			}
		})
	}
}

func TestNoDefaultRoute(t *testing.T) {
	ownNamespace(t)
	w := watch(t, Options{})
	expect(t, w, usable)
	run(t, "ip route add 198.51.100.0/24 via 192.0.2.1")
	expect(t, w, changed)
	run(t, "ip addr del 192.0.2.2/24 dev eth0")
	expect(t, w, unusable)
	run(t, "ip addr add 169.254.1.1/16 dev eth0")
	expectQuiet(t, w)
}

func TestNoNetworkAtTheStart(t *testing.T) {
	ownNamespace(t)
	run(t, "ip link set eth0 down")
	w := watch(t, Options{})
	expect(t, w, unusable)
	run(t, "ip link set eth0 up")
	expect(t, w, usable)
}

func TestChanges(t *testing.T) {
	for _, tt := range []struct{ name, change string }{
		{"another gateway", "ip route replace default via 192.0.2.9"},
		{"one more address", "ip addr add 192.0.2.3/24 dev eth0"},
		{"a default route of IPv6", "ip -6 route add default via 2001:db8::1"},
		{"a better default route", "ip route add default via 203.0.113.1 metric 50"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ownNamespace(t)
			addVeth(t, "wlan0", "peer1")
			run(t, "ip addr add 203.0.113.2/24 dev wlan0")
			run(t, "ip addr add 2001:db8::2/64 dev wlan0 nodad")
			run(t, "ip route add default via 192.0.2.1 metric 100")
			if strings.Contains(tt.change, "replace") {
				tt.change += " metric 100"
			}
			w := watch(t, Options{})
			expect(t, w, usable)
			run(t, tt.change)
			expect(t, w, changed)
			expectQuiet(t, w)
		})
	}
}

// What does not touch the way out is no change, and neither is our own interface.
func TestNoChange(t *testing.T) {
	ownNamespace(t)
	addVeth(t, "wlan0", "peer1")
	run(t, "ip addr add 203.0.113.2/24 dev wlan0")
	run(t, "ip route add default via 192.0.2.1 metric 100")
	run(t, "ip route add default via 203.0.113.1 metric 600")
	w := watch(t, Options{Ignore: func(name string) bool { return name == "hf0" }})
	expect(t, w, usable)
	for _, line := range []string{
		"ip tuntap add hf0 mode tun",
		"ip addr add 10.8.0.2/24 dev hf0",
		"ip link set hf0 up",
		"ip route add default dev hf0 metric 1",
		"ip route add default dev eth0 table 26726",
		"ip rule add not fwmark 1 table 26726",
		"ip link set wlan0 down",
		"ip link set eth0 mtu 1400",
		"ip route add 198.51.100.0/24 via 192.0.2.7",
		"ip link del hf0",
	} {
		run(t, line)
	}
	expectQuiet(t, w)
}

// With a server, what does not touch the way there is no change.
func TestWayToTheServer(t *testing.T) {
	for _, tt := range []struct {
		name, change string
		want         bool
	}{
		{"another gateway", "ip route replace default via 192.0.2.9 metric 100", true},
		{"a route to the server alone", "ip route add 198.51.100.7 via 203.0.113.1", true},
		{"a better default route", "ip route add default via 203.0.113.1 metric 50", true},
		{"another source address", "ip route replace default via 192.0.2.1 src 192.0.2.3 metric 100", true},
		{"the mark leads elsewhere", "ip rule add fwmark 5 table 77", true},
		{"one more address", "ip addr add 192.0.2.4/24 dev eth0", false},
		{"a default route of IPv6", "ip -6 route add default via 2001:db8::1", false},
		{"a route to another server", "ip route add 198.51.100.8 via 203.0.113.1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ownNamespace(t)
			addVeth(t, "wlan0", "peer1")
			run(t, "ip addr add 192.0.2.3/24 dev eth0")
			run(t, "ip addr add 203.0.113.2/24 dev wlan0")
			run(t, "ip addr add 2001:db8::2/64 dev wlan0 nodad")
			run(t, "ip route add default via 192.0.2.1 metric 100")
			run(t, "ip route add default via 203.0.113.1 table 77")
			w := watch(t, Options{Mark: 5, Toward: func() netip.Addr { return netip.MustParseAddr("198.51.100.7") }})
			expect(t, w, usable)
			run(t, tt.change)
			if strings.Contains(tt.change, "rule") {
				run(t, "ip link set lo mtu 60000") // rules are not watched
			}
			if tt.want {
				expect(t, w, changed)
			}
			expectQuiet(t, w)
		})
	}
}

// The tunnel's own default route makes no underlay.
func TestOnlyOurs(t *testing.T) {
	ownNamespace(t)
	run(t, "ip link set eth0 down")
	addVeth(t, "hf0", "peer1")
	run(t, "ip addr add 10.8.0.2/24 dev hf0")
	run(t, "ip route add default dev hf0")
	run(t, "ip route add default dev hf0 table 26726")
	w := watch(t, Options{Ignore: func(name string) bool { return name == "hf0" }})
	expect(t, w, unusable)
	expectQuiet(t, w)
}

func TestBurst(t *testing.T) {
	ownNamespace(t)
	run(t, "ip route add default via 192.0.2.1")
	w := watch(t, Options{})
	expect(t, w, usable)
	var batch strings.Builder
	for i := range 25 {
		fmt.Fprintf(&batch, "address add 192.0.2.%d/24 dev eth0\nroute replace default via 192.0.2.%d\n", 10+i, 100+i)
	}
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(batch.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := settled(w)
	t.Logf("50 changes gave %d inputs", len(got))
	if len(got) < 1 || len(got) > 2 {
		t.Errorf("got %v, want 1 or 2 inputs", got)
	}
}

// A blip that is over before the debounce is none.
func TestBlip(t *testing.T) {
	ownNamespace(t)
	run(t, "ip route add default via 192.0.2.1")
	w := watch(t, Options{Quiet: 500 * time.Millisecond})
	expect(t, w, usable)
	run(t, "ip link set peer0 down")
	run(t, "ip link set peer0 up")
	expectQuiet(t, w)
}

// Changes that never stop are looked at all the same.
func TestRestless(t *testing.T) {
	ownNamespace(t)
	run(t, "ip route add default via 192.0.2.1")
	w := watch(t, Options{Quiet: time.Second, Max: 1500 * time.Millisecond})
	expect(t, w, usable)
	run(t, "ip route replace default via 192.0.2.9")
	start := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case in := <-w.Inputs():
			if in != failover.Input(changed) {
				t.Fatalf("got %v, want a change", in)
			}
			if took := time.Since(start); took > 4*time.Second {
				t.Errorf("it took %v", took)
			}
			return
		case <-tick.C:
			if time.Since(start) > 10*time.Second {
				t.Fatal("never looked at")
			}
			run(t, fmt.Sprintf("ip link set lo mtu %d", 60000+i))
		}
	}
}

// sleepingClock is a machine's clocks that can be put forward by a sleep.
type sleepingClock struct{ slept atomic.Int64 }

func (c *sleepingClock) read() clock.Reading {
	slept := time.Duration(c.slept.Load())
	return clock.Reading{Wall: time.Unix(1_800_000_000, 0).Add(slept), Mono: time.Hour, Suspended: slept}
}

func TestWoke(t *testing.T) {
	ownNamespace(t)
	run(t, "ip route add default via 192.0.2.1")
	var c sleepingClock
	w := watch(t, Options{Clock: c.read})
	expect(t, w, usable)
	c.slept.Add(int64(2 * time.Second))
	run(t, "ip link set lo mtu 60000")
	expectQuiet(t, w)
	c.slept.Add(int64(8 * time.Hour))
	run(t, "ip route replace default via 192.0.2.9")
	expect(t, w, failover.Woke{Slept: 8 * time.Hour}, changed)
	run(t, "ip link set lo mtu 60001")
	expectQuiet(t, w)
}

// A jump of the wall clock, as at every waking, makes the clocks be compared
// without any other change. This test moves the clock by a nanosecond.
func TestWokeWithoutNetworkChange(t *testing.T) {
	ownNamespace(t)
	var c sleepingClock
	w := watch(t, Options{Clock: c.read})
	expect(t, w, usable)
	jump := func() {
		tx := unix.Timex{Modes: unix.ADJ_SETOFFSET | unix.ADJ_NANO}
		tx.Time.Usec = 1
		if _, err := unix.ClockAdjtime(unix.CLOCK_REALTIME, &tx); errors.Is(err, unix.EPERM) {
			t.Skip("needs leave to set the clock:", err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	jump()
	expectQuiet(t, w)
	for range 3 {
		c.slept.Add(int64(time.Minute))
		jump()
		expect(t, w, failover.Woke{Slept: time.Minute})
	}
}

func TestReadClock(t *testing.T) {
	r := ReadClock()
	if r.Mono <= 0 || r.Suspended < -time.Second || time.Since(r.Wall).Abs() > time.Second {
		t.Errorf("got %+v", r)
	}
}

// A jump of the wall clock is told, and makes the clocks be compared.
func TestJumps(t *testing.T) {
	ownNamespace(t)
	var c sleepingClock
	jumps, told := make(chan struct{}), make(chan struct{}, 8)
	w := watch(t, Options{Clock: c.read, Jumps: jumps, Jumped: func() { told <- struct{}{} }})
	expect(t, w, usable)
	jump := func() {
		t.Helper()
		jumps <- struct{}{}
		select {
		case <-told:
		case <-time.After(5 * time.Second):
			t.Fatal("the jump was not told")
		}
	}
	jump()
	expectQuiet(t, w)
	c.slept.Add(int64(8 * time.Hour))
	jump()
	expect(t, w, failover.Woke{Slept: 8 * time.Hour})
	close(jumps)
	expectQuiet(t, w)
}

// Nothing of a Watcher remains after its end, whether anybody listens or not.
func TestEnd(t *testing.T) {
	ownNamespace(t)
	files := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before, routines := files(), runtime.NumGoroutine()
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		w, err := Watch(ctx, Options{})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		<-w.Done()
	}
	if got := files(); got > before {
		t.Errorf("%d files are left open", got-before)
	}
	if got := runtime.NumGoroutine(); got > routines {
		t.Errorf("%d goroutines are left", got-routines)
	}
}
