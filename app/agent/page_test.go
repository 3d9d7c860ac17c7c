//go:build unix

package agent

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"rsc.io/qr"

	"holdfast/web"
	"holdfast/web/webtest"
)

// decode reads a reply that must be a success.
func decode[T any](t *testing.T, a answer) (v T) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestEveryReplyIsGuarded, the page's and its files' too.
func TestEveryReplyIsGuarded(t *testing.T) {
	r := start(t)
	for _, text := range []string{page, look, follow, act, knockIn, get("/assets/app.js"), get("/words/de.json"), get("/nothing"), get("/agent/v1/about", bearerLine)} {
		got := r.send(text)
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": permissions,
		} {
			if got.header.Get(name) != want {
				t.Errorf("%s: %s is %q", strings.SplitN(text, "\r", 2)[0], name, got.header.Get(name))
			}
		}
		for name := range got.header {
			if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" || name == "Server" {
				t.Errorf("%s: there is %s", strings.SplitN(text, "\r", 2)[0], name)
			}
		}
	}
}

// TestFiles: with their types, and sent once.
func TestFiles(t *testing.T) {
	r := start(t)
	for path, kind := range map[string]string{
		"/assets/app.js": "text/javascript; charset=utf-8", "/assets/style.css": "text/css; charset=utf-8", "/assets/off.svg": "image/svg+xml",
		"/words/en.json": "application/json",
	} {
		got := r.send(get(path))
		tag := got.header.Get("ETag")
		if got.status != http.StatusOK || got.header.Get("Content-Type") != kind || tag == "" {
			t.Errorf("%s: got %d %v", path, got.status, got.header)
		}
		if again := r.send(get(path, "If-None-Match: "+tag)); again.status != http.StatusNotModified || again.body != "" {
			t.Errorf("%s, again: got %d", path, again.status)
		}
		if other := r.send(get(path, `If-None-Match: "other"`)); other.status != http.StatusOK {
			t.Errorf("%s, of another build: got %d", path, other.status)
		}
	}
}

