package netcfg

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`

// startBus starts a message bus of the test's own and returns its address.
func startBus(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("needs dbus-daemon:", err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, busConfig, filepath.Join(dir, "bus")), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config-file="+config, "--nofork", "--nopidfile", "--nosyslog", "--print-address")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// resolveManager answers for systemd-resolved and notes what it was told.
type resolveManager struct {
	mu    sync.Mutex
	calls []string
	fail  string // the method that fails
}

func (r *resolveManager) note(method string, args ...any) *dbus.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if method == r.fail {
		return dbus.NewError("org.freedesktop.DBus.Error.AccessDenied", []any{"not you"})
	}
	r.calls = append(r.calls, strings.TrimSpace(method+" "+strings.Trim(fmt.Sprint(args...), "[]")))
	return nil
}

// took returns the calls since the last time.
func (r *resolveManager) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.calls = nil }()
	return r.calls
}

func (r *resolveManager) failing(method string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = method
}

func (r *resolveManager) SetLinkDNS(index int32, servers []linkDNS) *dbus.Error {
	var list []string
	for _, s := range servers {
		a, _ := netip.AddrFromSlice(s.Address)
		if (s.Family == unix.AF_INET) != a.Is4() {
			return dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", nil)
		}
		list = append(list, a.String())
	}
	return r.note("SetLinkDNS", linkName(index), " ", strings.Join(list, ","))
}

func (r *resolveManager) SetLinkDomains(index int32, domains []linkDomain) *dbus.Error {
	var list []string
	for _, d := range domains {
		if d.RoutingOnly {
			d.Domain = "~" + d.Domain
		}
		list = append(list, d.Domain)
	}
	return r.note("SetLinkDomains", linkName(index), " ", strings.Join(list, ","))
}

func (r *resolveManager) SetLinkDefaultRoute(index int32, on bool) *dbus.Error {
	return r.note("SetLinkDefaultRoute", linkName(index), " ", on)
}

func (r *resolveManager) RevertLink(index int32) *dbus.Error {
	return r.note("RevertLink", linkName(index))
}

func (r *resolveManager) FlushCaches() *dbus.Error { return r.note("FlushCaches") }

// linkName is the number: the bus answers on threads that are not in the
// test's namespace and know no name for it.
func linkName(index int32) string { return fmt.Sprint("#", index) }

// startResolved puts a resolveManager on a bus.
func startResolved(t *testing.T, address string) (*resolveManager, *dbus.Conn) {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	r := &resolveManager{}
	if err := conn.Export(r, resolvedPath, strings.TrimSuffix(resolvedMethod, ".")); err != nil {
		t.Fatal(err)
	}
	if got, err := conn.RequestName(resolvedName, dbus.NameFlagDoNotQueue); err != nil || got != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(got, err)
	}
	return r, conn
}

// resolvedOptions lead to the bus, with a resolv.conf that names the stub.
func resolvedOptions(t *testing.T, address string) Options {
	t.Helper()
	o := testOptions(t)
	o.Bus = func(ctx context.Context) (*dbus.Conn, error) { return dbus.Connect(address, dbus.WithContext(ctx)) }
	if err := os.WriteFile(o.ResolvConf, []byte("nameserver 127.0.0.53\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestResolved(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	address := startBus(t)
	r, _ := startResolved(t, address)
	o := resolvedOptions(t, address)
	m := New(o)
	link, err := net.InterfaceByName("hf0")
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string, want ...string) {
		t.Helper()
		for i := range want {
			want[i] = strings.ReplaceAll(want[i], "hf0", fmt.Sprint("#", link.Index))
		}
		if got := r.took(); !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}

	mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1", "fd00:8::1"))
	expect("full tunnel", "SetLinkDNS hf0 10.8.0.1,fd00:8::1", "SetLinkDomains hf0 example.com,~.", "SetLinkDefaultRoute hf0 true", "FlushCaches")
	if got := m.DNSBackend(); got != "resolved" {
		t.Errorf("backend %q", got)
	}
	mustApply(t, m, withDNS(splitTunnel(), "10.8.0.9"))
	expect("split tunnel", "SetLinkDNS hf0 10.8.0.9", "SetLinkDomains hf0 example.com", "SetLinkDefaultRoute hf0 false", "FlushCaches")
	s := splitTunnel()
	s.DNS = addrs("10.8.0.9")
	mustApply(t, m, s)
	expect("split tunnel without domains", "SetLinkDNS hf0 10.8.0.9", "SetLinkDomains hf0", "SetLinkDefaultRoute hf0 true", "FlushCaches")

	if err := New(o).Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("recover", "RevertLink hf0", "FlushCaches")
	if got, err := os.ReadFile(o.ResolvConf); err != nil || string(got) != "nameserver 127.0.0.53\n" {
		t.Errorf("resolv.conf was touched: %q, %v", got, err)
	}
}

// A refusal takes everything back, also what was told before it.
func TestResolvedRefuses(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	address := startBus(t)
	r, _ := startResolved(t, address)
	m := New(resolvedOptions(t, address))
	before := listing(t)
	r.failing("SetLinkDomains")
	if err := m.Apply(t.Context(), withDNS(fullTunnel(), "10.8.0.1")); err == nil || !strings.Contains(err.Error(), "SetLinkDomains") {
		t.Fatalf("got %v", err)
	}
	listingBecomes(t, listing, before)
	if got := strings.Join(r.took(), ";"); !strings.Contains(got, "RevertLink") {
		t.Errorf("got %s", got)
	}
}

// When systemd-resolved ends, nothing is left to revert there; while it is not
// running its stub is a file as any other.
func TestResolvedGone(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	address := startBus(t)
	_, conn := startResolved(t, address)
	o := resolvedOptions(t, address)
	m := New(o)
	before := listing(t)
	mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
	if _, err := conn.ReleaseName(resolvedName); err != nil {
		t.Fatal(err)
	}
	mustApply(t, m, withDNS(fullTunnel(), "10.8.0.9"))
	if got := m.DNSBackend(); got != "file" {
		t.Errorf("backend %q", got)
	}
	mustClear(t, m)
	listingBecomes(t, listing, before)
	if got := readConf(t, m); got != "nameserver 127.0.0.53\n" {
		t.Errorf("got %q", got)
	}
}

// A bus that does not answer does not hold the tunnel up for long.
func TestResolvedHangs(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	m := New(resolvedOptions(t, "unix:path="+l.Addr().String()))
	start := time.Now()
	mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
	if got := m.DNSBackend(); got != "file" {
		t.Errorf("backend %q", got)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestResolvedManages(t *testing.T) {
	dir := t.TempDir()
	stub := filepath.Join(dir, "run/systemd/resolve/stub-resolv.conf")
	if err := os.MkdirAll(filepath.Dir(stub), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stub, []byte("nameserver 192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(stub, link); err != nil {
		t.Fatal(err)
	}
	if !resolvedManages(link) {
		t.Error("a link to its own file is not seen")
	}
	for text, want := range map[string]bool{
		"nameserver 127.0.0.53\n":    true,
		"nameserver 127.0.0.54\n":    true,
		"nameserver 127.0.0.1\n":     false,
		"# nameserver 127.0.0.53\n":  false,
		"":                           false,
		"search 127.0.0.53\nnames\n": false,
	} {
		path := filepath.Join(dir, "resolv.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := resolvedManages(path); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
