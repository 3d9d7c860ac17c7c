package guard

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"holdfast/service/guardset"
)

var (
	// leaks are packets that no set here lets pass.
	leaks = []packet{
		{kind: "udp", to: "198.51.100.7:9", mark: testMark},
		{kind: "udp", to: "[2001:db8:9::7]:9", mark: testMark, device: "eth0"},
		{kind: "udp", to: "192.168.77.1:53"},
		{kind: "icmp", icmpType: 8, to: "198.51.100.7"},
		{kind: "tcp", to: "198.51.100.7:80"},
	}
	endpoint = packet{kind: "udp", to: "203.0.113.5:51820", mark: testMark}
)

// mustAllCome is the positive control: without rules, what is sent is seen.
func (l *lab) mustAllCome(t *testing.T, what ...packet) {
	t.Helper()
	f := l.flood(what...)
	for range 5 {
		l.uplink.settle(l.host, "eth0")
	}
	sent, came := f.end()
	for i, p := range what {
		if came[i] < sent[i]*99/100 || sent[i] == 0 {
			t.Fatalf("without rules %d of %d came of %s", came[i], sent[i], p.words())
		}
	}
}

// mustNotLeak ends a flood of which nothing may have come.
func (f *flood) mustNotLeak(t *testing.T, during string) {
	t.Helper()
	sent, came := f.end()
	all, leaked := 0, 0
	for i, p := range f.what {
		all, leaked = all+sent[i], leaked+came[i]
		if came[i] > 0 {
			t.Errorf("%s: %d of %d leaked: %s", during, came[i], sent[i], p.words())
		}
		if sent[i] == 0 {
			t.Errorf("%s: none was sent: %s", during, p.words())
		}
	}
	t.Logf("%s: %d of %d leaked", during, leaked, all)
}

// times is how often something is done: more in a soak.
func times(many, few int) int {
	if os.Getenv("HOLDFAST_SOAK") != "" {
		return many
	}
	return few
}

// TestChangesUnderFlood changes what is in force all the time.
func TestChangesUnderFlood(t *testing.T) {
	l := newLab(t)
	l.mustAllCome(t, append(leaks, endpoint)...)
	g := l.host.guard()
	l.host.set(g, full())
	f := l.flood(leaks...)
	constant := g.Permit("udp", netip.MustParseAddrPort(endpoint.to))
	defer constant()
	wanted := l.flood(endpoint)
	n := times(3000, 300)
	s := full()
	for i := range n {
		switch i % 4 {
		case 0:
			s.LAN = !s.LAN
			l.host.set(g, s)
		case 1:
			if s.Own = full().Own; i%8 == 1 {
				s.Own = s.Own[:1]
			}
			l.host.set(g, s)
		default:
			g.Permit("udp", netip.AddrPortFrom(netip.MustParseAddr("203.0.113.6"), uint16(1+i)))()
		}
	}
	f.mustNotLeak(t, fmt.Sprintf("%d changes", n))
	if sent, came := wanted.end(); came[0] < sent[0]*99/100 || sent[0] == 0 {
		t.Errorf("%d of %d came to where they are permitted", came[0], sent[0])
	}
}

// TestCarryUnderFlood goes from set to set, each of which keeps the packets in.
// Where the ranges were changed without more ado, 80 of a million leaked.
func TestCarryUnderFlood(t *testing.T) {
	l := newLab(t)
	carried := []packet{
		{kind: "udp", to: "10.20.0.9:9", mark: testMark},
		{kind: "udp", to: "10.20.0.9:10", device: "eth0"},
		{kind: "udp", to: "[fd00:20::9]:9"},
	}
	l.mustAllCome(t, carried...)
	sets := []guardset.Set{
		full(), split(), blocked(),
		with(split(), func(s *guardset.Set) { s.Carry = prefixes("10.0.0.0/8", "fd00::/8") }),
		withLAN(with(split(), func(s *guardset.Set) { s.Carry = prefixes("10.20.0.8/31", "fd00:20::9/128") })),
		with(full(), func(s *guardset.Set) { s.Carry = prefixes("0.0.0.0/0", "fd00:20::/64") }),
		with(full(), func(s *guardset.Set) { s.Carry = prefixes("10.20.0.0/24", "::/0") }),
	}
	g := l.host.guard()
	l.host.set(g, full())
	f := l.flood(carried...)
	n := times(2000, 100)
	for range n {
		l.host.set(g, sets[rand.IntN(len(sets))])
	}
	f.mustNotLeak(t, fmt.Sprintf("%d changes of what is carried", n))
}

