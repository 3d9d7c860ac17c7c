package wine

import (
	"fmt"
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/service/lab"
)

// Where Wine's desktop has what the test looks for: the notification area at the
// end of the task bar, where the one icon is, and where menus, tooltips and notes are.
var (
	barTop  = screenHeight - 20
	area    = image.Rect(screenWidth-20, barTop, screenWidth, screenHeight)
	iconAt  = image.Pt(screenWidth-10, screenHeight-10)
	nearby  = image.Rect(screenWidth-720, screenHeight-420, screenWidth, barTop)
	desktop = fmt.Sprintf("/desktop=shell,%dx%d", screenWidth, screenHeight)
)

// TestTray shows the tray on a desktop, reads its tooltip and its menu, switches
// the server by the menu, and waits for a note of a failover.
func TestTray(t *testing.T) {
	c := start(t, "Xvfb", "xdotool", "import", "convert", "tesseract")
	w := c.carry(t, "near", "far")
	w.at(t, "up", "home", "--wait=60s")
	w.flows(t, "near")
	s := newScreen(t)
	dir := pictures(t)
	in := *c.Prefix
	in.Env = append(slices.Clone(in.Env), "DISPLAY="+s.display)
	shown := computer{Prefix: &in}
	shown.begin(t, "explorer", desktop, home+`\holdfast-tray.exe`, "-socket", w.socket)

	white := color.RGBA{0xff, 0xff, 0xff, 0xff}
	until(t, "a desktop with an icon", startWithin, func() bool {
		shot := s.look(t)
		return shot.differs(t, nearby, background) == 0 && shot.differs(t, area, white) > 20
	})
	hover := func() { s.point(t, iconAt) }
	tooltip := s.pops(t, nearby, hover)
	tooltip.keep(t, filepath.Join(dir, "wine-tray-tooltip.png"))
	if got := s.text(t, tooltip, nearby); !strings.Contains(got, "Protected via near") {
		t.Errorf("the tooltip is %q", got)
	}

	s.click(t, iconAt, 3)
	s.finds(t, "Disconnect", nearby)
	menu := s.look(t)
	menu.keep(t, filepath.Join(dir, "wine-tray-menu.png"))
	got := s.text(t, menu, nearby)
	for _, want := range []string{"Protected via near", "Disconnect", "Reconnect", "Tunnels", "Auto-switch", "Kill switch",
		"Open dashboard", "Pause notifications", "Copy diagnostics", "Quit, the tunnel stays on"} {
		if !strings.Contains(got, want) {
			t.Errorf("the menu has no %q: %s", want, got)
		}
	}

	s.click(t, s.finds(t, "Tunnels", nearby), 1)
	s.click(t, s.finds(t, "far", nearby), 1)
	w.flows(t, "far")

	s.point(t, image.Pt(10, 10))
	until(t, "the tooltip to go", seenWithin, func() bool { return s.look(t).differs(t, nearby, background) == 0 })
	if err := w.lab.Server("far").Break(lab.BlackHole); err != nil {
		t.Fatal(err)
	}
	note := s.pops(t, nearby, func() {})
	note.keep(t, filepath.Join(dir, "wine-tray-note.png"))
	if got := s.text(t, note, nearby); !strings.Contains(got, "far to near") {
		t.Errorf("the note is %q", got)
	}
	w.flows(t, "near")
}
