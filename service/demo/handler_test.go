package demo_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"holdfast/service/demo"
	"holdfast/service/lab"
	"holdfast/service/status"
)

// page asks the demo as the page does.
type page struct {
	t       *testing.T
	handler http.Handler
}

// labView is what of the lab a test looks at.
type labView struct {
	Schema  int
	Servers []struct {
		Name   string
		Broken []string
	}
	Network bool
	Faults  []struct {
		Key, Name, What string
		Momentary       bool
	}
	Outage struct{ SilentMs int }
	Story  *demo.Story
	Code   string
	Hint   *string
}

func (p page) ask(method, path, body string) (int, labView) {
	p.t.Helper()
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, httptest.NewRequestWithContext(p.t.Context(), method, "/demo/v1/"+path, strings.NewReader(body)))
	var v labView
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Header().Get("Content-Type") != "application/json" {
		p.t.Fatalf("%s %s: got %q, %v", method, path, w.Body, err)
	}
	return w.Code, v
}

// does changes the lab, and holds what should come of it against what does.
func (p page) does(path, body string, want ...demo.Turn) labView {
	p.t.Helper()
	code, v := p.ask("POST", path, body)
	if code != http.StatusOK {
		p.t.Fatalf("%s %s: got %d %s", path, body, code, v.Code)
	}
	if !slices.Equal(v.Story.Wants, want) {
		p.t.Fatalf("%s %s: it wants %v, the test %v", path, body, v.Story.Wants, want)
	}
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Logf("%s %s: %+v", path, body, v.Story)
		}
	})
	until(p.t, path+" "+body, func() bool {
		_, v = p.ask("GET", "lab", "")
		came := 0
		for _, c := range v.Story.Came {
			if came < len(want) && c.Turn == want[came] {
				came++
			}
		}
		return came == len(want)
	})
	return v
}

// What the page breaks comes about, and what it says will come of it does.
func TestHandler(t *testing.T) {
	d, err := demo.Start(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	p := page{t, d.Handler()}
	if d.Watched() {
		t.Error("nobody has looked at the page, and it counts as looked at")
	}
	until(t, "the tunnel to work", func() bool { return d.Status().Overall == status.Protected && d.Traffic().Answered > 0 })

	code, v := p.ask("GET", "lab", "")
	if code != http.StatusOK || v.Schema != 1 || len(v.Servers) != 3 || v.Servers[0].Name != "berlin" || v.Servers[0].Broken == nil ||
		!v.Network || v.Story != nil || len(v.Faults) != len(lab.Faults()) || v.Faults[0].Key != "blackhole" || v.Faults[0].What == "" {
		t.Errorf("got %d %+v", code, v)
	}
	if !d.Watched() {
		t.Error("the page counts as not looked at")
	}
	p.refusals()

	v = p.does("break", `{"server":"oslo","fault":"blackhole"}`) // nobody uses it
	if !slices.Equal(v.Servers[2].Broken, []string{"blackhole"}) {
		t.Errorf("got %v, want a black hole", v.Servers[2].Broken)
	}
	if step := <-d.Acts(); step.Verb != lab.VerbBreak || step.Server != "oslo" {
		t.Errorf("got %s as what was done on the page", step)
	}
	v = p.does("break", `{"server":"berlin","fault":"restart"}`, demo.Back)
	if len(v.Servers[0].Broken) != 0 {
		t.Errorf("a restart stays: %v", v.Servers[0].Broken)
	}
	v = p.does("break", `{"server":"berlin","fault":"revoked"}`, demo.Doubted, demo.Noticed, demo.Moved, demo.Back)
	last := v.Story.Came[len(v.Story.Came)-1]
	if last.DowntimeMs < 1500 || last.DowntimeMs > 8000 || last.AfterMs > 9000 {
		t.Errorf("got %+v, want about 3 s without service", last)
	}
	p.does("break", `{"server":"paris","fault":"psk"}`, demo.Doubted, demo.Noticed, demo.Held)
	if _, v = p.ask("GET", "lab", ""); v.Outage.SilentMs == 0 {
		t.Error("all servers are dead, and pings are said to be answered")
	}
	p.does("heal", `{"server":"paris","fault":"psk"}`)
	p.does("network", `{"up":false}`, demo.Offline)
	p.does("network", `{"up":true}`, demo.Online, demo.Back)
	v = p.does("heal", `{}`, demo.Returned)
	if len(v.Servers[0].Broken)+len(v.Servers[2].Broken) != 0 {
		t.Errorf("got %+v, want everything healed", v.Servers)
	}
}

// refusals asks for what cannot be.
func (p page) refusals() {
	p.t.Helper()
	for _, tt := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", "break", `{"server":"rome","fault":"loss"}`, 404, "not_found"},
		{"POST", "heal", `{"server":"rome"}`, 404, "not_found"},
		{"POST", "break", `{"server":"berlin","fault":"fire"}`, 400, "invalid"},
		{"POST", "break", `{"server":"berlin"}`, 400, "invalid"},
		{"POST", "break", `{"server":"berlin","fault":"loss","up":true}`, 400, "invalid"},
		{"POST", "break", `{"server":"berlin","fault":"loss","hard":true}`, 400, "invalid"},
		{"POST", "break", `{"server":"berlin","fault":"loss"} {}`, 400, "invalid"},
		{"POST", "break", `["berlin"]`, 400, "invalid"},
		{"POST", "heal", `{"fault":"loss"}`, 400, "invalid"},
		{"POST", "heal", "", 400, "invalid"},
		{"POST", "network", `{}`, 400, "invalid"},
		{"POST", "network", `{"up":"no"}`, 400, "invalid"},
		{"POST", "network", `{"up":false,"server":"` + strings.Repeat("x", 2000) + `"}`, 413, "too_large"},
		{"GET", "break", "", 404, "not_found"},
		{"POST", "lab", "{}", 404, "not_found"},
		{"GET", "elsewhere", "", 404, "not_found"},
	} {
		status, v := p.ask(tt.method, tt.path, tt.body)
		if status != tt.status || v.Code != tt.code || v.Hint == nil {
			p.t.Errorf("%s %s %.60s: got %d %q, want %d %q", tt.method, tt.path, tt.body, status, v.Code, tt.status, tt.code)
		}
	}
	if _, v := p.ask("GET", "lab", ""); v.Story != nil || !v.Network {
		p.t.Error("what was refused has changed the lab")
	}
}
