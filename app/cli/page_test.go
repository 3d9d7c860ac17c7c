//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPageFromTheCommandLine serves the page, opens it as another command would,
// and asks what the page asks first.
func TestPageFromTheCommandLine(t *testing.T) {
	f := startFake(t)
	dir, err := os.MkdirTemp("", "hf") // short: a socket's path has little room
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	out, in := io.Pipe()
	go func() {
		p := &program{in: strings.NewReader(""), out: in, err: io.Discard, env: func(string) string { return "" }}
		ended <- p.run(ctx, []string{"--socket", f.socket, "web", "--no-browser", "--read-only"})
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	page := strings.TrimSpace(line)

	var told bytes.Buffer
	p := &program{in: strings.NewReader(""), out: &told, err: io.Discard, env: func(string) string { return "" }}
	if code := p.run(ctx, []string{"--socket", f.socket, "open", "--print"}); code != exitDone {
		t.Fatalf("open --print: exit code %d", code)
	}
	token := redeem(t, page, strings.TrimSpace(told.String()))
	var status struct{ Overall string }
	if reply := ask(t, http.MethodGet, page+"api/v1/status", token); json.Unmarshal(reply, &status) != nil || status.Overall != "off" {
		t.Errorf("the status is %s", reply)
	}
	if reply := ask(t, http.MethodPost, page+"api/v1/connect", token); !strings.Contains(string(reply), "may only look") {
		t.Errorf("a change got %s", reply)
	}

	told.Reset()
	if code := p.run(ctx, []string{"--socket", f.socket, "open", "--print", "--link", "--json"}); code != exitDone {
		t.Fatalf("open --print --link: exit code %d", code)
	}
	if !regexp.MustCompile(`^{"schema":1,"address":"` + regexp.QuoteMeta(page) + `#c=[\w-]{43}"}\n$`).MatchString(told.String()) {
		t.Errorf("the link is %s", told.String())
	}
	cancel()
	if code := <-ended; code != exitDone {
		t.Errorf("web: exit code %d", code)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "holdfast", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// redeem opens the page by the file at an address, as a browser does.
func redeem(t *testing.T, page, address string) (token string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" {
		t.Fatalf("the address is %q", address)
	}
	text, err := os.ReadFile(u.Path)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`value="([\w-]{43})"`).FindSubmatch(text)
	if code == nil {
		t.Fatalf("there is no code in %s", text)
	}
	reply, err := http.PostForm(page+"session", url.Values{"code": {string(code[1])}})
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`name="holdfast-session" content="([\w-]{43})"`).FindSubmatch(body)
	if found == nil {
		t.Fatalf("got %s: %s", reply.Status, body)
	}
	return string(found[1])
}

// ask asks as the page does.
func ask(t *testing.T, method, url, token string) []byte {
	t.Helper()
	body := ""
	if method != http.MethodGet {
		body = "{}"
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	all, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
