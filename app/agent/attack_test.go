//go:build unix

package agent

import (
	"strings"
	"testing"
)

// An attack is a request that is served, with one thing about it spoiled. Both
// are sent: the good one must be served, or the refusal proves nothing; the
// spoiled one must be refused, and nothing of it may reach the service.
type attack struct {
	name  string
	good  string
	spoil func(string) string
	want  int // the HTTP status of the refusal; 0: none, the connection is closed
}

// swap replaces one part, which must be there.
func swap(old, to string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, old) {
			panic("there is no " + old + " to spoil")
		}
		return strings.Replace(s, old, to, 1)
	}
}

// without takes out a whole line of the head.
func without(line string) func(string) string { return swap(line+"\r\n", "") }

// with adds a line to the head.
func with(line string) func(string) string { return swap("\r\n\r\n", "\r\n"+line+"\r\n\r\n") }

var (
	look    = get("/api/v1/status", bearerLine)
	page    = get("/")
	follow  = get("/api/v1/stream", bearerLine)
	act     = call("POST", "/api/v1/disconnect", "{}")
	knockIn = form("code={code}")
	noFetch = without("Sec-Fetch-Site: same-origin")
)

// byAPage are what a page that is not ours can make a browser send.
var byAPage = []attack{
	{"a name pointed at this computer", look, swap("Host: {host}", "Host: evil.test:{port}"), 421},
	{"that name, for the page alone", page, swap("Host: {host}", "Host: evil.test:{port}"), 421},
	{"that name, for the session", knockIn, swap("Host: {host}", "Host: evil.test:{port}"), 421},
	{"a host without its port", look, swap("Host: {host}", "Host: 127.0.0.1"), 421},
	{"a host with another port", look, swap("Host: {host}", "Host: 127.0.0.1:1"), 421},
	{"the unspecified address", look, swap("Host: {host}", "Host: 0.0.0.0:{port}"), 421},
	{"the unspecified address of IPv6", look, swap("Host: {host}", "Host: [::]:{port}"), 421},
	{"another address of loopback", look, swap("Host: {host}", "Host: 127.0.0.2:{port}"), 421},
	{"a host in capitals", look, swap("Host: {host}", "Host: LOCALHOST:{port}"), 421},
	{"a host with a dot at its end", look, swap("Host: {host}", "Host: localhost.:{port}"), 421},
	{"a name below localhost", look, swap("Host: {host}", "Host: evil.localhost:{port}"), 421},
	{"a short address", look, swap("Host: {host}", "Host: 127.1:{port}"), 421},
	{"an address as a number", look, swap("Host: {host}", "Host: 2130706433:{port}"), 421},
	{"an address in octal", look, swap("Host: {host}", "Host: 0177.0.0.1:{port}"), 421},
	{"an IPv4 address in IPv6", look, swap("Host: {host}", "Host: [::ffff:127.0.0.1]:{port}"), 421},
	{"an empty host", look, swap("Host: {host}", "Host: "), 421},
	{"a host with a user", look, swap("Host: {host}", "Host: x@{host}"), 400},
	{"no host", look, without("Host: {host}"), 400},
	{"two hosts", look, with("Host: evil.test:{port}"), 400},
	{"the same host twice", look, with("Host: {host}"), 400},
	{"another site asks", look, swap("same-origin", "cross-site"), 403},
	{"another port of this computer asks", look, swap("same-origin", "same-site"), 403},
	{"an address typed by hand", look, swap("same-origin", "none"), 403},
	{"an unknown relation", look, swap("same-origin", "same-origin, none"), 403},
	{"two relations", look, with("Sec-Fetch-Site: cross-site"), 403},
	{"another port frames the page", page, swap("same-origin", "same-site"), 403},
	{"another site frames the page", page, swap("same-origin", "cross-site"), 403},
	{"another port loads a file", get("/assets/app.js"), swap("same-origin", "same-site"), 403},
	{"another site follows the stream", follow, swap("same-origin", "cross-site"), 403},
	{"a stream from nowhere", follow, noFetch, 403},
	{"a change from nowhere", act, func(s string) string { return without("Origin: http://{host}")(noFetch(s)) }, 403},
	{"a change from another site", act, swap("Origin: http://{host}", "Origin: https://evil.test"), 403},
	{"a change from another port", act, swap("Origin: http://{host}", "Origin: http://127.0.0.1:1"), 403},
	{"a change from another scheme", act, swap("Origin: http://{host}", "Origin: https://{host}"), 403},
	{"a change from a file or a sandbox", act, swap("Origin: http://{host}", "Origin: null"), 403},
	{"a change from two origins", act, with("Origin: http://{host}"), 403},
	{"an origin with a path", act, swap("Origin: http://{host}", "Origin: http://{host}/"), 403},
	{"a simple form", act, swap("application/json", formType), 415},
	{"a simple text", act, swap("application/json", "text/plain"), 415},
	{"a form with files", act, swap("application/json", "multipart/form-data; boundary=x"), 415},
	{"JSON with a parameter", act, swap("application/json", "application/json; charset=utf-8"), 415},
	{"JSON in capitals", act, swap("application/json", "Application/JSON"), 415},
	{"no content type", act, without("Content-Type: application/json"), 415},
	{"two content types", act, with("Content-Type: text/plain"), 415},
	{"a preflight", look, swap("GET", "OPTIONS"), 405},
	{"a preflight for everything", look, swap("GET /api/v1/status", "OPTIONS *"), 405},
	{"HEAD", look, swap("GET", "HEAD"), 405},
	{"TRACE", look, swap("GET", "TRACE"), 405},
	{"CONNECT", look, swap("GET", "CONNECT"), 405},
	{"CONNECT to a host", look, swap("GET /api/v1/status", "CONNECT {host}"), 405},
	{"a method of another's", look, swap("GET", "PROPFIND"), 405},
	{"a method in small letters", look, swap("GET", "get"), 405},
	{"POST to the page", page, swap("GET", "POST"), 405},
	{"a WebSocket", follow, with("Upgrade: websocket"), 403},
	{"a service worker", get("/assets/app.js"), with("Service-Worker: script"), 403},
	{"a code from another port", knockIn, swap("cross-site", "same-site"), 403},
	{"a code from another site", knockIn, swap("Origin: null", "Origin: https://evil.test"), 403},
	{"a code from two origins", knockIn, with("Origin: http://{host}"), 403},
	{"a code by GET", knockIn, swap("POST /session", "GET /session?code={code}"), 405},
	{"a code as text", knockIn, swap(formType, "text/plain"), 403},
	{"a form with a parameter", knockIn, swap(formType, formType+"; charset=utf-8"), 403},
}

