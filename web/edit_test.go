package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"holdfast/service/tunnel"
	"holdfast/web"
	"holdfast/web/api"
	"holdfast/web/webtest"
)

// reveal is the private key of a tunnel, as it is stored.
func (l *live) reveal(name tunnel.Name) string {
	l.t.Helper()
	c, err := l.world.Tunnel(name)
	if err != nil {
		l.t.Fatal(err)
	}
	return c.Interface.PrivateKey.Reveal()
}

func decodeReply[T any](t *testing.T, r reply) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

// TestTunnelIsEditedWithoutItsSecrets: an operator changes all but the keys, and
// never sees them.
func TestTunnelIsEditedWithoutItsSecrets(t *testing.T) {
	l := start(t, web.Operator)
	text := decodeReply[api.Editable](t, l.do("GET", "/api/v1/tunnels/nl/text", "")).Text
	if !strings.Contains(text, "PrivateKey = (kept)") || !strings.Contains(text, "PresharedKey = (kept)") || !strings.Contains(text, "PostUp = touch /tmp/owned") {
		t.Fatalf("got\n%s", text)
	}
	edited := strings.Replace(text, ":51820", ":443", 1)
	check := decodeReply[api.Check](t, l.do("POST", "/api/v1/tunnels/check", `{"name":"nl","text":`+quoted(edited)+`}`))
	if !check.Valid || !check.Config.Peers[0].PresharedKey || check.Config.PublicKey == "" {
		t.Errorf("the check got %+v", check)
	}
	if got := decodeReply[api.Check](t, l.do("POST", "/api/v1/tunnels/check", `{"text":`+quoted(edited)+`}`)); got.Valid || len(got.Problems) != 2 {
		t.Errorf("a check of no tunnel got %+v, want both keys missing", got)
	}
	got := l.do("PUT", "/api/v1/tunnels/nl", `{"text":`+quoted(edited)+`}`)
	if got.code != 200 || !strings.Contains(got.body, ":443") {
		t.Fatalf("got %d %s", got.code, got.body)
	}
	c, err := l.world.Tunnel("nl")
	if err != nil || c.Interface.PrivateKey.Reveal() != webtest.PrivateKey || c.Peers[0].PresharedKey.Reveal() != webtest.PresharedKey {
		t.Errorf("the keys are not what they were: %v", err)
	}
	if got := l.do("POST", "/api/v1/tunnels", `{"name":"x","text":`+quoted(edited)+`}`); got.code != 400 || len(got.err.Problems) != 2 {
		t.Errorf("imported as another: got %d %s", got.code, got.body)
	}
	if got := l.do("POST", "/api/v1/tunnels/check", `{"name":"zz","text":"x"}`); got.code != 404 {
		t.Errorf("a check of a tunnel that is not there: got %d", got.code)
	}
}

// TestKeysAreMade: the reply shows the public key, and nothing the private one.
func TestKeysAreMade(t *testing.T) {
	l := start(t, web.Operator)
	text := strings.Replace(webtest.Conf, webtest.PrivateKey, "(new)", 1)
	check := l.do("POST", "/api/v1/tunnels/check", `{"text":`+quoted(text)+`}`)
	if c := decodeReply[api.Check](t, check); !c.Valid || c.Config.PublicKey != "" {
		t.Errorf("a check shows the public key of a key that nobody keeps: %s", check.body)
	}
	made := map[string]bool{webtest.PrivateKey: true}
	for _, verb := range []string{"POST /api/v1/tunnels", "PUT /api/v1/tunnels/x", "PUT /api/v1/tunnels/nl"} {
		method, path, _ := strings.Cut(verb, " ")
		body, name := `{"text":`+quoted(text)+`}`, tunnel.Name(path[strings.LastIndex(path, "/")+1:])
		if method == "POST" {
			body, name = `{"name":"x","text":`+quoted(text)+`}`, "x"
		}
		got := l.do(method, path, body)
		private := l.reveal(name)
		if made[private] {
			t.Errorf("%s: no new key", verb)
		}
		made[private] = true
		c, err := l.world.Tunnel(name)
		if err != nil {
			t.Fatal(err)
		}
		if shown := decodeReply[api.Tunnel](t, got).Config.PublicKey; shown != c.Interface.PrivateKey.Public().String() {
			t.Errorf("%s: got the public key %q", verb, shown)
		}
		if strings.Contains(got.body, private) || strings.Contains(l.log.String(), private) {
			t.Errorf("%s: the new key in the reply or the log", verb)
		}
	}
}

func TestDeletedTunnelIsRestored(t *testing.T) {
	l := start(t, web.Operator)
	l.do("DELETE", "/api/v1/groups/home", "")
	restore := func() reply { return l.do("POST", "/api/v1/tunnels/nl/restore", "{}") }
	if got := restore(); got.code != 404 {
		t.Errorf("what was not deleted: got %d %s", got.code, got.body)
	}
	before := l.reveal("nl")
	if got := l.do("DELETE", "/api/v1/tunnels/nl", ""); got.code != 200 {
		t.Fatalf("got %d %s", got.code, got.body)
	}
	if got := restore(); got.code != 201 || strings.Contains(got.body, before) || l.reveal("nl") != before {
		t.Errorf("got %d %s", got.code, got.body)
	}
	if got := restore(); got.code != 404 {
		t.Errorf("restored twice: got %d", got.code)
	}
	l.do("DELETE", "/api/v1/tunnels/nl", "")
	l.do("POST", "/api/v1/tunnels", `{"name":"nl","text":`+quoted(webtest.Conf)+`}`)
	if got := restore(); got.code != 409 {
		t.Errorf("a name that is taken: got %d %s", got.code, got.body)
	}
	l.do("POST", "/api/v1/tunnels/nl/rename", `{"to":"be"}`)
	if got := restore(); got.code != 201 {
		t.Errorf("the name is free again: got %d %s", got.code, got.body)
	}
}
