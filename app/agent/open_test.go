//go:build unix

package agent

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	codeInFile = regexp.MustCompile(`name="code" value="([\w-]{43})"`)
	tokenMeta  = regexp.MustCompile(`<meta name="holdfast-session" content="([\w-]{43})">`)
)

// readCode finds the file that a browser was given, and the code in it.
func readCode(t *testing.T, address string) (path, code string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" {
		t.Fatalf("the browser was given %s", address)
	}
	text, err := os.ReadFile(u.Path)
	if err != nil {
		t.Fatal(err)
	}
	found := codeInFile.FindSubmatch(text)
	if found == nil {
		t.Fatalf("there is no code in %s", text)
	}
	return u.Path, string(found[1])
}

// TestOpen goes the whole way: the file, the form, the page with its token, the
// first question; and the code is in no address, no log and no second use.
func TestOpen(t *testing.T) {
	r := start(t)
	if err := r.host.OpenBy(t.Context(), ByFile); err != nil {
		t.Fatal(err)
	}
	path, code := readCode(t, r.opened[0])
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	if strings.Contains(r.opened[0], code) {
		t.Error("the code is in what the browser is started with")
	}
	got := r.send(form("code=" + code))
	found := tokenMeta.FindStringSubmatch(got.body)
	if got.status != http.StatusOK || found == nil || got.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %v %s", got.status, got.header, got.body)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	bearer := strings.Replace(bearerLine, "{token}", found[1], 1)
	if got := r.send(get("/api/v1/status", bearer)); got.status != http.StatusOK {
		t.Errorf("the first question: got %d %s", got.status, got.body)
	}
	again := r.send(form("code=" + code))
	if again.status != http.StatusForbidden || tokenMeta.MatchString(again.body) || !strings.Contains(again.body, "holdfast open") {
		t.Errorf("a second time: got %d %s", again.status, again.body)
	}
	if log := r.log.String(); strings.Contains(log, code) || strings.Contains(log, found[1]) {
		t.Errorf("the log holds a secret: %s", log)
	}
}

// TestOpenByLink is the way for a browser that cannot read the file.
func TestOpenByLink(t *testing.T) {
	r := start(t)
	if err := r.host.OpenBy(t.Context(), ByLink); err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(r.opened[0], "/#c=")
	if !found {
		t.Fatalf("the browser was given %s", r.opened[0])
	}
	knock := without(bearerLine)(call("POST", "/session", `{"code":"`+code+`"}`))
	got := r.send(knock)
	if got.status != http.StatusOK || !strings.HasPrefix(got.body, `{"token":"`) {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	if got := r.send(knock); got.status != http.StatusForbidden || !strings.Contains(got.body, "bad_code") {
		t.Errorf("a second time: got %d %s", got.status, got.body)
	}
	if got := r.send(swap("same-origin", "cross-site")(knock)); got.body == "" || got.status != http.StatusForbidden {
		t.Errorf("from another site: got %d", got.status)
	}
}

// TestParallelRedemption: one of many connections gets a session.
func TestParallelRedemption(t *testing.T) {
	r := start(t)
	text := r.fill(form("code={code}"))
	var in atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if r.send(text).status == http.StatusOK {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 || len(r.host.sessions.list()) != 1 {
		t.Errorf("%d got in, %d sessions", in.Load(), len(r.host.sessions.list()))
	}
}

// TestGuessingOverTheWire: five wrong codes in a minute are answered, the sixth is
// told to wait.
func TestGuessingOverTheWire(t *testing.T) {
	r := start(t)
	for i := range maxWrong + 2 {
		want := http.StatusForbidden
		if i >= maxWrong {
			want = http.StatusTooManyRequests
		}
		if got := r.send(form("code=guess")); got.status != want {
			t.Errorf("guess %d: got %d, want %d", i, got.status, want)
		}
	}
	if got := r.send(form("code={code}")); got.status != http.StatusOK {
		t.Errorf("the right one: got %d", got.status)
	}
}

// TestSecretsOfAnotherHost: a code and a token are good for the host that made them.
func TestSecretsOfAnotherHost(t *testing.T) {
	r, other := start(t), start(t)
	token := strings.Replace(bearerLine, "{token}", other.host.sessions.begin(false, ""), 1)
	if got := r.send(get("/api/v1/status", token)); got.status != http.StatusUnauthorized {
		t.Errorf("the token: got %d", got.status)
	}
	if got := other.send(get("/api/v1/status", token)); got.status != http.StatusOK {
		t.Errorf("the token where it is from: got %d", got.status)
	}
	code := other.host.codes.mint(fileCodeLife, nil)
	if got := r.send(form("code=" + code)); got.status != http.StatusForbidden {
		t.Errorf("the code: got %d", got.status)
	}
	if got := other.send(form("code=" + code)); got.status != http.StatusOK {
		t.Errorf("the code where it is from: got %d", got.status)
	}
}

// TestFileIsTakenBack when nobody used it in time, and when the host ends.
func TestFileIsTakenBack(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var f handovers
		mint := func(func()) string { return "a" }
		path, err := f.write(dir, "http://127.0.0.1/session", mint)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(fileCodeLife - time.Nanosecond)
		synctest.Wait()
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("too soon: %v", err)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is still there: %v", err)
		}
		if _, err = f.write(dir, "http://127.0.0.1/session", mint); err != nil {
			t.Fatal(err)
		}
		f.close()
		if _, err = f.write(dir, "http://127.0.0.1/session", mint); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// TestSweep: what a host that was killed left is removed, what is new is not.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{"open-1.html": time.Hour, "open-2.html": 0, "other.html": time.Hour} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if at := time.Now().Add(-age); os.Chtimes(path, at, at) != nil {
			t.Fatal("the file has no other time")
		}
	}
	new(handovers).sweep(dir)
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 2 || filepath.Base(left[0]) != "open-2.html" {
		t.Errorf("left are %v", left)
	}
}

