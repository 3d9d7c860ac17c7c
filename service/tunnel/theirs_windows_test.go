package tunnel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.zx2c4.com/wireguard/windows/conf"
	"pgregory.net/rapid"

	"holdfast/service/tunnel"
)

// stricter is what we refuse and WireGuard for Windows takes, by a piece of what we
// say, each with the reason.
var stricter = []struct{ says, why string }{
	{"not an address that an interface can have", "no computer has it: the tunnel would be up and carry nothing"},
	{"not an address that a server can have", "nothing can be sent there"},
	{"not the address of a resolver", "nobody answers there"},
	{"IPv4 address inside an IPv6 one", "systems treat it as either; it is a mistake of who wrote it"},
	{"has a zone", "it names an interface of another computer"},
	{"not an IP address", "it is meant as an address and would be looked up as a name"},
	{"not an address or name with a port", "it can be no name, and reaches resolvers and logs as it is"},
	{"neither an address nor a search domain", "it can be no domain, and reaches the system's settings as it is"},
	{"has no valid port", "port 0 is nobody's, and a sign is no number of wg(8)"},
	{"is not a number from", "a sign is no number of wg(8), and no interface has a larger MTU"},
	{"is not a table", "table 0 is none of the system's"},
	{"a key is 32 bytes in base64", "bits that decode to nothing tell of a key that was copied wrongly"},
	{"the key is all zeros", "it is the key of whoever wants it"},
	{"own public key", "it would be a tunnel to itself"},
	{"an earlier [Peer] has it already", "the second would take the first one's place"},
	{"keep one of the two", "the second would take the first one's place"},
	{"no [Interface] section", "a file without sections is no config"},
	{"no [Peer] section", "there would be nothing to send to"},
	{"there is no value", "an empty script is a mistake"},
	{"carriage return", "it hides text from who reads the file"},
	{"control character", "it hides text from who reads the file"},
	{"hides or turns around text", "it hides text from who reads the file"},
	{"zero byte", "it is no text"},
	{"not text", "it is no text"},
	{"remove some", "a bound"},
	{"longer than", "a bound"},
	{"larger than", "a bound"},
}

// theirs reads a config as WireGuard for Windows does, and returns it as one of
// ours. What that program does not keep is left out: all scripts of a kind but the
// last, and the number of a table.
func theirs(text string) (*tunnel.Config, error) {
	got, err := conf.FromWgQuick(text, "theirs")
	if err != nil {
		return nil, err
	}
	private, err := tunnel.ParsePrivateKey(got.Interface.PrivateKey.String())
	if err != nil {
		return nil, err
	}
	script := func(line string) []string {
		if line == "" {
			return nil
		}
		return []string{line}
	}
	c := &tunnel.Config{Interface: tunnel.Interface{
		PrivateKey: private, Addresses: got.Interface.Addresses, DNS: got.Interface.DNS, Search: got.Interface.DNSSearch,
		ListenPort: got.Interface.ListenPort, MTU: int(got.Interface.MTU),
		PreUp: script(got.Interface.PreUp), PostUp: script(got.Interface.PostUp),
		PreDown: script(got.Interface.PreDown), PostDown: script(got.Interface.PostDown),
	}}
	if got.Interface.TableOff {
		c.Interface.Table = "off"
	}
	for _, p := range got.Peers {
		ours := tunnel.Peer{
			PublicKey: tunnel.PublicKey(p.PublicKey), Keepalive: p.PersistentKeepalive,
			Endpoint: tunnel.Endpoint{Host: p.Endpoint.Host, Port: p.Endpoint.Port},
		}
		if a, ok := ours.Endpoint.Addr(); ok {
			ours.Endpoint.Host = a.Addr().String() // an address may be written in several ways
		}
		if !p.PresharedKey.IsZero() {
			if ours.PresharedKey, err = tunnel.ParsePresharedKey(p.PresharedKey.String()); err != nil {
				return nil, err
			}
		}
		for _, a := range p.AllowedIPs {
			// The driver drops host bits and doubles, and so do we.
			if a = a.Masked(); !slices.Contains(ours.AllowedIPs, a) {
				ours.AllowedIPs = append(ours.AllowedIPs, a)
			}
		}
		c.Peers = append(c.Peers, ours)
	}
	return c, nil
}

// keptByBoth is a config without what WireGuard for Windows does not keep.
func keptByBoth(c *tunnel.Config) *tunnel.Config {
	c = c.Clone()
	i := &c.Interface
	i.FwMark, i.SaveConfig = 0, false
	if i.Table != "off" {
		i.Table = ""
	}
	for _, scripts := range []*[]string{&i.PreUp, &i.PostUp, &i.PreDown, &i.PostDown} {
		*scripts = (*scripts)[max(0, len(*scripts)-1):]
	}
	return c
}

// withoutOthers is a text without the keys of wg-quick that WireGuard for Windows
// refuses.
func withoutOthers(text string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
		key, _, _ := strings.Cut(strings.ToLower(line), "=")
		return slices.Contains([]string{"fwmark", "saveconfig"}, strings.TrimSpace(key))
	}), "\n")
}

// compare says how a config is another one for us and for WireGuard for Windows.
// "": it is the same, or we refuse it for a reason of stricter.
func compare(text string) string {
	ours, refused := tunnel.Parse([]byte(text))
	if refused == nil {
		text = withoutOthers(text)
	}
	other, err := theirs(text)
	switch {
	case refused != nil && err != nil:
		return ""
	case refused != nil:
		for _, s := range stricter {
			if strings.Contains(refused.Error(), s.says) {
				return ""
			}
		}
		return fmt.Sprintf("only we refuse it: %v", refused)
	case err != nil:
		return fmt.Sprintf("only we take it: %v", err)
	}
	return cmp.Diff(keptByBoth(ours).Render(), other.Render())
}

// TestSameAsWireGuardForWindows holds how we read a config against the package by
// which WireGuard for Windows does.
func TestSameAsWireGuardForWindows(t *testing.T) {
	// That program takes DNS between commas only, and tables and "off" in lower case.
	plain := strings.NewReplacer("9.9.9.9 lan", "9.9.9.9, lan", "AUTO", "auto").Replace(full)
	texts := []string{plain, wantRendered, strings.Join(good, "\n"), strings.Join(good, "\r\n")}
	for _, c := range append(badValues(t), badShapes()...) {
		texts = append(texts, c.text)
	}
	for _, text := range texts {
		if diff := compare(text); diff != "" {
			t.Errorf("%s\n%.1000q", diff, text)
		}
	}
}

func TestSameAsWireGuardForWindowsWhateverIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := configs().Draw(t, "config").Render()
		if diff := compare(text); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
	})
}

// TestStricterIsUsed: a reason for what nobody writes is none.
func TestStricterIsUsed(t *testing.T) {
	cases := append(badValues(t), badShapes()...)
	for _, s := range stricter {
		if !slices.ContainsFunc(cases, func(c badCase) bool {
			_, refused := tunnel.Parse([]byte(c.text))
			_, err := theirs(c.text)
			return refused != nil && err == nil && strings.Contains(refused.Error(), s.says)
		}) {
			t.Errorf("nothing is refused for %q alone", s.says)
		}
	}
}
