package netcfg

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// needsWindows skips where Wine stands in for what it does not have.
func needsWindows(t *testing.T, what string) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("Wine has no", what)
	}
}

// folder is one that is removed at the end, as far as Wine can.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "netcfg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestInterfaces(t *testing.T) {
	list, err := adapters()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if got, err := luidOf(a.FriendlyName()); err != nil || got != a.LUID || got == 0 {
			t.Errorf("%q is %v, %v, not %v", a.FriendlyName(), got, err, a.LUID)
		}
	}
	if len(list) == 0 {
		t.Error("there is no interface")
	}
	if _, err := luidOf("no such interface"); !isGone(err) {
		t.Error("an interface that is not there:", err)
	}
}

// What is taken from an interface that is gone is taken; what is given to it fails.
func TestChangeWithoutInterface(t *testing.T) {
	tables := &windowsTables{}
	const iface = "no such interface"
	p := netip.MustParsePrefix("10.8.0.0/24")
	for _, o := range []op{
		{verb: toRemove, iface: iface, address: p},
		{verb: toRemove, iface: iface, way: &way{dst: p}},
		{verb: toSet, iface: iface, link: &link{iface: iface}},
	} {
		if err := tables.change(t.Context(), o); err != nil {
			t.Errorf("%v: %v", o, err)
		}
	}
	for _, o := range []op{
		{verb: toAdd, iface: iface, address: p},
		{verb: toAdd, iface: iface, way: &way{dst: p}},
		{verb: toSet, iface: iface, link: &link{iface: iface, mtu: 1420}},
	} {
		if err := tables.change(t.Context(), o); err == nil {
			t.Errorf("%v is done", o)
		}
	}
	if found, err := tables.read(&layout{link: link{iface: iface}}); err != nil || found.link.iface != "" {
		t.Errorf("read %+v, %v", found, err)
	}
}

// Without an interface a Spec fails, and a seal does not.
func TestManagerWithoutInterface(t *testing.T) {
	m := New(Options{StateDir: folder(t)})
	s := fullTunnel()
	s.Interface = "no such"
	if err := m.Apply(t.Context(), s); err == nil {
		t.Error("a Spec without its interface is applied")
	}
	if err := m.Seal(t.Context(), everything, testMark); err != nil {
		t.Error("seal:", err)
	}
	if err := m.Clear(t.Context()); err != nil {
		t.Error("clear:", err)
	}
}

func TestAround(t *testing.T) {
	s, err := (&windowsTables{}).around("no such interface")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(s.routes, func(f foreign) bool { return f.dst.Bits() > 0 && f.by != "" }) {
		t.Errorf("routes %+v", s.routes)
	}
	if len(s.own) == 0 {
		t.Error("no interface has an address")
	}
}

