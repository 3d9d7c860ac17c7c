package netcfg

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
	"golang.zx2c4.com/wireguard/windows/tunnel/winipcfg"
)

// Where Windows keeps its name resolution policy. A group policy of that kind
// hides the local one as a whole, and then ours has to be among its rules.
const (
	localPolicy = `SYSTEM\CurrentControlSet\Services\Dnscache\Parameters\DnsPolicyConfig`
	groupPolicy = `SOFTWARE\Policies\Microsoft\Windows NT\DNSClient\DnsPolicyConfig`
)

// policyRule is the key of our rule, by which the next process knows it.
const policyRule = `{6f1e0c0b-5d7b-4a0e-9d2f-0b7c2d1f9a68}`

// The fields of a rule that has names asked of certain servers, as [MS-GPNRPT]
// of Microsoft has them. All that Windows itself writes are there, since one rule
// that it finds wanting has it pass over all of them.
const (
	ruleVersion    = 2
	ruleOfServers  = 8
	fieldVersion   = "Version"
	fieldNames     = "Name"
	fieldServers   = "GenericDNSServers"
	fieldOptions   = "ConfigOptions"
	fieldAuthority = "IPSECCARestriction"
	fieldTitle     = "DisplayName"
	fieldComment   = "Comment"
)

// registryDNS sets resolvers for an interface, and has the system ask nobody else.
// Both are in the registry and outlive the interface, the process and a restart.
// The journal names the interfaces that have something of ours.
type registryDNS struct {
	root         registry.Key
	local, group string
	journal      string // its file
}

func newRegistryDNS(o Options) *registryDNS {
	return &registryDNS{root: registry.LOCAL_MACHINE, local: localPolicy, group: groupPolicy, journal: filepath.Join(o.StateDir, journalName)}
}

// dnsJournal says which interfaces were given resolvers. It is written before
// they are, so it may name one that was not, and never misses one that was.
type dnsJournal struct {
	Schema     int      `json:"schema"`
	Interfaces []string `json:"interfaces"` // GUIDs, in braces
}

