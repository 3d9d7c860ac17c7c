package tunnel_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"holdfast/service/tunnel"
)

const (
	privateKey = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
	serverKey  = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
	peerKey    = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
	shared     = "/UwcSPg38hW/D9Y3tcS1FOV0K1wuURMbS0sesJEP5ak="
)

// good is the config that bad cases spoil in one place.
var good = []string{
	"[Interface]",
	"PrivateKey = " + privateKey,
	"",
	"[Peer]",
	"PublicKey = " + serverKey,
	"",
}

// a badCase is a file, the line that is wrong with it, and a piece of what is said.
type badCase struct {
	text string
	line int
	says string
}

// spoil puts a line into the section where its key belongs.
func spoil(key, line string) (text string, at int) {
	lines := append([]string(nil), good...)
	switch key {
	case "PrivateKey":
		at = 2
	case "PublicKey":
		at = 5
	case "PresharedKey", "AllowedIPs", "Endpoint", "PersistentKeepalive":
		at = 6
	default:
		at = 3
	}
	lines[at-1] = line
	return strings.Join(lines, "\n"), at
}

// badValues reads testdata/bad_values.txt, which describes itself.
func badValues(t *testing.T) []badCase {
	t.Helper()
	f, err := os.Open("testdata/bad_values.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []badCase
	var key, says string
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if heading, found := strings.CutPrefix(line, "== "); found {
			key, says, _ = strings.Cut(heading, ": ")
			continue
		}
		if line == "" || key == "" {
			continue
		}
		if line[0] == '"' {
			if line, err = strconv.Unquote(line); err != nil {
				t.Fatalf("%s: %v", s.Text(), err)
			}
		}
		text, at := spoil(key, key+" = "+line)
		cases = append(cases, badCase{text, at, says})
	}
	return cases
}

// badShapes are files whose structure is wrong, rather than a value.
func badShapes() []badCase {
	var cases []badCase
	add := func(line int, says, text string) { cases = append(cases, badCase{text, line, says}) }
	inInterface := func(says, line string) {
		text, at := spoil("", line)
		add(at, says, text)
	}
	inPeer := func(says, line string) {
		text, at := spoil("Endpoint", line)
		add(at, says, text)
	}
	whole := strings.Join(good, "\n")

	for _, empty := range []string{"", "\n", "\r\n\r\n", " ", "\t\n", "# nothing\n", "#[Interface]", "\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		add(1, "no [Interface] section", empty)
	}
	add(1, "no [Interface] section", "[Peer]\nPublicKey = "+serverKey)
	add(1, "no [Peer] section", before(2))
	add(1, "there is none", "[Interface]\n"+strings.Join(good[2:], "\n"))
	add(4, "this [Peer] has none", before(4))
	add(4, "this [Peer] has none", before(4)+"\nEndpoint = vpn.example.com:51820")
	add(4, "this [Peer] has none", before(4)+"\n[Peer]\nPublicKey = "+serverKey)
	add(7, "this [Peer] has none", whole+"\n[Peer]")
	add(5, "own public key", strings.Replace(whole, serverKey, ownPublic(), 1))
	add(8, "an earlier [Peer] has it already", whole+"\n[Peer]\nPublicKey = "+serverKey)

	for _, s := range []string{"[Interfaces]", "[Peers]", "[]", "[ ]", "[wg0]", "[Interface:wg0]", "[Peer 1]", "[WireGuard]", "[[Peer]]", "[Interface]]",
		"[Inter face]", "[Unit]", "[Interface][Peer]", "[Peer\t1]", "[settings]"} {
		inInterface("unknown section", s)
	}
	for _, s := range []string{"[Interface", "[", "[Peer", "[Peer] x", "[Peer]]x", "[Peer] = 1", "[Interface} ", "[Peer)"} {
		inInterface("is not closed", s)
	}
	for _, s := range []string{"Address", "hello", "Address 10.0.0.1/24", "Address: 10.0.0.1/24", "=", "= 10.0.0.1", " = ", "==", "10.0.0.1 = Address",
		"-Address = 10.0.0.1", "A dd = 1", "Address\t\x20 10.0.0.1/24", "{\"Address\": 1}", "<xml>", "; comment = 1", "// comment = 1", "/* x */ = 1",
		"PrivateKey " + privateKey, privateKey, "abcdEFGH=", "Größe = 1", "export MTU = 1420", "_x = 1", "MTU := 1420",
		"AddressAddressAddressAddressAddressAddress = 1", "!include = x", "%i = x", "a.b = c", "'MTU' = 1420", "\"MTU\" = 1420", "Unknown ="} {
		inInterface("not of the form Key = value", s)
	}
	for _, key := range []string{"Addrs", "Addresses", "IPAddress", "PrivateKeyFile", "PrivatKey", "Port", "Name", "Description", "Jc", "Jmin", "S1", "H1", "Include",
		"PostUpDown", "Pre-Up", "Post_Up", "DNSSearch", "Domains", "Metric", "NetworkId", "plugin", "script-security", "up", "down", "MTUs", "Tables", "SaveConf", "Fwmarks",
		"InterfaceName", "KillSwitch", "I1", "PresharedKeys", "Peer", "Interface"} {
		inInterface("unknown key", key+" = 1")
	}
	for _, key := range []string{"AllowedIP", "AllowedAddresses", "DisallowedIPs", "EndPoints", "Keepalive", "PersistentKeepAliveInterval", "PublicKeyFile", "Psk", "PeerName",
		"Enabled", "Comment", "Weight", "Gateway", "Routes", "ReplaceAllowedIPs", "remove", "Hostname"} {
		inPeer("unknown key", key+" = 1")
	}
	for _, line := range []string{"PublicKey = " + serverKey, "PresharedKey = " + shared, "AllowedIPs = 0.0.0.0/0", "Endpoint = vpn.example.com:51820",
		"PersistentKeepalive = 25", "publickey = x", "ENDPOINT = x"} {
		inInterface("it belongs under [Peer]", line)
	}
	for _, line := range []string{"PrivateKey = " + privateKey, "ListenPort = 51820", "FwMark = 1", "Address = 10.0.0.2/24", "DNS = 1.1.1.1", "MTU = 1420", "Table = off",
		"SaveConfig = true", "PreUp = id", "PostUp = id", "PreDown = id", "PostDown = id", "postup = id", "POSTDOWN = id"} {
		inPeer("it belongs under [Interface]", line)
	}
	for _, line := range []string{"ListenPort = 1", "FwMark = 1", "MTU = 1420", "Table = off", "SaveConfig = true"} {
		add(8, "it is in line 3 already", strings.Replace(whole, "\n\n", "\n"+line+"\n", 1)+"\n[interface]\n"+line)
		add(4, "it is in line 3 already", strings.Replace(whole, "\n\n", "\n"+line+"\n"+strings.ToUpper(line)+"\n", 1))
	}
	add(3, "it is in line 2 already", strings.Replace(whole, "\n\n", "\nPrivateKey = "+privateKey+"\n", 1))
	for _, line := range []string{"PresharedKey = " + shared, "Endpoint = a.example:1", "PersistentKeepalive = 25"} {
		add(7, "it is in line 6 already", whole+line+"\n"+line)
	}
	add(6, "it is in line 5 already", whole+"PublicKey = "+peerKey)
	for _, line := range []string{"PrivateKey = " + privateKey, "MTU = 1420", "Endpoint = a.example:1"} {
		at := "under [Interface]"
		if strings.HasPrefix(line, "Endpoint") {
			at = "under [Peer]"
		}
		add(1, at, line+"\n"+whole)
	}
	add(1, "unknown key", "Foo = 1\n"+whole)
	return append(cases, badSizes(whole)...)
}

