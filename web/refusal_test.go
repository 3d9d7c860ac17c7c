package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/web"
	"holdfast/web/api"
	"holdfast/web/webtest"
)

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestBodiesAreStrict pairs every refusal with the same request done properly.
func TestBodiesAreStrict(t *testing.T) {
	l := start(t, web.Admin)
	const connect, tunnels, settings, groups = "POST /api/v1/connect", "POST /api/v1/tunnels/check", "PATCH /api/v1/settings", "PUT /api/v1/groups/g"
	for _, c := range []struct {
		name, verb, bad, good string
		want                  api.Code
	}{
		{"unknown key", connect, `{"target":"nl","path":"/etc/passwd"}`, `{"target":"nl"}`, api.Invalid},
		{"key twice", connect, `{"target":"nl","target":"de"}`, `{"target":"nl"}`, api.Invalid},
		{"key in other letters", connect, `{"Target":"nl"}`, `{"target":"nl"}`, api.Invalid},
		{"key twice in other letters", connect, `{"target":"nl","TARGET":"de"}`, `{"target":"nl"}`, api.Invalid},
		{"key twice by an escape", connect, `{"target":"nl","\u0074arget":"de"}`, `{"\u0074arget":"nl"}`, api.Invalid},
		{"setting twice", settings, `{"cooldown":"1m","cooldown":"2m"}`, `{"cooldown":"1m"}`, api.Invalid},
		{"setting twice in other letters", settings, `{"cooldown":"1m","COOLDOWN":"2m"}`, `{"cooldown":"1m"}`, api.Invalid},
		{"number for a text", settings, `{"cooldown":60}`, `{"cooldown":"60s"}`, api.Invalid},
		{"unknown setting", settings, `{"exec":"/bin/sh"}`, `{"cooldown":"60s"}`, api.Invalid},
		{"setting out of bounds", settings, `{"mtu":"1"}`, `{"mtu":"1400"}`, api.Invalid},
		{"two values", connect, `{"target":"nl"}{"target":"de"}`, `{"target":"nl"} `, api.Invalid},
		{"text after", connect, `{"target":"nl"} x`, "{\"target\":\"nl\"}\n", api.Invalid},
		{"array", connect, `[{"target":"nl"}]`, `{"target":"nl"}`, api.Invalid},
		{"null", connect, `null`, `{"target":"nl"}`, api.Invalid},
		{"cut off", connect, `{"target":"nl"`, `{"target":"nl"}`, api.Invalid},
		{"not UTF-8", connect, "{\"target\":\"n\xff\"}", `{"target":"nl"}`, api.Invalid},
		{"nested", groups, `{"members":[[[[[["nl"]]]]]]}`, `{"members":["nl"]}`, api.Invalid},
		{"bomb of brackets", tunnels, `{"text":` + strings.Repeat("[", 100_000) + `}`, `{"text":"x"}`, api.Invalid},
		{"long", connect, `{"target":"` + strings.Repeat("x", 2000) + `"}`, `{"target":"nl"}`, api.TooLarge},
		{"long in blanks", connect, strings.Repeat(" ", 2000) + `{"target":"nl"}`, ` {"target":"nl"}`, api.TooLarge},
		{"long configuration", tunnels, `{"text":"` + strings.Repeat("#", api.MaxConfig+1) + `"}`, `{"text":"` + strings.Repeat("#", 4000) + `"}`, api.TooLarge},
		{"giant", tunnels, `{"text":"` + strings.Repeat("#", 2<<20) + `"}`, `{"text":"x"}`, api.TooLarge},
		{"name with a path", connect, `{"target":"../x"}`, `{"target":"nl"}`, api.Invalid},
		{"name of a device", connect, `{"target":"CON"}`, `{"target":"nl"}`, api.Invalid},
		{"unknown tunnel", connect, `{"target":"zz"}`, `{"target":"nl"}`, api.NotFound},
		{"group of nothing", groups, `{"members":[]}`, `{"members":["nl"]}`, api.Invalid},
		{"group of null", groups, `{"members":null}`, `{"members":["nl"]}`, api.Invalid},
		{"member twice", groups, `{"members":["nl","nl"]}`, `{"members":["nl","de"]}`, api.Invalid},
		{"unknown member", groups, `{"members":["zz"]}`, `{"members":["nl"]}`, api.NotFound},
		{"group with a tunnel's name", "PUT /api/v1/groups/nl", `{"members":["de"]}`, "", api.Conflict},
		{"guard action", "POST /api/v1/guard", `{"action":"open"}`, "", api.Invalid},
		{"ack of nothing", "POST /api/v1/notices/8/ack", `{}`, "", api.NotFound},
		{"ack of a word", "POST /api/v1/notices/x/ack", `{}`, "", api.NotFound},
		{"body where none belongs", "POST /api/v1/disconnect", `{"force":true}`, `{}`, api.Invalid},
		{"import over another", "POST /api/v1/tunnels", `{"name":"nl","text":` + quoted(webtest.Conf) + `}`, `{"name":"nl","text":` + quoted(webtest.Conf) + `,"overwrite":true}`, api.Conflict},
		{"import as a group", "POST /api/v1/tunnels", `{"name":"home","text":` + quoted(webtest.Conf) + `,"overwrite":true}`, `{"name":"new","text":` + quoted(webtest.Conf) + `}`, api.Conflict},
		{"rename to another", "POST /api/v1/tunnels/de/rename", `{"to":"nl"}`, "", api.Conflict},
		{"rename of nothing", "POST /api/v1/tunnels/zz/rename", `{"to":"yy"}`, "", api.NotFound},
		{"replace nothing", "PUT /api/v1/tunnels/zz", `{"text":` + quoted(webtest.Conf) + `}`, "", api.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			method, path, _ := strings.Cut(c.verb, " ")
			if got := l.do(method, path, c.bad); got.err.Code != c.want || got.err.Message == "" {
				t.Errorf("got %d %s, want %s", got.code, got.body, c.want)
			}
			if c.good == "" {
				return
			}
			if got := l.do(method, path, c.good); got.code/100 != 2 {
				t.Errorf("done properly: got %d %s", got.code, got.body)
			}
		})
	}
}