// TestDoor: `holdfast open` reaches the host of the service it means.
func TestDoor(t *testing.T) {
	r := start(t)
	dir, socket := r.host.opt.RuntimeDir, r.host.opt.Socket
	url, err := Knock(t.Context(), dir, socket, ByFile)
	if err != nil || url != r.host.URL() {
		t.Fatalf("got %s, %v", url, err)
	}
	if path, _ := readCode(t, r.opened[0]); filepath.Dir(path) != r.host.dir {
		t.Errorf("the code is in %s", path)
	}
	address, err := KnockForAddress(t.Context(), dir, socket, ByFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, code := readCode(t, address); r.send(form("code="+code)).status != http.StatusOK {
		t.Error("the printed code is not good")
	}
	if len(r.opened) != 1 {
		t.Errorf("the browser was opened %d times", len(r.opened))
	}
	if _, err := Knock(t.Context(), dir, socket+"-other", ByFile); !errors.Is(err, ErrNoHost) {
		t.Errorf("of another service: got %v", err)
	}
	r.stop()
	if _, err := Knock(t.Context(), dir, socket, ByFile); !errors.Is(err, ErrNoHost) {
		t.Errorf("when the host has ended: got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.host.dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestOpenNotice: the form leads to the notice's place on the page, and to the
// page's beginning where there is none.
func TestOpenNotice(t *testing.T) {
	r := start(t)
	for id, want := range map[int64]string{0: r.host.URL() + "session", 17: r.host.URL() + "session#/now/17"} {
		r.opened = nil
		if err := r.host.OpenNotice(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		path, _ := readCode(t, r.opened[0])
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), `action="`+want+`"`) {
			t.Errorf("notice %d: no form for %s in %s", id, want, text)
		}
	}
}

// TestSecondHost serves on a port of its own; the door stays the first one's.
func TestSecondHost(t *testing.T) {
	first := start(t)
	second := start(t, func(o *Options) {
		o.Socket, o.RuntimeDir = first.host.opt.Socket, first.host.opt.RuntimeDir
	})
	if !first.host.HasDoor() || second.host.HasDoor() {
		t.Fatal("the door is not the first one's")
	}
	second.stop()
	if url, err := Knock(t.Context(), first.host.opt.RuntimeDir, first.host.opt.Socket, ByFile); err != nil || url != first.host.URL() {
		t.Errorf("got %s, %v", url, err)
	}
	first.stop()
	third := start(t, func(o *Options) {
		o.Socket, o.RuntimeDir = first.host.opt.Socket, first.host.opt.RuntimeDir
	})
	if !third.host.HasDoor() {
		t.Error("the door of a host that ended is not free")
	}
}

// TestDoorOfAKilledHost is taken over.
func TestDoorOfAKilledHost(t *testing.T) {
	r := start(t)
	dir, socket := r.host.opt.RuntimeDir, r.host.opt.Socket
	r.stop()
	if err := os.WriteFile(doorPath(dir, socket), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again := start(t, func(o *Options) { o.Socket, o.RuntimeDir = socket, dir })
	if !again.host.HasDoor() {
		t.Error("the door was not taken over")
	}
}

// TestFolderOfOthers: codes are put nowhere where somebody else could read them.
func TestFolderOfOthers(t *testing.T) {
	for name, make := range map[string]func(dir string) error{
		"one that others may enter": func(dir string) error { return os.Mkdir(dir, 0o755) },
		"a link":                    func(dir string) error { return os.Symlink(filepath.Dir(dir), dir) },
		"a file":                    func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
	} {
		dir := filepath.Join(t.TempDir(), "run")
		if err := make(dir); err != nil {
			t.Fatal(err)
		}
		if h, err := Listen(Options{Socket: "s", RuntimeDir: dir}); err == nil {
			t.Errorf("%s was used: %v", name, h)
		}
		if _, err := Knock(context.Background(), dir, "s", ByFile); err == nil || errors.Is(err, ErrNoHost) {
			t.Errorf("%s was asked: %v", name, err)
		}
	}
}
