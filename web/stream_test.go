package web_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/web"
	"holdfast/web/api"
)

// message is one server-sent event.
type message struct {
	kind, id, data string
}

// reader reads a stream message by message.
type reader struct {
	lines *bufio.Reader
	close func() error
}

// listen opens a stream. A header or a query may be given as "Name: value" or
// "?a=b".
func (l *live) listen(where string) *reader {
	l.t.Helper()
	path, header, _ := strings.Cut(where, " ")
	req := l.request("GET", "/api/v1/stream"+path, "")
	if name, value, ok := strings.Cut(header, ": "); ok {
		req.Header.Set(name, value)
	}
	res, err := l.client.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != "text/event-stream" {
		l.t.Fatalf("got %d %s, want a stream", res.StatusCode, got)
	}
	l.t.Cleanup(func() { res.Body.Close() })
	return &reader{bufio.NewReader(res.Body), res.Body.Close}
}

// next is the next message or comment; an error at the end.
func (r *reader) next() (message, error) {
	var m message
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "event":
			m.kind = value
		case "id":
			m.id = value
		case "data":
			m.data = value
		case "":
			if line != "" {
				m.kind = "comment"
			} else if m != (message{}) {
				return m, nil
			}
		}
	}
}

func (r *reader) want(t *testing.T, kind string) message {
	t.Helper()
	m, err := r.next()
	if err != nil || m.kind != kind {
		t.Fatalf("got %+v, %v, want a %s", m, err, kind)
	}
	return m
}

func TestStreamBeginsWithASnapshotAndGoesOn(t *testing.T) {
	l := start(t, web.Operator)
	l.world.Happen(event.ServiceStarted, event.Woke)
	r := l.listen("")
	m := r.want(t, "snapshot")
	var st status.Status
	if err := json.Unmarshal([]byte(m.data), &st); err != nil || st.Overall != status.Off || m.id != "2" {
		t.Fatalf("got %+v, %v", m, err)
	}
	l.world.Happen(event.FailedOver)
	if m := r.want(t, "event"); m.id != "3" || !strings.Contains(m.data, `"kind":"failed_over"`) {
		t.Errorf("got %+v", m)
	}
	l.world.Change(func(s *status.Status) { s.Overall = status.Checking })
	if m := r.want(t, "status"); m.id != "" || !strings.Contains(m.data, `"overall":"checking"`) {
		t.Errorf("got %+v", m)
	}
}

