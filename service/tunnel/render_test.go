package tunnel_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast/service/tunnel"
)

const wantRendered = `[Interface]
PrivateKey = ` + privateKey + `
ListenPort = 51820
FwMark = 0xca6c
Address = 10.0.0.2/24, fd00::2/64, 10.9.0.2/32, 10.8.0.2/32
DNS = 1.1.1.1, 2606:4700::1111, 9.9.9.9, corp.example, lan
MTU = 1380
Table = auto
SaveConfig = true
PreUp = echo a = b
PostUp = iptables -A FORWARD -i %i -j ACCEPT; echo "x"
PostUp = second
PreDown = echo, down
PostDown = rm -f /tmp/x

[Peer]
PublicKey = ` + serverKey + `
PresharedKey = ` + shared + `
AllowedIPs = 0.0.0.0/0, ::/0, 10.1.0.0/16
Endpoint = VPN.example.com:51820
PersistentKeepalive = 25

[Peer]
PublicKey = ` + peerKey + `
AllowedIPs = 192.168.7.9/32
Endpoint = [2001:db8::1]:1234
`

func TestRender(t *testing.T) {
	c := wantFull(t)
	if got := c.Render(); got != wantRendered {
		t.Errorf("got\n%s\nwant\n%s", got, wantRendered)
	}
	redacted := strings.NewReplacer(privateKey, "(hidden)", shared, "(hidden)").Replace(wantRendered)
	if got := c.Redacted(); got != redacted {
		t.Errorf("got\n%s\nwant\n%s", got, redacted)
	}
	if _, err := tunnel.Parse([]byte(c.Redacted())); err == nil {
		t.Error("what is for showing was read as a config")
	}
}

var names = rapid.StringMatching(`([a-z0-9_]([a-zA-Z0-9_-]{0,20}[a-z0-9])?\.){0,3}[a-z]([a-z0-9-]{0,10}[a-z])?\.?`)

func addrs() *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		if rapid.Bool().Draw(t, "v6") {
			b := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "addr"))
			b[0] = 0x20
			return netip.AddrFrom16(b)
		}
		b := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "addr"))
		b[0] = 10
		return netip.AddrFrom4(b)
	})
}

func nets() *rapid.Generator[netip.Prefix] {
	return rapid.Custom(func(t *rapid.T) netip.Prefix {
		a := addrs().Draw(t, "addr")
		return netip.PrefixFrom(a, rapid.IntRange(0, a.BitLen()).Draw(t, "bits"))
	})
}

func keys() *rapid.Generator[[32]byte] {
	return rapid.Custom(func(t *rapid.T) [32]byte {
		k := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		k[5] |= 1
		return k
	})
}

// scripts are what a line can hold: no # and no space around.
func scripts() *rapid.Generator[[]string] {
	line := rapid.StringMatching(`[^\s#\x00-\x1f\x7f-\x9f\p{Cf}\p{Z}]([^#\x00-\x1f\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]{0,60}[^\s#\x00-\x1f\x7f-\x9f\p{Cf}\p{Z}])?`)
	return rapid.SliceOfN(line, 0, 3)
}

func configs() *rapid.Generator[*tunnel.Config] {
	return rapid.Custom(func(t *rapid.T) *tunnel.Config {
		i := tunnel.Interface{
			PrivateKey: tunnel.NewPrivateKey(keys().Draw(t, "private")),
			Addresses:  rapid.SliceOfNDistinct(nets(), 0, 16, rapid.ID).Draw(t, "addresses"),
			DNS:        rapid.SliceOfNDistinct(addrs(), 0, 8, rapid.ID).Draw(t, "dns"),
			Search:     rapid.SliceOfNDistinct(names, 0, 8, rapid.ID).Draw(t, "search"),
			ListenPort: rapid.Uint16().Draw(t, "port"),
			MTU:        rapid.OneOf(rapid.Just(0), rapid.IntRange(576, 9000)).Draw(t, "mtu"),
			Table:      rapid.SampledFrom([]string{"", "off", "auto", "main", "1", "51820", "4294967295"}).Draw(t, "table"),
			FwMark:     rapid.Uint32().Draw(t, "mark"),
			SaveConfig: rapid.Bool().Draw(t, "save"),
			PreUp:      scripts().Draw(t, "preup"),
			PostUp:     scripts().Draw(t, "postup"),
			PreDown:    scripts().Draw(t, "predown"),
			PostDown:   scripts().Draw(t, "postdown"),
		}
		peer := rapid.Custom(func(t *rapid.T) tunnel.Peer {
			p := tunnel.Peer{PublicKey: keys().Draw(t, "public"), Keepalive: rapid.Uint16().Draw(t, "keepalive")}
			if rapid.Bool().Draw(t, "psk") {
				// NewPrivateKey clamps, which a preshared key does not mind.
				p.PresharedKey, _ = tunnel.ParsePresharedKey(tunnel.NewPrivateKey(keys().Draw(t, "psk")).Reveal())
			}
			for _, r := range rapid.SliceOfN(nets(), 0, 12).Draw(t, "allowed") {
				if r = r.Masked(); !slices.Contains(p.AllowedIPs, r) {
					p.AllowedIPs = append(p.AllowedIPs, r)
				}
			}
			if rapid.Bool().Draw(t, "endpoint") {
				p.Endpoint.Port = rapid.Uint16Min(1).Draw(t, "port")
				p.Endpoint.Host = rapid.OneOf(names, rapid.Map(addrs(), netip.Addr.String)).Draw(t, "host")
			}
			return p
		})
		id := func(p tunnel.Peer) tunnel.PublicKey { return p.PublicKey }
		return &tunnel.Config{Interface: i, Peers: rapid.SliceOfNDistinct(peer, 1, 6, id).Draw(t, "peers")}
	})
}

