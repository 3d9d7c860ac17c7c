package tunnel_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast/service/tunnel"
)

func newKey() tunnel.PrivateKey { return tunnel.NewPrivateKey([32]byte{1, 2, 3}) }

// TestEditableGivesTheSameConfig: what is not changed stays, secrets included,
// and none of them is in the text.
func TestEditableGivesTheSameConfig(t *testing.T) {
	c := wantFull(t)
	text := c.Editable()
	if want := strings.NewReplacer(privateKey, "(kept)", shared, "(kept)").Replace(wantRendered); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	got, err := tunnel.Edit{Before: c, NewKey: newKey}.Parse([]byte(text))
	if err != nil || !got.Equal(c) {
		t.Errorf("got %v, %v, want the config as it was", got, err)
	}
	if _, err := tunnel.Parse([]byte(text)); err == nil {
		t.Error("a text with a key that is elsewhere was read as a config")
	}
}

func TestAnyConfigCanBeEdited(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := configs().Draw(t, "config")
		if c.Validate() != nil {
			t.Skip()
		}
		got, err := tunnel.Edit{Before: c, NewKey: newKey}.Parse([]byte(c.Editable()))
		if err != nil || !got.Equal(c) {
			t.Fatalf("got %v\n%s", err, c.Editable())
		}
	})
}

func TestEdit(t *testing.T) {
	before := wantFull(t)
	conf := func(private, peer, preshared string) string {
		text := "[Interface]\nPrivateKey = " + private + "\n[Peer]\nPresharedKey = " + preshared + "\nPublicKey = " + peer + "\nAllowedIPs = ::/0\n"
		return strings.ReplaceAll(text, "PresharedKey = \n", "")
	}
	for _, tt := range []struct {
		name, text string
		edit       tunnel.Edit
		problem    string // "": none
	}{
		{"a new key", conf("(new)", serverKey, ""), tunnel.Edit{NewKey: newKey}, ""},
		{"a new key for what has one", conf("(new)", serverKey, "(kept)"), tunnel.Edit{Before: before, NewKey: newKey}, ""},
		{"both kept", conf("(kept)", serverKey, "(kept)"), tunnel.Edit{Before: before, NewKey: newKey}, ""},
		{"kept of nothing", conf("(kept)", serverKey, ""), tunnel.Edit{NewKey: newKey}, "line 2: PrivateKey: there is no key here that could be kept"},
		{"preshared kept of nothing", conf("(new)", serverKey, "(kept)"), tunnel.Edit{NewKey: newKey}, "line 4: PresharedKey: no preshared key is known"},
		{"preshared kept of a peer without", conf("(kept)", peerKey, "(kept)"), tunnel.Edit{Before: before, NewKey: newKey}, "line 4: PresharedKey: no preshared key is known"},
		{"preshared made", conf("(kept)", serverKey, "(new)"), tunnel.Edit{Before: before, NewKey: newKey}, "line 4: PresharedKey: a key is 32 bytes"},
		{"new where none is made", conf("(new)", serverKey, ""), tunnel.Edit{}, "line 2: PrivateKey: a key is 32 bytes"},
	} {
		c, err := tt.edit.Parse([]byte(tt.text))
		if tt.problem != "" {
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.problem)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		want := before.Interface.PrivateKey
		if strings.Contains(tt.text, "(new)") {
			want = newKey()
		}
		if !c.Interface.PrivateKey.Equal(want) {
			t.Errorf("%s: another private key", tt.name)
		}
		if kept := strings.Contains(tt.text, "PresharedKey"); kept != c.Peers[0].PresharedKey.Equal(before.Peers[0].PresharedKey) {
			t.Errorf("%s: the preshared key is not what it should be", tt.name)
		}
	}
}