// TestRequestsOfABrowserAreRefused pairs each with the same request without it.
func TestRequestsOfABrowserAreRefused(t *testing.T) {
	l := start(t, web.Admin)
	for _, verb := range []string{"GET /api/v1/status", "POST /api/v1/disconnect", "GET /metrics"} {
		method, path, _ := strings.Cut(verb, " ")
		if got := l.do(method, path, ""); got.code != 200 {
			t.Errorf("%s done properly: got %d %s", verb, got.code, got.body)
		}
		for _, h := range [][2]string{
			{"Origin", "http://holdfast"}, {"Origin", "null"}, {"Origin", ""}, {"Referer", "http://holdfast/"}, {"Cookie", "a=b"},
		} {
			req := l.request(method, path, "")
			req.Header[h[0]] = []string{h[1]}
			if got := l.send(req); got.err.Code != api.NotPermitted {
				t.Errorf("%s with %s %q: got %d, want a refusal", verb, h[0], h[1], got.code)
			}
		}
		for _, host := range []string{"localhost", "127.0.0.1", "evil.test", "holdfast.", "holdfast:80", "HOLDFAST", "holdfast.evil.test", "a@holdfast"} {
			text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", method, path, host)
			if got := l.raw(text); !strings.HasPrefix(got, "403 ") && !strings.HasPrefix(got, "400 ") {
				t.Errorf("%s with the host %s: got %q, want a refusal", verb, host, got)
			}
		}
	}
	for name, text := range map[string]string{
		"no host":        "GET /api/v1/status HTTP/1.0\r\n\r\n",
		"two hosts":      "GET /api/v1/status HTTP/1.1\r\nHost: holdfast\r\nHost: evil\r\n\r\n",
		"absolute":       "GET http://evil/api/v1/status HTTP/1.1\r\nHost: holdfast\r\nConnection: close\r\n\r\n",
		"http/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"smuggled":       "POST /api/v1/disconnect HTTP/1.1\r\nHost: holdfast\r\nContent-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	} {
		if got := l.raw(text); strings.HasPrefix(got, "2") {
			t.Errorf("%s: got %q, want a refusal", name, got)
		}
	}
}

