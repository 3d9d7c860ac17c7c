package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/web"
	"holdfast/web/api"
	"holdfast/web/webtest"
)

// live is the API on a real socket, for callers of one role.
type live struct {
	t      *testing.T
	world  *webtest.World
	socket string
	role   atomic.Int32
	log    *lockedBuffer
	client *http.Client
}

func start(t *testing.T, role web.Role) *live {
	return startWith(t, role, func(d web.Deps) http.Handler { return web.New(d) })
}

func startWith(t *testing.T, role web.Role, build func(web.Deps) http.Handler) *live {
	t.Helper()
	l := &live{t: t, world: webtest.New(), socket: filepath.Join(t.TempDir(), "s"), log: &lockedBuffer{}}
	l.role.Store(int32(role))
	deps := l.world.Deps()
	deps.Log = slog.New(slog.NewTextHandler(l.log, nil))
	listener, err := net.Listen("unix", l.socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := web.NewServer(build(deps), func(ctx context.Context, _ net.Conn) context.Context {
		return web.WithIdentity(ctx, func() web.Caller {
			return web.Caller{Role: web.Role(l.role.Load()), UID: 1000, User: "ann"}
		})
	}, deps.Log)
	srv.ReadHeaderTimeout = 300 * time.Millisecond
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	t.Cleanup(func() {
		srv.Close()
		<-served
	})
	l.client = &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", l.socket) },
	}}
	t.Cleanup(l.client.CloseIdleConnections)
	return l
}

// reply is what came back.
type reply struct {
	code   int
	header http.Header
	body   string
	err    api.Error
}

// do sends a request as a proper client does.
func (l *live) do(method, path, body string) reply {
	l.t.Helper()
	return l.send(l.request(method, path, body))
}

func (l *live) request(method, path, body string) *http.Request {
	l.t.Helper()
	req, err := http.NewRequest(method, "http://holdfast"+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

func (l *live) send(req *http.Request) reply {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	res, err := l.client.Do(req.WithContext(ctx))
	if err != nil {
		l.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	return read(l.t, res)
}

func read(t *testing.T, res *http.Response) reply {
	t.Helper()
	defer res.Body.Close()
	r := reply{code: res.StatusCode, header: res.Header}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return r
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.body = string(body)
	if r.code >= 400 {
		if err := json.Unmarshal(body, &r.err); err != nil {
			t.Errorf("an error that is not JSON: %d %q", r.code, body)
		}
	}
	return r
}

// raw sends bytes as they are and returns what comes back until the end.
func (l *live) raw(text string) string {
	l.t.Helper()
	c := l.dial()
	defer c.Close()
	if _, err := c.Write([]byte(text)); err != nil {
		l.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return fmt.Sprintf("%d %s", res.StatusCode, body)
}

func (l *live) dial() net.Conn {
	l.t.Helper()
	c, err := net.Dial("unix", l.socket)
	if err != nil {
		l.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// within waits for something that must become true soon.
func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; {
		if is() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within 5 s: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}
