package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/web"
	"holdfast/web/webtest"
)

// startReal serves the API itself, for a caller of a role, before a world in
// memory with the tunnels nl and de and the group home of both.
func startReal(t *testing.T, role web.Role) (*webtest.World, *fakeService) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	f := &fakeService{socket: filepath.Join(dir, "s")}
	listener, err := net.Listen("unix", f.socket)
	if err != nil {
		t.Fatal(err)
	}
	world := webtest.New()
	deps := world.Deps()
	deps.Log = slog.New(slog.DiscardHandler)
	server := web.NewServer(web.New(deps), func(ctx context.Context, _ net.Conn) context.Context {
		return web.WithCaller(ctx, web.Caller{Role: role, UID: 1000, User: "ann"})
	}, deps.Log)
	go server.Serve(listener) //nolint:errcheck // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	world.Happen(event.ServiceStarted)
	return world, f
}

// TestAgainstTheAPI holds the commands against the API itself: paths, bodies,
// codes and streams must fit, whatever the tests in memory believe.
func TestAgainstTheAPI(t *testing.T) {
	_, f := startReal(t, web.Admin)
	dir := t.TempDir()
	file := filepath.Join(dir, "be.conf")
	if err := os.WriteFile(file, []byte(webtest.Conf), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "bad.conf")
	if err := os.WriteFile(bad, []byte("[Interface]\nX = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		says string // in stdout or stderr
	}{
		{"status", exitDone, "off"},
		{"status --check", exitNotProtected, "off"},
		{"version", exitDone, "holdfastd 1.2.3 (abc)"},
		{"tunnel list", exitDone, "nl"},
		{"tunnel import " + file, exitDone, "imported be"},
		{"tunnel import " + file, exitFailed, "be is there already"},
		{"tunnel import --name home " + file, exitFailed, "or replace the other with --replace."},
		{"tunnel import --replace " + file, exitDone, "PostUp = touch /tmp/owned"},
		{"tunnel import " + bad, exitInvalid, "bad.conf:2: "},
		{"tunnel show be", exitDone, "PrivateKey = (hidden)"},
		{"tunnel show xx", exitNotFound, "hint: "},
		{"tunnel export be", exitDone, webtest.PrivateKey},
		{"tunnel export be " + filepath.Join(dir, "out.conf"), exitDone, "wrote be"},
		{"tunnel rename be lu", exitDone, "renamed"},
		{"tunnel rm xx", exitNotFound, "hint: "},
		{"group set two lu nl", exitDone, "two is lu, nl"},
		{"group list", exitDone, "two"},
		{"group rm two", exitDone, "removed two"},
		{"tunnel rm lu", exitDone, "removed lu"},
		{"up xx", exitNotFound, "hint: "},
		{"up home", exitDone, "protected by way of nl, group home"},
		{"status", exitDone, "fallback"},
		{"status --check", exitDone, "protected"},
		{"switch de", exitDone, "by way of de"},
		{"reconnect", exitDone, "by way of de"},
		{"history", exitDone, "Restarted"},
		{"history --csv --kind restarted", exitDone, ",restarted,"},
		{"events --json --after 1", exitDone, `"id":2`},
		{"notices", exitDone, "nothing you should know"},
		{"notices ack 7", exitDone, "acknowledged"},
		{"notices ack 8", exitNotFound, ""},
		{"diagnose", exitDone, "Nothing that was looked at is wrong"},
		{"settings get", exitDone, "traffic_timeout"},
		{"settings set profile=classic", exitDone, "profile is now classic"},
		{"settings set profile=none", exitInvalid, "classic"},
		{"settings set no_such_key=1", exitInvalid, ""},
		{"guard status", exitDone, "auto"},
		{"guard on", exitDone, "auto, "},
		{"logs", exitDone, ""},
		{"bundle " + filepath.Join(dir, "b.zip"), exitDone, "wrote"},
		{"down", exitDone, "off"},
		{"up", exitDone, "group home"},
		{"down", exitDone, "off"},
		{"down", exitDone, "off"},
		{"doctor", exitDone, "the service 1.2.3 (abc)"},
	} {
		code, stdout, stderr := runIn(t, f, "", strings.Fields(tt.args)...)
		if code != tt.code && !strings.HasPrefix(tt.args, "doctor") { // its code tells of this computer
			t.Errorf("%s: got exit code %d, want %d: %s%s", tt.args, code, tt.code, stdout, stderr)
		}
		if !strings.Contains(stdout+stderr, tt.says) {
			t.Errorf("%s: got %q and %q, want %q", tt.args, stdout, stderr, tt.says)
		}
		if tt.args != "logs" { // its lines are as long as they are
			checkLines(t, stdout+"\n")
		}
	}
}

// TestEveryAnswerIsOneObject runs what prints with --json against the API.
func TestEveryAnswerIsOneObject(t *testing.T) {
	_, f := startReal(t, web.Admin)
	file := filepath.Join(t.TempDir(), "be.conf")
	if err := os.WriteFile(file, []byte(webtest.Conf), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"status", "version", "tunnel list", "tunnel import " + file, "tunnel check " + file, "tunnel show nl", "tunnel export nl",
		"tunnel rename be lu", "group set two lu nl", "group list", "group rm two", "tunnel rm lu", "up home", "switch de",
		"reconnect", "history", "notices", "notices ack 7", "diagnose", "settings get", "settings get profile",
		"settings set profile=fast", "guard status", "guard on", "guard release", "guard off", "down", "keys gen", "doctor",
	} {
		_, stdout, stderr := runIn(t, f, "", append(strings.Fields(args), "--json")...)
		var object struct {
			Schema int `json:"schema"`
		}
		if !strings.HasPrefix(stdout, `{"schema":1`) || strings.Count(stdout, "\n") != 1 {
			t.Errorf("%s: got %q, want one line that begins with the schema; %s", args, stdout, stderr)
		}
		if err := json.Unmarshal([]byte(stdout), &object); err != nil || object.Schema != status.Schema {
			t.Errorf("%s: got %q, %v, want one object; %s", args, stdout, err, stderr)
		}
	}
}

// TestRolesAgainstTheAPI has callers who may see less.
func TestRolesAgainstTheAPI(t *testing.T) {
	for _, tt := range []struct {
		role web.Role
		args string
		code int
	}{
		{web.Viewer, "status", exitDone},
		{web.Viewer, "status --json", exitDone},
		{web.Viewer, "tunnel list", exitNotPermitted},
		{web.Viewer, "up home", exitNotPermitted},
		{web.Viewer, "events --follow", exitNotPermitted},
		{web.Viewer, "logs -f", exitNotPermitted},
		{web.Viewer, "status --watch", exitNotPermitted},
		{web.Operator, "tunnel list", exitDone},
		{web.Operator, "tunnel export nl", exitNotPermitted},
		{web.Operator, "guard off", exitNotPermitted},
		{web.Operator, "guard release", exitNotPermitted},
		{web.Viewer, "guard pause", exitNotPermitted},
		{web.None, "status", exitNotPermitted},
		{web.None, "version", exitDone},
	} {
		_, f := startReal(t, tt.role)
		code, _, stderr := runIn(t, f, "", strings.Fields(tt.args)...)
		if code != tt.code || code != exitDone && !strings.Contains(stderr, "\nhint: ") {
			t.Errorf("role %v, %s: got exit code %d, want %d, and a hint: %s", tt.role, tt.args, code, tt.code, stderr)
		}
	}
}

// TestHistoryOfManyPages has more events than the API puts on one page.
func TestHistoryOfManyPages(t *testing.T) {
	world, f := startReal(t, web.Operator)
	world.Happen(slices.Repeat([]event.Kind{event.Woke}, 2500)...)
	for args, want := range map[string][2]int64{
		"history --json --limit 2200":       {302, 2501},
		"history --json --since 2020-01-01": {1, 2501},
	} {
		code, stdout, stderr := runIn(t, f, "", strings.Fields(args)...)
		var got struct{ Events []event.Event }
		if err := json.Unmarshal([]byte(stdout), &got); code != exitDone || err != nil {
			t.Fatalf("%s: got exit code %d, %v: %s", args, code, err, stderr)
		}
		if n := int64(len(got.Events)); n != want[1]-want[0]+1 || got.Events[0].ID != want[0] || got.Events[n-1].ID != want[1] {
			t.Errorf("%s: got %d events, want those from %d to %d", args, n, want[0], want[1])
		}
	}
	if code, stdout, stderr := runIn(t, f, "", "events", "--after", "1"); code != exitDone || strings.Count(stdout, "\n") != 2500 {
		t.Errorf("events: got exit code %d and %d lines, want 2500: %s", code, strings.Count(stdout, "\n"), stderr)
	}
}

// TestTableHoldsNoFormula: a tunnel may be called as a spreadsheet's formulas begin.
func TestTableHoldsNoFormula(t *testing.T) {
	world, f := startReal(t, web.Operator)
	world.Change(func(s *status.Status) { s.Wish.Target = "=1+1" })
	world.Happen(event.Held)
	if _, stdout, stderr := runIn(t, f, "", "history", "--csv", "--limit", "1"); !strings.Contains(stdout, ",held,'=1+1,") {
		t.Errorf("got %q, want no formula: %s", stdout, stderr)
	}
}
