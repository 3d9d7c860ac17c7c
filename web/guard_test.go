package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/web"
	"holdfast/web/api"
	"holdfast/web/webtest"
)

// setMode makes the guard's mode what a test begins with.
func setMode(t *testing.T, w *webtest.World, mode failover.Guard) {
	t.Helper()
	if _, err := w.SetSettings(map[string]string{"guard": string(mode)}); err != nil {
		t.Fatal(err)
	}
}

// TestGuardByActionAndRole is what each action does, and for whom.
func TestGuardByActionAndRole(t *testing.T) {
	const off, auto, always = failover.GuardOff, failover.GuardAuto, failover.GuardAlways
	for _, c := range []struct {
		name   string
		role   web.Role
		mode   failover.Guard
		before string // an administrator's, of the same service
		body   string
		want   api.Code // "": it is done
		after  failover.Guard
		open   string // "released", "paused" or ""
	}{
		{"an admin turns it on", web.Admin, off, "", `{"action":"on"}`, "", auto, ""},
		{"on keeps always", web.Admin, always, "", `{"action":"on"}`, "", always, ""},
		{"an admin turns it off", web.Admin, always, "", `{"action":"off"}`, "", off, ""},
		{"an admin releases it", web.Admin, auto, "", `{"action":"release"}`, "", auto, "released"},
		{"on ends a release", web.Admin, auto, `{"action":"release"}`, `{"action":"on"}`, "", auto, ""},
		{"an operator does not turn it on", web.Operator, off, "", `{"action":"on"}`, api.NotPermitted, off, ""},
		{"an operator does not turn it off", web.Operator, auto, "", `{"action":"off"}`, api.NotPermitted, auto, ""},
		{"an operator does not release it", web.Operator, auto, "", `{"action":"release"}`, api.NotPermitted, auto, ""},
		{"an operator does not end a release", web.Operator, auto, `{"action":"release"}`, `{"action":"on"}`, api.NotPermitted, auto, "released"},
		{"an operator pauses it", web.Operator, always, "", `{"action":"pause","seconds":300}`, "", always, "paused"},
		{"an operator ends a pause", web.Operator, auto, `{"action":"pause"}`, `{"action":"on"}`, "", auto, ""},
		{"the end of a pause turns nothing on", web.Operator, off, `{"action":"pause"}`, `{"action":"on"}`, "", off, ""},
		{"a viewer pauses nothing", web.Viewer, auto, "", `{"action":"pause"}`, api.NotPermitted, auto, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := start(t, web.Admin)
			setMode(t, l.world, c.mode)
			l.do("POST", "/api/v1/connect", `{"target":"home"}`)
			if c.before != "" && l.do("POST", "/api/v1/guard", c.before).code != 200 {
				t.Fatal("the case cannot begin")
			}
			l.role.Store(int32(c.role))
			got := l.do("POST", "/api/v1/guard", c.body)
			if got.err.Code != c.want {
				t.Errorf("got %d %s, want %q", got.code, got.body, c.want)
			}
			if mode := l.world.Policy().Guard; mode != c.after {
				t.Errorf("the mode is %s, want %s", mode, c.after)
			}
			g := l.world.Status().Guard
			open := ""
			switch {
			case g.Released:
				open = "released"
			case g.PausedUntil != nil:
				open = "paused"
			}
			if open != c.open {
				t.Errorf("the guard is %q, want %q", open, c.open)
			}
			if c.want != "" {
				return
			}
			var reply api.Guard
			if err := json.Unmarshal([]byte(got.body), &reply); err != nil || reply.Schema != api.Schema || reply.Mode != c.after {
				t.Errorf("got %s (%v), want the guard as it is now", got.body, err)
			}
		})
	}
}

