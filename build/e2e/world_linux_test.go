package e2e

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"crypto/rand"

	"holdfast/service/tunnel"
)

// The programs under test, built once.
var programs struct {
	dir                          string
	holdfastd, holdfast, wgServe string
}

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait rather than compute: more of them fit than there are cores.
	parallel := "12"
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "test.parallel" {
			parallel = f.Value.String()
		}
	})
	_ = flag.Set("test.parallel", parallel)
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if reason := cannot(); reason != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "holdfast-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs.dir = dir
	for out, pkg := range map[*string]string{
		&programs.holdfastd: "holdfast/service",
		&programs.holdfast:  "holdfast/app/cli",
		&programs.wgServe:   "golang.zx2c4.com/wireguard",
	} {
		*out = filepath.Join(dir, strings.NewReplacer("/", "-", ".", "-").Replace(pkg))
		if msg, err := exec.Command("go", "build", "-o", *out, pkg).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", pkg, err, msg)
			return 1
		}
	}
	code := m.Run()
	if *leakReport != "" && code == 0 {
		if err := writeLeaks(*leakReport); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// cannot says why namespaces cannot be made here, or "".
func cannot() string {
	switch {
	case os.Getuid() != 0:
		return "needs root for network namespaces"
	case exec.Command("ip", "netns", "list").Run() != nil:
		return "needs ip(8) and network namespaces"
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return "needs /dev/net/tun"
	}
	for _, program := range []string{"nft", "ping", "sysctl", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			return "needs " + program
		}
	}
	return ""
}

// soak says whether the long tests are wanted.
func soak() bool { return os.Getenv("HOLDFAST_SOAK") != "" }

var worlds atomic.Int32

// world is a client, a router and servers, each in a namespace of its own.
//
//	client 10.200.0.2 ── 10.200.0.1 router 10.200.i.1 ── 10.200.i.2 server i
//
// Inside every tunnel 10.77.0.1 answers pings, whichever server it leads to.
type world struct {
	t       testing.TB
	id      string // unique on this machine
	client  string // the namespaces
	router  string
	servers []*server
	dir     string
}

// target answers pings through every tunnel.
const target = "10.77.0.1"

// newWorld builds the namespaces and starts one server per name.
func newWorld(t testing.TB, names ...string) *world {
	t.Helper()
	if reason := cannot(); reason != "" {
		t.Skip(reason)
	}
	dir, err := os.MkdirTemp(programs.dir, "w")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, id: fmt.Sprintf("hf%d-%d", os.Getpid(), worlds.Add(1)), dir: dir}
	w.client, w.router = w.namespace("client"), w.namespace("router")
	w.link(w.client, "eth0", "10.200.0.2", "c", "10.200.0.1")
	w.sh(w.router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	// Duplicate address detection ends when it ends; listings are compared.
	w.until("the client's addresses", 10*time.Second, func() bool {
		return strings.Contains(w.sh(w.client, "ip", "-6", "route", "show", "table", "all"), "fe80::/64 dev eth0") &&
			!strings.Contains(w.sh(w.client, "ip", "-6", "addr"), "tentative") && w.hasMulticast()
	})
	for i, name := range names {
		w.servers = append(w.servers, w.serve(name, i+1))
	}
	return w
}

// namespace makes a namespace that ends with the test.
func (w *world) namespace(what string) string {
	name := w.id + "-" + what
	w.sh("", "ip", "netns", "add", name)
	w.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	w.sh(name, "ip", "link", "set", "lo", "up")
	return name
}

// hasMulticast says that the kernel has made the client's last route by itself.
func (w *world) hasMulticast() bool {
	all := w.sh(w.client, "ip", "-6", "route", "show", "table", "local")
	return strings.Contains(all, "multicast ff00::/8 dev eth0") && strings.Contains(all, "local fe80::")
}

// link joins a namespace to the router, with its default route that way.
func (w *world) link(ns, iface, addr, routerIface, routerAddr string) {
	w.sh("", "ip", "-n", w.router, "link", "add", routerIface, "type", "veth", "peer", "name", iface, "netns", ns)
	w.sh("", "ip", "-n", w.router, "addr", "add", routerAddr+"/24", "dev", routerIface)
	w.sh("", "ip", "-n", w.router, "link", "set", routerIface, "up")
	w.sh("", "ip", "-n", ns, "addr", "add", addr+"/24", "dev", iface)
	w.sh("", "ip", "-n", ns, "link", "set", iface, "up")
	w.sh("", "ip", "-n", ns, "route", "add", "default", "via", routerAddr)
}

// sh runs a command in a namespace ("": ours) and fails the test when it fails.
func (w *world) sh(ns string, args ...string) string {
	w.t.Helper()
	out, err := w.try(ns, args...)
	if err != nil {
		w.t.Fatalf("%s in %q: %v\n%s", strings.Join(args, " "), ns, err, out)
	}
	return out
}

