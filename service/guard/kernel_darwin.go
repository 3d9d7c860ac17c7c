package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Supported says whether this system can keep anything in.
const Supported = true

// pfAnchor is where our rules are. The system's own /etc/pf.conf asks all that
// is below com.apple, by name in order; its first character puts ours before
// Apple's, whose own "quick" rules would else decide before.
const pfAnchor = "com.apple/000.holdfast"

const (
	pfctlPath = "/sbin/pfctl"
	// pfConf is what the system itself loads when it starts.
	pfConf = "/etc/pf.conf"
	// pfTokenPath keeps our reference to pf, by which it is in force. The folder is
	// root's, and is emptied when the computer starts, as all of pf is.
	pfTokenPath = "/var/run/org.holdfast.pf"
	// pfctlWithin bounds one call.
	pfctlWithin = 3 * time.Second
)

// kernel is our rules in pf, which stay when this process ends, but not over a
// restart of the computer: what runs early then must put them in force again.
type kernel struct {
	// tunnel is the name of its interface, or "utun" where the system numbers it.
	tunnel string
	// afterwards ends a pause, see Options. nil: nobody does but we.
	afterwards func(time.Duration) (cancel func(), err error)
	// meant is what was put in force last, by these rules. known is false before.
	meant   meant
	inForce pfRules
	known   bool
	pause   *pause // nil: there is none
}

func openKernel(o Options) (*kernel, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("the firewall may only be changed as root: %w", os.ErrPermission)
	}
	return &kernel{tunnel: o.Interface, afterwards: o.Afterwards}, nil
}

// Close does nothing: there is nothing that is held.
func (*kernel) Close() error { return nil }

// isOwned returns false: who may change pf may change our rules.
func (*kernel) isOwned() bool { return false }

// pfReading is what pfctl shows.
type pfReading struct {
	enabled       bool
	main          string
	rules, tables string
}

func readPF() (r pfReading, err error) {
	info, err := pfctl("", "-s", "info")
	if err == nil {
		r.main, err = pfctl("", "-s", "rules")
	}
	if err == nil {
		r.rules, err = pfOurs("-s", "rules")
	}
	if err == nil {
		r.tables, err = pfOurs("-s", "Tables")
	}
	r.enabled = pfEnabled(info)
	return r, err
}

// pfOurs asks about our anchor, or empties it. Where it is not there that is
// nothing.
func pfOurs(arguments ...string) (string, error) {
	out, err := pfctl("", append([]string{"-a", pfAnchor}, arguments...)...)
	if err != nil && (strings.Contains(err.Error(), "Invalid argument") || strings.Contains(err.Error(), "does not exist")) {
		return "", nil
	}
	return out, err
}

// differs says how it differs from these rules being in force. nil: it does not.
func (r *pfReading) differs(want *pfRules) (out []string) {
	if what := want.differs(r.rules, r.tables); what != "" {
		out = append(out, what)
	}
	if len(want.rules) == 0 {
		if _, err := os.Stat(pfTokenPath); err == nil {
			out = append(out, "pf is still switched on")
		}
		return out
	}
	if !pfLeadsToUs(r.main) {
		out = append(out, "the main rules do not ask ours")
	}
	if !r.enabled {
		out = append(out, "pf was switched off")
	}
	return out
}

// enforce loads the rules that are meant, which pf exchanges for those before as
// a whole, until what it shows is they.
func (k *kernel) enforce(m meant) (o outcome, err error) {
	want := pfWrite(m, tunnelInterface(k.tunnel, m.set.Own), os.Geteuid())
	var still []string
	for try := range tries {
		r, err := readPF()
		if err != nil {
			return o, err
		}
		if still = r.differs(&want); try == 0 && k.known {
			o.lost = r.differs(&k.inForce)
		}
		if len(still) == 0 && k.paused(m) {
			k.took(m, want)
			return o, nil
		}
		if err := k.repair(r, m, want); err != nil {
			return o, err
		}
	}
	return o, fmt.Errorf("the rules are not as they should be: %s", strings.Join(still, ", "))
}

// took notes what is in force. Who follows it looks again when the time comes.
func (k *kernel) took(m meant, rules pfRules) {
	if !k.known || !k.meant.set.Equal(m.set) {
		news.ring()
	}
	k.meant, k.inForce, k.known = m, rules, true
}

func (k *kernel) repair(r pfReading, m meant, want pfRules) error {
	if !m.set.Shut() {
		return k.open()
	}
	if !pfLeadsToUs(r.main) {
		if strings.TrimSpace(r.main) != "" {
			return fmt.Errorf("another program has replaced the main rules of pf, which do not ask %s any more: sudo pfctl -f %s puts them back", pfAnchor, pfConf)
		}
		if _, err := pfctl("", "-f", pfConf); err != nil {
			return err
		}
	}
	if !k.paused(m) {
		if err := k.begin(m); err != nil {
			return err
		}
	}
	if err := load(want); err != nil {
		return err
	}
	if err := enablePF(r.enabled); err != nil {
		return err
	}
	if k.known && k.meant.set.Equal(m.set) {
		return nil
	}
	// What was open before may have left states behind, which no rule is asked for.
	_, err := pfctl("", "-F", "states")
	return err
}

