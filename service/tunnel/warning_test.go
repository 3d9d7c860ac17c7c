package tunnel_test

import (
	"slices"
	"strings"
	"testing"

	"holdfast/service/tunnel"
)

func codes(c *tunnel.Config) []tunnel.WarningCode {
	var out []tunnel.WarningCode
	for _, w := range c.Warnings() {
		if !strings.HasSuffix(w.Message, ".") {
			panic("not a sentence: " + w.Message)
		}
		out = append(out, w.Code)
	}
	return out
}

func TestWarnings(t *testing.T) {
	quiet := `[Interface]
PrivateKey = ` + privateKey + `
Address = 10.0.0.2/32, fd00::2/128
DNS = 10.0.0.1
[Peer]
PublicKey = ` + serverKey + `
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = vpn.example.com:51820
PersistentKeepalive = 25
`
	type list = []tunnel.WarningCode
	for _, c := range []struct {
		name, old, with string
		want            list
	}{
		{"nothing", "", "", nil},
		{"split", "0.0.0.0/0, ::/0", "10.0.0.0/8", list{tunnel.SplitTunnel}},
		{"no v6", ", ::/0", "", list{tunnel.NoIPv6}},
		{"no v4", "0.0.0.0/0, ::/0", "::/0", list{tunnel.NoIPv4}},
		{"halves", "0.0.0.0/0, ::/0", "0.0.0.0/1, 128.0.0.0/1, ::/1, 8000::/1", nil},
		{"a gap", "0.0.0.0/0, ::/0", "0.0.0.0/1, 128.0.0.0/2, ::/0", list{tunnel.NoIPv4}},
		{"no routes", "AllowedIPs = 0.0.0.0/0, ::/0", "", list{tunnel.NoRoutes}},
		{"no DNS", "DNS = 10.0.0.1", "", list{tunnel.NoDNS}},
		{"only a domain", "DNS = 10.0.0.1", "DNS = corp", list{tunnel.NoDNS}},
		{"no DNS, split", "DNS = 10.0.0.1\n[Peer]\nPublicKey = " + serverKey + "\nAllowedIPs = 0.0.0.0/0, ::/0",
			"[Peer]\nPublicKey = " + serverKey + "\nAllowedIPs = 10.0.0.0/8", list{tunnel.SplitTunnel}},
		{"no address", "Address = 10.0.0.2/32, fd00::2/128", "", list{tunnel.NoAddress}},
		{"no endpoint", "Endpoint = vpn.example.com:51820", "", list{tunnel.NoEndpoint}},
		{"local endpoint", "vpn.example.com", "192.168.1.1", list{tunnel.LocalEndpoint}},
		{"loopback endpoint", "vpn.example.com", "[::1]", list{tunnel.LocalEndpoint}},
		{"keepalive off", "PersistentKeepalive = 25", "PersistentKeepalive = off", list{tunnel.KeepaliveOff}},
		{"small MTU", "DNS", "MTU = 1200\nDNS", list{tunnel.SmallMTU}},
		{"scripts", "DNS", "PostUp = a\nPreUp = b\nDNS", list{tunnel.ScriptsNotRun}},
		{"ignored", "DNS", "Table = off\nFwMark = 7\nSaveConfig = true\nDNS", list{tunnel.SettingsIgnored}},
		{"shared", "PersistentKeepalive = 25\n", "PersistentKeepalive = 25\n[Peer]\nPublicKey = " + peerKey +
			"\nAllowedIPs = ::/0\nEndpoint = a.example:1\nPersistentKeepalive = 1\n", list{tunnel.SharedRoute}},
	} {
		text := strings.Replace(quiet, c.old, c.with, 1)
		config, err := tunnel.Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := codes(config); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWarningsShowScripts(t *testing.T) {
	for _, w := range wantFull(t).Warnings() {
		if w.Code == tunnel.ScriptsNotRun {
			want := []string{"PreUp = echo a = b", `PostUp = iptables -A FORWARD -i %i -j ACCEPT; echo "x"`, "PostUp = second",
				"PreDown = echo, down", "PostDown = rm -f /tmp/x"}
			if !slices.Equal(w.Details, want) {
				t.Errorf("got %q", w.Details)
			}
			return
		}
	}
	t.Error("the scripts are not mentioned")
}

func TestRoutes(t *testing.T) {
	c := wantFull(t)
	c.Peers[1].AllowedIPs = prefixes("192.168.7.9/32", "::/0")
	want := prefixes("0.0.0.0/0", "::/0", "10.1.0.0/16", "192.168.7.9/32")
	if got := c.Routes(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, f := range []struct {
		routes string
		v4, v6 bool
	}{
		{"0.0.0.0/0", true, false},
		{"::/0", false, true},
		{"0.0.0.0/0,::/0", true, true},
		{"", false, false},
		{"0.0.0.0/1", false, false},
		{"128.0.0.0/1,0.0.0.0/2,64.0.0.0/2", true, false},
		{"128.0.0.0/1,0.0.0.0/2,64.0.0.0/3", false, false},
		{"0.0.0.0/32,255.255.255.255/32", false, false},
	} {
		c.Peers = []tunnel.Peer{{}, {}}
		for i, s := range strings.FieldsFunc(f.routes, func(r rune) bool { return r == ',' }) {
			p := &c.Peers[i%2]
			p.AllowedIPs = append(p.AllowedIPs, prefixes(s)...)
		}
		if v4, v6 := c.FullTunnel(); v4 != f.v4 || v6 != f.v6 {
			t.Errorf("%s: got %v %v, want %v %v", f.routes, v4, v6, f.v4, f.v6)
		}
	}
}
