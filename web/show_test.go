package web_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web"
	"holdfast/web/api"
	"holdfast/web/webtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Errorf("%s (-got +want):\n%s", name, diff)
	}
}

func indented(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return b.String()
}

func TestGoldenReplies(t *testing.T) {
	l := start(t, web.Operator)
	golden(t, "status-off.json", indented(t, l.do("GET", "/api/v1/status", "").body))
	l.do("POST", "/api/v1/connect", `{"target":"home"}`)
	golden(t, "status.json", indented(t, l.do("GET", "/api/v1/status", "").body))
	golden(t, "tunnel.json", indented(t, l.do("GET", "/api/v1/tunnels/nl", "").body))
	golden(t, "tunnels.json", indented(t, l.do("GET", "/api/v1/tunnels", "").body))
	golden(t, "settings.json", indented(t, l.do("GET", "/api/v1/settings", "").body))
	golden(t, "check-bad.json", indented(t, l.do("POST", "/api/v1/tunnels/check", `{"text":"[Interface]\nColour = red\n"}`).body))
	l.world.Happen(event.FailedOver, event.FailedBack, event.Restarted, event.Restarted)
	golden(t, "metrics.txt", l.do("GET", "/metrics", "").body)
}

var nullList = regexp.MustCompile(`"(tunnels|groups|members|events|notices|samples|settings|choices|lines)":null`)

// TestListsAreNeverNull looks at every reply of an empty service.
func TestListsAreNeverNull(t *testing.T) {
	l := start(t, web.Admin)
	for _, path := range []string{"groups/home", "tunnels/nl", "tunnels/de"} {
		l.do("DELETE", "/api/v1/"+path, "")
	}
	for _, path := range []string{"tunnels", "groups", "history", "notices", "samples?since=2026-01-01T00:00:00Z", "settings", "logs"} {
		if got := l.do("GET", "/api/v1/"+path, ""); got.code != 200 || nullList.MatchString(got.body) {
			t.Errorf("%s: got %d %s", path, got.code, got.body)
		}
	}
	if got := l.do("POST", "/api/v1/diagnosis/run", ""); !strings.Contains(got.body, `"checks":[]`) {
		t.Errorf("diagnosis: got %s", got.body)
	}
	if got := l.do("GET", "/api/v1/diagnosis", ""); got.code != 200 {
		t.Errorf("the diagnosis made before: got %d", got.code)
	}
}

// TestNoSecretLeaves looks for the keys in every reply but that of the export.
func TestNoSecretLeaves(t *testing.T) {
	for _, rule := range web.Rules() {
		l := start(t, web.Admin)
		verb := rule.Method + " " + rule.Pattern
		if strings.HasSuffix(verb, "/logs") {
			continue // what the service logs is the service's to keep clean
		}
		p := proper[verb]
		path := p.path
		if path == "" {
			path = rule.Pattern
		}
		got := l.do(rule.Method, path, p.body)
		for _, key := range []string{webtest.PrivateKey, webtest.PresharedKey} {
			if strings.Contains(got.body, key) != strings.HasSuffix(verb, "/export") {
				t.Errorf("%s: a key in %s", verb, got.body)
			}
		}
	}
	l := start(t, web.Admin)
	bad := strings.Replace(webtest.Conf, "Address =", "Colour =", 1)
	if got := l.do("POST", "/api/v1/tunnels", `{"name":"bad","text":`+quoted(bad)+`}`); got.code != 400 || strings.Contains(got.body, webtest.PrivateKey) {
		t.Errorf("a refused import: got %d %s", got.code, got.body)
	}
	if log := l.log.String(); strings.Contains(log, webtest.PrivateKey) || strings.Contains(log, webtest.PresharedKey) {
		t.Errorf("a key in the log: %s", log)
	}
}

func TestBundleTellsNothingPersonal(t *testing.T) {
	l := start(t, web.Operator)
	l.do("POST", "/api/v1/connect", `{"target":"home"}`)
	got := l.do("GET", "/api/v1/bundle", "")
	z, err := zip.NewReader(strings.NewReader(got.body), int64(len(got.body)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
		for _, secret := range []string{
			webtest.PrivateKey, webtest.PresharedKey, "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
			"vpn.example.net", "203.0.113.9", "198.51.100.7", "/home/ann", "touch /tmp/owned",
		} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s holds %q:\n%s", f.Name, secret, text)
			}
		}
	}
	for name, want := range map[string]string{
		"status.json": `"endpoint": "203.0.x.x:51820"`, "tunnels.json": `"10.64.0.2/32"`, "log.txt": "endpoint=198.51.x.x:51820 key=(key) user=/home/(user)/x",
		"events.json": `"kind": "wish_changed"`, "settings.json": "traffic_timeout", "version.json": "1.2.3", "groups.json": `"home"`,
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s: got %s, want %q in it", name, files[name], want)
		}
	}
}