// badSizes are files beyond a limit, or in an encoding that is not one.
func badSizes(whole string) []badCase {
	var cases []badCase
	add := func(line int, says, text string) { cases = append(cases, badCase{text, line, says}) }
	add(1, "larger than 256 KiB", whole+strings.Repeat("\n", tunnel.MaxBytes))
	add(1, "larger than 256 KiB", whole+strings.Repeat("# comment\n", tunnel.MaxBytes/10))
	add(1, "text is larger than 256 KiB", utf16File(true, whole+"#"+strings.Repeat("例", tunnel.MaxBytes/2-200)))
	add(513, "more than 512 lines", whole+strings.Repeat("\n", 507)+"# one too many")
	add(513, "more than 512 lines", strings.Repeat("#\n", 600)+whole)
	add(7, "longer than 4096 bytes", whole+"\n#"+strings.Repeat("x", 4096))
	add(3, "longer than 4000 bytes", strings.Replace(whole, "\n\n", "\nPostUp = "+strings.Repeat("x", 4001)+"\n", 1))
	add(7, "there is no value", whole+"\nEndpoint = "+strings.Repeat(" ", 4000))
	var networks []string
	for i := range 257 {
		networks = append(networks, fmt.Sprintf("10.%d.%d.0/24", i/256, i%256))
	}
	add(7, "more than 256 networks", whole+"AllowedIPs = "+strings.Join(networks[:200], ",")+"\nAllowedIPs = "+strings.Join(networks[200:], ","))
	peers := strings.Builder{}
	peers.WriteString(before(2))
	for i := range 65 {
		fmt.Fprintf(&peers, "\n[Peer]\nPublicKey = %s", tunnel.PublicKey{byte(i + 1)})
	}
	add(131, "more than 64 peers", peers.String())
	for _, big := range []bool{false, true} {
		add(3, "zero byte", utf16File(big, strings.Replace(whole, "\n\n", "\nAddress = 10.0.0.1\x00\n", 1)))
		add(6, "not text", utf16File(big, whole)+"\x00")
		add(6, "not text", utf16File(big, whole)+lone(big))
		add(1, "zero byte", utf16File(big, whole)[2:])
	}
	add(1, "not text", "\xff"+whole)
	add(1, "not text", "\xfe"+whole)
	add(1, "hides or turns around", "\xef\xbb\xbf\xef\xbb\xbf"+whole)
	add(1, "zero byte", utf16File(false, "\x00"+whole))
	add(1, "not text", "\xff\xfe\x00\x00"+whole)
	add(1, "carriage return", strings.ReplaceAll(whole, "\n", "\r"))
	add(1, "carriage return", strings.ReplaceAll(whole, "\n", "\r\r\n"))
	add(1, "not text", "\x1f\x8b\x08gzip")
	add(1, "not of the form", "PK\n")
	add(1, "not of the form", "-----BEGIN PRIVATE KEY-----\n"+privateKey)
	add(1, "unknown section", "[Unit]\nDescription=x\n"+whole)
	add(1, "not of the form", "client\ndev tun\nproto udp\nremote vpn.example.com 1194\n")
	return cases
}