func TestUnsafeMethodsNeedTypeAndLength(t *testing.T) {
	l := start(t, web.Admin)
	for _, types := range [][]string{
		nil, {"text/plain"}, {"application/json; charset=utf-8"}, {"application/x-www-form-urlencoded"},
		{"multipart/form-data; boundary=x"}, {"Application/JSON"}, {"application/json", "application/json"}, {"text/plain, application/json"},
	} {
		req := l.request("POST", "/api/v1/disconnect", "{}")
		req.Header["Content-Type"] = types
		if got := l.send(req); got.err.Code != api.Invalid {
			t.Errorf("%q: got %d, want invalid", types, got.code)
		}
	}
	chunked := "POST /api/v1/disconnect HTTP/1.1\r\nHost: holdfast\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
	if got := l.raw(chunked); !strings.HasPrefix(got, "400 ") {
		t.Errorf("chunked: got %q, want invalid", got)
	}
	plain := "POST /api/v1/disconnect HTTP/1.1\r\nHost: holdfast\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
	if got := l.raw(plain); !strings.HasPrefix(got, "200 ") {
		t.Errorf("with its length: got %q", got)
	}
}

func TestMethodsAndPaths(t *testing.T) {
	l := start(t, web.Admin)
	for _, method := range []string{"HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "POST", "CONNECT", "FOO"} {
		got := l.raw(method + " /api/v1/status HTTP/1.1\r\nHost: holdfast\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		if !strings.HasPrefix(got, "405 ") && !strings.HasPrefix(got, "404 ") && !strings.HasPrefix(got, "400 ") {
			t.Errorf("%s: got %q, want 405", method, got)
		}
	}
	req := l.request("OPTIONS", "/api/v1/connect", "")
	req.Header.Set("Access-Control-Request-Method", "POST")
	for name := range l.send(req).header {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("a preflight was answered with %s", name)
		}
	}
	for _, path := range []string{
		"/", "/api", "/api/v1", "/api/v1/", "/api/v1/status/", "//api/v1/status", "/api//v1/status", "/api/v1/../v1/status",
		"/api/v1/%73tatus", "/api/v1/./status", "/api/v1/tunnels/..", "/api/v1/tunnels/%2e%2e", "/api/v1/tunnels/a%2Fb",
		"/api/v1/tunnels/zz", "/api/v1/tunnels/CON", "/api/v1/tunnels/%00", "/metrics/", "/debug/pprof/", "/index.html",
	} {
		got := l.raw("GET " + path + " HTTP/1.1\r\nHost: holdfast\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "404 ") {
			t.Errorf("%s: got %q, want 404", path, got)
		}
	}
	if got := l.do("GET", "/api/v1/status", ""); got.code != 200 {
		t.Errorf("the plain path: got %d", got.code)
	}
}

// TestNameOfAVerb: a tunnel may be called as a part of a path.
func TestNameOfAVerb(t *testing.T) {
	l := start(t, web.Admin)
	for _, name := range []string{"check", "a+b=c", "export", "rename"} {
		if got := l.do("POST", "/api/v1/tunnels", `{"name":"`+name+`","text":`+quoted(webtest.Conf)+`}`); got.code != 201 {
			t.Fatalf("import %s: got %d %s", name, got.code, got.body)
		}
		if got := l.do("GET", "/api/v1/tunnels/"+name, ""); got.code != 200 || !strings.Contains(got.body, `"name":"`+name+`"`) {
			t.Errorf("get %s: got %d %s", name, got.code, got.body)
		}
		if got := l.do("DELETE", "/api/v1/tunnels/"+name, ""); got.code != 200 {
			t.Errorf("delete %s: got %d %s", name, got.code, got.body)
		}
	}
}