func TestHistoryPagesAndTables(t *testing.T) {
	l := start(t, web.Operator)
	l.world.Happen(kinds(2500)...)
	var ids []int64
	path := "/api/v1/history?limit=1000"
	for cursor := ""; ; {
		var page api.History
		if err := json.Unmarshal([]byte(l.do("GET", path+cursor, "").body), &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		if page.Next == "" {
			break
		}
		cursor = "&cursor=" + page.Next
	}
	if len(ids) != 2500 || ids[0] != 2500 || ids[2499] != 1 {
		t.Errorf("got %d events, from %d to %d", len(ids), ids[0], ids[len(ids)-1])
	}
	req := l.request("GET", "/api/v1/history", "")
	req.Header.Set("Accept", "text/csv")
	for name, got := range map[string]reply{"by Accept": l.send(req), "by query": l.do("GET", "/api/v1/history?format=csv", "")} {
		rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
		if err != nil || len(rows) != 2501 || rows[0][0] != "id" || rows[1][2] != "woke" {
			t.Errorf("%s: got %d rows, %v", name, len(rows), err)
		}
	}
	l.world.Change(func(s *status.Status) { s.Wish.Target = "=cmd+1" })
	l.world.Happen(event.Held)
	if got := l.do("GET", "/api/v1/history?format=csv&limit=1", ""); !strings.Contains(got.body, "held,'=cmd+1,") {
		t.Errorf("got %s, want no formula", got.body)
	}
}

func TestTimeline(t *testing.T) {
	l := start(t, web.Operator)
	l.world.Happen(event.ServiceStarted, event.ServiceStopped)
	var got api.Timeline
	since, until := webtest.Now.Add(-time.Hour), webtest.Now.Add(time.Hour)
	path := "/api/v1/history/timeline?since=" + since.Format(time.RFC3339) + "&until=" + until.Format(time.RFC3339)
	if err := json.Unmarshal([]byte(l.do("GET", path, "").body), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Spans) != 1 || got.Spans[0].State != status.Unknown || !got.Spans[0].From.Equal(since) || !got.Spans[0].Until.Equal(until) || got.Switches == nil {
		t.Errorf("got %+v", got)
	}
	began := time.Now()
	if err := json.Unmarshal([]byte(l.do("GET", "/api/v1/history/timeline?until=2100-01-01T00:00:00Z", "").body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Until.Before(began.Add(-time.Second)) || got.Until.After(time.Now()) || got.Until.Sub(got.Since) != 24*time.Hour {
		t.Errorf("of the future: from %s to %s, want the day up to now", got.Since, got.Until)
	}
}

func TestImportTellsTheEngine(t *testing.T) {
	l := start(t, web.Operator)
	l.do("POST", "/api/v1/tunnels", `{"name":"x","text":`+quoted(webtest.Conf)+`}`)
	l.do("POST", "/api/v1/tunnels/x/rename", `{"to":"y"}`)
	l.do("PUT", "/api/v1/groups/g", `{"members":["y"]}`)
	l.do("PATCH", "/api/v1/settings", `{"cooldown":"1m"}`)
	if diff := cmp.Diff(l.world.Changed(), []tunnel.Name{"x", "y", "", ""}); diff != "" {
		t.Errorf("the engine was told (-got +want):\n%s", diff)
	}
	want := []string{"x", "x", "g", "cooldown"}
	within(t, "the audit has all", func() bool { return len(l.world.Audits()) == len(want) })
	for i, a := range l.world.Audits() {
		if a.Object != want[i] || a.Code != "" || a.Caller.User != "ann" {
			t.Errorf("got %+v, want it about %s", a, want[i])
		}
	}
}

// TestTunnelCalledAsAVerb: every name will do, also one that a route has.
func TestTunnelCalledAsAVerb(t *testing.T) {
	l := start(t, web.Admin)
	if got := l.do("POST", "/api/v1/tunnels", `{"name":"check","text":`+quoted(webtest.Conf)+`}`); got.code != 201 {
		t.Fatalf("got %d %s", got.code, got.body)
	}
	for _, c := range [][3]string{
		{"GET", "/api/v1/tunnels/check", ""}, {"PUT", "/api/v1/tunnels/check", `{"text":` + quoted(webtest.Conf) + `}`},
		{"GET", "/api/v1/tunnels/check/export", ""}, {"POST", "/api/v1/tunnels/check/rename", `{"to":"rename"}`},
		{"POST", "/api/v1/tunnels/rename/rename", `{"to":"check"}`}, {"DELETE", "/api/v1/tunnels/check", ""},
	} {
		if got := l.do(c[0], c[1], c[2]); got.code != 200 {
			t.Errorf("%s %s: got %d %s", c[0], c[1], got.code, got.body)
		}
	}
}
