package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"

	"holdfast/service/event"
	"holdfast/web/api"
)

func TestRouteAndRuleMustMatch(t *testing.T) {
	nobody := func(http.ResponseWriter, *http.Request) {}
	complete := func() chi.Router {
		r := chi.NewRouter()
		for _, rule := range Rules() {
			r.MethodFunc(rule.Method, rule.Pattern, nobody)
		}
		return r
	}
	if got := panics(func() { mustMatch(complete()) }); got != nil {
		t.Errorf("every route with a rule: panic %v", got)
	}
	more := complete()
	more.MethodFunc("POST", "/api/v1/more", nobody)
	if panics(func() { mustMatch(more) }) == nil {
		t.Error("a route without a rule: no panic")
	}
	other := complete()
	other.MethodFunc("PUT", "/api/v1/status", nobody)
	if panics(func() { mustMatch(other) }) == nil {
		t.Error("a method without a rule: no panic")
	}
	if panics(func() { mustMatch(chi.NewRouter()) }) == nil {
		t.Error("rules without routes: no panic")
	}
	for _, rule := range Rules() {
		if rule.Role < None || rule.Role > Admin || rule.Summary == "" {
			t.Errorf("%s %s: role %d, summary %q", rule.Method, rule.Pattern, rule.Role, rule.Summary)
		}
	}
}

func panics(f func()) (with any) {
	defer func() { with = recover() }()
	f()
	return nil
}

func TestRolesAreOrdered(t *testing.T) {
	var zero Role
	if got := []Role{zero, None, Viewer, Operator, Admin}; !slices.IsSorted(got) || len(slices.Compact(got)) != 5 {
		t.Errorf("the roles are not in order: %v", got)
	}
	for _, r := range []Role{None, Viewer, Operator, Admin} {
		if got := ParseRole(r.String()); got != r {
			t.Errorf("got %v, want %v", got, r)
		}
	}
	if got := ParseRole("root"); got != None {
		t.Errorf("an unknown word: got %v, want none", got)
	}
}

func TestFiguresAreEscaped(t *testing.T) {
	m := &figures{}
	m.family("x", "gauge", "a \\ b\nc")
	m.add(1.5, "name", "quote \" slash \\ line\nend\xff", "b", "2")
	want := "# HELP holdfast_x a \\\\ b\\nc\n# TYPE holdfast_x gauge\nholdfast_x{name=\"quote \\\" slash \\\\ line\\nend\uFFFD\",b=\"2\"} 1.5\n"
	if got := m.text.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRedactor(t *testing.T) {
	r := newRedactor([]string{"vpn.example.net", "example.net", "10.0.0.1", "ab"})
	for _, c := range []struct{ text, want string }{
		{"8.8.8.8:53", "8.8.x.x:53"},
		{"10.1.2.3 192.168.1.1 127.0.0.1 0.0.0.0/0 169.254.1.1", "10.1.2.3 192.168.1.1 127.0.0.1 0.0.0.0/0 169.254.1.1"},
		{"[2001:db8:1:2::9]:51820", "[2001:db8:x]:51820"},
		{"ask 2a00:1450:4001:80b::200e: no answer", "ask 2a00:1450:x: no answer"},
		{"ask 2a00:1450:4001:80b:1:2:3:4: no answer", "ask 2a00:1450:x: no answer"},
		{"addr:2a00:1450:4001:80b::200e", "addr:2a00:1450:x"},
		{"12:34:56: 0:0: and ab:cd:ef:", "12:34:56: 0:0: and ab:cd:ef:"},
		{"::ffff:8.8.4.4", "::ffff:8.8.x.x"},
		{"fe80::1 ::1 ::/0 fd00::1", "fe80::1 ::1 ::/0 fd00::1"},
		{"2a00:1450:4001:80b::200e", "2a00:1450:x"},
		{"at 12:34:56 and 2026-03-01T12:00:00Z", "at 12:34:56 and 2026-03-01T12:00:00Z"},
		{"mac 00:1b:63:84:45:e6", "mac (hardware address)"},
		{"k=xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg= " + strings.Repeat("0a", 32), "k=(key) (key)"},
		{`/home/ann/x /Users/ann "C:\\Users\\Ann\\x"`, `/home/(user)/x /Users/(user) "C:\\Users\\(user)\\x"`},
		{"version 1.26.8 and 999.1.1.1", "version 1.26.8 and 999.1.1.1"},
	} {
		if got := r.redact(c.text); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
	if got := newRedactor([]string{"vpn.example.net."}).redact("lookup vpn.example.net: none"); strings.Contains(got, "example") {
		t.Errorf("got %q, want no name that was configured with the dot at its end", got)
	}
	got := r.redact("VPN.example.NET and vpn.example.net and example.net")
	words := strings.Split(got, " and ")
	if words[0] != words[1] || words[0] == words[2] || strings.Contains(got, "example") {
		t.Errorf("got %q, want one word for each host", got)
	}
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(2, time.Second)
		take := func(who string, want bool, wantRefused int) {
			t.Helper()
			if got, refused := l.take(who, time.Now()); got != want || refused != wantRefused {
				t.Errorf("got %v, %d, want %v, %d", got, refused, want, wantRefused)
			}
		}
		take("a", true, 0)
		take("a", true, 0)
		take("a", false, 0)
		take("a", false, 0)
		take("b", true, 0)
		time.Sleep(time.Second)
		take("a", true, 2)
		take("a", false, 0)
		for i := range 10 * maxPersons {
			l.take(string(rune('A'+i)), time.Now())
		}
		if len(l.persons) > maxPersons {
			t.Errorf("%d persons are remembered", len(l.persons))
		}
	})
}