// byTheWire are requests that no browser sends: what two programs could read
// differently, and what is too long or too odd.
var byTheWire = []attack{
	{"chunks", act, swap("Content-Length: {length}\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 411},
	{"chunks and a length", act, swap("\r\n\r\n{}", "\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 411},
	{"chunks in an odd spelling", act, swap("\r\n\r\n{}", "\r\nTransfer-Encoding: xchunked\r\n\r\n{}"), 501},
	{"two lengths", act, with("Content-Length: 0"), 400},
	{"a length with a sign", act, swap("{length}", "+2"), 400},
	{"a length of letters", act, swap("{length}", "two"), 400},
	{"a negative length", act, swap("{length}", "-2"), 400},
	{"no length", act, without("Content-Length: {length}"), 411},
	{"a body that is too long", act, swap("\r\n\r\n{}", "\r\n\r\n{"+strings.Repeat(" ", smallBody)+"}"), 413},
	{"a length that is too long", act, swap("{length}", "999999999999"), 413},
	{"a configuration that is too long", call("POST", "/api/v1/tunnels/check", `{"text":""}`),
		swap(`""`, `"`+strings.Repeat(" ", configBody)+`"`), 413},
	{"a question with a body", look, with("Content-Length: 2\r\n\r\n{}"), 400},
	{"a question with chunks", look, with("Transfer-Encoding: chunked\r\n\r\n0"), 400},
	{"a change hidden in a question's body", look,
		func(s string) string {
			hidden := call("POST", "/api/v1/disconnect", "{}")
			return with("Content-Length: 400")(s) + strings.Replace(hidden, "{length}", "2", 1) + strings.Repeat(" ", 400)
		}, 400},
	{"a change behind a refused one", act, func(s string) string { return swap("application/json", "text/plain")(s) + act }, 415},
	{"a space before a colon", look, swap("Authorization: ", "Authorization : "), 400},
	{"a folded line", look, swap("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-origin\r\n cross-site"), 403},
	{"a NUL in a header", look, with("X-Odd: a\x00b"), 400},
	{"a target with our host", look, swap("GET /", "GET http://{host}/"), 400},
	{"a target with another host", look, swap("GET /", "GET http://evil.test/"), 421},
	{"a target without a path", look, swap("GET /api/v1/status", "GET api/v1/status"), 400},
	{"two slashes", look, swap("/api", "//api"), 404},
	{"two slashes within", look, swap("/v1/", "/v1//"), 404},
	{"a slash at the end", look, swap("/status", "/status/"), 404},
	{"up and down", look, swap("/v1/", "/v1/../v1/"), 404},
	{"here", look, swap("/v1/", "/v1/./"), 404},
	{"up, escaped", look, swap("/v1/", "/v1/%2e%2e/v1/"), 404},
	{"a slash, escaped", look, swap("/v1/", "%2Fv1/"), 404},
	{"a backslash", look, swap("/v1/", `\v1/`), 404},
	{"a backslash, escaped", look, swap("/v1/", "%5cv1/"), 404},
	{"a letter, escaped", look, swap("/status", "/%73tatus"), 404},
	{"escaped twice", look, swap("/status", "/%2573tatus"), 404},
	{"a NUL, escaped", look, swap("/status", "/status%00"), 404},
	{"a dot at the end", look, swap("/status", "/status."), 404},
	{"a parameter in the path", look, swap("/status", "/status;x=y"), 404},
	{"capitals", look, swap("/api/", "/API/"), 404},
	{"the figures for Prometheus", look, swap("/api/v1/status", "/metrics"), 404},
	{"another version of the API", look, swap("/v1/", "/v2/"), 404},
	{"a file outside the page", get("/assets/app.js"), swap("/assets/app.js", "/dist.go"), 404},
	{"HTTP/1.0", look, swap("HTTP/1.1", "HTTP/1.0"), 505},
	{"HTTP/2", look, swap("HTTP/1.1", "HTTP/2.0"), 505},
	{"a version of nobody's", look, swap("HTTP/1.1", "HTTP/1.9"), 505},
	{"a head that is too long", look, with("X-Long: " + strings.Repeat("x", maxHead)), 431},
	{"a target that is too long", look, swap("/status", "/status?x="+strings.Repeat("x", maxHead)), 431},
}

// byToken are attempts at a session.
var byToken = []attack{
	{"no token", look, without(bearerLine), 401},
	{"another token", look, swap("{token}", strings.Repeat("A", 43)), 401},
	{"an empty token", look, swap("{token}", ""), 401},
	{"a token and more", look, swap("{token}", "{token}A"), 401},
	{"a token and a space", look, swap("Bearer {token}", "Bearer  {token}"), 401},
	{"another scheme", look, swap("Bearer", "Basic"), 401},
	{"a scheme in small letters", look, swap("Bearer", "bearer"), 401},
	{"two tokens", look, with("Authorization: Bearer x"), 401},
	{"a token in a cookie", look, swap(bearerLine, "Cookie: holdfast-session={token}"), 401},
	{"a token in the address", look, func(s string) string {
		return swap("/status", "/status?token={token}")(without(bearerLine)(s))
	}, 401},
	{"a code for a token", look, swap("{token}", "{code}"), 401},
	{"a change without a token", act, without(bearerLine), 401},
	{"a stream without a token", follow, without(bearerLine), 401},
	{"the demo without a token", look, func(s string) string {
		return swap("/api/v1/status", "/demo/v1/lab")(without(bearerLine)(s))
	}, 401},
	{"the end of a session that is not", call("DELETE", "/session", "{}"), without(bearerLine), 401},
	{"a guessed code", knockIn, swap("{code}", strings.Repeat("A", 43)), 403},
	{"an empty code", knockIn, swap("{code}", ""), 403},
	{"no code", knockIn, swap("code=", "other="), 403},
	{"a code in the address", knockIn, func(s string) string {
		return swap("/session", "/session?code={code}")(swap("code={code}", "x=y")(s))
	}, 403},
	{"a code in another case", knockIn, swap("code=", "CODE="), 403},
}

func TestAttacks(t *testing.T) {
	r := start(t)
	for _, family := range []struct {
		name  string
		cases []attack
	}{{"page", byAPage}, {"wire", byTheWire}, {"token", byToken}} {
		for _, a := range family.cases {
			t.Run(family.name+"/"+a.name, func(t *testing.T) {
				r.host.codes.mu.Lock()
				r.host.codes.wrong = nil // each case has its own minute
				r.host.codes.mu.Unlock()
				if got := r.send(a.good); got.status != 200 {
					t.Fatalf("the request as it should be: got %d %s", got.status, got.body)
				}
				sessions, before := len(r.host.sessions.list()), len(r.arrived())
				got := r.send(a.spoil(a.good))
				if got.status != a.want {
					t.Errorf("got %d %s, want %d", got.status, got.body, a.want)
				}
				if after := r.arrived(); len(after) != before {
					t.Errorf("the service got %s", after[len(after)-1].URL)
				}
				checkRefusal(t, got)
				if after := len(r.host.sessions.list()); strings.HasPrefix(a.good, "POST /session") && after > sessions {
					t.Error("a session was begun")
				}
			})
		}
	}
	t.Logf("%d attacks", len(byAPage)+len(byTheWire)+len(byToken))
}

// checkRefusal looks at what every refusal has in common: it is the only answer,
// says nothing of what is behind, and gives another page no rights.
func checkRefusal(t *testing.T, a answer) {
	t.Helper()
	if a.rest != "" {
		t.Errorf("after the refusal came %q", a.rest)
	}
	if len(a.body) > 100 && !strings.HasPrefix(a.body, "<!doctype") {
		t.Errorf("a refusal of %d bytes: %s", len(a.body), a.body)
	}
	if strings.Contains(a.body, "holdfast-session\" content") {
		t.Error("the refusal holds a session")
	}
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" {
			t.Errorf("the refusal has the header %s", name)
		}
	}
	if a.header.Get("Content-Type") == "application/json" && a.header.Get("Content-Security-Policy") != policy {
		t.Error("the refusal has no policy")
	}
}
