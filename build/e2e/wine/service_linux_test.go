package wine

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
)

const (
	// data is the service's folder, as Windows and as Linux see it.
	data       = home + `\Data`
	dataFolder = homeFolder + "/Data"
	// stopWithin is how long the service may take to stop: less than the system waits
	// for it before it shuts down.
	stopWithin = 20 * time.Second
	// startWithin is how long it may take to answer on a busy machine.
	startWithin = 60 * time.Second
)

// serve starts holdfastd under the service manager, with tunnels inside its
// process, since Wine has no driver for an interface. It ends with the test.
func (c *computer) serve(t *testing.T) {
	t.Helper()
	r := c.run(t, "sc", "create", "Holdfast", "binPath=", `"`+home+`\holdfastd.exe" run --service --userspace`, "start=", "auto")
	if r.Code != 0 {
		t.Fatalf("sc create: got exit code %d: %s%s", r.Code, r.Out, r.Err)
	}
	t.Cleanup(func() {
		c.must(t, "service", "uninstall")
		c.forget(t)
	})
	c.must(t, "service", "start")
	c.answers(t)
}

// forget removes what the service has kept.
func (c *computer) forget(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(c.Path(dataFolder)); err != nil {
		t.Error(err)
	}
}

// answers waits until the service does.
func (c *computer) answers(t *testing.T) {
	t.Helper()
	until(t, "the service to answer", startWithin, func() bool { return c.holdfast(t, "status").Code == 0 })
}

// state is the service manager's word for how the service is.
func (c *computer) state(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`STATE\s*:\s*\d+\s+(\w+)`).FindStringSubmatch(c.run(t, "sc", "query", "Holdfast").Out)
	if found == nil {
		return "none"
	}
	return found[1]
}

// history is all that the service tells to have happened, the oldest first.
func (c *computer) history(t *testing.T, args ...string) []event.Event {
	t.Helper()
	var got struct {
		Schema int
		Events []event.Event
	}
	if out := c.must(t, append(args, "history", "--json")...); json.Unmarshal([]byte(out), &got) != nil || got.Schema != 1 {
		t.Fatalf("history is %q", out)
	}
	return got.Events
}

func count(events []event.Event, kind event.Kind) (n int) {
	for _, e := range events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// TestInstall has the command line register the service, and undo it.
func TestInstall(t *testing.T) {
	c := start(t)
	t.Cleanup(func() { c.forget(t) })
	c.must(t, "service", "install", "--no-start")
	c.must(t, "service", "install", "--no-start") // again, as an upgrade does
	if got := c.state(t); got != "STOPPED" {
		t.Errorf("the service manager says %s", got)
	}
	if got := c.must(t, "service", "status"); !strings.HasPrefix(got, "stopped, installed, started at boot") {
		t.Errorf("holdfast service status says %q", got)
	}
	const services = `HKLM\System\CurrentControlSet\Services\`
	keys := map[string][]string{
		services + `Holdfast`: {
			`ImagePath +REG_SZ +"C:\\Program Files\\Holdfast\\holdfastd.exe" run --service\s`,
			`ObjectName +REG_SZ +LocalSystem\s`, `Start +REG_DWORD +0x2\s`, `Type +REG_DWORD +0x10\s`,
		},
		services + `EventLog\Application\Holdfast`: {`EventMessageFile +REG_EXPAND_SZ +\S+`},
	}
	for key, values := range keys {
		r := c.run(t, "reg", "query", key)
		for _, want := range values {
			if !regexp.MustCompile(want).MatchString(r.Out) {
				t.Errorf("%s has no %s: %s%s", key, want, r.Out, r.Err)
			}
		}
	}
	c.must(t, "service", "uninstall")
	for key := range keys {
		if r := c.run(t, "reg", "query", key); r.Code == 0 {
			t.Errorf("%s is still there: %s", key, r.Out)
		}
	}
	if r := c.holdfast(t, "service", "uninstall"); r.Code != 7 {
		t.Errorf("uninstall without a service: got exit code %d and %q", r.Code, r.Err)
	}
	if r := c.holdfast(t, "service", "start"); r.Code != 7 || !strings.Contains(r.Err, "holdfast service install") {
		t.Errorf("start without a service: got exit code %d and %q", r.Code, r.Err)
	}
}

// TestService has the service manager start and stop holdfastd, which finds again
// what it kept.
func TestService(t *testing.T) {
	c := start(t)
	c.serve(t)
	if got := c.state(t); got != "RUNNING" {
		t.Errorf("the service manager says %s", got)
	}
	if got := c.must(t, "service", "status"); !strings.HasPrefix(got, "running, installed") {
		t.Errorf("holdfast service status says %q", got)
	}
	c.must(t, "settings", "set", "profile=patient")

	t.Run("a second one is refused", func(t *testing.T) {
		r := c.run(t, home+`\holdfastd.exe`, "run", "--userspace")
		if r.Code == 0 || !strings.Contains(r.Err, "another holdfastd is running") || !strings.Contains(r.Err, "holdfast service stop") {
			t.Errorf("got exit code %d and %q", r.Code, r.Err)
		}
		if c.holdfast(t, "status").Code != 0 {
			t.Error("the first one does not answer any more")
		}
	})

	for i := range 2 {
		before := time.Now()
		c.must(t, "service", "stop")
		took := time.Since(before)
		t.Logf("stopped within %v", took.Round(10*time.Millisecond))
		if got := c.state(t); got != "STOPPED" || took > stopWithin {
			t.Errorf("the service manager says %s after %v, want STOPPED within %v", got, took, stopWithin)
		}
		if r := c.holdfast(t, "status"); r.Code != 5 || !strings.Contains(r.Err, "holdfast service start") {
			t.Errorf("without a service: got exit code %d and %q", r.Code, r.Err)
		}
		if _, err := os.Stat(c.Path(dataFolder, "holdfast.db")); err != nil {
			t.Errorf("history is not kept: %v", err)
		}
		c.must(t, "service", "start")
		c.answers(t)
		events := c.history(t)
		if started, stopped := count(events, event.ServiceStarted), count(events, event.ServiceStopped); started != i+2 || stopped != i+1 {
			t.Errorf("history tells of %d starts and %d stops, want %d and %d", started, stopped, i+2, i+1)
		}
		if got := c.must(t, "settings", "get", "profile"); !strings.Contains(got, "patient") {
			t.Errorf("the setting is %q now", got)
		}
	}
}

// TestForeignPipe: what was not made by the service is told nothing.
func TestForeignPipe(t *testing.T) {
	c := start(t)
	const name = `\\.\PIPE\Somebody`
	p := c.begin(t, c.Tools+"/helper.exe", "pipe", name)
	if got := p.line(t); got != "ready" {
		t.Fatal(got)
	}
	r := c.holdfast(t, "status", "--socket", name)
	if r.Code == 0 || !strings.Contains(r.Err, "does not belong to the service") {
		t.Errorf("got exit code %d and %q", r.Code, r.Err)
	}
}