const dyingProcess = "HOLDFAST_TEST_GUARD_DIES"

// TestDyingProcess is the process that TestKilled kills.
func TestDyingProcess(t *testing.T) {
	if os.Getenv(dyingProcess) == "" {
		t.Skip("runs within TestKilled")
	}
	g := New(Options{Interface: "hf0", Mark: testMark})
	s := full()
	to := netip.MustParseAddrPort("203.0.113.6:51820")
	for i := range 100000 {
		if s.Carry = full().Carry; i%4 == 3 {
			s.Carry = prefixes("0.0.0.0/0", "2000::/3", "fd00:20::/48")
		}
		s.LAN = i%2 == 1
		if err := g.Set(context.Background(), s); err != nil {
			fmt.Println("failed:", err)
			return
		}
		if i == 0 {
			fmt.Println("up")
		}
		g.Permit("udp", to)
	}
}

// TestKilled kills the process that owns the rules, at any moment, and adopts them.
func TestKilled(t *testing.T) {
	l := newLab(t)
	l.mustAllCome(t, leaks...)
	n := times(100, 10)
	var f *flood
	for range n {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDyingProcess$")
		cmd.Env = append(os.Environ(), dyingProcess+"=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		l.host.do(func() { err = cmd.Start() })
		if err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(out).ReadString('\n')
		if line == "up\n" && f == nil {
			f = l.flood(leaks...)
		}
		<-time.After(time.Duration(rand.IntN(20000)) * time.Microsecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if line != "up\n" {
			t.Fatal("the process says:", line)
		}
		g := l.host.guard()
		l.host.set(g, full())
		if !g.State().Owned {
			t.Error("the rules have no owner any more")
		}
		l.expect(t, "full", "what the killed process permitted", l.host, packet{kind: "udp", to: "203.0.113.6:51820", mark: testMark}, "")
		g.Close()
	}
	f.mustNotLeak(t, fmt.Sprintf("%d kills", n))
}

// TestAdopts adopts rules that are not exactly ours.
func TestAdopts(t *testing.T) {
	for _, c := range []struct {
		name, change string
		plain        bool
	}{
		{name: "ours", change: "add table inet other"},
		{name: "ours, without an owner", change: "add table inet other", plain: true},
		{name: "another rule", change: "insert rule inet holdfast keep counter"},
		{name: "rules are missing", change: "flush chain inet holdfast link; flush chain inet holdfast ours"},
		{name: "no rules", change: "flush table inet holdfast"},
		{name: "other chains", change: "add chain inet holdfast older { type filter hook output priority -20; policy drop; }; add rule inet holdfast older oif lo accept"},
		{name: "a set is missing", change: "flush table inet holdfast; delete set inet holdfast own4; delete set inet holdfast pass4"},
		{name: "a set is another", change: "flush table inet holdfast; delete set inet holdfast lan; add set inet holdfast lan { type ifname; }"},
		{name: "a chain is another", change: "flush table inet holdfast; delete chain inet holdfast prerouting; add chain inet holdfast prerouting { type filter hook input priority 0; }"},
		{name: "no arp", change: "delete table arp holdfast"},
		{name: "another mark", change: "flush chain inet holdfast output; add rule inet holdfast output meta mark 1 jump ours; add rule inet holdfast output jump keep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			l.mustAllCome(t, leaks...)
			old := l.host.guard()
			if c.plain {
				old = l.host.plainGuard()
			}
			l.host.set(old, full())
			want := l.host.shown()
			old.Close()
			f := l.flood(leaks...)
			if _, out, err := l.host.runs("nft", c.change); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			_, _ = l.host.try("nft delete table inet other")
			g := l.host.guard()
			l.host.set(g, full())
			f.mustNotLeak(t, c.name)
			sameListing(t, l.host.shown(), want)
			if g.State().Owned == c.plain {
				t.Error("owned:", !c.plain)
			}
			l.host.set(g, open())
			if got := l.host.rules(); got != "" {
				t.Error("left:", got)
			}
		})
	}
}
