package wine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// elsewhere is what must not be said on Windows: words and paths of other systems,
// and functions of Windows that nobody knows by name.
var elsewhere = regexp.MustCompile(`(?i)\bsudo\b|systemctl|journalctl|chmod|\broot\b|/etc/|/run/|/var/|/usr/|winapi`)

// TestCommands runs the command line as a person does, at a service with two
// servers.
func TestCommands(t *testing.T) {
	t.Parallel() // with the demo, which mostly waits
	w := start(t).carry(t, "near", "far")
	bad := filepath.Join(w.Path("drive_c"), "bad.conf")
	if err := os.WriteFile(bad, []byte("[Interface]\r\nX = 1\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		says string // a pattern, in what is printed or said
	}{
		{"status", 0, `(?m)^off$`},
		{"status --check", 3, `off`},
		{"status --json", 0, `^\{"schema":1,`},
		{"version", 0, `(?m)^holdfastd `},
		{"tunnel list", 0, `near`},
		{"tunnel list --json", 0, `^\{"schema":1,`},
		{`tunnel import ` + w.configs + `\near.conf`, 1, `near is there already`},
		{`tunnel import --name third ` + w.configs + `\far.conf`, 0, `imported third`},
		{`tunnel import C:\bad.conf`, 8, `bad\.conf:2: `},
		{`tunnel import C:\nothing.conf`, 7, `nothing\.conf`},
		{`tunnel check C:\bad.conf`, 8, `bad\.conf:2: `},
		{`tunnel check ` + w.configs + `\near.conf`, 0, `near\.conf`},
		{"tunnel show near", 0, `PrivateKey = \(hidden\)`},
		{"tunnel show nowhere", 7, `hint: `},
		{"tunnel export near", 0, `PrivateKey = [A-Za-z0-9+/]{43}=`},
		{`tunnel export near C:\out.conf`, 0, `wrote near`},
		{"tunnel rename third fourth", 0, `renamed`},
		{"tunnel rm fourth", 0, `removed fourth`},
		{"group list", 0, `home +near, far|home`},
		{"group set away far", 0, `away is far`},
		{"group set away nowhere", 7, `nowhere`},
		{"up home --wait=60s", 0, `by way of near, group home`},
		{"status --check", 0, `protected|idle`},
		{"switch far", 0, `by way of far`},
		{"switch nowhere", 7, `hint: `},
		{"reconnect", 0, `by way of`},
		{"history", 0, `far`},
		{"history --csv", 0, `(?m)^id,at,kind`},
		{"history --json", 0, `^\{"schema":1,"events":\[`},
		{"notices", 0, `.`},
		{"notices ack 999999", 7, ``},
		{"diagnose", 0, `.`},
		{"settings get profile", 0, `fast`},
		{"settings set profile=none", 8, `classic`},
		{"guard status", 0, `off|auto`},
		{"down", 0, `off: Turned off; holdfast up turns home on again`},
		{"group rm away", 0, `removed away`},
		{"logs", 0, `.`},
		{`bundle C:\bundle.zip`, 0, `wrote`},
		{"doctor", 1, `(?s)service: it answers.*failed +filters:`}, // Wine has no filtering platform
		{"keys gen", 0, `[A-Za-z0-9+/]{43}=`},
		{"completion powershell", 0, `Register-ArgumentCompleter`},
		{"completion tcsh", 2, `powershell`},
		{"open --print", 1, `holdfast web`},
		{"tunnel", 2, `holdfast tunnel COMMAND`},
		{"tunnel lst", 2, `tunnel list`},
		{"status --jsn", 2, `--json`},
		{"up", 0, `home`},
		{"down", 0, `off`},
	} {
		r := w.holdfast(t, append(strings.Fields(tt.args), "--socket", w.socket)...)
		if r.Code != tt.code {
			t.Errorf("%s: got exit code %d, want %d: %s%s", tt.args, r.Code, tt.code, r.Out, r.Err)
		}
		if !regexp.MustCompile(tt.says).MatchString(r.Out + r.Err) {
			t.Errorf("%s: got %q and %q, want %s", tt.args, r.Out, r.Err, tt.says)
		}
		if found := elsewhere.FindString(r.Out + r.Err); found != "" && !strings.HasPrefix(tt.args, "logs") {
			t.Errorf("%s: it says %q: %s%s", tt.args, found, r.Out, r.Err)
		}
		if strings.Contains(tt.args, "--json") && !json.Valid([]byte(r.Out)) && tt.code == 0 {
			t.Errorf("%s: got %q, want one object", tt.args, r.Out)
		}
	}
	if text, err := os.ReadFile(w.Path("drive_c/out.conf")); err != nil || !strings.Contains(string(text), "[Peer]") {
		t.Errorf("the exported config is %q, %v", text, err)
	}
}

// TestCommandsWithoutService: what needs it says how to start it, and the rest works.
func TestCommandsWithoutService(t *testing.T) {
	c := start(t)
	for args, code := range map[string]int{
		"status": 5, "up home": 5, "tunnel list": 5, "history": 5, "doctor": 1, "notices": 5, "guard status": 5, "settings get": 5,
		"version": 0, "keys gen": 0, "completion powershell": 0, "help": 0, "service status": 0, "web --help": 0,
	} {
		r := c.holdfast(t, strings.Fields(args)...)
		if r.Code != code {
			t.Errorf("%s: got exit code %d, want %d: %s%s", args, r.Code, code, r.Out, r.Err)
		}
		if code == 5 && !strings.Contains(r.Err, "holdfast service start") {
			t.Errorf("%s: it says %q, want how to start the service", args, r.Err)
		}
		if found := elsewhere.FindString(r.Out + r.Err); found != "" {
			t.Errorf("%s: it says %q: %s%s", args, found, r.Out, r.Err)
		}
	}
}

// TestDemo plays the demo's own script, which breaks servers and the network, and
// ends well where all goes as it expects.
func TestDemo(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.holdfast(t, "demo", "--auto", "--no-browser")
	if r.Code != 0 || !strings.Contains(r.Out+r.Err, "paris is in use") {
		t.Errorf("got exit code %d: %s%s", r.Code, r.Out, r.Err)
	}
	t.Log(r.Out)
	left, err := filepath.Glob(filepath.Join(c.Path("drive_c/users"), "*", "Temp", "holdfast-demo-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}
