package main

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"holdfast/service/event"
	"holdfast/service/lab"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// Every fault can be reached by exactly one key, and none by a key that means
// something else.
func TestEveryFaultHasAKey(t *testing.T) {
	first, others := menu()
	faults, keys := map[lab.Fault]int{}, map[byte]int{}
	for _, c := range append(first, others...) {
		faults[c.fault.Key]++
		keys[c.key]++
		if strings.IndexByte("nhoq?\t\x03\x04\x1b", c.key) >= 0 || c.key > '~' || c.key < ' ' {
			t.Errorf("%s has the key %q, which means something else", c.fault.Key, c.key)
		}
		if got, ok := chosen(c.key); !ok || got.Key != c.fault.Key {
			t.Errorf("key %q: got %s, want %s", c.key, got.Key, c.fault.Key)
		}
	}
	for _, f := range lab.Faults() {
		if faults[f.Key] != 1 {
			t.Errorf("%s has %d keys, want 1", f.Key, faults[f.Key])
		}
	}
	for key, n := range keys {
		if n != 1 {
			t.Errorf("key %q stands for %d faults", key, n)
		}
	}
	if _, ok := chosen('q'); ok {
		t.Error("q stands for a fault")
	}
}

func TestStepWords(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"0s break berlin restart", "berlin: server restart. The server starts anew and has forgotten every session."},
		{"0s heal berlin", "berlin: everything is healed."},
		{"0s heal berlin loss mtu", "berlin: healed of loss, small MTU."},
		{"0s network off", "This computer has no network any more."},
		{"0s network on", "This computer has a network again."},
		{"0s say Berlin goes dark.", "Berlin goes dark."},
		{"0s end", ""},
	} {
		script, err := lab.ParseScript([]byte(tt.line))
		if err != nil {
			t.Fatal(err)
		}
		if got := stepWords(script[0]); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.line, got, tt.want)
		}
	}
	if got := faultNamed("no such"); got.Name != "no such" {
		t.Errorf("got %q for an unknown fault", got.Name)
	}
}