// left says that a process has left resolvers.
func (d *registryDNS) left() (bool, error) {
	j, err := d.read()
	if err != nil || len(j.Interfaces) > 0 {
		return true, err
	}
	for _, policy := range []string{d.local, d.group} {
		k, err := registry.OpenKey(d.root, policy+`\`+policyRule, registry.QUERY_VALUE)
		if err == nil {
			return true, k.Close()
		}
		if !isGone(err) {
			return true, fmt.Errorf("read name resolution policy: %w", err)
		}
	}
	return false, nil
}

// set has the names asked of whom they say, and nobody else's setting stays with
// another interface. The rule goes before the servers, and comes after them.
func (d *registryDNS) set(n *names) error {
	j, err := d.read()
	if err != nil {
		j = dnsJournal{} // what it said is lost; the rule is known by its key
	}
	if len(n.servers) == 0 {
		return errors.Join(d.dropRule(), d.forget(j.Interfaces, ""), flush())
	}
	luid, err := luidOf(n.iface)
	if err != nil {
		return err
	}
	guid, err := luid.GUID()
	if err != nil {
		return err
	}
	own := guid.String()
	if !slices.Contains(j.Interfaces, own) {
		j.Interfaces = append(j.Interfaces, own)
		if err := d.write(j.Interfaces); err != nil {
			return err
		}
	}
	for _, family := range families {
		is4 := family == windows.AF_INET
		asked := slices.ContainsFunc(n.servers, func(a netip.Addr) bool { return a.Is4() == is4 })
		if err := luid.SetDNS(family, n.servers, n.search); err != nil && asked { // else the family may be off
			return err
		}
	}
	if names := policyNames(n); names != nil {
		err = d.putRule(names, policyServers(n))
	} else {
		err = d.dropRule()
	}
	return errors.Join(err, d.forget(j.Interfaces, own), flush())
}

// putRule writes our rule where the system looks for it.
func (d *registryDNS) putRule(names []string, servers string) error {
	policy := d.local
	if d.hasGroupRules() {
		policy = d.group
	}
	k, _, err := registry.CreateKey(d.root, policy+`\`+policyRule, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("write name resolution policy: %w", err)
	}
	err = errors.Join(
		k.SetDWordValue(fieldVersion, ruleVersion),
		k.SetStringsValue(fieldNames, names),
		k.SetStringValue(fieldAuthority, ""),
		k.SetStringValue(fieldTitle, "Holdfast"),
		k.SetStringValue(fieldComment, ""),
		k.SetStringValue(fieldServers, servers),
		k.SetDWordValue(fieldOptions, ruleOfServers),
		k.Close(),
	)
	if err != nil {
		return errors.Join(fmt.Errorf("write name resolution policy: %w", err), d.dropRule())
	}
	return d.tellPolicy(policy)
}

// hasGroupRules says that an administrator of the network has made rules.
func (d *registryDNS) hasGroupRules() bool {
	k, err := registry.OpenKey(d.root, d.group, registry.ENUMERATE_SUB_KEYS)
	if err != nil {
		return false
	}
	defer func() { _ = k.Close() }()
	rules, err := k.ReadSubKeyNames(0)
	return err == nil && slices.ContainsFunc(rules, func(r string) bool { return r != policyRule })
}

// dropRule removes our rule from wherever it is.
func (d *registryDNS) dropRule() error {
	var errs []error
	for _, policy := range []string{d.local, d.group} {
		err := registry.DeleteKey(d.root, policy+`\`+policyRule)
		switch {
		case err == nil:
			errs = append(errs, d.tellPolicy(policy))
		case !isGone(err) && !errors.Is(err, windows.ERROR_PATH_NOT_FOUND):
			errs = append(errs, fmt.Errorf("remove name resolution policy: %w", err))
		}
	}
	return errors.Join(errs...)
}

// tellPolicy has the system read a policy anew.
func (d *registryDNS) tellPolicy(policy string) error {
	if policy == d.group {
		const force = 1 // RP_FORCE: also where nothing seems to have changed
		if err := refreshPolicy.Find(); err != nil {
			return fmt.Errorf("refresh group policy: %w", err)
		}
		if ok, _, err := refreshPolicy.Call(1, force); ok == 0 {
			return fmt.Errorf("refresh group policy: %w", err)
		}
	}
	return readAnew()
}

var (
	refreshPolicy = windows.NewLazySystemDLL("userenv.dll").NewProc("RefreshPolicyEx")
	flushCache    = windows.NewLazySystemDLL("dnsapi.dll").NewProc("DnsFlushResolverCache")
)

const (
	// startWithin is how long the resolver may take to start, as it does at boot:
	// it takes no orders meanwhile.
	startWithin = 3 * time.Second
	startAsks   = 30
)

// readAnew has the system's resolver read its settings. Where it does not run, it
// reads them when it starts.
func readAnew() error {
	scm, err := mgr.Connect()
	if err != nil {
		return fmt.Errorf("tell the resolver: %w", err)
	}
	defer func() { _ = scm.Disconnect() }()
	name, err := windows.UTF16PtrFromString("Dnscache")
	if err != nil {
		return err
	}
	h, err := windows.OpenService(scm.Handle, name, windows.SERVICE_PAUSE_CONTINUE)
	if err != nil {
		return nil
	}
	s := mgr.Service{Name: "Dnscache", Handle: h}
	defer func() { _ = s.Close() }()
	for asked := 1; ; asked++ {
		_, err = s.Control(svc.ParamChange)
		switch {
		case err == nil, errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE):
			return nil
		case !errors.Is(err, windows.ERROR_SERVICE_CANNOT_ACCEPT_CTRL) || asked == startAsks:
			return fmt.Errorf("tell the resolver: %w", err)
		}
		time.Sleep(startWithin / startAsks)
	}
}

// flush forgets the answers of other resolvers.
func flush() error {
	if err := flushCache.Find(); err != nil {
		return fmt.Errorf("flush names: %w", err)
	}
	_, _, _ = flushCache.Call() // it says no more than whether there was a cache
	return nil
}

// forget takes our resolvers from all interfaces of the journal but one, and
// writes who is left.
func (d *registryDNS) forget(interfaces []string, but string) error {
	var stay []string
	var errs []error
	for _, guid := range interfaces {
		if guid == but {
			stay = append(stay, guid)
			continue
		}
		if err := forgetInterface(guid); err != nil {
			stay = append(stay, guid)
			errs = append(errs, fmt.Errorf("forget the resolvers of %s: %w", guid, err))
		}
	}
	return errors.Join(append(errs, d.write(stay))...)
}

// forgetInterface takes the resolvers from an interface, or, where that is gone,
// from what the registry says of it.
func forgetInterface(guid string) error {
	id, err := windows.GUIDFromString(guid)
	if err != nil {
		return err
	}
	if luid, err := winipcfg.LUIDFromGUID(&id); err == nil {
		if err := luid.FlushDNS(windows.AF_INET); err == nil {
			_ = luid.FlushDNS(windows.AF_INET6) // it fails where there is no IPv6
			return nil
		}
	}
	var errs []error
	for _, service := range []string{"Tcpip", "Tcpip6"} {
		path := `SYSTEM\CurrentControlSet\Services\` + service + `\Parameters\Interfaces\` + guid
		k, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.SET_VALUE)
		if isGone(err) || errors.Is(err, windows.ERROR_PATH_NOT_FOUND) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, value := range []string{"NameServer", "SearchList"} {
			if err := k.DeleteValue(value); err != nil && !isGone(err) {
				errs = append(errs, err)
			}
		}
		errs = append(errs, k.Close())
	}
	return errors.Join(errs...)
}

func (d *registryDNS) read() (dnsJournal, error) {
	var j dnsJournal
	text, err := os.ReadFile(d.journal)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &j)
	}
	if err == nil && j.Schema != 1 {
		err = fmt.Errorf("schema %d is not known", j.Schema)
	}
	if err != nil {
		return dnsJournal{}, fmt.Errorf("read journal: %w", err)
	}
	return j, nil
}

// write puts the journal into its file, whole or not at all, and removes it where
// it names nobody.
func (d *registryDNS) write(interfaces []string) error {
	if len(interfaces) == 0 {
		if err := os.Remove(d.journal); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove journal: %w", err)
		}
		return nil
	}
	text, err := json.Marshal(dnsJournal{Schema: 1, Interfaces: interfaces})
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(d.journal), 0o700); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	if err := replaceFile(d.journal, d.journal+".new", text, 0o600, true); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}
