package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"holdfast/web"
	"holdfast/web/api"
	"holdfast/web/webtest"
)

// proper is a request for every verb that its least role may make, and the
// status of its reply.
var proper = map[string]struct {
	path, body string
	want       int
}{
	"GET /metrics":                        {"", "", 200},
	"GET /api/v1/version":                 {"", "", 200},
	"GET /api/v1/me":                      {"", "", 200},
	"GET /api/v1/openapi.json":            {"", "", 200},
	"GET /api/v1/status":                  {"", "", 200},
	"GET /api/v1/stream":                  {"", "", 200},
	"POST /api/v1/connect":                {"", `{"target":"home"}`, 200},
	"POST /api/v1/disconnect":             {"", `{}`, 200},
	"POST /api/v1/reconnect":              {"", `{}`, 409}, // nothing is wished for
	"POST /api/v1/switch":                 {"", `{"name":"nl"}`, 409},
	"GET /api/v1/tunnels":                 {"", "", 200},
	"POST /api/v1/tunnels":                {"", `{"name":"x","text":` + quoted(webtest.Conf) + `,"overwrite":false}`, 201},
	"POST /api/v1/tunnels/check":          {"", `{"text":"x"}`, 200},
	"GET /api/v1/tunnels/{name}":          {"/api/v1/tunnels/nl", "", 200},
	"PUT /api/v1/tunnels/{name}":          {"/api/v1/tunnels/nl", `{"text":` + quoted(webtest.Conf) + `}`, 200},
	"DELETE /api/v1/tunnels/{name}":       {"/api/v1/tunnels/nl", "", 409}, // in a group
	"POST /api/v1/tunnels/{name}/rename":  {"/api/v1/tunnels/nl/rename", `{"to":"be"}`, 200},
	"GET /api/v1/tunnels/{name}/text":     {"/api/v1/tunnels/nl/text", "", 200},
	"POST /api/v1/tunnels/{name}/restore": {"/api/v1/tunnels/nl/restore", "{}", 404}, // it was not deleted
	"GET /api/v1/tunnels/{name}/export":   {"/api/v1/tunnels/nl/export", "", 200},
	"GET /api/v1/groups":                  {"", "", 200},
	"PUT /api/v1/groups/{name}":           {"/api/v1/groups/away", `{"members":["de"]}`, 200},
	"DELETE /api/v1/groups/{name}":        {"/api/v1/groups/home", "", 200},
	"GET /api/v1/history":                 {"", "", 200},
	"GET /api/v1/history/summary":         {"", "", 200},
	"GET /api/v1/history/timeline":        {"", "", 200},
	"GET /api/v1/samples":                 {"/api/v1/samples?since=2026-01-01T00:00:00Z", "", 200},
	"GET /api/v1/notices":                 {"", "", 200},
	"POST /api/v1/notices/{id}/ack":       {"/api/v1/notices/7/ack", "", 200},
	"GET /api/v1/diagnosis":               {"", "", 404}, // none was made
	"POST /api/v1/diagnosis/run":          {"", "{}", 200},
	"GET /api/v1/settings":                {"", "", 200},
	"PATCH /api/v1/settings":              {"", `{"cooldown":"1m"}`, 200},
	"GET /api/v1/guard":                   {"", "", 200},
	"POST /api/v1/guard":                  {"", `{"action":"pause"}`, 409}, // nothing is wanted
	"GET /api/v1/logs":                    {"", "", 200},
	"GET /api/v1/bundle":                  {"", "", 200},
}

// TestEveryVerbByRole is the table of who may do what.
func TestEveryVerbByRole(t *testing.T) {
	want := map[web.Role][]string{ // what is added with each role
		web.None:     {"GET /api/v1/version"},
		web.Viewer:   {"GET /api/v1/status", "GET /api/v1/me"},
		web.Admin:    {"GET /api/v1/tunnels/{name}/export"},
		web.Operator: nil, // all others
	}
	least := func(verb string) web.Role {
		for role, verbs := range want {
			if slices.Contains(verbs, verb) {
				return role
			}
		}
		return web.Operator
	}
	if len(proper) != len(web.Rules()) {
		t.Errorf("%d verbs have a request here, %d have a rule", len(proper), len(web.Rules()))
	}
	for _, role := range []web.Role{0, web.None, web.Viewer, web.Operator, web.Admin} {
		t.Run(role.String(), func(t *testing.T) {
			for _, rule := range web.Rules() {
				verb := rule.Method + " " + rule.Pattern
				p, listed := proper[verb]
				if !listed {
					t.Errorf("%s has no request here", verb)
					continue
				}
				l := start(t, role) // each from the same beginning
				path := p.path
				if path == "" {
					path = rule.Pattern
				}
				got := l.do(rule.Method, path, p.body)
				audits := l.world.Audits()
				if role < least(verb) {
					if got.code != http.StatusForbidden || got.err.Code != api.NotPermitted || got.err.Hint == "" {
						t.Errorf("%s: got %d %+v, want a refusal with a hint", verb, got.code, got.err)
					}
					within(t, "the refusal is in the audit", func() bool { audits = l.world.Audits(); return len(audits) == 1 })
					if a := audits[0]; a.Verb != verb || a.Code != api.NotPermitted || a.Caller.UID != 1000 {
						t.Errorf("%s: the audit has %+v", verb, a)
					}
					if len(l.world.Changed()) > 0 {
						t.Errorf("%s: refused, and done", verb)
					}
					continue
				}
				if got.code != p.want {
					t.Errorf("%s: got %d %s, want %d", verb, got.code, got.body, p.want)
				}
				if rule.Changes() && verb != "POST /api/v1/tunnels/check" {
					within(t, "the change is in the audit: "+verb, func() bool { return len(l.world.Audits()) == 1 })
				}
			}
		})
	}
}