func TestQueriesAreStrict(t *testing.T) {
	l := start(t, web.Admin)
	since := "since=2026-01-01T00:00:00Z"
	for _, c := range []struct{ path, bad, good string }{
		{"history", "limit=0", "limit=1"}, {"history", "limit=1001", "limit=1000"}, {"history", "limit=x", "limit=10"},
		{"history", "since=yesterday", since}, {"history", "colour=red", "kind=woke&kind=held"}, {"history", "after=1&before=2", "after=1"},
		{"history", "cursor=c5", "cursor=b5"}, {"history", "cursor=b5&before=2", "cursor=a5"}, {"history", "limit=1&limit=2", "limit=1"},
		{"history", "tunnel=../x", "tunnel=nl"}, {"history", "after=-1", "after=1"}, {"history", "cursor=b", "cursor=b1"},
		{"history", "limit=1" + strings.Repeat("&kind=x", 101), "limit=1" + strings.Repeat("&kind=x", 100)},
		{"samples", "", since}, {"samples", since + "&step=1ms", since + "&step=1h"}, {"samples", since + "&step=1s", since + "&step=24h"},
		{"samples", since + "&until=2025-01-01T00:00:00Z", since + "&until=2026-01-02T00:00:00Z"},
		{"logs", "lines=10001", "lines=10"}, {"logs", "follow=maybe", "follow=false"}, {"logs", "file=/etc/passwd", "lines=1"},
		{"notices", "all=2", "all=true"}, {"stream", "after=x", "after=0"}, {"stream", "since=1", ""},
		{"stream", "figures=often", "figures=true"},
		{"history/timeline", "parts=2001", "parts=2000"}, {"history/timeline", "parts=0", ""}, {"history/timeline", "since=2100-01-01T00:00:00Z", since},
		{"history/timeline", since + "&until=2025-01-01T00:00:00Z", since + "&until=2100-01-01T00:00:00Z"},
	} {
		if got := l.do("GET", "/api/v1/"+c.path+"?"+c.bad, ""); got.err.Code != api.Invalid {
			t.Errorf("%s?%s: got %d %s, want invalid", c.path, c.bad, got.code, got.body)
		}
		if got := l.do("GET", "/api/v1/"+c.path+"?"+c.good, ""); got.code != 200 {
			t.Errorf("%s?%s: got %d %s", c.path, c.good, got.code, got.body)
		}
	}
}

func TestErrorsNobodyHasWordsFor(t *testing.T) {
	l := start(t, web.Admin)
	l.world.Fail(errors.New("disk sector 42 is gone"))
	got := l.do("POST", "/api/v1/connect", `{"target":"nl"}`)
	if got.code != 500 || got.err.Code != api.Internal || strings.Contains(got.body, "sector") {
		t.Fatalf("got %d %s, want an internal error that tells nothing", got.code, got.body)
	}
	number := strings.TrimSuffix(strings.TrimPrefix(got.err.Message, "Internal error "), ".")
	if log := l.log.String(); !strings.Contains(log, "sector 42") || !strings.Contains(log, "id="+number) {
		t.Errorf("the log has %q, want the rest and the number %s", log, number)
	}
	l.world.Fail(fmt.Errorf("engine: %w", api.ErrUnavailable))
	if got := l.do("POST", "/api/v1/connect", `{"target":"nl"}`); got.code != 503 {
		t.Errorf("got %d, want 503", got.code)
	}
	l.world.Fail(&api.Error{Code: api.Conflict, Message: "Not now.", Hint: "Later."})
	if got := l.do("POST", "/api/v1/connect", `{"target":"nl"}`); got.code != 409 || got.err.Hint != "Later." {
		t.Errorf("got %d %+v, want it as it was", got.code, got.err)
	}
}

func TestWhatIsInUseStays(t *testing.T) {
	l := start(t, web.Admin)
	l.do("PUT", "/api/v1/groups/g", `{"members":["nl"]}`)
	l.do("POST", "/api/v1/connect", `{"target":"home"}`)
	for _, verb := range []string{"DELETE /api/v1/tunnels/nl", "DELETE /api/v1/tunnels/de", "POST /api/v1/tunnels/nl/rename", "DELETE /api/v1/groups/home"} {
		method, path, _ := strings.Cut(verb, " ")
		body := "{}"
		if strings.HasSuffix(path, "rename") {
			body = `{"to":"be"}`
		}
		if got := l.do(method, path, body); got.err.Code != api.Conflict {
			t.Errorf("%s: got %d %s, want a conflict", verb, got.code, got.body)
		}
	}
	if got := l.do("POST", "/api/v1/switch", `{"name":"de"}`); got.code != 200 {
		t.Errorf("switch to a member: got %d %s", got.code, got.body)
	}
	if got := l.do("POST", "/api/v1/switch", `{"name":"zz"}`); got.code != 404 {
		t.Errorf("switch to a stranger: got %d %s", got.code, got.body)
	}
	l.do("POST", "/api/v1/disconnect", "{}")
	for _, path := range []string{"groups/home", "groups/g", "tunnels/nl", "tunnels/de"} {
		if got := l.do("DELETE", "/api/v1/"+path, ""); got.code != 200 {
			t.Errorf("%s when off: got %d %s", path, got.code, got.body)
		}
	}
	if got := l.do("POST", "/api/v1/connect", "{}"); got.err.Code != api.NotFound {
		t.Errorf("the last target, which is gone: got %d %s, want not found", got.code, got.body)
	}
}

