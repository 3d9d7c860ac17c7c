package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// visit is a session of a demo's page.
type visit struct {
	t      *testing.T
	origin string
	token  string
}

// visitPage opens the page as a browser does that was given its link.
func visitPage(t *testing.T, g *demoPage) *visit {
	t.Helper()
	v := &visit{t: t, origin: strings.TrimSuffix(g.host.URL(), "/")}
	_, code, _ := strings.Cut(g.link(), "#c=")
	var in struct{ Token string }
	if status := v.ask("POST", "/session", map[string]any{"code": code}, &in); status != http.StatusOK || in.Token == "" {
		t.Fatalf("got %d for the code of the link", status)
	}
	v.token = in.Token
	return v
}

func (v *visit) ask(method, path string, body, into any) int {
	v.t.Helper()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.origin+path, bytes.NewReader(text))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Origin", v.origin)
	r.Header.Set("Authorization", "Bearer "+v.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	if err := json.NewDecoder(reply.Body).Decode(into); err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply.StatusCode
}

// The page of a demo knows that it is one, breaks what the terminal shows, and
// touches nothing of the person's.
func TestDemoPage(t *testing.T) {
	t.Parallel()
	r := startPressing(t, time.Hour)
	v := visitPage(t, r.page)
	var about struct{ Demo bool }
	if status := v.ask("GET", "/agent/v1/about", nil, &about); status != http.StatusOK || !about.Demo {
		t.Errorf("got %d %+v, want a demo", status, about)
	}
	var lab struct{ Servers []struct{ Broken []string } }
	if status := v.ask("POST", "/demo/v1/break", map[string]any{"server": "berlin", "fault": "loss"}, &lab); status != http.StatusOK ||
		len(lab.Servers) != 3 || len(lab.Servers[0].Broken) != 1 {
		t.Errorf("got %d %+v, want berlin with losses", status, lab)
	}
	r.out.waits(t, "On the page: berlin: loss.")
	v.ask("POST", "/demo/v1/heal", map[string]any{}, &lab)
	r.out.waits(t, "On the page: Everything is healed.")

	var prefs struct {
		Theme                        string
		StartAtLogin, LoginSupported bool
	}
	if status := v.ask("PATCH", "/agent/v1/prefs", map[string]any{"theme": "dark"}, &prefs); status != http.StatusOK || prefs.Theme != "dark" || prefs.LoginSupported {
		t.Errorf("got %d %+v, want a dark theme and no start at login", status, prefs)
	}
	if _, err := os.Stat(filepath.Join(r.demo.Dir(), "prefs.json")); err != nil {
		t.Errorf("the preferences are not kept in the demo's folder: %v", err)
	}
	if status := v.ask("PATCH", "/agent/v1/prefs", map[string]any{"startAtLogin": true}, &prefs); status != http.StatusConflict {
		t.Errorf("got %d for a demo that is to start at login, want %d", status, http.StatusConflict)
	}
}

// Who reads the page is not disturbed by faults that come by themselves.
func TestNobodyPressesAKeyWhileThePageIsOpen(t *testing.T) {
	t.Parallel()
	r := startPressing(t, 300*time.Millisecond)
	v := visitPage(t, r.page)
	var lab struct{ Network bool }
	began := time.Now()
	v.ask("GET", "/demo/v1/lab", nil, &lab)
	if strings.Contains(r.out.String(), "plays by itself now") {
		t.Skip("this computer took too long to open the page")
	}
	r.out.waits(t, "the demo plays by itself now")
	if took := time.Since(began); took < 3*time.Second {
		t.Errorf("the demo began %s after the page had asked", took)
	}
}

// A port that is taken is told, and nothing is left behind.
func TestDemoPort(t *testing.T) {
	t.Parallel()
	r := startPressing(t, time.Hour)
	port := strings.Trim(strings.TrimPrefix(r.page.host.URL(), "http://127.0.0.1:"), "/")
	code, _, stderr := runIn(t, nil, "", "demo", "--auto", "--port", port)
	if code != exitFailed || !strings.Contains(stderr, "serve the page") {
		t.Errorf("got exit code %d and %q for a port that is taken", code, stderr)
	}
}
