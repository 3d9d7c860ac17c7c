package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/app/client"
	"holdfast/service/daemon"
	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/web"
	"holdfast/web/api"
)

func TestParsePause(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "5m": 5 * time.Minute, "300": 5 * time.Minute, "1h": time.Hour, "1m30s": 90 * time.Second, "1": time.Second,
		"": 0, "0": 0, "-1": 0, "-5m": 0, "500ms": 0, "1.5s": 0, "1h1s": 0, "3601": 0, "5 m": 0, "soon": 0, "1d": 0, "NaN": 0,
		"9223372036854775807": 0, "99999999999999999999": 0, "0x10": 0,
	} {
		got, err := parsePause(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: got %s, %v, want %s", text, got, err, want)
		}
		if err != nil && (explain(err).code != exitUsage || explain(err).hint == "") {
			t.Errorf("%q: got %+v, want a wrong usage with a hint", text, explain(err))
		}
	}
}

func TestGuardWordsClaimNothingUnverified(t *testing.T) {
	until, soon := epoch.Add(5*time.Minute), epoch.Add(30*time.Second)
	const auto, always = failover.GuardAuto, failover.GuardAlways
	for _, tt := range []struct {
		guard  status.Guard
		wished bool
		want   string
	}{
		{status.Guard{}, true, ""},
		{status.Guard{Mode: failover.GuardOff}, true, "off"},
		{status.Guard{Mode: auto}, false, "auto, open while no tunnel is wished for"},
		{status.Guard{Mode: auto}, true, "auto, not verified: traffic may not be protected"},
		{status.Guard{Mode: always}, false, "always, not verified: traffic may not be protected"},
		{status.Guard{Mode: always, Blocking: true}, false, "always, not verified: traffic may not be protected"},
		{status.Guard{Mode: auto, Verified: true}, true, "auto, shut and verified: nothing leaves beside the tunnel"},
		{status.Guard{Mode: always, Blocking: true, Verified: true}, true, "always, shut and verified; no tunnel carries traffic, and none leaves"},
		{status.Guard{Mode: auto, Released: true}, true, "auto, released until the next up or down: everything may pass"},
		{status.Guard{Mode: auto, Verified: true, PausedUntil: &until}, true,
			"auto, paused until " + until.Local().Format("15:04") + ", 5 min more: everything may pass"},
		{status.Guard{Mode: auto, Verified: true, PausedUntil: &soon}, true,
			"auto, paused until " + soon.Local().Format("15:04:05") + ", 30 s more: everything may pass"},
	} {
		if got := guardWords(tt.guard, tt.wished, epoch); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.guard, got, tt.want)
		}
	}
}

// TestGuardAgainstTheAPI runs each action against the API itself.
func TestGuardAgainstTheAPI(t *testing.T) {
	_, f := startReal(t, web.Admin)
	for _, tt := range []struct {
		args string
		code int
		says []string // in stdout or stderr
	}{
		{"guard pause", exitFailed, []string{"nothing to pause"}},
		{"up home", exitDone, nil},
		{"guard on", exitDone, []string{"auto, shut and verified"}},
		{"guard pause", exitDone, []string{"auto, paused until ", "5 min more", "\nThe tunnel is at rest, and traffic is not protected.", "holdfast guard on"}},
		{"guard pause 90s", exitDone, []string{"90 s more"}},
		{"guard pause --json 300", exitDone, []string{`{"schema":1,"mode":"auto",`, `"pausedUntil":"2026-03-01T12:05:00Z"}`}},
		{"status", exitDone, []string{"paused until "}},
		{"guard pause 2h", exitUsage, []string{"too long", "hint: for longer there is: holdfast guard release"}},
		{"guard pause soon", exitUsage, []string{`"soon" is no length of time`, "hint: such as 30s, 5m or 300"}},
		{"guard pause 5 m", exitUsage, []string{"hint: usage: holdfast guard pause [DURATION]"}},
		{"guard paus", exitUsage, []string{"hint: did you mean: holdfast guard pause"}},
		{"guard on", exitDone, []string{"auto, shut and verified"}},
		{"guard release", exitDone, []string{"auto, released until the next up or down", "\nTraffic is not protected. Shut it again with: holdfast guard on"}},
		{"guard status", exitDone, []string{"auto, released until the next up or down"}},
		{"guard status --json", exitDone, []string{`"released":true,"pausedUntil":null}`}},
		{"guard off", exitDone, []string{"off\n"}},
		{"settings get guard", exitDone, []string{"off\n"}},
		{"guard on", exitDone, []string{"auto, shut"}},
		{"settings get guard", exitDone, []string{"auto\n"}},
	} {
		code, stdout, stderr := runIn(t, f, "", strings.Fields(tt.args)...)
		if code != tt.code {
			t.Errorf("%s: got exit code %d, want %d: %s%s", tt.args, code, tt.code, stdout, stderr)
		}
		for _, says := range tt.says {
			if !strings.Contains("\n"+stdout+stderr, says) {
				t.Errorf("%s: got %q and %q, want %q", tt.args, stdout, stderr, says)
			}
		}
		if !strings.Contains(tt.args, "--json") {
			checkLines(t, stdout+"\n")
		}
	}
}

