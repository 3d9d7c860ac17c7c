package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/app/desktest"
	"holdfast/app/prefs"
	"holdfast/app/tray/icon"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web"
	"holdfast/web/api"
	"holdfast/web/webtest"
)

// shown is a menu as it came over the bus, in the form that lines gives the one
// that it was made of.
func shown(all []desktest.Line, indent string) string {
	var b strings.Builder
	for _, l := range all {
		if l.Divider {
			b.WriteString(indent + "----\n")
			continue
		}
		mark := "    "
		if l.Ticks {
			mark = map[bool]string{false: "[ ] ", true: "[x] "}[l.Ticked]
		}
		title := indent + mark + l.Label
		if l.Off {
			title += " (grey)"
		}
		b.WriteString(title + "\n" + shown(l.Below, indent+"      "))
	}
	return b.String()
}

// meant is the same of a menu that is made here.
func meant(all []Item, indent string) string {
	var b strings.Builder
	for _, i := range all {
		switch {
		case i.Hidden:
		case i.Key == Divider:
			b.WriteString(indent + "----\n")
		default:
			title := indent + map[Tick]string{NoTick: "    ", Unticked: "[ ] ", Ticked: "[x] "}[i.Tick] + i.Title
			if i.Off {
				title += " (grey)"
			}
			b.WriteString(title + "\n" + meant(i.Below, indent+"      "))
		}
	}
	return b.String()
}

// Every state, one after the other, over the bus: the menu is the one that
// MenuOf makes, however it was before; the icon and the tooltip too.
func TestEveryStateOverTheBus(t *testing.T) {
	r := startShown(t)
	view := View{Admin: true, Notify: true, OnUnhealthy: "failover",
		Groups: []api.Group{{Name: "home", Members: []tunnel.Name{"nl", "de"}}}, Tunnels: []tunnel.Name{"de", "nl"}}
	r.line(t, "Tunnels")
	overalls := []status.Overall{status.Protected, status.Off, status.Connecting, status.Checking, status.Stalled, status.Blocked,
		status.Offline, status.SignInNeeded, status.Switching, status.Idle, status.Off, status.Stalled, status.Protected}
	for n, o := range overalls {
		r.world.Change(func(s *status.Status) {
			s.Overall, s.Wish = o, status.Wish{On: o != status.Off, Target: "home"}
			s.Active, s.Notices = nil, []event.Notice{}
			if s.Wish.On {
				s.Active = &status.Active{Tunnel: []tunnel.Name{"nl", "de"}[n%2], Group: "home"}
			}
			if o == status.Stalled {
				s.Notices = []event.Notice{notice(4, event.Code(tunnel.ServerDown))}
			}
			s.Guard = status.Guard{Mode: failover.GuardAuto, Verified: o == status.Protected}
		})
		view.Status = &api.Status{Status: r.world.Status()}
		want := MenuOf(view, time.Now())
		desktest.WaitFor(t, fmt.Sprintf("the menu of %s", o), func() bool {
			return shown(r.item.Menu(t), "") == meant(want.Items, "") && r.item.Tooltip(t) == want.Tooltip && sameIcon(t, r.item.Icon(t), want.Icon)
		})
	}
	if id, title := r.item.Text(t, "Id"), r.item.Text(t, "Title"); id != "Holdfast" || title != "Holdfast" {
		t.Errorf("it is called %q, %q", id, title)
	}
}

func sameIcon(t *testing.T, got desktest.Pixmap, want icon.Shape) bool {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(icon.PNG(want, icon.Colour, iconSize)))
	if err != nil {
		t.Fatal(err)
	}
	if got.W != iconSize || got.H != iconSize {
		t.Fatalf("an icon of %d by %d", got.W, got.H)
	}
	return bytes.Equal(got.Pix, argb(m))
}

func argb(m image.Image) (out []byte) {
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			r, g, b, a := m.At(x, y).RGBA()
			out = append(out, byte(a), byte(r), byte(g), byte(b))
		}
	}
	return out
}