// try runs a command in a namespace.
func (w *world) try(ns string, args ...string) (string, error) {
	if ns != "" {
		args = append([]string{"ip", "netns", "exec", ns}, args...)
	}
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	return string(out), err
}

// start runs a program in a namespace until the test ends. It returns the
// process and what it has said so far.
func (w *world) start(ns string, env []string, args ...string) *process {
	w.t.Helper()
	return w.spawn(env, append([]string{"ip", "netns", "exec", ns}, args...)...)
}

// spawn runs a program until the test ends.
func (w *world) spawn(env []string, args ...string) *process {
	w.t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	w.t.Cleanup(func() { p.end(syscall.SIGTERM) })
	return p
}

// process is a program that runs.
type process struct {
	cmd   *exec.Cmd
	out   buffer
	ended chan struct{}
}

// end signals the process with its children and waits; what does not end is
// killed.
func (p *process) end(sig syscall.Signal) {
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(group, sig)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(group, syscall.SIGKILL)
		<-p.ended
	}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// server is a stand-alone wireguard-go.
type server struct {
	w     *world
	name  string
	ns    string
	iface string
	addr  string // where it listens, outside
	key   tunnel.PrivateKey
	// client is the key that it accepts.
	client tunnel.PrivateKey
}

const listenPort = 51820

func newKey(t testing.TB) tunnel.PrivateKey {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	return tunnel.NewPrivateKey(b)
}

// serve starts server number i.
func (w *world) serve(name string, i int) *server {
	w.t.Helper()
	s := &server{w: w, name: name, ns: w.namespace(name), key: newKey(w.t), client: newKey(w.t),
		addr:  fmt.Sprintf("10.200.%d.2", i),
		iface: fmt.Sprintf("h%d-%d", os.Getpid(), worlds.Add(1))}
	w.link(s.ns, "eth0", s.addr, fmt.Sprintf("s%d", i), fmt.Sprintf("10.200.%d.1", i))
	w.start(s.ns, []string{"WG_PROCESS_FOREGROUND=1", "LOG_LEVEL=error"}, programs.wgServe, "-f", s.iface)
	s.answers()
	s.configure(fmt.Sprintf("private_key=%s\nlisten_port=%d\nreplace_peers=true\npublic_key=%s\nallowed_ip=10.9.0.2/32\n",
		s.key.RevealHex(), listenPort, s.client.Public().Hex()))
	w.sh("", "ip", "-n", s.ns, "addr", "add", "10.9.0.1/24", "dev", s.iface)
	w.sh("", "ip", "-n", s.ns, "addr", "add", target+"/32", "dev", "lo")
	w.sh("", "ip", "-n", s.ns, "link", "set", s.iface, "up")
	return s
}

// control connects to wireguard-go's socket.
func (s *server) control() (net.Conn, error) {
	return net.Dial("unix", "/var/run/wireguard/"+s.iface+".sock")
}

// answers waits until wireguard-go's socket does: the file is there earlier.
func (s *server) answers() {
	s.w.t.Helper()
	s.w.often("wireguard-go's socket", 10*time.Second, func() bool {
		c, err := s.control()
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
}

// configure speaks wireguard-go's configuration protocol.
func (s *server) configure(text string) {
	s.w.t.Helper()
	c, err := s.control()
	if err != nil {
		s.w.t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "set=1\n%s\n", text)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || line != "errno=0\n" {
		s.w.t.Fatalf("configure %s: %q %v", s.name, line, err)
	}
}

// conf is the client's .conf for this server. extra are more lines of [Peer].
func (s *server) conf(extra ...string) string {
	return fmt.Sprintf("[Interface]\nPrivateKey = %s\nAddress = 10.9.0.2/32\n\n[Peer]\nPublicKey = %s\nAllowedIPs = 0.0.0.0/0\nEndpoint = %s:%d\n%s\n",
		s.client.Reveal(), s.key.Public(), s.addr, listenPort, strings.Join(extra, "\n"))
}

// drop silently drops the UDP between the client and the server.
func (s *server) drop() {
	s.w.sh(s.w.router, "nft", "add table ip cut; add chain ip cut f { type filter hook forward priority 0; }; add rule ip cut f ip daddr "+s.addr+
		" udp dport 51820 drop; add rule ip cut f ip saddr "+s.addr+" udp sport 51820 drop")
}

// dropTo silently drops only the UDP to the server.
func (s *server) dropTo() {
	s.w.sh(s.w.router, "nft", "add table ip cut; add chain ip cut f { type filter hook forward priority 0; }; add rule ip cut f ip daddr "+s.addr+" udp dport 51820 drop")
}

// heal ends every drop.
func (w *world) heal() { w.sh(w.router, "nft", "flush", "ruleset") }

// until waits for a condition.
func (w *world) until(what string, within time.Duration, ok func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			w.t.Fatalf("waited %v for %s", within, what)
		case <-poll.C:
		}
	}
}