// TestCheckWantsTheGuardVerified: a tunnel that works is not enough where what it
// carries could leave beside it.
func TestCheckWantsTheGuardVerified(t *testing.T) {
	f := startFake(t)
	for _, tt := range []struct {
		guard status.Guard
		code  int
	}{
		{status.Guard{Mode: failover.GuardOff}, exitDone},
		{status.Guard{Mode: failover.GuardAuto, Verified: true}, exitDone},
		{status.Guard{Mode: failover.GuardAuto}, exitNotProtected},
	} {
		f.stand(func(s *api.Status) {
			s.Status = picture(status.Protected)
			s.Guard = tt.guard
		})
		if code, stdout, stderr := runIn(t, f, "", "status", "--check"); code != tt.code {
			t.Errorf("%+v: got exit code %d, want %d: %s%s", tt.guard, code, tt.code, stdout, stderr)
		}
	}
}

// TestReleaseWithoutTheService: root opens the guard where nobody answers, and
// only then.
func TestReleaseWithoutTheService(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "s")
	impostor := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(impostor, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refusing := startFake(t)
	refusing.refusal = &api.Error{Code: api.Internal, Message: "it went wrong"}
	for _, tt := range []struct {
		name     string
		socket   string
		root     bool
		fails    error
		code     int
		released bool
		says     []string
	}{
		{"root, no service", absent, true, nil, exitDone, true, []string{"note: ", "until the service starts"}},
		{"root, somebody took the socket's place", impostor, true, nil, exitDone, true, []string{"note: ", "until the service starts"}},
		{"root, and it fails", absent, true, errors.New("no netlink"), exitFailed, true, []string{"no netlink", "hint: what to do where nothing else helps: holdfast guard release --help"}},
		{"root, and a service holds it", absent, true, daemon.ErrHeld, exitFailed, true, []string{"a running holdfastd holds the guard", "hint: stop it first: holdfast service stop"}},
		{"no root", absent, false, nil, exitUnreachable, false, []string{"only root may", "hint: sudo holdfast guard release"}},
		{"root, and the service refuses", refusing.socket, true, nil, exitFailed, false, []string{"it went wrong"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			var folders []string
			p := &program{
				in: strings.NewReader(""), out: &out, err: &errs, env: func(string) string { return tt.socket },
				root: func() bool { return tt.root },
				release: func(_ context.Context, configDir, stateDir string) error {
					folders = append(folders, configDir, stateDir)
					return tt.fails
				},
			}
			code := p.run(t.Context(), []string{"guard", "release"})
			if code != tt.code || (len(folders) == 2) != tt.released {
				t.Errorf("got exit code %d and released %v, want %d: %s%s", code, folders, tt.code, &out, &errs)
			}
			for _, says := range tt.says {
				if !strings.Contains(errs.String(), says) {
					t.Errorf("got %q, want %q", &errs, says)
				}
			}
		})
	}
}

// TestInterruptedReleaseReleasesNothing: the person thought better of it while
// nobody answered.
func TestInterruptedReleaseReleasesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	p := &program{
		in: strings.NewReader(""), out: &errs, err: &errs, env: func(string) string { return filepath.Join(t.TempDir(), "s") },
		root: func() bool { return true },
		release: func(context.Context, string, string) error {
			t.Error("it was released")
			return nil
		},
	}
	if code := p.run(ctx, []string{"guard", "release"}); code == exitDone {
		t.Errorf("got exit code %d: %s", code, &errs)
	}
}

func TestIsSilent(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("guard: %w", client.ErrUnreachable), true},
		{client.ErrUntrusted, true},
		{context.DeadlineExceeded, true}, // it hangs
		{context.Canceled, false},
		{&api.Error{Code: api.Unavailable}, false},
		{&api.Error{Code: api.NotPermitted}, false},
	} {
		if got := isSilent(tt.err); got != tt.want {
			t.Errorf("%v: got %t, want %t", tt.err, got, tt.want)
		}
	}
}

// TestWrongInputsSayWhatIsRight: numbers, and a socket that is not there.
func TestWrongInputsSayWhatIsRight(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		says []string
	}{
		{"web --port 99999", exitUsage, []string{`holdfast: --port cannot be "99999": it takes a whole number from 0 to 65535`, "hint: "}},
		{"demo --port abc", exitUsage, []string{`holdfast: --port cannot be "abc": it takes a whole number from 0 to 65535`, "hint: "}},
		{"up --wait=soon home", exitUsage, []string{`holdfast: --wait cannot be "soon": it takes a time such as 30s or 5m`, "hint: "}},
		{"history --limit many", exitUsage, []string{`holdfast: --limit cannot be "many": it takes a whole number`, "hint: "}},
		{"events --after x", exitUsage, []string{"it takes a whole number", "hint: "}},
		{"status --json=perhaps", exitUsage, []string{"it takes true or false", "hint: "}},
		{"status --socket /nope", exitUnreachable, []string{"holdfast: no service listens at /nope: there is no such file", "hint: leave --socket out"}},
	} {
		code, stdout, stderr := runIn(t, nil, "", strings.Fields(tt.args)...)
		if code != tt.code || stdout != "" {
			t.Errorf("%s: got exit code %d, want %d, and %q", tt.args, code, tt.code, stdout)
		}
		for _, says := range tt.says {
			if !strings.Contains(stderr, says) {
				t.Errorf("%s: got %q, want %q", tt.args, stderr, says)
			}
		}
	}
}