func TestViewerSeesTheOverallStateOnly(t *testing.T) {
	l := start(t, web.Admin)
	l.do("POST", "/api/v1/connect", `{"target":"home"}`)
	l.role.Store(int32(web.Viewer))
	got := l.do("GET", "/api/v1/status", "")
	want := `{"schema":1,"at":"2026-03-01T12:00:00Z","overall":"protected","wish":{"on":true},"limited":true}` + "\n"
	if got.body != want {
		t.Errorf("got %s, want %s", got.body, want)
	}
	l.role.Store(int32(web.Operator))
	if got := l.do("GET", "/api/v1/status", ""); !strings.Contains(got.body, "203.0.113.9") {
		t.Errorf("an operator got %s, want the endpoint", got.body)
	}
}

func TestMeIsWhoTheKernelSays(t *testing.T) {
	for _, role := range []web.Role{web.Viewer, web.Operator, web.Admin} {
		l := start(t, role)
		want := `{"schema":1,"role":"` + role.String() + `","user":"ann"}` + "\n"
		if got := l.do("GET", "/api/v1/me", ""); got.body != want {
			t.Errorf("got %s, want %s", got.body, want)
		}
	}
}

func TestSettingsOfTheGuardAreForAdmins(t *testing.T) {
	for _, key := range []string{"guard", "allow_lan"} {
		value := map[string]string{"guard": "always", "allow_lan": "true"}[key]
		body := `{"cooldown":"1m","` + key + `":"` + value + `"}`
		l := start(t, web.Operator)
		if got := l.do("PATCH", "/api/v1/settings", body); got.err.Code != api.NotPermitted || l.world.Policy() != webtest.New().Policy() {
			t.Errorf("%s by an operator: got %d %+v, want a refusal and nothing changed", key, got.code, got.err)
		}
		l.role.Store(int32(web.Admin))
		if got := l.do("PATCH", "/api/v1/settings", body); got.code != 200 || l.world.Policy() == webtest.New().Policy() {
			t.Errorf("%s by an administrator: got %d %s", key, got.code, got.body)
		}
	}
}

// What a setting says of itself is what an operator meets who changes it.
func TestSettingsSayWhoMayChangeThem(t *testing.T) {
	l := start(t, web.Operator)
	var list api.Settings
	if err := json.Unmarshal([]byte(l.do("GET", "/api/v1/settings", "").body), &list); err != nil {
		t.Fatal(err)
	}
	for _, one := range list.Settings {
		body, _ := json.Marshal(map[string]string{one.Key: one.Value})
		if got := l.do("PATCH", "/api/v1/settings", string(body)); (got.err.Code == api.NotPermitted) != one.Admin {
			t.Errorf("%s is for administrators: %t; an operator got %d %+v", one.Key, one.Admin, got.code, got.err)
		}
	}
}

func TestForgedIdentityHeadersAreNothing(t *testing.T) {
	l := start(t, web.Viewer)
	for _, header := range []string{"X-Uid", "X-Holdfast-Uid", "X-Remote-User", "X-Forwarded-For", "Authorization", "Grpc-Metadata-X-Uid"} {
		req := l.request("POST", "/api/v1/disconnect", "{}")
		req.Header.Set(header, "0")
		if got := l.send(req); got.err.Code != api.NotPermitted {
			t.Errorf("%s: got %d, want a refusal", header, got.code)
		}
	}
	l.role.Store(int32(web.Operator))
	if got := l.do("POST", "/api/v1/disconnect", "{}"); got.code != 200 {
		t.Errorf("by an operator: got %d %s", got.code, got.body)
	}
}

func TestDenialsDoNotFillTheAudit(t *testing.T) {
	l := start(t, web.Viewer)
	for range 100 {
		l.do("POST", "/api/v1/disconnect", "{}")
	}
	n := len(l.world.Audits())
	if n < 20 || n > 40 {
		t.Errorf("100 refusals: got %d records, want some 20", n)
	}
}

func TestFloodOfWishesIsRefused(t *testing.T) {
	l := start(t, web.Operator)
	refused := 0
	for range 100 {
		if got := l.do("POST", "/api/v1/disconnect", "{}"); got.err.Code == api.Unavailable {
			refused++
		} else if got.code != 200 {
			t.Fatalf("got %d %s", got.code, got.body)
		}
	}
	if refused < 40 {
		t.Errorf("of 100 wishes at once %d were refused, want most", refused)
	}
	l.role.Store(int32(web.Admin))
	if got := l.do("POST", "/api/v1/disconnect", "{}"); got.code != 200 {
		t.Errorf("an administrator got %d %s", got.code, got.body)
	}
}
