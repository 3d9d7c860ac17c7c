//go:build unix

package agent

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dial opens a connection to a host that says nothing.
func (r *rig) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(r.host.listen.port)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// TestOnLoopbackOnly: of this computer's addresses, none but loopback's answers.
func TestOnLoopbackOnly(t *testing.T) {
	r := start(t)
	for _, l := range r.host.listen.listeners {
		at := netip.MustParseAddrPort(l.Addr().String())
		if !at.Addr().IsLoopback() || at.Port() != uint16(r.host.listen.port) {
			t.Errorf("it listens on %s", at)
		}
	}
	if got := r.send(page); got.status != http.StatusOK {
		t.Errorf("on 127.0.0.1: got %d", got.status)
	}
	if len(r.host.listen.listeners) == 2 {
		if got := r.sendTo("::1", strings.Replace(page, "{host}", "[::1]:{port}", 1)); got.status != http.StatusOK {
			t.Errorf("on ::1: got %d", got.status)
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		at, err := netip.ParsePrefix(a.String())
		if err != nil || at.Addr().IsLoopback() || at.Addr().IsLinkLocalUnicast() {
			continue
		}
		c, err := net.DialTimeout("tcp", net.JoinHostPort(at.Addr().String(), strconv.Itoa(r.host.listen.port)), time.Second)
		if err == nil {
			c.Close()
			t.Errorf("it answers on %s", at.Addr())
		}
	}
}

// TestTakenPort: half a port is not enough, for the other half could pose as us.
func TestTakenPort(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		taken, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("no %s here", address)
			continue
		}
		defer taken.Close()
		port := taken.Addr().(*net.TCPAddr).Port
		if l, err := listenLoopback(port); err == nil {
			l.close()
			t.Errorf("a port that is taken on %s was used", address)
		}
	}
}

// TestUnknownCallers: a host that cannot tell who calls does not begin to serve.
func TestUnknownCallers(t *testing.T) {
	l, err := listenLoopback(0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	early, err := net.Dial("tcp", l.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	unknown, asked := errors.New("nobody knows"), 0
	err = l.knowsCallers(func(c net.Conn) error {
		if asked++; c.RemoteAddr().String() == early.LocalAddr().String() {
			t.Error("it asked about another's connection")
		}
		return unknown
	})
	if !errors.Is(err, unknown) || asked != 1 {
		t.Errorf("got %v after %d questions", err, asked)
	}
	if err := l.knowsCallers(isOwn); err != nil {
		t.Errorf("our own: %v", err)
	}
}

// TestSilentConnections are closed: 200 that send a byte of a head now and then
// are gone within the time for a head, and others are served meanwhile.
func TestSilentConnections(t *testing.T) {
	t.Parallel()
	r := start(t)
	const slow = 100 // as many as leave room for who behaves
	begun := time.Now()
	for range 2 {
		var conns []net.Conn
		for range slow {
			c := r.dial()
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		took := time.Now()
		if got := r.send(page); got.status != http.StatusOK {
			t.Errorf("meanwhile: got %d", got.status)
		}
		if d := time.Since(took); d > time.Second {
			t.Errorf("meanwhile an answer took %s", d)
		}
		for _, c := range conns {
			_, _ = io.WriteString(c, "x")
			c.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("a silent connection lives on: %v", err)
			}
		}
	}
	if d := time.Since(begun); d < 2*headerWait || d > 2*headerWait+4*time.Second {
		t.Errorf("it took %s to be rid of %d, twice", d, slow)
	}
	eventually(t, "their places are free", func() bool { return len(r.host.listen.seats) == 0 })
}

// TestFullHouse: one connection too many is closed, and the next is let in as
// soon as another leaves.
func TestFullHouse(t *testing.T) {
	r := start(t)
	var conns []net.Conn
	for range maxConns {
		conns = append(conns, r.dial())
	}
	eventually(t, "all places are taken", func() bool { return len(r.host.listen.seats) == maxConns })
	extra := r.dial()
	extra.SetReadDeadline(time.Now().Add(patience))
	if n, err := extra.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("one too many was let in: %v", err)
	}
	conns[0].Close()
	eventually(t, "a place is free", func() bool { return len(r.host.listen.seats) < maxConns })
	if got := r.send(page); got.status != http.StatusOK {
		t.Errorf("then: got %d", got.status)
	}
}

// TestManyStreams: streams leave room for questions.
func TestManyStreams(t *testing.T) {
	r := start(t)
	token := r.host.sessions.begin(false, "")
	for range maxStreams {
		r.openStream(token)
	}
	if got := r.send(follow); got.status != http.StatusServiceUnavailable {
		t.Errorf("one too many: got %d", got.status)
	}
	if got := r.send(look); got.status != http.StatusOK {
		t.Errorf("a question: got %d %s", got.status, got.body)
	}
}

// TestSlowBody is cut off, and nothing is done with half of it.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.dial()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, r.fill(swap("{length}", "3")(act))); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if got := readAnswer(t, c, "POST"); got.status != http.StatusBadRequest {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if d := time.Since(begun); d < bodyWait || d > bodyWait+3*time.Second {
		t.Errorf("it took %s", d)
	}
	if len(r.arrived()) > 0 {
		t.Error("the service was asked")
	}
}