func TestReadPages(t *testing.T) {
	p, err := readPages(fstest.MapFS{
		"index.html": {Data: []byte("a<!--session-->b")}, "assets/app-ABCDEF23.js": {Data: []byte("x")},
		"assets/unreachable.svg": {Data: []byte("x")}, "dist.go": {Data: []byte("x")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.files) != 2 || p.files["/assets/unreachable.svg"].cache != "no-cache" {
		t.Errorf("got %v", p.files)
	}
	if got := p.files["/assets/app-ABCDEF23.js"].cache; !strings.Contains(got, "immutable") {
		t.Errorf("a file that is named by what is in it: got %s", got)
	}
	if _, err := readPages(fstest.MapFS{"index.html": {Data: []byte("a")}}); err == nil {
		t.Error("a page without a place for the session was taken")
	}
}

func TestAbout(t *testing.T) {
	r := start(t, func(o *Options) { o.Tray = true })
	got := decode[aboutView](t, r.send(get("/agent/v1/about", bearerLine)))
	if got.Schema != 1 || !got.Tray || got.Demo || got.ReadOnly || got.User == "" || got.OS == "" || len(got.Languages) != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestReadOnly: everything may be looked at but keys, and nothing changed; and a
// session may always be ended.
func TestReadOnly(t *testing.T) {
	r := start(t, func(o *Options) { o.ReadOnly = true })
	for _, text := range []string{look, follow, get("/api/v1/tunnels/nl", bearerLine), get("/agent/v1/prefs", bearerLine), call("DELETE", "/session", "{}")} {
		if got := r.send(text); got.status != http.StatusOK {
			t.Errorf("%s: got %d", strings.SplitN(text, "\r", 2)[0], got.status)
		}
	}
	before := len(r.arrived())
	for _, text := range []string{
		act, call("POST", "/api/v1/connect", "{}"), call("PATCH", "/api/v1/settings", "{}"), call("PUT", "/api/v1/groups/x", "{}"),
		call("DELETE", "/api/v1/tunnels/nl", "{}"), call("POST", "/api/v1/diagnosis/run", "{}"), call("POST", "/api/v1/guard", "{}"),
		call("PATCH", "/agent/v1/prefs", "{}"), call("POST", "/agent/v1/qr/nl", "{}"), get("/api/v1/tunnels/nl/export", bearerLine),
		call("POST", "/demo/v1/break", "{}"),
	} {
		if got := r.send(text); got.status != http.StatusForbidden {
			t.Errorf("%s: got %d", strings.SplitN(text, "\r", 2)[0], got.status)
		}
	}
	if len(r.arrived()) > before {
		t.Error("the service was asked")
	}
	if got := decode[aboutView](t, r.send(get("/agent/v1/about", bearerLine))); !got.ReadOnly {
		t.Error("the page is not told")
	}
}

func TestListOfSessions(t *testing.T) {
	r := start(t)
	r.send(strings.Replace(form("code={code}"), "Origin", "User-Agent: Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0\r\nOrigin", 1))
	token := strings.Replace(bearerLine, "{token}", r.host.sessions.begin(false, ""), 1)
	list := decode[sessionList](t, r.send(get("/agent/v1/sessions", token)))
	if len(list.Sessions) != 2 || list.Sessions[0].Browser != "Firefox" || list.Sessions[0].Current || !list.Sessions[1].Current {
		t.Fatalf("got %+v", list)
	}
	remove := strings.Replace(call("DELETE", "/agent/v1/sessions/"+list.Sessions[0].ID, "{}"), bearerLine, token, 1)
	if got := r.send(remove); got.status != http.StatusOK {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := r.send(remove); got.status != http.StatusNotFound {
		t.Errorf("again: got %d", got.status)
	}
	if list := decode[sessionList](t, r.send(get("/agent/v1/sessions", token))); len(list.Sessions) != 1 {
		t.Errorf("got %+v", list)
	}
}

func TestPrefsOfThePage(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_DIRS", t.TempDir())
	t.Setenv("PATH", t.TempDir()) // which has no tray
	r := start(t)
	was := decode[prefsView](t, r.send(get("/agent/v1/prefs", bearerLine)))
	if was.Language != "auto" || !was.Notify.Enabled || was.Notify.PausedUntil != nil || len(was.Notify.Kinds) != 6 {
		t.Errorf("got %+v", was)
	}
	heard, cancel := r.host.opt.Prefs.Subscribe()
	defer cancel()
	now := decode[prefsView](t, r.send(call("PATCH", "/agent/v1/prefs",
		`{"language":"de","notify":{"kinds":{"recovery":false},"quietFrom":"22:00","quietUntil":"07:00","pausedUntil":"2026-03-01T12:00:00+01:00"}}`)))
	if now.Language != "de" || now.Theme != "auto" || now.Notify.Kinds["recovery"] || !now.Notify.Kinds["stall"] || now.Notify.QuietFrom != "22:00" ||
		!now.Notify.PausedUntil.Equal(time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v", now)
	}
	if p := <-heard; p.Language != "de" {
		t.Errorf("the tray heard %+v", p)
	}
	if now := decode[prefsView](t, r.send(call("PATCH", "/agent/v1/prefs", `{"notify":{"pausedUntil":null}}`))); now.Notify.PausedUntil != nil || now.Language != "de" {
		t.Errorf("got %+v", now)
	}
	for _, bad := range []string{`{"language":"xx"}`, `{"theme":1}`, `{"other":1}`, `{"notify":{"quietFrom":"25:00"}}`, `{"notify":{"kinds":{"x":true}}}`,
		`{"notify":{"pausedUntil":"soon"}}`, `[]`, `{}{}`, ``} {
		if got := r.send(call("PATCH", "/agent/v1/prefs", bad)); got.status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", bad, got.status, got.body)
		}
	}
	if got := r.send(call("PATCH", "/agent/v1/prefs", `{"startAtLogin":true}`)); got.status != http.StatusConflict {
		t.Errorf("without a tray: got %d %s", got.status, got.body)
	}
	info, err := os.Stat(filepath.Join(r.dir, "prefs.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

// TestQR: what a phone reads is the configuration, and only who may export it gets it.
func TestQR(t *testing.T) {
	r := start(t)
	ask := call("POST", "/agent/v1/qr/nl", "{}")
	got := decode[qrView](t, r.send(ask))
	if got.Size != len(got.Rows) || got.Size != len(got.Rows[0]) || got.Size < 57 {
		t.Fatalf("got %d rows of %d", len(got.Rows), got.Size)
	}
	text := forPhone(webtest.Conf)
	if strings.Contains(text, "PostUp") || !strings.Contains(text, webtest.PrivateKey) || !strings.Contains(text, "10.64.0.1") {
		t.Errorf("a phone gets %s", text)
	}
	want, err := qr.Encode(text, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	for y, row := range draw(want).Rows {
		if got.Rows[y] != row {
			t.Fatalf("row %d is %s, want %s", y, got.Rows[y], row)
		}
	}
	if got := r.send(call("POST", "/agent/v1/qr/xx", "{}")); got.status != http.StatusNotFound {
		t.Errorf("of no tunnel: got %d", got.status)
	}
	r.setRole(web.Operator)
	if got := r.send(ask); got.status != http.StatusForbidden || strings.Contains(got.body, "rows") {
		t.Errorf("for an operator: got %d %s", got.status, got.body)
	}
	if log := r.log.String(); strings.Contains(log, webtest.PrivateKey) {
		t.Error("the log holds a key")
	}
}

func TestBrowserOf(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                 "Chrome",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0": "Edge",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                "Firefox",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15": "Safari",
		"<script>alert(1)</script>": "another program",
	} {
		if got := browserOf(agent); got != want {
			t.Errorf("%s: got %s", agent, got)
		}
	}
}
