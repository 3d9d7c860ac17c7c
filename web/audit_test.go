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
