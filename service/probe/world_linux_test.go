package probe

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	testMark = 0x6866
	// router is at the far end of our only cable, page0 and the following ones
	// are hosts behind it, and beyond is a network that it forwards to.
	router, router6 = "192.0.2.1", "2001:db8:1::1"
	hosts, hosts6   = "198.51.100.", "2001:db8:2::"
	beyond, beyond6 = "203.0.113.9", "2001:db8:3::9"
)

// crowd bounds the processes of alone: they mostly wait.
var crowd = make(chan struct{}, 4)

// alone runs the test in a process of its own, in a network namespace of its
// own: sockets are opened by whichever thread a goroutine happens to be on. It
// returns true in that process.
func alone(t *testing.T) bool {
	t.Helper()
	const name = "HOLDFAST_PROBE_ALONE"
	if os.Getenv(name) == t.Name() {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root for a network namespace")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s", "-test.parallel=16")
	cmd.Env = append(os.Environ(), name+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	var out []byte
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		crowd <- struct{}{}
		defer func() { <-crowd }()
		// The thread that starts it must live as long: its death is the signal.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		out, err = cmd.CombinedOutput()
	}()
	t.Parallel()
	<-done
	switch {
	case err != nil && bytes.Contains(out, []byte("=== RUN")):
		t.Errorf("%v\n%s", err, out)
	case err != nil:
		t.Skipf("needs a network namespace: %v: %s", err, out)
	case bytes.Contains(out, []byte("--- SKIP: "+t.Name()+" ")):
		t.Skipf("%s", out)
	case testing.Verbose():
		t.Logf("%s", out)
	}
	return false
}

// far is the network namespace at the other end.
type far struct {
	t    *testing.T
	jobs chan func()
}

// startFar makes the far end and the cable to it: eth0 here, far0 there.
func startFar(t *testing.T) *far {
	t.Helper()
	f := &far{t: t, jobs: make(chan func())}
	started := make(chan error)
	var tid int
	var running sync.WaitGroup
	running.Go(func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		tid = unix.Gettid()
		started <- unix.Unshare(unix.CLONE_NEWNET)
		for job := range f.jobs {
			job()
		}
	})
	if err := <-started; err != nil {
		t.Skip("needs a network namespace:", err)
	}
	t.Cleanup(func() {
		close(f.jobs)
		running.Wait()
	})
	here(t, "ip link set lo up")
	here(t, "ip link add eth0 type veth peer name far0")
	here(t, fmt.Sprintf("ip link set far0 netns %d", tid))
	f.run("ip link set lo up")
	f.run("ip addr add " + router + "/24 dev far0")
	f.run("ip addr add " + router6 + "/64 dev far0 nodad")
	f.run("ip link set far0 up")
	for i := range 10 {
		f.run(fmt.Sprintf("ip addr add %s%d/32 dev lo", hosts, i+1))
		f.run(fmt.Sprintf("ip addr add %s%d/128 dev lo nodad", hosts6, i+1))
	}
	f.run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0")
	here(t, "ip link set eth0 up")
	here(t, "ip addr add 192.0.2.2/24 dev eth0")
	here(t, "ip addr add 2001:db8:1::2/64 dev eth0 nodad")
	here(t, "ip route add default via "+router)
	here(t, "ip -6 route add default via "+router6)
	awaitCable(t, router)
	awaitCable(t, router6)
	return f
}

// awaitCable waits until the far end refuses a datagram: a new cable may lose
// the first question for a neighbour.
func awaitCable(t *testing.T, to string) {
	t.Helper()
	c, err := net.Dial("udp", net.JoinHostPort(to, "9"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 50 {
		_, _ = c.Write(knocking)
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, unix.ECONNREFUSED) {
			return
		}
	}
	t.Fatal("the cable carries nothing to ", to)
}

// here runs a command line of words without blanks, and returns its output.
func here(t *testing.T, line string) string {
	t.Helper()
	out, err := command(line)
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return out
}

func command(line string) (string, error) {
	words := strings.Fields(line)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	return string(out), err
}

// do does something in the far namespace.
func (f *far) do(job func()) {
	done := make(chan struct{})
	f.jobs <- func() {
		defer close(done)
		job()
	}
	<-done
}

// run runs a command line in the far namespace.
func (f *far) run(line string) {
	f.t.Helper()
	var out string
	var err error
	f.do(func() { out, err = command(line) })
	if err != nil {
		f.t.Fatalf("far: %s: %v: %s", line, err, out)
	}
}

// filter sets the rules of one hook in the namespace of the calling thread.
func filter(t *testing.T, hook string, rules ...string) {
	t.Helper()
	needNFT(t, setFilter(hook, rules))
}

func (f *far) filter(hook string, rules ...string) {
	f.t.Helper()
	var err error
	f.do(func() { err = setFilter(hook, rules) })
	needNFT(f.t, err)
}

func setFilter(hook string, rules []string) error {
	script := fmt.Sprintf(`table inet test_%[1]s
flush table inet test_%[1]s
table inet test_%[1]s {
chain c {
type filter hook %[1]s priority 0
%[2]s
}
}
`, hook, strings.Join(rules, "\n"))
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// needNFT skips where there is no nft, and fails where it did not work.
func needNFT(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("needs nft:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// page serves one answer at an address of the far namespace, as it is written;
// DATE stands for a time that is ahead by so much. It returns the page and what
// was asked of it.
func (f *far) page(at, answer string, ahead time.Duration) (string, <-chan string) {
	f.t.Helper()
	var l net.Listener
	var err error
	f.do(func() { l, err = net.Listen("tcp", net.JoinHostPort(at, "80")) })
	if err != nil {
		f.t.Fatal(err)
	}
	asked := make(chan string, 1000)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				buf := make([]byte, 4096)
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				asked <- string(buf[:n])
				date := time.Now().Add(ahead).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
				text := strings.ReplaceAll(answer, "DATE", date)
				_, _ = c.Write([]byte(text))
			})
		}
	})
	f.t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	return "http://" + (&net.TCPAddr{IP: net.ParseIP(at), Port: 80}).String() + "/generate_204", asked
}

func outside(t *testing.T) *Outside {
	t.Helper()
	permit := newLedger(t).permit
	return NewOutside(OutsideOptions{
		Mark: testMark, Permit: permit,
		Lookup: NewResolver(Options{Mark: testMark, Permit: permit, ResolvConf: t.TempDir() + "/none"}).Lookup,
	})
}