// TestConnectionLimits: silent, slow and oversized callers are dropped, and
// meanwhile others are served.
func TestConnectionLimits(t *testing.T) {
	l := start(t, web.Admin)
	silent, slow := l.dial(), l.dial()
	defer silent.Close()
	defer slow.Close()
	if _, err := slow.Write([]byte("GET /api/v1/status HTTP/1.1\r\nHost: hold")); err != nil {
		t.Fatal(err)
	}
	if got := l.do("GET", "/api/v1/version", ""); got.code != 200 {
		t.Errorf("meanwhile: got %d", got.code)
	}
	buf := make([]byte, 1024)
	for {
		if _, err := silent.Read(buf); err != nil {
			break
		}
	}
	began := time.Now()
	for {
		if _, err := slow.Read(buf); err != nil {
			break
		}
	}
	if time.Since(began) > 5*time.Second {
		t.Error("a slow caller was not dropped")
	}
	big := "GET /api/v1/version HTTP/1.1\r\nHost: holdfast\r\nX-A: " + strings.Repeat("a", 16<<10) + "\r\n\r\n"
	if got := l.raw(big); strings.HasPrefix(got, "200") {
		t.Errorf("a head of 16 KiB: got %q", got)
	}
	small := "GET /api/v1/version HTTP/1.1\r\nHost: holdfast\r\nConnection: close\r\nX-A: " + strings.Repeat("a", 4<<10) + "\r\n\r\n"
	if got := l.raw(small); !strings.HasPrefix(got, "200") {
		t.Errorf("a head of 4 KiB: got %q", got)
	}
	srv := web.NewServer(http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler))
	if srv.ReadHeaderTimeout != 3*time.Second || srv.MaxHeaderBytes+4096 != 8<<10 || srv.IdleTimeout == 0 || srv.WriteTimeout == 0 {
		t.Errorf("got %v %d, want 3 s and 8 KiB", srv.ReadHeaderTimeout, srv.MaxHeaderBytes)
	}
}

// TestPanicEndsOneConnection breaks the history inside a handler.
func TestPanicEndsOneConnection(t *testing.T) {
	l := startWith(t, web.Admin, func(d web.Deps) http.Handler {
		d.History = nil // asking it is a panic
		return web.New(d)
	})
	if got := l.raw("GET /api/v1/history HTTP/1.1\r\nHost: holdfast\r\n\r\n"); got != "" {
		t.Errorf("got %q, want the connection closed", got)
	}
	if got := l.do("GET", "/api/v1/status", ""); got.code != 200 {
		t.Errorf("the next caller: got %d", got.code)
	}
	if !strings.Contains(l.log.String(), "panic serving") {
		t.Error("the log does not tell of the panic")
	}
}

// slowDiagnosis takes its time, as a real one does.
type slowDiagnosis struct{ *webtest.World }

func (s slowDiagnosis) Diagnose(ctx context.Context, tell func(api.Finding)) (api.Diagnosis, error) {
	select {
	case <-ctx.Done():
		return api.Diagnosis{}, ctx.Err()
	case <-time.After(500 * time.Millisecond):
	}
	return s.World.Diagnose(ctx, tell)
}

// TestBodyThatNeverComes ends its connection, whether the request was refused
// or not; what a verb does after its body may take longer.
func TestBodyThatNeverComes(t *testing.T) {
	l := startWith(t, web.Admin, func(d web.Deps) http.Handler {
		d.Engine = slowDiagnosis{d.Engine.(*webtest.World)}
		return web.NewWithWaits(d, 200*time.Millisecond, time.Hour, time.Second)
	})
	const head = "POST /api/v1/%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
	for _, host := range []string{"holdfast", "evil.test"} {
		c := l.dial()
		defer c.Close()
		if _, err := fmt.Fprintf(c, head, "connect", host); err != nil {
			t.Fatal(err)
		}
		reply, err := io.ReadAll(c)
		if err != nil || strings.HasPrefix(string(reply), "HTTP/1.1 2") {
			t.Errorf("%s: got %q, %v, want the end", host, reply, err)
		}
	}
	if got := l.do("POST", "/api/v1/diagnosis/run", "{}"); got.code != 200 {
		t.Errorf("a slow verb: got %d %s", got.code, got.body)
	}
}