func before(n int) string { return strings.Join(good[:n], "\n") }

func ownPublic() string {
	k, err := tunnel.ParsePrivateKey(privateKey)
	if err != nil {
		panic(err)
	}
	return k.Public().String()
}

func utf16File(big bool, text string) string {
	var b strings.Builder
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(text))...) {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

// lone is half of a surrogate pair.
func lone(big bool) string {
	if big {
		return "\xd8\x00"
	}
	return "\x00\xd8"
}

func TestBadFiles(t *testing.T) {
	cases := append(badValues(t), badShapes()...)
	seen := map[string]bool{}
	for n, c := range cases {
		if seen[c.text] {
			t.Errorf("case %d is there twice: %.200q", n, c.text)
		}
		seen[c.text] = true
		config, err := tunnel.Parse([]byte(c.text))
		problems, is := errors.AsType[tunnel.Problems](err)
		if !is || config != nil {
			t.Errorf("case %d was accepted: %.200q", n, c.text)
			continue
		}
		if !says(problems, c.line, c.says) {
			t.Errorf("case %d: want line %d: …%s…\ngot %v\nof %.300q", n, c.line, c.says, problems, c.text)
		}
		for _, secret := range []string{privateKey, shared, privateKey[:20], shared[:20]} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("case %d repeats a key: %v", n, err)
			}
		}
	}
	t.Logf("%d bad files", len(seen))
	if len(seen) < 500 {
		t.Errorf("%d bad files, want at least 500", len(seen))
	}
}

func says(problems tunnel.Problems, line int, what string) bool {
	for _, p := range problems {
		if p.Line == line && strings.Contains(p.String(), what) {
			return true
		}
	}
	return false
}

// wellFormed checks what every answer of Parse promises, and says whether it was
// a config.
func wellFormed(t *testing.T, text []byte) bool {
	t.Helper()
	config, err := tunnel.Parse(text)
	if err == nil {
		if err := config.Validate(); err != nil {
			t.Fatalf("parsed, but not valid: %v\n%q", err, text)
		}
		again, err := tunnel.Parse([]byte(config.Render()))
		if err != nil || !again.Equal(config) {
			t.Fatalf("rendered, but not the same: %v\n%q", err, text)
		}
		config.Warnings()
		return true
	}
	problems, is := errors.AsType[tunnel.Problems](err)
	if !is || len(problems) == 0 {
		t.Fatalf("got %v, want Problems\n%q", err, text)
	}
	last := 0
	for _, p := range problems {
		if p.Line < 1 || p.Line < last || p.Message == "" {
			t.Fatalf("problem %+v has no line, no words or is out of order\n%q", p, text)
		}
		last = p.Line
	}
	return false
}

func TestRandomFiles(t *testing.T) {
	random := rand.New(rand.NewPCG(2026, 11))
	whole := []byte(full)
	for range 5000 {
		text := make([]byte, random.IntN(400))
		for i := range text {
			text[i] = byte(random.Uint32())
		}
		wellFormed(t, text)
	}
	accepted := 0
	for range 10000 {
		text := append([]byte(nil), whole...)
		for range 1 + random.IntN(3) {
			text = mutate(random, text)
		}
		if wellFormed(t, text) {
			accepted++
		}
	}
	if accepted == 0 || accepted == 10000 {
		t.Errorf("%d of 10000 changed files were accepted; the changes test nothing", accepted)
	}
}

// mutate flips, removes, doubles or moves a piece.
func mutate(random *rand.Rand, text []byte) []byte {
	if len(text) < 2 {
		return text
	}
	from := random.IntN(len(text) - 1)
	to := from + 1 + random.IntN(min(40, len(text)-from-1)+1)
	to = min(to, len(text))
	piece := append([]byte(nil), text[from:to]...)
	switch random.IntN(5) {
	case 0:
		text[from] ^= 1 << random.IntN(8)
		return text
	case 1:
		return append(text[:from], text[to:]...)
	case 2:
		return append(text[:to:to], append(piece, text[to:]...)...)
	case 3:
		at := random.IntN(len(text))
		return append(text[:at:at], append(piece, text[at:]...)...)
	default:
		text[from] = "\n\r\t\x00#=[],:/ %\xff\""[random.IntN(15)]
		return text
	}
}