func TestHub(t *testing.T) {
	h := NewHub()
	var id int64
	publish := func(n int) {
		for range n {
			id++
			h.Publish([]event.Event{{ID: id, Kind: event.Woke}})
		}
	}
	publish(5000)
	backlog, ch, cancel := h.SubscribeEvents(10)
	if len(backlog) != hubRing || backlog[0].ID != 5000-hubRing+1 {
		t.Errorf("got %d events from %d, want the latest %d", len(backlog), backlog[0].ID, hubRing)
	}
	publish(1)
	if e := <-ch; e.ID != 5001 {
		t.Errorf("got %d, want the event after the backlog", e.ID)
	}
	slow, fine, stop := h.SubscribeEvents(id)
	if len(slow) != 0 {
		t.Errorf("got %d events after the last", len(slow))
	}
	publish(hubQueue)
	stop()
	publish(1) // one more than ch has room for
	n := 0
	for range ch {
		n++
	}
	if n != hubQueue {
		t.Errorf("a slow reader got %d events before its end, want %d", n, hubQueue)
	}
	cancel() // after the end: nothing
	if len(fine) != hubQueue || len(h.subs) != 0 {
		t.Errorf("got %d events and %d subscribers", len(fine), len(h.subs))
	}
	if h.LastEventID() != id || h.Counts()[event.Woke] != uint64(id) {
		t.Errorf("got %d, %d, want %d", h.LastEventID(), h.Counts()[event.Woke], id)
	}
}

func TestBusyIsAReply(t *testing.T) {
	text := string(Busy())
	_, body, _ := strings.Cut(text, "\r\n\r\n")
	var e api.Error
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Code != api.Unavailable {
		t.Errorf("got %q, %v", text, err)
	}
}

// FuzzDecodeBody: no body is a crash, and what is taken says everything once:
// written again and read again it is the same.
func FuzzDecodeBody(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"name":"a","text":"b","overwrite":true}`, `{"name":"a","name":"b"}`, `{"Name":"a"}`, `[1]`, `{"name":[[[]]]}`,
		`{"text":"\ud800"}`, `{"name":null}`, `{"n\u0061me":"x"}`, "{\"name\":\"\xff\"}", `{"name":"a"}{}`, ``, ` `, `{"text":1e999}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodeBody[api.Import](body)
		if err != nil {
			if api.CodeOf(err) != api.Invalid {
				t.Errorf("got %v, want invalid", err)
			}
			return
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		same, err := decodeBody[api.Import](again)
		if err != nil || same != got {
			t.Errorf("%q: got %+v, %v, want %+v", again, same, err, got)
		}
		_, _ = decodeBody[map[string]string](body)
		_, _ = decodeBody[api.Members](body)
	})
}

