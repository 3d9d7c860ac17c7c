package tunnel_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/service/tunnel"
)

// full has every key there is, and what people write around them.
const full = `# my provider
[Interface]
privatekey=` + privateKey + `
ListenPort = 51820 # fixed
FWMARK = 0xCA6C
Address = 10.0.0.2/24, fd00::2/64
Address = 10.9.0.2
DNS = 1.1.1.1 , 2606:4700::1111, corp.example
DNS = 9.9.9.9 lan
MTU = 1380
Table = AUTO
SaveConfig = True
PreUp = echo a = b
PostUp = iptables -A FORWARD -i %i -j ACCEPT; echo "x" # gone
PostUp = second
PreDown = echo, down
PostDown = rm -f /tmp/x

[Peer]
PublicKey = ` + serverKey + `
PresharedKey = ` + shared + `
AllowedIPs = 0.0.0.0/0, ::/0
AllowedIPs = 10.1.2.3/16, ::/0
Endpoint = VPN.example.com:51820
PersistentKeepalive = 25

[peer]
PublicKey = ` + peerKey + `
AllowedIPs = 192.168.7.9
Endpoint = [2001:DB8:0::1]:1234
PersistentKeepalive = off
[Interface]
Address = 10.8.0.2/32
`

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func wantFull(t *testing.T) *tunnel.Config {
	t.Helper()
	private, err1 := tunnel.ParsePrivateKey(privateKey)
	server, err2 := tunnel.ParsePublicKey(serverKey)
	peer, err3 := tunnel.ParsePublicKey(peerKey)
	psk, err4 := tunnel.ParsePresharedKey(shared)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return &tunnel.Config{
		Interface: tunnel.Interface{
			PrivateKey: private,
			Addresses:  prefixes("10.0.0.2/24", "fd00::2/64", "10.9.0.2/32", "10.8.0.2/32"),
			DNS:        []netip.Addr{netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("2606:4700::1111"), netip.MustParseAddr("9.9.9.9")},
			Search:     []string{"corp.example", "lan"},
			ListenPort: 51820, MTU: 1380, Table: "auto", FwMark: 0xca6c, SaveConfig: true,
			PreUp:    []string{"echo a = b"},
			PostUp:   []string{`iptables -A FORWARD -i %i -j ACCEPT; echo "x"`, "second"},
			PreDown:  []string{"echo, down"},
			PostDown: []string{"rm -f /tmp/x"},
		},
		Peers: []tunnel.Peer{
			{
				PublicKey: server, PresharedKey: psk,
				AllowedIPs: prefixes("0.0.0.0/0", "::/0", "10.1.0.0/16"),
				Endpoint:   tunnel.Endpoint{Host: "VPN.example.com", Port: 51820}, Keepalive: 25,
			},
			{
				PublicKey: peer, AllowedIPs: prefixes("192.168.7.9/32"),
				Endpoint: tunnel.Endpoint{Host: "2001:db8::1", Port: 1234},
			},
		},
	}
}

func TestParse(t *testing.T) {
	for name, text := range map[string]string{
		"UTF-8":               full,
		"UTF-8 with a mark":   "\xef\xbb\xbf" + full,
		"UTF-16 little":       utf16File(false, full),
		"UTF-16 big":          utf16File(true, full),
		"CR LF":               strings.ReplaceAll(full, "\n", "\r\n"),
		"UTF-16, CR LF":       utf16File(false, strings.ReplaceAll(full, "\n", "\r\n")),
		"no end of line":      strings.TrimSuffix(full, "\n"),
		"indented":            strings.ReplaceAll(full, "\n", "\n \t"),
		"shouted":             strings.ReplaceAll(strings.ReplaceAll(full, "Peer]", "PEER ]"), "Address", "ADDRESS"),
		"comments everywhere": strings.ReplaceAll(full, "\n", " # 😀 例\n"),
		"no-break spaces":     strings.ReplaceAll(full, "\n", "\u00a0\n"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tunnel.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got.Render(), wantFull(t).Render()); diff != "" {
				t.Errorf("got -, want +:\n%s", diff)
			}
			if !got.Equal(wantFull(t)) {
				t.Error("not the same config")
			}
		})
	}
}

func TestParseTellsEverythingAtOnce(t *testing.T) {
	text := "[Interface]\nAddress = x\nFoo = 1\n[Peer]\nEndpoint = y\nPublicKey = z\n[Other]\nBar = 2\n[Peer]\n"
	_, err := tunnel.Parse([]byte(text))
	want := `line 1: PrivateKey: there is none; add this computer's private key
line 2: Address: "x" is not an IP address; write it like 10.0.0.2 or fd00::2
line 3: unknown key "Foo"; mend its spelling, or remove the line
line 5: Endpoint: "y" has no port; write it like vpn.example.com:51820
line 6: PublicKey: a key is 32 bytes in base64: 44 characters ending in =; copy it again
line 7: unknown section "Other"; there are [Interface] and [Peer]
line 9: PublicKey: this [Peer] has none; add the server's public key`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestParseBoundsItsAnswer(t *testing.T) {
	_, err := tunnel.Parse([]byte("[Interface]\n" + strings.Repeat("MTU = "+strings.Repeat("x", 4000)+"\n", 500)))
	problems, _ := errors.AsType[tunnel.Problems](err)
	if len(problems) > 102 || len(err.Error()) > 20<<10 {
		t.Errorf("%d problems in %d bytes for a hostile file", len(problems), len(err.Error()))
	}
}

// The limits themselves are within the limits.
func TestParseTakesTheLargest(t *testing.T) {
	c := wantFull(t)
	c.Interface.PostUp = []string{strings.Repeat("x", 4000)}
	c.Peers = nil
	for i := range 64 {
		p := tunnel.Peer{PublicKey: tunnel.PublicKey{byte(i), 1}}
		for n := range 64 {
			p.AllowedIPs = append(p.AllowedIPs, netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x:%x::/64", i, n)))
		}
		c.Peers = append(c.Peers, p)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	for n := range 192 {
		c.Peers[0].AllowedIPs = append(c.Peers[0].AllowedIPs, netip.MustParsePrefix(fmt.Sprintf("2001:db8:ffff:ffff:ffff:ffff:ffff:%x/128", n)))
	}
	if err := c.Validate(); err != nil {
		t.Errorf("with 256 networks for one peer: %v", err)
	}
	for i := range c.Peers {
		c.Peers[i].AllowedIPs = c.Peers[0].AllowedIPs
	}
	if err := c.Validate(); err == nil {
		t.Errorf("%d bytes were accepted", len(c.Render()))
	}
}
