//go:build unix

package agent

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/app/prefs"
	"holdfast/web"
	"holdfast/web/webtest"
)

// patience bounds every wait of a test for a real socket.
const patience = 10 * time.Second

// rig is a host on real ports before the real API on a real socket.
type rig struct {
	t     testing.TB
	host  *Host
	world *webtest.World
	dir   string
	log   *buffer
	stop  func() // ends the host and waits for it

	mu     sync.Mutex
	role   web.Role
	seen   []*http.Request // what the service got
	opened []string        // what a browser was given
}

// start makes a rig; change may set options beforehand.
func start(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "page") // short: a socket's path has little room
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &rig{t: t, world: webtest.New(), dir: dir, log: &buffer{}, role: web.Admin}
	r.serveAPI(filepath.Join(dir, "s"))
	o := Options{
		Socket: filepath.Join(dir, "s"), RuntimeDir: filepath.Join(dir, "run"),
		Prefs: prefs.Open(filepath.Join(dir, "prefs.json")), Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Browse: func(url string) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.opened = append(r.opened, url)
			return nil
		},
	}
	for _, c := range change {
		c(&o)
	}
	if r.host, err = Listen(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.host.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(patience):
			t.Error("the host does not end")
		}
	})
	t.Cleanup(r.stop)
	return r
}

// serveAPI stands the API behind a socket and notes what comes in.
func (r *rig) serveAPI(socket string) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		r.t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	deps := r.world.Deps()
	deps.Done, deps.Log = r.world.Done, quiet
	api := web.New(deps)
	server := web.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.seen = append(r.seen, req.Clone(context.Background()))
		r.mu.Unlock()
		api.ServeHTTP(w, req)
	}), func(ctx context.Context, _ net.Conn) context.Context {
		return web.WithIdentity(ctx, func() web.Caller {
			r.mu.Lock()
			defer r.mu.Unlock()
			return web.Caller{Role: r.role, UID: os.Geteuid(), User: "tester"}
		})
	}, quiet)
	go server.Serve(listener) //nolint:errcheck // ends with the test
	r.t.Cleanup(func() { server.Close() })
}

func (r *rig) setRole(role web.Role) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.role = role
}

// arrived is what the service has got so far.
func (r *rig) arrived() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// fill puts what only the host knows into the text of a request.
func (r *rig) fill(text string) string {
	if strings.Contains(text, "{code}") {
		text = strings.ReplaceAll(text, "{code}", r.host.codes.mint(fileCodeLife, nil))
	}
	if strings.Contains(text, "{token}") {
		text = strings.ReplaceAll(text, "{token}", r.host.sessions.begin(r.host.opt.ReadOnly, "a test"))
	}
	port := strconv.Itoa(r.host.listen.port)
	text = strings.NewReplacer("{host}", "127.0.0.1:"+port, "{port}", port).Replace(text)
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	if strings.Contains(head, "{length}") {
		text = strings.Replace(head, "{length}", strconv.Itoa(len(body)), 1) + "\r\n\r\n" + body
	}
	return text
}

// answer is what came back on a connection until it was closed. Status 0: nothing.
type answer struct {
	status int
	header http.Header
	body   string
	rest   string // what came after the reply
}

// send writes the text of a request, as it is, and reads what comes.
func (r *rig) send(text string) answer {
	r.t.Helper()
	return r.sendTo("127.0.0.1", text)
}

func (r *rig) sendTo(address, text string) answer {
	r.t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort(address, strconv.Itoa(r.host.listen.port)))
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	text = r.fill(text)
	if _, err := io.WriteString(c, text); err != nil {
		return answer{}
	}
	method, _, _ := strings.Cut(text, " ")
	return readAnswer(r.t, c, method)
}

func readAnswer(t testing.TB, c net.Conn, method string) (a answer) {
	t.Helper()
	in := bufio.NewReader(c)
	reply, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return a
	}
	a.status, a.header = reply.StatusCode, reply.Header
	if reply.Header.Get("Content-Type") == "text/event-stream" {
		first, _ := in.ReadString('\n')
		a.body = first
		return a
	}
	body, err := io.ReadAll(reply.Body)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // of who still sends
		t.Errorf("read the reply: %v", err)
	}
	a.body = string(body)
	rest, err := io.ReadAll(in)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection was not closed")
	}
	a.rest = string(rest)
	return a
}

// get is a request as the page would send it.
func get(path string, more ...string) string {
	return request("GET", path, "", append([]string{"Sec-Fetch-Site: same-origin"}, more...)...)
}

// call is a change as the page would send it, with a session.
func call(method, path, body string) string {
	return request(method, path, body, "Origin: http://{host}", "Sec-Fetch-Site: same-origin", bearerLine,
		"Content-Type: application/json", "Content-Length: {length}")
}

// form is the form in the person's own file, as a browser sends it.
func form(body string) string {
	return request("POST", "/session", body, "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate",
		"Content-Type: "+formType, "Content-Length: {length}")
}

const bearerLine = "Authorization: Bearer {token}"

func request(method, path, body string, lines ...string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n%s\r\n\r\n%s", method, path, strings.Join(lines, "\r\n"), body)
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// eventually polls until a thing is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came about: %s", what)
		}
	}
}
