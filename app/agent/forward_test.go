//go:build unix

package agent

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/web"
	"holdfast/web/api"
)

// TestForwardsNothingOfTheBrowsers: whatever says who is asking, or from where,
// ends at the host.
func TestForwardsNothingOfTheBrowsers(t *testing.T) {
	r := start(t)
	forged := []string{
		"X-Forwarded-For: 127.0.0.1", "X-Forwarded-User: root", "X-Real-IP: 127.0.0.1", "X-Remote-User: root", "X-Holdfast-Role: admin",
		"Forwarded: for=127.0.0.1", "Via: 1.1 x", "Cookie: a=b", "Referer: http://{host}/", "Origin: http://{host}", "X-Http-Method-Override: DELETE",
		"X-Original-Url: /api/v1/tunnels/nl/export", "Range: bytes=0-1", "If-None-Match: *", "Te: trailers", "Expect-Ct: x",
	}
	got := r.send(get("/api/v1/status", append(forged, bearerLine, "Accept-Language: de", "Accept: application/json")...))
	if got.status != http.StatusOK {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	seen := r.arrived()[0]
	may := append([]string{"User-Agent"}, passed...)
	for name, values := range seen.Header {
		if !slices.Contains(may, name) {
			t.Errorf("the service got %s: %q", name, values)
		}
	}
	if seen.Header.Get("Accept-Language") != "de" || seen.Host != api.Host || seen.URL.String() != "/api/v1/status" {
		t.Errorf("the service got %s %s with %v", seen.Host, seen.URL, seen.Header)
	}
}

func TestForwardsWhatThePageAsks(t *testing.T) {
	r := start(t)
	for _, c := range []struct {
		text, want string
	}{
		{get("/api/v1/history?limit=5&kind=failed_over", bearerLine), "GET /api/v1/history?limit=5&kind=failed_over"},
		{get("/api/v1/tunnels/nl", bearerLine), "GET /api/v1/tunnels/nl"},
		{get("/api/v1/tunnels/n%3Dl%2B", bearerLine), "GET /api/v1/tunnels/n%3Dl%2B"},
		{call("POST", "/api/v1/connect", `{"target":"home"}`), "POST /api/v1/connect"},
		{call("PATCH", "/api/v1/settings", `{"profile":"fast"}`), "PATCH /api/v1/settings"},
		{call("PUT", "/api/v1/groups/away", `{"members":["nl"]}`), "PUT /api/v1/groups/away"},
		{call("DELETE", "/api/v1/groups/away", `{}`), "DELETE /api/v1/groups/away"},
		{call("POST", "/api/v1/tunnels/check", `{"text":"`+strings.Repeat("#", 200<<10)+`"}`), "POST /api/v1/tunnels/check"},
	} {
		got := r.send(c.text)
		seen := r.arrived()
		last := seen[len(seen)-1]
		if line := last.Method + " " + last.RequestURI; line != c.want {
			t.Errorf("the service got %s, want %s", line, c.want)
		}
		if got.status != http.StatusOK && !strings.Contains(c.want, "%3D") {
			t.Errorf("%s: got %d %s", c.want, got.status, got.body)
		}
		if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Security-Policy") != policy {
			t.Errorf("%s: got the headers %v", c.want, got.header)
		}
	}
}

// TestARoleThatIsLost counts with the very next request.
func TestARoleThatIsLost(t *testing.T) {
	r := start(t)
	token := strings.Replace(bearerLine, "{token}", r.host.sessions.begin(false, ""), 1)
	if got := r.send(get("/api/v1/tunnels", token)); got.status != http.StatusOK {
		t.Fatalf("got %d", got.status)
	}
	r.setRole(web.Viewer)
	got := r.send(get("/api/v1/tunnels", token))
	if got.status != http.StatusForbidden || !strings.Contains(got.body, "not_permitted") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := r.send(strings.Replace(call("POST", "/agent/v1/qr/nl", "{}"), bearerLine, token, 1)); got.status != http.StatusForbidden {
		t.Errorf("the picture of a tunnel: got %d %s", got.status, got.body)
	}
	if got := r.send(get("/api/v1/status", token)); got.status != http.StatusOK {
		t.Errorf("got %d, a viewer may see that much", got.status)
	}
}

