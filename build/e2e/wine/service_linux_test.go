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

// install has the service manager know the service as a person's installation
// does, but with tunnels inside its process, and starts it. Both end with the test.
func (c *computer) install(t *testing.T) {
	t.Helper()
	c.must(t, "service", "install", "--no-start")
	t.Cleanup(func() {
		c.must(t, "service", "uninstall")
		if err := os.RemoveAll(c.path(dataFolder)); err != nil {
			t.Error(err)
		}
	})
	if r := c.run(t, "sc", "config", "Holdfast", "binPath=", `"`+home+`\holdfastd.exe" run --service --userspace`); r.code != 0 {
		t.Fatalf("sc config: %s%s", r.out, r.err)
	}
	c.must(t, "service", "start")
	c.answers(t)
}

// answers waits until the service does.
func (c *computer) answers(t *testing.T) {
	t.Helper()
	until(t, "the service to answer", startWithin, func() bool { return c.holdfast(t, "status").code == 0 })
}

// state is the service manager's word for how the service is.
func (c *computer) state(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`STATE\s*:\s*\d+\s+(\w+)`).FindStringSubmatch(c.run(t, "sc", "query", "Holdfast").out)
	if found == nil {
		return "none"
	}
	return found[1]
}

// history is all that the service tells to have happened, the oldest first.
func (c *computer) history(t *testing.T) []event.Event {
	t.Helper()
	var got struct {
		Schema int
		Events []event.Event
	}
	if out := c.must(t, "history", "--json"); json.Unmarshal([]byte(out), &got) != nil || got.Schema != 1 {
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

// TestService registers holdfastd at the service manager, starts and stops it, and
// has it find again what it kept.
func TestService(t *testing.T) {
	c := start(t)
	if got := c.state(t); got != "none" {
		t.Fatalf("there is a service already: %s", got)
	}
	c.install(t)
	if got := c.state(t); got != "RUNNING" {
		t.Errorf("the service manager says %s", got)
	}
	if got := c.must(t, "service", "status"); !strings.Contains(strings.ToLower(got), "running") {
		t.Errorf("holdfast service status says %q", got)
	}
	c.must(t, "settings", "set", "profile=patient")

	t.Run("a second one is refused", func(t *testing.T) {
		r := c.run(t, home+`\holdfastd.exe`, "run", "--userspace")
		if r.code == 0 || !strings.Contains(r.err, "another holdfastd is running") || !strings.Contains(r.err, "holdfast service stop") {
			t.Errorf("got exit code %d and %q", r.code, r.err)
		}
		r = c.run(t, home+`\holdfastd.exe`, "run", "--userspace", "--config-dir", `C:\other`, "--state-dir", `C:\other`)
		if r.code == 0 || !strings.Contains(r.err, "another holdfastd is running") {
			t.Errorf("with folders of its own: got exit code %d and %q", r.code, r.err)
		}
		if c.holdfast(t, "status").code != 0 {
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
		if r := c.holdfast(t, "status"); r.code != 5 || !strings.Contains(r.err, "holdfast service start") {
			t.Errorf("without a service: got exit code %d and %q", r.code, r.err)
		}
		if _, err := os.Stat(c.path(dataFolder, "holdfast.db")); err != nil {
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
	p := c.begin(t, c.tools+"/helper.exe", "pipe", name)
	if got := p.line(t); got != "ready" {
		t.Fatal(got)
	}
	r := c.holdfast(t, "status", "--socket", name)
	if r.code == 0 || !strings.Contains(r.err, "does not belong to the service") {
		t.Errorf("got exit code %d and %q", r.code, r.err)
	}
}
