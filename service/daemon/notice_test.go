package daemon

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/web"
	"holdfast/web/api"
)

// A caller who is refused does not wait, also where nobody writes it down.
func TestAuditDoesNotWait(t *testing.T) {
	d := &Daemon{log: slog.New(slog.DiscardHandler), refusals: make(chan event.Event, mostRefusals)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2 * mostRefusals {
			d.audit(web.AuditRecord{Code: api.NotPermitted, Verb: "POST /api/v1/connect"})
		}
		d.audit(web.AuditRecord{Verb: "POST /api/v1/connect"})
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the audit waits")
	}
	if n := len(d.refusals); n != mostRefusals {
		t.Errorf("%d refusals wait, want %d", n, mostRefusals)
	}
	if e := <-d.refusals; e.Kind != event.Denied || e.To != "POST /api/v1/connect" {
		t.Errorf("recorded: %+v", e)
	}
}

// What is told about the configuration is what is new about it.
func TestProblemsAreNews(t *testing.T) {
	var p problems
	bad := map[string]error{"nl.conf": errors.New("line 3")}
	if out := p.news(bad); len(out) != 1 || out[0].Kind != event.NoticeOpened || out[0].Evidence != "nl.conf: line 3" {
		t.Errorf("first: %+v", out)
	}
	if out := p.news(bad); len(out) != 0 {
		t.Errorf("again: %+v", out)
	}
	bad["nl.conf"] = errors.New("line 7")
	if out := p.news(bad); len(out) != 2 || out[0].Kind != event.NoticeCleared || out[1].Kind != event.NoticeOpened {
		t.Errorf("another line: %+v", out)
	}
	if out := p.news(nil); len(out) != 1 || out[0].Kind != event.NoticeCleared || out[0].Evidence != "nl.conf: line 7" {
		t.Errorf("repaired: %+v", out)
	}
}