func TestParseUndoesRender(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := configs().Draw(t, "config")
		text := c.Render()
		got, err := tunnel.Parse([]byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if !got.Equal(c) || got.Render() != text {
			t.Fatalf("got\n%s\nwant\n%s", got.Render(), text)
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("valid, but refused: %v", err)
		}
		if clone := c.Clone(); !clone.Equal(c) {
			t.Fatal("the clone is another config")
		}
	})
}

// Whatever is put into a config's text fields, Validate finds all that would
// read back as something else.
func TestValidateFindsInjection(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"\n", "\r", "#", "=", ",", " ", "[Peer]", "[Interface]", "PostUp = id", "PrivateKey = " + privateKey,
		"a", "1.1.1.1", ":", "/", "\x00", "\x7f", "\xff", "\u2028", "off", "%", "\t", "]", "["})
	text := rapid.Map(rapid.SliceOfN(pieces, 0, 6), func(p []string) string { return strings.Join(p, "") })
	rapid.Check(t, func(t *rapid.T) {
		c := configs().Draw(t, "config")
		evil := text.Draw(t, "text")
		switch rapid.IntRange(0, 3).Draw(t, "where") {
		case 0:
			c.Interface.PostUp = append(c.Interface.PostUp, evil)
		case 1:
			c.Interface.Search = append(c.Interface.Search, evil)
		case 2:
			c.Interface.Table = evil
		case 3:
			c.Peers[0].Endpoint = tunnel.Endpoint{Host: evil, Port: 1}
		}
		if c.Validate() != nil {
			return
		}
		got, err := tunnel.Parse([]byte(c.Render()))
		if err != nil || !got.Equal(c) {
			t.Fatalf("validated, but reads back as another: %v\n%q", err, c.Render())
		}
	})
}

func TestValidate(t *testing.T) {
	for name, spoil := range map[string]func(*tunnel.Config){
		"PrivateKey: there is none":       func(c *tunnel.Config) { c.Interface.PrivateKey = tunnel.PrivateKey{} },
		"PublicKey: this [Peer] has none": func(c *tunnel.Config) { c.Peers[1].PublicKey = tunnel.PublicKey{} },
		"there is no [Peer]":              func(c *tunnel.Config) { c.Peers = nil },
		"MTU: \"-1\"":                     func(c *tunnel.Config) { c.Interface.MTU = -1 },
		"Table: \"b\"":                    func(c *tunnel.Config) { c.Interface.Table = "b" },
		"Table: a .conf cannot hold":      func(c *tunnel.Config) { c.Interface.Table = "AUTO" },
		"PreUp: a .conf cannot hold":      func(c *tunnel.Config) { c.Interface.PostUp = []string{"a\nPreUp = b"} },
		"PostDown: a .conf cannot hold":   func(c *tunnel.Config) { c.Interface.PostDown = []string{"a # b"} },
		"PreUp: there is no value":        func(c *tunnel.Config) { c.Interface.PreUp = []string{""} },
		"PreDown: it belongs under":       func(c *tunnel.Config) { c.Interface.PostUp = []string{"a\n[Peer]\nPublicKey=" + privateKey} },
		"AllowedIPs: a .conf cannot hold": func(c *tunnel.Config) { c.Peers[0].AllowedIPs = prefixes("10.1.2.3/8") },
		"AllowedIPs: \"invalid Prefix\"":  func(c *tunnel.Config) { c.Peers[0].AllowedIPs = make([]netip.Prefix, 1) },
		"Endpoint: a .conf cannot hold":   func(c *tunnel.Config) { c.Peers[0].Endpoint.Host = "2001:DB8::1" },
		"Endpoint: \"VPN.example.com:0\"": func(c *tunnel.Config) { c.Peers[0].Endpoint.Port = 0 },
		"DNS: a .conf cannot hold":        func(c *tunnel.Config) { c.Interface.Search = []string{"9.9.9.8"} },
		"Address: a .conf cannot hold":    func(c *tunnel.Config) { c.Interface.Addresses = prefixes("10.0.0.1/8", "10.0.0.1/8") },
		"Address: more than 16 addresses": func(c *tunnel.Config) { c.Interface.Addresses = many(17) },
		"PublicKey: an earlier [Peer]":    func(c *tunnel.Config) { c.Peers[1].PublicKey = c.Peers[0].PublicKey },
	} {
		c := wantFull(t)
		spoil(c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), name) || strings.HasPrefix(err.Error(), "line") {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

func many(n int) (out []netip.Prefix) {
	for i := range n {
		out = append(out, netip.MustParsePrefix(fmt.Sprintf("10.0.0.%d/32", i+1)))
	}
	return out
}

func TestCloneSharesNothing(t *testing.T) {
	c := wantFull(t)
	clone := c.Clone()
	clone.Interface.Addresses[0] = netip.MustParsePrefix("192.0.2.1/32")
	clone.Interface.DNS[0] = netip.MustParseAddr("192.0.2.1")
	clone.Interface.Search[0], clone.Interface.PreUp[0], clone.Interface.PostUp[0] = "x", "x", "x"
	clone.Interface.PreDown[0], clone.Interface.PostDown[0] = "x", "x"
	clone.Peers[0].AllowedIPs[0] = netip.MustParsePrefix("192.0.2.1/32")
	clone.Peers[1].Keepalive = 99
	if !c.Equal(wantFull(t)) {
		t.Errorf("changed with its clone:\n%s", c.Redacted())
	}
	if clone.Equal(c) {
		t.Error("a changed clone is the same")
	}
}
