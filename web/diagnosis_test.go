package web_test

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"holdfast/web"
	"holdfast/web/api"
)

// diagnose asks for a diagnosis step by step.
func (l *live) diagnose() *reader {
	l.t.Helper()
	req := l.request("POST", "/api/v1/diagnosis/run", "{}")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Accept-Language", "de")
	res, err := l.client.Do(req)
	if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		l.t.Fatalf("got %v, %v, want a stream", res, err)
	}
	l.t.Cleanup(func() { res.Body.Close() })
	return &reader{bufio.NewReader(res.Body), res.Body.Close}
}

func TestDiagnosisStepByStep(t *testing.T) {
	l := start(t, web.Operator)
	r := l.diagnose()
	if m := r.want(t, "check"); m.data != `{"name":"router","result":"running","evidence":"","tookMs":0}` {
		t.Errorf("got %+v", m)
	}
	if m := r.want(t, "check"); m.data != `{"name":"router","result":"ok","evidence":"it answers","tookMs":3}` {
		t.Errorf("got %+v", m)
	}
	if m := r.want(t, "diagnosis"); !strings.Contains(m.data, `"code":"nothing_wrong","title":"Nichts von dem`) {
		t.Errorf("got %+v", m)
	}
	if m, err := r.next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %+v, %v, want the end", m, err)
	}
	if got := l.do("GET", "/api/v1/diagnosis", ""); got.code != 200 || !strings.Contains(got.body, `"title":"Nothing that`) {
		t.Errorf("afterwards: got %d %s", got.code, got.body)
	}
	within(t, "it is in the audit", func() bool { return len(l.world.Audits()) == 1 })
}

func TestDiagnosisThatFails(t *testing.T) {
	l := start(t, web.Operator)
	l.world.Fail(&api.Error{Code: api.Unavailable, Message: "Not now.", Hint: "Later."})
	r := l.diagnose()
	r.want(t, "check")
	r.want(t, "check")
	if m := r.want(t, "error"); m.data != `{"code":"unavailable","message":"Not now.","hint":"Later."}` {
		t.Errorf("got %+v", m)
	}
	l.world.Fail(nil)
	if got := l.do("POST", "/api/v1/diagnosis/run", "{}"); got.code != 200 {
		t.Errorf("the next: got %d %s", got.code, got.body)
	}
}