// TestUnreachable: no service, or somebody else's socket.
func TestUnreachable(t *testing.T) {
	r := start(t, func(o *Options) { o.Socket += "-nobody" })
	for _, text := range []string{look, follow, act, call("POST", "/agent/v1/qr/nl", "{}")} {
		got := r.send(text)
		var e api.Error
		if err := json.Unmarshal([]byte(got.body), &e); err != nil {
			t.Fatal(err)
		}
		if got.status != http.StatusBadGateway || e.Code != codeUnreachable || e.Hint == "" {
			t.Errorf("got %d %+v", got.status, e)
		}
	}
	if got := r.send(get("/agent/v1/about", bearerLine)); got.status != http.StatusOK {
		t.Errorf("the host itself: got %d", got.status)
	}
}

// TestSilenceWithoutASession: who has no session gets the same bytes whether a
// tunnel is up, down or broken, or there is no service at all.
func TestSilenceWithoutASession(t *testing.T) {
	r := start(t)
	ask := func() (all string) {
		for _, text := range []string{
			page, get("/assets/app.js"), get("/session"), without(bearerLine)(look), without(bearerLine)(follow), without(bearerLine)(act),
			get("/agent/v1/about"), get("/agent/v1/prefs"), get("/demo/v1/lab"), get("/api/v1/version"), get("/api/v1/nonsense"), get("/metrics"),
		} {
			a := r.send(text)
			a.header.Del("Date")
			lines := []string{strconv.Itoa(a.status), a.body}
			for name, values := range a.header {
				lines = append(lines, name+": "+strings.Join(values, ", "))
			}
			slices.Sort(lines)
			all += strings.Join(lines, "\n") + "\n\n"
		}
		return all
	}
	off := ask()
	r.world.Change(func(s *status.Status) { s.Overall, s.Wish.On = status.Protected, true })
	if on := ask(); on != off {
		t.Errorf("with a tunnel:\n%s\nwithout:\n%s", on, off)
	}
	r.world.Happen(event.FailedOver)
	r.world.Change(func(s *status.Status) { s.Overall = status.Stalled })
	if broken := ask(); broken != off {
		t.Error("a broken tunnel shows")
	}
	if err := os.Rename(r.host.opt.Socket, r.host.opt.Socket+"-gone"); err != nil {
		t.Fatal(err)
	}
	if gone := ask(); gone != off {
		t.Error("a service that is gone shows")
	}
	if len(r.arrived()) > 0 {
		t.Error("the service was asked")
	}
	if got := r.send(look); got.status != http.StatusBadGateway {
		t.Errorf("with a session: got %d", got.status)
	}
}

// openStream begins the stream of a session and returns its lines.
func (r *rig) openStream(token string) (*bufio.Reader, net.Conn) {
	r.t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(r.host.listen.port)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, r.fill(strings.Replace(follow, "{token}", token, 1))); err != nil {
		r.t.Fatal(err)
	}
	in := bufio.NewReader(c)
	reply, err := http.ReadResponse(in, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if reply.StatusCode != http.StatusOK || reply.Header.Get("Content-Type") != "text/event-stream" {
		r.t.Fatalf("got %d %v", reply.StatusCode, reply.Header)
	}
	return bufio.NewReader(reply.Body), c
}

// until reads lines up to one that begins so.
func until(t *testing.T, in *bufio.Reader, prefix string) error {
	t.Helper()
	for {
		line, err := in.ReadString('\n')
		if err != nil || strings.HasPrefix(line, prefix) {
			return err
		}
	}
}

// TestStream: a change reaches the page when it happens, not when a buffer is full;
// and the end of the session ends the stream.
func TestStream(t *testing.T) {
	r := start(t)
	token := r.host.sessions.begin(false, "")
	in, _ := r.openStream(token)
	if err := until(t, in, "event: snapshot"); err != nil {
		t.Fatal(err)
	}
	r.world.Happen(event.FailedOver)
	if err := until(t, in, "event: event"); err != nil {
		t.Fatal(err)
	}
	if got := r.send(strings.Replace(call("DELETE", "/session", "{}"), "{token}", token, 1)); got.status != http.StatusOK {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	if err := until(t, in, "never"); err == nil {
		t.Error("the stream goes on")
	}
	eventually(t, "the place for a stream is free again", func() bool { return len(r.host.listen.streams) == 0 })
}

// TestTheDemoIsServedToSessions only, with its own routes.
func TestTheDemoIsServedToSessions(t *testing.T) {
	r := start(t, func(o *Options) {
		o.Demo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })
	})
	if got := r.send(get("/demo/v1/lab", bearerLine)); got.body != "/demo/v1/lab" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := r.send(get("/demo/v1/lab")); got.status != http.StatusUnauthorized {
		t.Errorf("without a session: got %d", got.status)
	}
	if got := start(t).send(get("/demo/v1/lab", bearerLine)); got.status != http.StatusNotFound {
		t.Errorf("without a demo: got %d", got.status)
	}
}