func TestDeniedNamesTheWayIn(t *testing.T) {
	for _, c := range []struct {
		os   string
		user string
		role Role
		need Role
		want string
	}{
		{"linux", "ann", Viewer, Operator, "usermod -aG holdfast ann"},
		{"linux", "4242", Viewer, Operator, "usermod -aG holdfast USER"},
		{"linux", "ann; reboot", Viewer, Admin, "usermod -aG holdfast USER"},
		{"darwin", "ann", Viewer, Operator, "dseditgroup -o edit -a ann -t user holdfast"},
		{"windows", "HOST\\ann", Viewer, Operator, "\"Network Configuration Operators\" USER /add"},
		{"plan9", "ann", None, Viewer, "to the group holdfast."},
		{"linux", "ann", Operator, Admin, "as an administrator"},
	} {
		s := newServer(Deps{Version: api.Version{OS: c.os}})
		e, _ := errors.AsType[*api.Error](s.denied(Caller{Role: c.role, User: c.user}, c.need))
		if e == nil || e.Code != api.NotPermitted || !strings.Contains(e.Hint, c.want) {
			t.Errorf("%s, %s: got %+v, want %q", c.os, c.user, e, c.want)
		}
	}
}

// TestRefusedCannotFillTheHistory: each refusal is an event that is kept for a
// year, and anybody may be refused as often as they like. What an operator
// changes is told of meanwhile.
func TestRefusedCannotFillTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records []AuditRecord
		s := newServer(Deps{Audit: func(r AuditRecord) { records = append(records, r) }})
		for range 3600 {
			s.record(visit{caller: Caller{Role: Viewer, UID: 1000}, code: api.NotPermitted})
			time.Sleep(time.Second)
		}
		if n := len(records); n < denialBurst || n > denialBurst+60 {
			t.Errorf("got %d records in an hour, want the first %d and one a minute", n, denialBurst)
		}
		if last := records[len(records)-1]; last.Suppressed != 59 {
			t.Errorf("got %+v, want the number of those that were left out", last)
		}
		records = nil
		s.record(visit{caller: Caller{Role: Operator, UID: 1000}, changes: true})
		if len(records) != 1 {
			t.Error("a change was left out")
		}
	})
}

// TestRedactorOfManyNames: providers give their customers hundreds of servers.
func TestRedactorOfManyNames(t *testing.T) {
	var hosts []string
	var log strings.Builder
	for i := range 300 {
		hosts = append(hosts, fmt.Sprintf("Server-%d.city.provider.example", i))
		fmt.Fprintf(&log, "2026-01-01T00:00:00Z info a member answered: tunnel=nl endpoint=server-%d.city.provider.example:51820 rtt=20ms\n", i)
	}
	got := newRedactor(hosts).redact(log.String())
	if strings.Contains(got, "provider") || strings.Count(got, "host-") != 300 {
		t.Errorf("got %d names", strings.Count(got, "host-"))
	}
}

// BenchmarkRedact has a thousand names and 600 kB of log.
func BenchmarkRedact(b *testing.B) {
	var hosts []string
	var log strings.Builder
	for i := range 1000 {
		hosts = append(hosts, fmt.Sprintf("server-%d.city.provider.example", i))
	}
	for i := range 5000 {
		fmt.Fprintf(&log, "2026-01-01T00:00:00Z info a member answered: tunnel=nl endpoint=%s:51820 rtt=20ms\n", hosts[i%1000])
	}
	r := newRedactor(hosts)
	b.SetBytes(int64(log.Len()))
	for b.Loop() {
		r.redact(log.String())
	}
}

func TestWantedLanguage(t *testing.T) {
	for header, want := range map[string]event.Language{
		"": event.English, "en": event.English, "de": event.German, "DE-ch": event.German, "fr, de;q=0.8, en;q=0.7": event.German,
		"de;q=0.2, en;q=0.3": event.English, "de;q=0": event.English, "de;q=x": event.English, "de;q=NaN": event.English,
		"*": event.English, "*;q=0.1, de;q=0.2": event.German, ";;,,": event.English, "deutsch": event.English, "de_DE": event.English,
		strings.Repeat("fr,", 20) + "de": event.English, "de ; q=0.9": event.German,
	} {
		if got := wanted([]string{header}); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}
