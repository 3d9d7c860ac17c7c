package tunnel_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"holdfast/service/tunnel"
)

// forms are the ways in which the bytes of a key may be written.
func forms(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, s := range []string{privateKey, shared} {
		k, err := tunnel.ParsePrivateKey(s)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(k.RevealHex())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s[:12], k.RevealHex()[:12], strings.ToUpper(k.RevealHex()[:12]), string(raw[:6]),
			strings.Trim(fmt.Sprintf("%d", raw[:6]), "[]"),
			strings.Trim(fmt.Sprintf("%x", raw[:6]), "[]"), strings.Trim(fmt.Sprintf("%#v", raw[:6]), "[]byte{}"),
			fmt.Sprintf("% x", raw[:6]), strings.Trim(fmt.Sprintf("%o", raw[:6]), "[]"), strings.Trim(fmt.Sprintf("%b", raw[:6]), "[]"))
	}
	return out
}

func TestSecretsNeverPrint(t *testing.T) {
	config := wantFull(t)
	private, psk := config.Interface.PrivateKey, config.Peers[0].PresharedKey
	type hiding struct {
		config  *tunnel.Config
		inner   tunnel.Config
		private tunnel.PrivateKey
		psk     *tunnel.PresharedKey
		any     any
	}
	values := map[string]any{
		"private": private, "&private": &private, "psk": psk, "&psk": &psk,
		"config": *config, "&config": config, "interface": config.Interface, "peers": config.Peers,
		"hidden in a struct": hiding{config, *config, private, &psk, private},
		"in a map":           map[string]any{"k": private, "p": psk},
		"as a map key":       map[any]int{&private: 1},
		"in a list":          []tunnel.PrivateKey{private},
		"as an error":        fmt.Errorf("with %v and %+v", private, *config),
	}
	secrets := forms(t)
	check := func(how, out string) {
		t.Helper()
		for _, s := range secrets {
			if strings.Contains(out, s) {
				t.Fatalf("%s prints a secret (%q): %.300s", how, s, out)
			}
		}
	}
	for name, v := range values {
		for _, verb := range "vsdqxXobOUcetTpgGEfF" {
			for _, flag := range []string{"", "+", "#", " ", "-80", "0", ".3", "+#"} {
				check(name+" with %"+flag+string(verb), fmt.Sprintf("%"+flag+string(verb), v))
			}
		}
		check(name+" with Print", fmt.Sprint(v)+fmt.Sprintln(v))
		if b, err := json.Marshal(v); err == nil {
			check(name+" as JSON", string(b))
		}
		var b bytes.Buffer
		if err := toml.NewEncoder(&b).Encode(map[string]any{"v": v}); err == nil {
			check(name+" as TOML", b.String())
		}
		b.Reset()
		slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v, slog.Group("g", "v", v))
		slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v, slog.Group("g", "v", v))
		check(name+" in a log", b.String())
	}
	check("Redacted", config.Redacted())
	check("Warnings", fmt.Sprintf("%+v", config.Warnings()))
	if got := fmt.Sprintf("%v %+v %#v %s %x %d", private, private, psk, &psk, private, psk); got != strings.TrimSpace(strings.Repeat("(hidden) ", 6)) {
		t.Errorf("got %q", got)
	}
}

// The check above can fail: the revealed forms are found.
func TestFormsFindSecrets(t *testing.T) {
	config := wantFull(t)
	private := config.Interface.PrivateKey
	raw, _ := hex.DecodeString(private.RevealHex())
	for _, out := range []string{config.Render(), private.RevealHex(), fmt.Sprintf("%d", raw), fmt.Sprintf("%#v", raw), fmt.Sprintf("%X", raw), string(raw)} {
		found := false
		for _, s := range forms(t) {
			found = found || strings.Contains(out, s)
		}
		if !found {
			t.Errorf("nothing found in %q", out)
		}
	}
}

func TestKeys(t *testing.T) {
	private, err := tunnel.ParsePrivateKey(privateKey)
	if err != nil || private.Reveal() != privateKey || private.IsZero() {
		t.Errorf("got %v, %v", private.Reveal(), err)
	}
	if got := private.Public().String(); got != "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=" {
		t.Errorf("public key is %s", got)
	}
	if !(tunnel.PrivateKey{}).IsZero() || !(tunnel.PresharedKey{}).IsZero() || (tunnel.PrivateKey{}).Equal(private) {
		t.Error("the zero value is a key")
	}
	clamped := tunnel.NewPrivateKey([32]byte{0: 0xff, 31: 0xff})
	if got := clamped.RevealHex(); got[:2] != "f8" || got[62:] != "7f" {
		t.Errorf("not clamped: %s", got)
	}
	one, two := wantFull(t), wantFull(t)
	if one.Site() != two.Site() {
		t.Error("the same client at the same server is two sites")
	}
	two.Peers[0].PublicKey[0]++
	if one.Site() == two.Site() {
		t.Error("another server is the same site")
	}
}
