package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// overalls are all overall states.
var overalls = []status.Overall{
	status.Off, status.Connecting, status.Protected, status.Idle, status.Checking, status.Switching,
	status.Stalled, status.Blocked, status.Offline, status.SignInNeeded, status.ServiceUnreachable,
}

// troubled is the picture with a cause, a notice, a move and a held member.
func troubled(overall status.Overall, foreign string) status.Status {
	s := picture(overall)
	cause := tunnel.Cause(foreign)
	loss := epoch.Add(-42 * time.Second)
	until := epoch.Add(50 * time.Second)
	s.Active = &status.Active{
		Tunnel: tunnel.Name(foreign), Group: "home", Verdict: health.Unhealthy, State: tunnel.Up, Cause: &cause,
		LastRoundTrip: &loss, Endpoint: foreign, Loss: 0.31,
	}
	s.Members = []status.Member{{Tunnel: "nl", Role: "primary", Stand: "active", HeldUntil: &until}}
	s.Notices = []event.Notice{{
		ID: 3, Code: event.Code(cause), Severity: event.High, Tunnel: "nl", Title: foreign, What: foreign + " " + foreign,
		Advice: foreign, Evidence: foreign, Since: loss,
	}}
	s.LastSwitch = &status.LastSwitch{At: loss, From: "de", To: "nl", Cause: tunnel.Unanswered, DowntimeMs: 31234}
	return s
}

// A tunnel that answers is not said to owe an answer where it is the guard that is
// looked into.
func TestRenderSaysThatTheGuardIsNotVerified(t *testing.T) {
	s := picture(status.Checking)
	s.Active = &status.Active{Tunnel: "nl", State: tunnel.Up, Verdict: health.Healthy}
	if text := render(&s, epoch, paint{}); !strings.Contains(text, "nl works, but the guard's rules are not verified") {
		t.Errorf("got:\n%s", text)
	}
	s.Active.Verdict = health.Suspect
	if text := render(&s, epoch, paint{}); !strings.Contains(text, "nl owes an answer") {
		t.Errorf("got:\n%s", text)
	}
}

func TestRenderSaysEveryOverallState(t *testing.T) {
	for _, overall := range overalls {
		t.Run(string(overall), func(t *testing.T) {
			s := picture(overall)
			text := render(&s, epoch, paint{})
			if !strings.HasPrefix(text, string(overall)) {
				t.Errorf("got %q, want it to begin with the overall state", text)
			}
			if _, reason, _ := strings.Cut(text, "\n"); strings.TrimSpace(strings.SplitN(reason, "\n", 2)[0]) == "" {
				t.Errorf("got no reason in:\n%s", text)
			}
			checkLines(t, text)
			bad := troubled(overall, "server_down")
			checkLines(t, render(&bad, epoch, paint{}))
			checkLines(t, changed(&bad, epoch)+"\n")
		})
	}
}

// checkLines wants lines that fit, end in no space and cannot steer a terminal.
func checkLines(t interface{ Errorf(string, ...any) }, text string) {
	if !strings.HasSuffix(text, "\n") {
		t.Errorf("got no line end at the end of %q", text)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if n := utf8.RuneCountInString(line); n > maxWidth {
			t.Errorf("got a line of %d characters: %q", n, line)
		}
		if strings.TrimRight(line, " \t") != line {
			t.Errorf("got a space at the end of %q", line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e }) {
			t.Errorf("got a control character in %q", line)
		}
	}
}

// TestRenderHoldsAnything tries words of any length, without a space to break at
// only within what a terminal can wrap by itself.
func TestRenderHoldsAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("aé世\x1b\n\t\u202e\\% .")), 0, 12, -1), 0, 40).Draw(t, "words")
		s := troubled(rapid.SampledFrom(overalls).Draw(t, "overall"), "x "+strings.Join(words, " "))
		s.Active.Tunnel = "nl" // a name is checked where it is read
		checkLines(t, render(&s, epoch, paint{}))
	})
}

func TestHandshakeAgeHasAMeaning(t *testing.T) {
	at := func(age time.Duration) *time.Time { m := epoch.Add(-age); return &m }
	age := int64(14000)
	for _, tt := range []struct {
		name   string
		active status.Active
		want   string
	}{
		{"none", status.Active{}, "none yet"},
		{"fresh", status.Active{LastHandshake: at(14 * time.Second)}, "14 s ago"},
		{"age alone", status.Active{HandshakeAgeMs: &age}, "14 s ago"},
		{
			"old and idle", status.Active{LastHandshake: at(time.Hour), Verdict: health.Idle},
			"60 min ago (a new one comes with the next packet)",
		},
		{"clock set back", status.Active{LastHandshake: at(-time.Hour)}, "just now"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := handshake(&tt.active, epoch); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestColourOnlyWhereAsked(t *testing.T) {
	s := troubled(status.Stalled, "server_down")
	if strings.Contains(render(&s, epoch, paint{}), "\x1b") {
		t.Error("got colours without asking")
	}
	if got := render(&s, epoch, paint{on: true}); !strings.HasPrefix(got, "\x1b[1m\x1b[31mstalled") {
		t.Errorf("got %.40q, want it in red", got)
	}
}

func TestGistLeavesCountersOut(t *testing.T) {
	a, b := picture(status.Protected), picture(status.Protected)
	b.Active.RxBytes, b.At = 1, b.At.Add(time.Minute)
	if gistOf(&a) != gistOf(&b) {
		t.Error("got a change for counters alone")
	}
	b.Active.Tunnel = "de"
	if gistOf(&a) == gistOf(&b) {
		t.Error("got no change for another active member")
	}
}