// TestStreamOfFigures: at once, and then once a second, whatever else happens
// or does not.
func TestStreamOfFigures(t *testing.T) {
	l := start(t, web.Operator)
	r := l.listen("?figures=true")
	r.want(t, "snapshot")
	if m := r.want(t, "figures"); !strings.Contains(m.data, `"tunnel":"","rxBytes":0`) || m.id != "" {
		t.Errorf("without a tunnel: got %+v", m)
	}
	l.do("POST", "/api/v1/connect", `{"target":"home"}`)
	var f api.Figures
	for f.Tunnel == "" {
		m, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if m.kind == "figures" {
			if err := json.Unmarshal([]byte(m.data), &f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if f.Tunnel != "nl" || f.TxBytes != 2 || f.RTTMs == nil || *f.HandshakeAgeMs != 14000 || f.LastRoundTrip == nil {
		t.Errorf("got %+v", f)
	}
}

func TestStreamEndsWithTheService(t *testing.T) {
	l := start(t, web.Operator)
	r := l.listen("")
	r.want(t, "snapshot")
	close(l.world.Done)
	if m, err := r.next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %+v, %v, want the end", m, err)
	}
}

func TestStreamHeartbeatAndLostRole(t *testing.T) {
	l := startWith(t, web.Operator, func(d web.Deps) http.Handler {
		return web.NewWithWaits(d, time.Second, 20*time.Millisecond, time.Second)
	})
	r := l.listen("")
	r.want(t, "snapshot")
	r.want(t, "comment")
	r.want(t, "comment")
	l.role.Store(int32(web.Viewer))
	for {
		m, err := r.next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || m.kind != "comment" {
			t.Fatalf("got %+v, %v, want the end", m, err)
		}
	}
}

// TestStreamOutlivesTheWaitsOfOtherRequests: a stream has no end of its own.
func TestStreamOutlivesTheWaitsOfOtherRequests(t *testing.T) {
	l := start(t, web.Operator)
	r := l.listen("")
	r.want(t, "snapshot")
	<-time.After(400 * time.Millisecond) // longer than ReadHeaderTimeout here
	l.world.Happen(event.Woke)
	r.want(t, "event")
}

// TestReaderThatNeverReads is cut off, and holds nobody up meanwhile.
func TestReaderThatNeverReads(t *testing.T) {
	l := startWith(t, web.Operator, func(d web.Deps) http.Handler {
		return web.NewWithWaits(d, time.Second, time.Hour, 100*time.Millisecond)
	})
	deaf := l.dial()
	defer deaf.Close()
	if _, err := deaf.Write([]byte("GET /api/v1/stream HTTP/1.1\r\nHost: holdfast\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := deaf.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for i := range 200 {
		l.world.Change(func(s *status.Status) { s.Underlay = strings.Repeat("x", 20_000) + strconv.Itoa(i) })
		for range 20 {
			l.world.Happen(event.Woke)
		}
		if got := l.do("GET", "/api/v1/version", ""); got.code != 200 {
			t.Fatalf("meanwhile: got %d", got.code)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("others were held up: %s", took)
	}
	if n, err := io.Copy(io.Discard, deaf); err != nil || n > 8<<20 {
		t.Errorf("got %d bytes, %v, want the end of the stream", n, err)
	}
}

func TestTooManyStreams(t *testing.T) {
	l := start(t, web.Operator)
	var first *reader
	for i := range 256 {
		r := l.listen("")
		r.want(t, "snapshot")
		if i == 0 {
			first = r
		}
	}
	if got := l.do("GET", "/api/v1/stream", ""); got.code != 503 {
		t.Fatalf("one too many: got %d, want 503", got.code)
	}
	first.close()
	within(t, "a place is free again", func() bool {
		res, err := l.client.Get("http://holdfast/api/v1/stream")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == 200
	})
}

// TestStreamResumes: whatever happens while a reader is away, and wherever it
// is cut off, it gets every event once, in order.
func TestStreamResumes(t *testing.T) {
	l := start(t, web.Operator)
	l.world.Happen(event.ServiceStarted)
	rapid.Check(t, func(t *rapid.T) {
		last := l.world.Status().EventID
		r := l.listen("?after=" + strconv.FormatInt(last, 10))
		defer func() { r.close() }()
		r.next()
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			happen := rapid.IntRange(0, 40).Draw(t, "happen")
			seen := rapid.IntRange(0, happen).Draw(t, "seen")
			l.world.Happen(kinds(happen)...)
			last = readOn(t, r, last, seen)
			r.close()
			away := rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2, 3, 10, 20, 30, 50, 1500}).Draw(t, "away")
			l.world.Happen(kinds(away)...)
			where := fmt.Sprintf("?after=%d", last)
			if rapid.Bool().Draw(t, "by header") {
				where = fmt.Sprintf(" Last-Event-ID: %d", last)
			}
			r = l.listen(where)
			if m, err := r.next(); err != nil || m.kind != "snapshot" || m.id != strconv.FormatInt(last, 10) {
				t.Fatalf("got %+v, %v, want a snapshot that keeps the place", m, err)
			}
			last = readOn(t, r, last, happen-seen+away)
		}
	})
}

func kinds(n int) []event.Kind {
	return slices.Repeat([]event.Kind{event.Woke}, n)
}

// readOn reads n events and makes sure that each follows the one before.
func readOn(t *rapid.T, r *reader, last int64, n int) int64 {
	for range n {
		m, err := r.next()
		if err != nil || m.kind != "event" || m.id != strconv.FormatInt(last+1, 10) {
			t.Fatalf("got %+v, %v, want the event %d", m, err, last+1)
		}
		last++
	}
	return last
}

func TestStreamTellsOfAGap(t *testing.T) {
	l := start(t, web.Operator)
	l.world.Happen(kinds(3000)...)
	l.world.Forget(1500)
	r := l.listen("?after=1000")
	r.want(t, "snapshot")
	if m := r.want(t, "gap"); m.data != `{"from":1001,"to":1500}` {
		t.Errorf("got %+v", m)
	}
	for id := 1501; id <= 3000; id++ {
		if m := r.want(t, "event"); m.id != strconv.Itoa(id) {
			t.Fatalf("got %+v, want %d", m, id)
		}
	}
}

// TestStreamFromAnotherDatabase: an ID from the future is no reason to tell nothing.
func TestStreamFromAnotherDatabase(t *testing.T) {
	l := start(t, web.Operator)
	l.world.Happen(event.ServiceStarted)
	r := l.listen("?after=5000")
	if m := r.want(t, "snapshot"); m.id != "1" {
		t.Errorf("got %+v, want the place of this database", m)
	}
	l.world.Happen(event.Woke)
	if m := r.want(t, "event"); m.id != "2" {
		t.Errorf("got %+v", m)
	}
}

func TestLogsFollow(t *testing.T) {
	l := start(t, web.Operator)
	res, err := l.client.Do(l.request("GET", "/api/v1/logs?follow=true&lines=5", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	r := &reader{bufio.NewReader(res.Body), res.Body.Close}
	r.want(t, "line")
	if m := r.want(t, "line"); !strings.Contains(m.data, "later") {
		t.Errorf("got %+v, want the line that followed", m)
	}
}

// TestStreamFromTheBeginning: a reader who knows no event asks for those after 0.
func TestStreamFromTheBeginning(t *testing.T) {
	l := start(t, web.Operator)
	l.world.Happen(kinds(3000)...)
	r := l.listen("?after=0")
	r.want(t, "snapshot")
	for id := 1; id <= 3000; id++ {
		if m := r.want(t, "event"); m.id != strconv.Itoa(id) {
			t.Fatalf("got %+v, want %d", m, id)
		}
	}
}