func TestAPauseHasBounds(t *testing.T) {
	for _, c := range []struct {
		body string
		want time.Duration // 0: refused
	}{
		{`{"action":"pause"}`, 5 * time.Minute},
		{`{"action":"pause","seconds":0}`, 5 * time.Minute},
		{`{"action":"pause","seconds":1}`, time.Second},
		{`{"action":"pause","seconds":3600}`, time.Hour},
		{`{"action":"pause","seconds":3601}`, 0},
		{`{"action":"pause","seconds":-1}`, 0},
		{`{"action":"pause","seconds":9223372036854775807}`, 0},
		{`{"action":"pause","seconds":1.5}`, 0},
		{`{"action":"pause","seconds":"60"}`, 0},
		{`{"action":"release","seconds":60}`, 0},
	} {
		l := start(t, web.Operator)
		l.do("POST", "/api/v1/connect", `{"target":"home"}`)
		if c.body == `{"action":"release","seconds":60}` {
			l.role.Store(int32(web.Admin))
		}
		got := l.do("POST", "/api/v1/guard", c.body)
		until := l.world.Status().Guard.PausedUntil
		switch {
		case c.want == 0 && (got.err.Code != api.Invalid || got.err.Message == "" || until != nil):
			t.Errorf("%s: got %d %s, want it refused", c.body, got.code, got.body)
		case c.want > 0 && (until == nil || until.Sub(webtest.Now) != c.want):
			t.Errorf("%s: paused until %v (%s), want for %s", c.body, until, got.body, c.want)
		}
	}
}

func TestNothingToPause(t *testing.T) {
	l := start(t, web.Admin)
	if got := l.do("POST", "/api/v1/guard", `{"action":"pause"}`); got.err.Code != api.Conflict {
		t.Errorf("with nothing wanted and nothing blocked: got %d %s", got.code, got.body)
	}
}

func TestThePauseIsInTheAudit(t *testing.T) {
	l := start(t, web.Operator)
	l.do("POST", "/api/v1/connect", `{"target":"home"}`)
	l.do("POST", "/api/v1/guard", `{"action":"pause","seconds":90}`)
	within(t, "the pause is in the audit", func() bool {
		audits := l.world.Audits()
		return len(audits) == 2 && audits[1].Verb == "POST /api/v1/guard" && audits[1].Object == "pause 1m30s" && audits[1].Caller.UID == 1000
	})
}

// late is an engine whose rules are read back only once somebody waits for them.
type late struct{ *webtest.World }

func (e late) SetGuard(ctx context.Context, action api.GuardAction, pause time.Duration) error {
	err := e.World.SetGuard(ctx, action, pause)
	e.Change(func(s *status.Status) { s.Guard.Verified = false })
	return err
}

func (e late) Subscribe() (<-chan *status.Status, func()) {
	seat, cancel := e.World.Subscribe()
	e.Change(func(s *status.Status) { s.Guard.Verified = true })
	return seat, cancel
}

func TestTheReplyWaitsForTheRules(t *testing.T) {
	l := startWith(t, web.Admin, func(d web.Deps) http.Handler {
		d.Engine = late{d.Engine.(*webtest.World)}
		return web.New(d)
	})
	l.do("POST", "/api/v1/connect", `{"target":"home"}`)
	got := l.do("POST", "/api/v1/guard", `{"action":"on"}`)
	if want := `"mode":"auto","verified":true`; got.code != 200 || !strings.Contains(got.body, want) {
		t.Errorf("got %d %s, want %s", got.code, got.body, want)
	}
}

// A service without a guard refuses, and keeps no setting that it refused.
func TestRefusedGuardKeepsTheSetting(t *testing.T) {
	l := start(t, web.Admin)
	setMode(t, l.world, failover.GuardOff)
	l.world.Fail(&api.Error{Code: api.Unavailable, Message: "This service has no guard."})
	if got := l.do("POST", "/api/v1/guard", `{"action":"on"}`); got.err.Code != api.Unavailable || l.world.Policy().Guard != failover.GuardOff {
		t.Errorf("got %d %s, and the setting is %s", got.code, got.body, l.world.Policy().Guard)
	}
}
