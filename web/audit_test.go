package web_test

import (
	"io"
	"strings"
	"testing"

	"holdfast/web"
)

// TestAuditHoldsNothingTheCallerChose: what is recorded of a refusal is the
// route, whatever stands in the request.
func TestAuditHoldsNothingTheCallerChose(t *testing.T) {
	l := start(t, web.Viewer)
	c := l.dial()
	defer c.Close()
	if _, err := io.WriteString(c, strings.Repeat("X", 3000)+" /api/v1/status HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Fatal(err)
	}
	within(t, "the refusal is in the audit", func() bool { return len(l.world.Audits()) == 1 })
	if a := l.world.Audits()[0]; len(a.Verb) > 40 || strings.Contains(a.Verb, "XX") {
		t.Errorf("the audit has %d bytes: %.50s", len(a.Verb), a.Verb)
	}
}

// TestStrangersCannotFillTheLog: whoever may do nothing cannot make the service
// write either, but for the first refusals.
func TestStrangersCannotFillTheLog(t *testing.T) {
	l := start(t, web.None)
	for _, text := range []string{
		"GET /api/v1/version?; HTTP/1.1\r\nHost: holdfast\r\n\r\n", "GET /\x01 HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: holdfast\r\n\r\n",
		"GET /api/v1/version HTTP/1.1\r\nHost: holdfast\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		"GET /api/v1/version HTTP/1.1\r\nHost: holdfast\r\nExpect: x\r\n\r\n", "GET  HTTP/9.9\r\n\r\n",
	} {
		c := l.dial()
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(c, make([]byte, 12))
		_ = c.Close()
	}
	if got := l.log.String(); got != "" {
		t.Errorf("got %s", got)
	}
}