// TestUnsentBody: who is turned away need not send the rest, and holds no place
// by not sending it.
func TestUnsentBody(t *testing.T) {
	t.Parallel()
	r := start(t)
	for name, change := range map[string]func(string) string{
		"without a session": swap(bearerLine+"\r\n", ""),
		"from another page": swap("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-site"),
	} {
		c := r.dial()
		c.SetDeadline(time.Now().Add(patience))
		text := strings.Replace(change(act), "Connection: close\r\n", "", 1)
		if _, err := io.WriteString(c, r.fill(swap("{length}", "10")(text))); err != nil {
			t.Fatal(err)
		}
		if got := readAnswer(t, c, "POST"); got.status != http.StatusUnauthorized && got.status != http.StatusForbidden {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	eventually(t, "their places are free", func() bool { return len(r.host.listen.seats) == 0 })
}

// TestEveryStreamIsOne: however its query says so.
func TestEveryStreamIsOne(t *testing.T) {
	for target, want := range map[string]bool{
		"/api/v1/stream": true, "/api/v1/logs?follow=true": true, "/api/v1/logs?follow=1": true, "/api/v1/logs?lines=5&follow=T": true,
		"/api/v1/logs": false, "/api/v1/logs?follow=false": false, "/api/v1/logs?follow=": false, "/api/v1/status": false,
	} {
		if got := wantsStream(httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)); got != want {
			t.Errorf("%s: got %v", target, got)
		}
	}
}

// TestPanicIsTold: it ends the connection, shows the caller nothing, and is in the log.
func TestPanicIsTold(t *testing.T) {
	broken := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a flaw") })
	r := start(t, func(o *Options) { o.Demo = broken })
	if got := r.send(get("/demo/v1/lab", bearerLine)); got.status != 0 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if log := r.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "a flaw") {
		t.Errorf("the log has %s", log)
	}
}

// TestLongReply: what is done with a body may take longer than sending it.
func TestLongReply(t *testing.T) {
	t.Parallel()
	r := start(t, func(o *Options) {
		o.Demo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
				w.WriteHeader(http.StatusServiceUnavailable)
			case <-time.After(bodyWait + time.Second):
			}
		})
	})
	if got := r.send(call("POST", "/demo/v1/break", "{}")); got.status != http.StatusOK {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

// TestNothingIsLeft: every goroutine of a host ends with it, its streams' too.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	r := start(t)
	token := r.host.sessions.begin(false, "")
	for range 8 {
		in, _ := r.openStream(token)
		if err := until(t, in, "event: snapshot"); err != nil {
			t.Fatal(err)
		}
		r.send(look)
		r.dial()
	}
	if err := r.host.OpenBy(t.Context(), ByFile); err != nil {
		t.Fatal(err)
	}
	r.stop()
	close(r.world.Done)
	const api = 2 // the goroutines that serve the API until the test ends
	defer func() {
		if t.Failed() {
			stacks := make([]byte, 1<<20)
			t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
		}
	}()
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= before+api })
}