// What is chosen is done.
func TestClicksAct(t *testing.T) {
	r := startShown(t)
	r.choose(t, "Connect to home")
	r.wished(t, "connecting", func() bool { return r.world.Status().Wish == status.Wish{On: true, Target: "home"} })
	r.line(t, "Protected via nl")
	r.choose(t, "de")
	r.wished(t, "switching", func() bool { return r.world.Status().Active.Tunnel == "de" })
	r.line(t, "Protected via de")
	before := r.world.Status().EventID
	r.choose(t, "Reconnect")
	r.wished(t, "a rebuild", func() bool { return r.world.Status().EventID == before+1 })
	if r.world.Policy().OnUnhealthy != failover.ToFailover {
		t.Fatalf("the settings begin with %s", r.world.Policy().OnUnhealthy)
	}
	r.choose(t, "Auto-switch")
	r.wished(t, "no auto-switch", func() bool { return r.world.Policy().OnUnhealthy == failover.ToRestart })
	r.world.Happen(event.SettingsChanged)
	desktest.WaitFor(t, "no tick", func() bool { l := r.line(t, "Auto-switch"); return l.Ticks && !l.Ticked })
	r.choose(t, "Auto-switch")
	r.wished(t, "auto-switch", func() bool { return r.world.Policy().OnUnhealthy == failover.ToFailover })
	r.choose(t, "Disconnect")
	r.wished(t, "the end of the wish", func() bool { return !r.world.Status().Wish.On })
	r.line(t, "Off")
	r.choose(t, "nl")
	r.wished(t, "one tunnel alone", func() bool { return r.world.Status().Wish == status.Wish{On: true, Target: "nl"} })
}

// A person who has to sign in to a network pauses the tunnel, and returns.
func TestPauseToSignIn(t *testing.T) {
	r := startShown(t)
	r.choose(t, "Connect to home")
	r.line(t, "Protected via nl")
	r.world.Change(func(s *status.Status) { s.Overall = status.SignInNeeded })
	r.choose(t, english.signIn)
	r.wished(t, "the pause", func() bool { return r.world.Status().Guard.PausedUntil != nil })
	r.line(t, english.atRest+" "+clock(webtest.Now.Add(api.DefaultPause), time.Now()))
	r.choose(t, english.returnNow)
	r.wished(t, "the return", func() bool { return r.world.Status().Guard.PausedUntil == nil })
	r.line(t, "Sign-in needed")
}

// A refusal is told: the menu is closed when it comes.
func TestARefusalIsTold(t *testing.T) {
	r := startShown(t)
	r.world.Fail(&api.Error{Code: api.Unavailable, Message: "This system has no guard yet.", Hint: "It blocks nothing."})
	r.choose(t, "Kill switch")
	desktest.WaitFor(t, "the refusal", func() bool { return len(r.notes.On()) == 1 })
	n := r.notes.On()[0]
	if n.Title != english.refused || n.Body != "This system has no guard yet. It blocks nothing." {
		t.Errorf("%+v", n)
	}
	r.world.Fail(nil)
	r.choose(t, "Connect to home")
	desktest.WaitFor(t, "its end", func() bool { return len(r.notes.On()) == 0 })
}

// The page opens by the item, by a click on the icon, and by starting the tray
// a second time.
func TestThePageOpens(t *testing.T) {
	r := startShown(t)
	opens := func(what string, n int) {
		t.Helper()
		desktest.WaitFor(t, what, func() bool { return len(r.opened()) == n })
		for _, address := range r.opened() {
			if !strings.HasPrefix(address, "file://"+r.dir+"/run/holdfast/open-") {
				t.Errorf("the browser was given %q", address)
			}
		}
	}
	r.choose(t, "Open dashboard")
	opens("the page", 1)
	r.item.Activate(t)
	opens("the page, by a click", 2)
	second := r.command()
	out, err := second.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "running already") {
		t.Errorf("a second tray: %v\n%s", err, out)
	}
	opens("the page, by a second tray", 3)
	if n := len(r.watcher.Items()); n != 1 {
		t.Errorf("%d icons", n)
	}
}

// Where the page cannot be served the icon is there all the same, and says why
// when the page is asked for.
func TestThePageCannotBeServed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := newRig(t)
	r.desktop(t)
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	r.start(t, "--port", port)
	r.item = r.watcher.Item(t)
	r.choose(t, "Open dashboard")
	desktest.WaitFor(t, "the refusal", func() bool { return len(r.notes.On()) == 1 })
	if n := r.notes.On()[0]; n.Title != english.refused || !strings.Contains(n.Body, "serve the page") {
		t.Errorf("%+v", n)
	}
	r.choose(t, "Connect to home")
	r.line(t, "Protected via nl")
}

// The lists follow what the service is told by others.
func TestTheListsFollow(t *testing.T) {
	r := startShown(t)
	r.line(t, "de")
	config, err := r.world.Tunnel("nl")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.world.Save("uk", config, false); err != nil {
		t.Fatal(err)
	}
	r.world.Happen(event.ConfigChanged)
	r.line(t, "uk")
	if err := r.world.Remove("uk"); err != nil {
		t.Fatal(err)
	}
	r.world.Happen(event.ConfigChanged)
	desktest.WaitFor(t, "the end of uk", func() bool { _, there := find(r.item.Menu(t), "uk"); return !there })
}