// open removes our rules and gives our reference to pf back.
func (k *kernel) open() error {
	k.pause.end()
	k.pause = nil
	return openPF()
}

func openPF() error {
	_, rules := pfOurs("-F", "rules")
	_, tables := pfOurs("-F", "Tables")
	token, err := os.ReadFile(pfTokenPath)
	if errors.Is(err, os.ErrNotExist) {
		return errors.Join(rules, tables)
	}
	if err == nil {
		err = os.Remove(pfTokenPath)
	}
	if t := pfToken("Token : " + string(token)); t != "" {
		// One that is not known any more has been given back by somebody else.
		_, _ = pfctl("", "-X", t)
	}
	return errors.Join(rules, tables, err)
}

func load(rules pfRules) error {
	_, err := pfctl(rules.text(), "-o", "none", "-a", pfAnchor, "-f", "-")
	return err
}

// enablePF takes a reference, where we have none or it does not count any more: who
// switches pf off takes all of them away, also if it is on again by now.
func enablePF(enabled bool) error {
	if token, err := os.ReadFile(pfTokenPath); err == nil && enabled {
		if all, err := pfctl("", "-s", "References"); err == nil && pfCounts(all, string(token)) {
			return nil
		}
	}
	printed, err := pfctl("", "-E")
	if err != nil {
		return err
	}
	token := pfToken(printed)
	if token == "" {
		return fmt.Errorf("switch on pf: pfctl named no reference: %q", printed)
	}
	// The group daemon may write to the folder: what it put there is not followed.
	if err := os.Remove(pfTokenPath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(pfTokenPath, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(token + "\n")
	return errors.Join(err, f.Close())
}

// except loads the rules with a permit more, or less.
func (k *kernel) except(p permit, add bool) error {
	if !k.known {
		return nil
	}
	m := k.meant
	m.permits = slices.DeleteFunc(slices.Clone(k.meant.permits), func(x permit) bool { return x == p })
	if add {
		m.permits = append(m.permits, p)
	}
	want := pfWrite(m, tunnelInterface(k.tunnel, m.set.Own), os.Geteuid())
	if want.text() != k.inForce.text() {
		if err := load(want); err != nil {
			return err
		}
	}
	k.meant, k.inForce = m, want
	return nil
}

// tunnelInterface finds the interface that has one of the tunnel's addresses,
// where the system numbers them. "": there is none now.
func tunnelInterface(name string, own []netip.Addr) string {
	if name != "utun" {
		return name
	}
	all, err := net.Interfaces()
	if err != nil {
		return ""
	}
	found := ""
	for _, i := range all {
		addrs, err := i.Addrs()
		if err != nil || !strings.HasPrefix(i.Name, name) {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && slices.Contains(own, p.Addr().WithZone("")) {
				found = i.Name
			}
		}
	}
	return found
}

// pfctl runs it with what is to be on its input, and without an environment. It
// returns what it printed.
func pfctl(input string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), pfctlWithin)
	defer cancel()
	var out, wrong bytes.Buffer
	cmd := exec.CommandContext(ctx, pfctlPath, arguments...)
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &wrong
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("pfctl %s: %w: %s", strings.Join(arguments, " "), err, strings.TrimSpace(wrong.String()))
	}
	if slices.Contains(arguments, "-E") { // it says the reference there
		out.Write(wrong.Bytes())
	}
	return out.String(), nil
}

// pause is one that is in force. pf knows no time, and keeps what it was told.
type pause struct {
	until  time.Time
	cancel func()
}

// paused says that a pause that is meant ends when it is meant to, or that there
// is none.
func (k *kernel) paused(m meant) bool {
	if m.paused <= 0 {
		return k.pause == nil
	}
	return k.pause != nil && (time.Until(k.pause.until)-m.paused).Abs() < 2*time.Second
}

// begin sees to it, before anything is let out, that a pause ends; or ends the
// one that there is.
func (k *kernel) begin(m meant) error {
	k.pause.end()
	if k.pause = nil; m.paused <= 0 {
		return nil
	}
	p := &pause{until: time.Now().Add(m.paused), cancel: func() {}}
	if k.afterwards != nil {
		var err error
		if p.cancel, err = k.afterwards(m.paused); err != nil {
			return fmt.Errorf("have the pause end whatever becomes of us: %w", err)
		}
	}
	k.pause = p
	return nil
}

// end may be called on nil.
func (p *pause) end() {
	if p != nil {
		p.cancel()
	}
}