func TestMetWords(t *testing.T) {
	for _, tt := range []struct {
		o    lab.Outcome
		want string
	}{
		{lab.Outcome{Step: lab.Step{Verb: lab.VerbExpect, Subject: lab.SubjectActive, Want: "paris"}, Took: 5130 * time.Millisecond},
			"✓ as expected, paris is in use after 5.1 s"},
		{lab.Outcome{Step: lab.Step{Verb: lab.VerbExpect, Subject: lab.SubjectOverall, Want: "offline"}, Took: 20 * time.Millisecond},
			"✓ as expected, offline"},
	} {
		if got := metWords(tt.o); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestEventWords(t *testing.T) {
	for _, tt := range []struct {
		e             event.Event
		words, colour string
	}{
		{event.Event{Kind: event.ServiceStarted}, "", ""},
		{event.Event{Kind: event.NoticeCleared, From: "failed_over"}, "", ""},
		{event.Event{Kind: event.NoticeOpened, To: "failed_over"}, "", yellow},
		{event.Event{Kind: event.NoticeOpened, To: "sign_in"},
			"Notice: This network wants a sign-in. A sign-in page stands before the internet. " +
				"The tunnel is at rest until you have passed it. Let traffic pass for a while (holdfast guard pause), open a browser and sign in.", yellow},
		{event.Event{Kind: event.FailedOver, From: "berlin", To: "paris", Cause: tunnel.Unanswered, DowntimeMs: 5000},
			"Switched from berlin to paris: the tunnel carries nothing.", bold},
		{event.Event{Kind: event.VerdictChanged, Tunnel: "paris", From: "unknown", To: "healthy"}, "paris is healthy.", green},
		{event.Event{Kind: event.VerdictChanged, Tunnel: "paris", To: "unhealthy", Cause: tunnel.HandshakeTimeout},
			"paris is unhealthy: no answer from the server.", red},
		{event.Event{Kind: event.Held, To: event.HeldAllSilent}, "Holding: no other member answers.", yellow},
		{event.Event{Kind: event.StateChanged, Tunnel: "oslo", To: "up"}, "oslo is up.", ""},
	} {
		words, colour := eventWords(tt.e)
		if words != tt.words || colour != tt.colour {
			t.Errorf("got %q in %q, want %q in %q", words, colour, tt.words, tt.colour)
		}
	}
}

func TestStateLine(t *testing.T) {
	via := func(o status.Overall) status.Status {
		return status.Status{Overall: o, Active: &status.Active{Tunnel: "berlin"}}
	}
	for _, tt := range []struct {
		s       status.Status
		c       lab.TrafficCounts
		silence time.Duration
		want    string
	}{
		{status.Status{Overall: status.Connecting}, lab.TrafficCounts{}, 0, "connecting"},
		{via(status.Protected), lab.TrafficCounts{RTT: 19400 * time.Microsecond}, 0, "protected via berlin · ping 19 ms"},
		{via(status.Checking), lab.TrafficCounts{RTT: time.Millisecond}, 3900 * time.Millisecond, "checking via berlin · no ping answered for 3 s"},
	} {
		if got := stateLine(tt.s, tt.c, tt.silence); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	if got := paintState(paint{on: true}, "offline via berlin", status.Offline); got != "\x1b[31moffline\x1b[0m via berlin" {
		t.Errorf("got %q", got)
	}
}

func TestSummaryWords(t *testing.T) {
	for _, tt := range []struct {
		switches, answered, otherwise int
		o                             outages
		want                          []string
	}{
		{0, 3, 0, outages{}, []string{"In 2 s: 0 switches between servers, no outage.", "Pings: 3 answered, 0 lost in outages."}},
		{1, 20, 2, outages{n: 1, sum: 5500 * time.Millisecond, lost: 11}, []string{
			"In 2 s: 1 switch between servers, 1 outage with 5.5 s without service in all.",
			"Pings: 20 answered, 11 lost in outages, 2 lost otherwise.",
		}},
	} {
		got := summaryWords(2*time.Second, tt.switches, &tt.o, tt.answered, tt.otherwise)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

// What the demo says on its own account fits 80 columns, with the moment before it.
func TestFold(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 80, []string{"one two three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"a-very-long-word b", 4, []string{"a-very-long-word", "b"}},
		{"ö ö ö", 3, []string{"ö ö", "ö"}},
		{"one two", -3, []string{"one", "two"}},
	} {
		if diff := cmp.Diff(tt.want, fold(tt.text, tt.width)); diff != "" {
			t.Errorf("%q at %d: -want +got\n%s", tt.text, tt.width, diff)
		}
	}
}

func TestScreen(t *testing.T) {
	var out strings.Builder
	columns := 21
	s := &screen{write: func(text string) { out.WriteString(text) }, columns: func() int { return columns }, newline: "\r\n"}
	plain := func(s string) string { return s }
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { s.line("1 s  ", "", "one two three four five", "") }, "1 s  one two three\r\n     four five\r\n"},
		{func() { s.draw("protected via berlin and more", plain) }, "protected via berli…"},
		{func() { s.draw("protected via berlin and more", plain) }, ""},
		{func() { s.draw("idle", plain) }, "\r\x1b[2Kidle"},
		{func() { s.line("", "", "a line", "") }, "\r\x1b[2Ka line\r\n"},
		{func() { s.draw("protected via berlin", plain) }, "protected via berlin"},
		{func() { columns = 10; s.erase() }, "\r\x1b[2K\x1b[A\x1b[2K"},
		{func() { s.erase() }, ""},
		{func() { columns = 0; s.line("", "", strings.Repeat("x ", 60), "") }, strings.TrimSpace(strings.Repeat("x ", 40)) + "\r\n" +
			strings.TrimSpace(strings.Repeat("x ", 20)) + "\r\n"},
	} {
		out.Reset()
		step.do()
		if out.String() != step.want {
			t.Errorf("got %q, want %q", out.String(), step.want)
		}
	}
}

func TestOutages(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	var o outages
	look := func(answered float64) { o.look(lab.TrafficCounts{AnsweredAt: at(answered)}) }
	if o.silence(at(9)) != 0 || len(o.end(at(9))) != 0 {
		t.Error("connecting counts as an outage")
	}
	for _, answered := range []float64{10, 10.5, 10.5, 12.5, 13} { // three lost in a row are the line's
		look(answered)
	}
	if len(o.open) != 0 {
		t.Errorf("got outages %v of single losses", o.open)
	}
	if got := o.silence(at(14)); got != 0 {
		t.Errorf("got silence of %s after a second", got)
	}
	if got := o.silence(at(16)); got != 3*time.Second {
		t.Errorf("got silence of %s, want 3s", got)
	}
	look(19)
	if _, ok := o.settled(at(20)); ok {
		t.Error("settled before the fate of its pings is known")
	}
	one, ok := o.settled(at(21.5))
	if !ok || one.length() != 5500*time.Millisecond || !one.since.Equal(at(13.5)) {
		t.Errorf("got %v, %v, want 5.5 s", one, ok)
	}
	o.count(one, 11)
	look(30)
	left := o.end(at(40))
	if len(left) != 2 || left[0].length() != 10500*time.Millisecond || left[1].length() != 9500*time.Millisecond {
		t.Errorf("got %v at the end, want 10.5 s and 9.5 s", left)
	}
	if o.n != 1 || o.lost != 11 || o.sum != 5500*time.Millisecond {
		t.Errorf("got %d outages, %d pings and %s", o.n, o.lost, o.sum)
	}
}

func TestIntroductionFits(t *testing.T) {
	first, others := menu()
	for _, c := range append(first, others...) {
		if n := utf8.RuneCountInString(c.fault.Name); n > 19 {
			t.Errorf("%q has %d characters: its column has 19", c.fault.Name, n)
		}
	}
	for _, text := range introduction("http://127.0.0.1:65535/", "/tmp/holdfast-demo-1234567890/run/holdfast.sock") {
		for _, line := range fold(text, 79) {
			if utf8.RuneCountInString(line) > 79 {
				t.Errorf("%q is too long", line)
			}
		}
	}
}

func TestBadScript(t *testing.T) {
	_, err := lab.ParseScript([]byte("0s brake berlin loss\n5s end\n1s end\n"))
	got := badScript("my.txt", err).Error()
	if !strings.HasPrefix(got, `my.txt:1: unknown verb "brake"`) || !strings.Contains(got, "\nmy.txt:3: ") {
		t.Errorf("got %q", got)
	}
	if got := badScript("my.txt", errors.New("broken")).Error(); got != "read my.txt: broken" {
		t.Errorf("got %q", got)
	}
}