func TestWatch(t *testing.T) {
	w, err := watch(make(chan struct{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	w.close()
}

func TestClaim(t *testing.T) {
	const name = `Global\Holdfast-Network-Test`
	pretended := func(err error) { t.Error("somebody pretends to have it:", err) }
	release, err := claim(name, pretended)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claim(name, pretended); !errors.Is(err, ErrClaimed) {
		t.Errorf("claimed twice: %v", err)
	}
	release()
	again, err := claim(name, pretended)
	if err != nil {
		t.Fatal("it is not released:", err)
	}
	again()
}

// testRegistry is a registryDNS whose policies are in a place of its own.
func testRegistry(t *testing.T) *registryDNS {
	t.Helper()
	const root = `SOFTWARE\Holdfast-Test`
	d := &registryDNS{root: registry.LOCAL_MACHINE, local: root + `\Local`, group: root + `\Group`, journal: filepath.Join(folder(t), journalName)}
	t.Cleanup(func() {
		for _, k := range []string{`\Group\{other}`, `\Group\` + policyRule, `\Local\` + policyRule, `\Group`, `\Local`, ""} {
			_ = registry.DeleteKey(registry.LOCAL_MACHINE, root+k)
		}
	})
	return d
}

// rule is what a policy says in our rule; nil: there is none.
func rule(t *testing.T, d *registryDNS, policy string) map[string]any {
	t.Helper()
	k, err := registry.OpenKey(d.root, policy+`\`+policyRule, registry.QUERY_VALUE)
	if isGone(err) || errors.Is(err, windows.ERROR_PATH_NOT_FOUND) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	out := map[string]any{}
	names, _, err1 := k.GetStringsValue(fieldNames)
	servers, _, err2 := k.GetStringValue(fieldServers)
	version, _, err3 := k.GetIntegerValue(fieldVersion)
	options, _, err4 := k.GetIntegerValue(fieldOptions)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	out["names"], out["servers"], out["version"], out["options"] = names, servers, version, options
	return out
}

// The rule is among those that the system looks at, and is known again by the
// next process.
func TestPolicyRule(t *testing.T) {
	d := testRegistry(t)
	if left, err := d.left(); err != nil || left {
		t.Fatalf("something is left: %v, %v", left, err)
	}
	if err := d.putRule([]string{".", ".example.com"}, "10.8.0.1; fd00::1"); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"names": []string{".", ".example.com"}, "servers": "10.8.0.1; fd00::1", "version": uint64(2), "options": uint64(8)}
	if diff := cmp.Diff(rule(t, d, d.local), want); diff != "" {
		t.Error("-got +want:", diff)
	}
	if left, err := d.left(); err != nil || !left {
		t.Errorf("what is left is known: %v, %v", left, err)
	}
	if err := d.set(&names{}); err != nil {
		t.Fatal(err)
	}
	if rule(t, d, d.local) != nil {
		t.Error("the rule stays")
	}
	if left, err := d.left(); err != nil || left {
		t.Errorf("something is left: %v, %v", left, err)
	}
}

// Where an administrator of the network has rules, the local ones count for nothing.
func TestPolicyRuleAmongOthers(t *testing.T) {
	d := testRegistry(t)
	k, _, err := registry.CreateKey(d.root, d.group+`\{other}`, registry.SET_VALUE)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if !d.hasGroupRules() {
		t.Fatal("the other rule is not seen")
	}
	needsWindows(t, "group policy to refresh")
	if err := d.putRule([]string{"."}, "10.8.0.1"); err != nil {
		t.Fatal(err)
	}
	if rule(t, d, d.group) == nil || rule(t, d, d.local) != nil {
		t.Error("the rule is not where the system looks")
	}
	if err := d.dropRule(); err != nil || rule(t, d, d.group) != nil {
		t.Error("the rule stays", err)
	}
}

// What a process before gave to an interface that is gone is taken from the registry.
func TestForgetInterface(t *testing.T) {
	d := testRegistry(t)
	const guid = "{A1B2C3D4-0000-4000-8000-0123456789AB}"
	const path = `SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces\` + guid
	k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.ALL_ACCESS)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = registry.DeleteKey(registry.LOCAL_MACHINE, path) }()
	defer k.Close()
	if err := k.SetStringValue("NameServer", "10.8.0.1"); err != nil {
		t.Fatal(err)
	}
	if err := d.write([]string{guid}); err != nil {
		t.Fatal(err)
	}
	if left, err := d.left(); err != nil || !left {
		t.Fatalf("what is left is known: %v, %v", left, err)
	}
	if err := d.set(&names{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.GetStringValue("NameServer"); !isGone(err) {
		t.Error("the resolver stays:", err)
	}
	if left, err := d.left(); err != nil || left {
		t.Errorf("something is left: %v, %v", left, err)
	}
}

// A journal that cannot be read hides no rule.
func TestJournalDamaged(t *testing.T) {
	d := testRegistry(t)
	if err := os.WriteFile(d.journal, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if left, err := d.left(); err == nil || !left {
		t.Errorf("a damaged journal: %v, %v", left, err)
	}
	if err := d.set(&names{}); err != nil {
		t.Fatal(err)
	}
	if left, err := d.left(); err != nil || left {
		t.Errorf("something is left: %v, %v", left, err)
	}
}