// Notifications: shown, replaced in place, closed; their buttons act.
func TestNotificationsOverTheBus(t *testing.T) {
	r := startShown(t)
	r.choose(t, "Connect to home")
	r.line(t, "Protected via nl")
	stalled := func(s *status.Status) {
		s.Overall, s.Notices = status.Stalled, []event.Notice{notice(4, event.Code(tunnel.ServerDown))}
		s.Notices[0].Tunnel, s.Notices[0].Since = "nl", time.Now().Add(-20*time.Second)
	}
	well := func(s *status.Status) { s.Overall, s.Notices = status.Protected, []event.Notice{} }

	r.world.Change(stalled)
	desktest.WaitFor(t, "the notification", func() bool { return len(r.notes.On()) == 1 })
	n := r.notes.On()[0]
	if n.Title != "The server is down" || n.App != "Holdfast" || !strings.HasPrefix(n.Body, "nl: ") || !slices.Contains(n.Actions, "reconnect") {
		t.Errorf("%+v", n)
	}
	reason := r.line(t, "The server is down")
	r.item.Click(t, reason.ID)
	desktest.WaitFor(t, "the page, by the reason", func() bool { return len(r.opened()) == 1 })

	r.world.Change(well)
	desktest.WaitFor(t, "the recovery in its place", func() bool { on := r.notes.On(); return len(on) == 1 && on[0].Title == "nl works again" })
	if on := r.notes.On()[0]; on.ID != n.ID || on.Replaces != n.ID {
		t.Errorf("not in its place: %+v", on)
	}
	r.notes.Press(t, n.ID, "default")
	desktest.WaitFor(t, "the page, by the notification", func() bool { return len(r.opened()) == 2 })

	r.world.Change(func(s *status.Status) {
		stalled(s)
		s.Notices[0].ID, s.Notices[0].Code, s.Notices[0].Title = 9, event.Code(tunnel.ForwardsNothing), "The server forwards nothing"
	})
	desktest.WaitFor(t, "the next one", func() bool { return len(r.notes.On()) == 1 })
	before := r.world.Status().EventID
	r.notes.Press(t, r.notes.On()[0].ID, "reconnect")
	r.wished(t, "a rebuild", func() bool { return r.world.Status().EventID == before+1 })
	r.world.Change(well)
	desktest.WaitFor(t, "the recovery", func() bool { return len(r.notes.On()) == 1 })
	r.choose(t, "Disconnect") // what the person does is not told, and what was told is over
	desktest.WaitFor(t, "its end", func() bool { return len(r.notes.On()) == 0 })
	want := []string{"show The server is down", "replace nl works again", "show The server forwards nothing", "show The connection is unsteady", "close The connection is unsteady"}
	if got := r.notes.Log(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A pause is kept in the preferences, and nothing is told in it.
func TestPause(t *testing.T) {
	r := startShown(t)
	r.choose(t, "For 1 hour")
	r.line(t, "Notifications paused until")
	if until := r.prefs().Get().Notify.PausedUntil; time.Until(until) < 59*time.Minute || time.Until(until) > time.Hour {
		t.Errorf("paused until %v", until)
	}
	r.choose(t, "Connect to home")
	r.line(t, "Protected via nl")
	r.world.Change(func(s *status.Status) {
		s.Overall, s.Notices = status.Stalled, []event.Notice{notice(4, event.Code(tunnel.ServerDown))}
	})
	r.line(t, "Stalled")
	r.choose(t, "Resume now")
	desktest.WaitFor(t, "what is still true", func() bool { return len(r.notes.On()) == 1 })
	if got := r.notes.Log(); !slices.Equal(got, []string{"show The server is down"}) {
		t.Errorf("%q", got)
	}
	r.line(t, "Pause notifications")
}

// The language follows the preferences while the tray runs.
func TestLanguage(t *testing.T) {
	r := startShown(t, func(r *rig) {
		if _, err := r.prefs().Change(func(p *prefs.Prefs) error { p.Language = "de"; return nil }); err != nil {
			t.Fatal(err)
		}
	})
	r.line(t, "Verbinden mit home")
}

// The service goes: said after 3 s, not before; it comes back: all is as it was.
func TestTheServiceGoesAndComesBack(t *testing.T) {
	r := startShown(t)
	r.choose(t, "Connect to home")
	r.line(t, "Protected via nl")
	r.stop()
	began := time.Now()
	r.line(t, "Service unreachable")
	if took := time.Since(began); took < lostAfter-500*time.Millisecond || took > lostAfter+3*time.Second {
		t.Errorf("said after %s, want %s", took, lostAfter)
	}
	if !sameIcon(t, r.item.Icon(t), icon.Unreachable) {
		t.Error("the icon does not say so")
	}
	r.serve(t)
	r.line(t, "Protected via nl")
	if !sameIcon(t, r.item.Icon(t), icon.Protected) {
		t.Error("the icon does not say that it is back")
	}
}

// A person who may see the one word only.
func TestViewer(t *testing.T) {
	r := startShown(t, func(r *rig) {
		r.stop()
		r.role = web.Viewer
		r.serve(t)
	})
	r.line(t, "You may see no more")
	menu := shown(r.item.Menu(t), "")
	for _, not := range []string{"nl", "Tunnels", "Reconnect", "Auto-switch", "Kill switch"} {
		if strings.Contains(menu, not) {
			t.Errorf("%q in the menu of a viewer:\n%s", not, menu)
		}
	}
}

// Quitting takes the icon and the notifications away and leaves the tunnel.
func TestQuit(t *testing.T) {
	r := startShown(t)
	r.choose(t, "Connect to home")
	r.line(t, "Protected via nl")
	r.world.Change(func(s *status.Status) {
		s.Overall, s.Notices = status.Stalled, []event.Notice{notice(4, event.Code(tunnel.ServerDown))}
	})
	desktest.WaitFor(t, "the notification", func() bool { return len(r.notes.On()) == 1 })
	r.choose(t, "Quit, the tunnel stays on")
	select {
	case <-r.done:
	case <-time.After(desktest.Patience):
		t.Fatal("it does not quit")
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !r.world.Status().Wish.On {
		t.Error("the tunnel went with it")
	}
	if on := r.notes.On(); len(on) != 0 {
		t.Errorf("left on the screen: %v", on)
	}
	if files, _ := filepath.Glob(filepath.Join(r.dir, "run", "holdfast", "*")); len(files) != 0 {
		t.Errorf("left behind: %q", files)
	}
}

// Without a tray it is said, once and not at the next login; the page and the
// notifications are there. A panel that comes up later shows the icon.
func TestADesktopWithoutATray(t *testing.T) {
	r := newRig(t)
	r.notes = desktest.ServeNotifications(t, r.bus, nil)
	r.start(t)
	desktest.WaitFor(t, "that it is said", func() bool { return len(r.notes.On()) == 1 })
	if on := r.notes.On()[0]; on.Title != english.noTray || !strings.Contains(r.log.String(), english.noTray) {
		t.Errorf("%+v\n%s", on, r.log)
	}
	if out, err := r.command().CombinedOutput(); err != nil || len(r.opened()) != 1 {
		t.Errorf("the page does not open: %v\n%s", err, out)
	}
	r.watcher = desktest.ServeWatcher(t, r.bus)
	r.item = r.watcher.Item(t)
	r.line(t, "Connect to home")

	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	<-r.done
	if len(r.notes.On()) != 0 {
		t.Errorf("left on the screen: %v", r.notes.On())
	}
	if _, err := os.Stat(filepath.Join(r.dir, "config", "holdfast", "no-tray-said")); err != nil {
		t.Error(err)
	}
}

// With the desktop's end the tray ends, and the tunnel stays.
func TestTheDesktopEnds(t *testing.T) {
	r := startShown(t)
	r.choose(t, "Connect to home")
	r.line(t, "Protected via nl")
	r.logout()
	select {
	case <-r.done:
	case <-time.After(desktest.Patience):
		t.Fatal("it outlives the desktop")
	}
	if !r.world.Status().Wish.On {
		t.Error("the tunnel went with it")
	}
}

// Where there is no desktop it says so and leaves.
func TestNoDesktop(t *testing.T) {
	r := newRig(t)
	r.bus = "unix:path=/nonexistent/bus"
	out, err := r.command().CombinedOutput()
	if err == nil || !strings.Contains(string(out), "holdfast web") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Root is told why that is unwise, and served all the same.
func TestRootIsWarned(t *testing.T) {
	r := startShown(t)
	if os.Geteuid() != 0 {
		t.Skip("this is about root")
	}
	desktest.WaitFor(t, "the warning", func() bool { return strings.Contains(r.log.String(), "not as root") })
}
