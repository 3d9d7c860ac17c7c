package wine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/build/e2e/wine/prefix"
)

// pictures is the folder for what was on the screen, for a person to look at.
// It is the environment's HOLDFAST_PICTURES. Unset: the pictures are not kept.
func pictures(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("HOLDFAST_PICTURES"); dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	return t.TempDir()
}

// TestPage has holdfast web serve the page in Windows, and Chromium open it, look
// at a service there, and switch to its other server.
func TestPage(t *testing.T) {
	c := start(t, "node", "chromium")
	if _, err := os.Stat("../../../web/node_modules/playwright-core"); err != nil {
		t.Skip("needs playwright-core: npm ci --prefix web --ignore-scripts")
	}
	w := c.carry(t, "near", "far")
	w.at(t, "up", "home", "--wait=60s")
	w.flows(t, "near")
	host := c.begin(t, home+`\holdfast.exe`, "web", "--no-browser", "--json", "--socket", w.socket)
	var at struct{ URL string }
	if line := host.line(t); json.Unmarshal([]byte(line), &at) != nil {
		t.Fatalf("holdfast web says %q", line)
	}
	proxy := c.begin(t, c.Tools+"/helper.exe", "proxy").line(t)

	t.Run("a stranger's connection is refused", func(t *testing.T) {
		// This process is nobody in Windows.
		client := http.Client{Timeout: 10 * time.Second}
		if reply, err := client.Get(at.URL); err == nil {
			reply.Body.Close()
			t.Errorf("the page's host answers with %s", reply.Status)
		}
		until(t, "the host to tell of it", 10*time.Second, func() bool {
			return strings.Contains(host.said.String(), "a connection was refused")
		})
	})

	picture := filepath.Join(pictures(t), "wine-page.png")
	ctx, cancel := context.WithTimeout(context.Background(), prefix.Within)
	browser := follow(t, exec.CommandContext(ctx, "node", "page.mjs", at.URL, proxy, picture), cancel)
	if got := browser.line(t); got != "open" {
		t.Fatalf("the browser says %q", got)
	}
	// The address is good for half a minute, and the browser takes its time to start.
	address := strings.TrimSpace(w.at(t, "open", "--print"))
	rest, ok := strings.CutPrefix(address, "file:///C:/")
	if !ok {
		t.Fatalf("holdfast open --print says %q", address)
	}
	fmt.Fprintln(browser.in, "file://"+c.Path("drive_c", rest))
	if got := browser.line(t); got != "done" {
		t.Fatalf("the browser says %q", got)
	}
	if s := w.status(t); s.Active == nil || s.Active.Tunnel != "far" {
		t.Errorf("after the switch the service has %+v", s.Active)
	}
}
