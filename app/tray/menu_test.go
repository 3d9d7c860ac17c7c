package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

var update = flag.Bool("update", false, "rewrite testdata/menu.txt; read the diff")

var now = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// viewOf is a tray that knows everything, of a service that stands so.
func viewOf(overall status.Overall) View {
	s := &api.Status{}
	s.Overall = overall
	s.Wish = status.Wish{On: overall != status.Off, Target: "home"}
	s.Guard = status.Guard{Mode: failover.GuardAuto, Verified: overall != status.Off, Blocking: overall == status.Blocked}
	if overall != status.Off {
		s.Active = &status.Active{Tunnel: "berlin", Group: "home"}
	}
	return View{
		Status: s, Admin: true, Notify: true, OnUnhealthy: "failover",
		Groups:  []api.Group{{Name: "home", Members: []tunnel.Name{"paris", "berlin"}}},
		Tunnels: []tunnel.Name{"berlin", "oslo", "paris"},
	}
}

func (v View) with(do func(*View)) View {
	picture := *v.Status
	v.Status = &picture
	do(&v)
	return v
}

func notice(id int64, code event.Code) event.Notice {
	w := event.Describe(code)
	return event.Notice{ID: id, Code: code, Severity: w.Severity, Tunnel: "berlin", Title: w.Title, What: w.What}
}

// states are all that the menu can look like.
func states() []struct {
	name string
	view View
} {
	type state = struct {
		name string
		view View
	}
	all := []state{{"nothing heard yet", View{Notify: true}}}
	for _, o := range []status.Overall{status.Off, status.Connecting, status.Protected, status.Idle, status.Checking,
		status.Switching, status.Stalled, status.Blocked, status.Offline, status.SignInNeeded} {
		all = append(all, state{string(o), viewOf(o)})
	}
	protected := viewOf(status.Protected)
	return append(all,
		state{"service unreachable", protected.with(func(v *View) { v.Lost = true })},
		state{"service unreachable from the start", View{Lost: true, Notify: true}},
		state{"somebody else listens", protected.with(func(v *View) { v.Stranger = true })},
		state{"a viewer", View{Notify: true, Status: &api.Status{Limited: true, Status: status.Status{Overall: status.Protected, Wish: status.Wish{On: true}}}}},
		state{"an operator", protected.with(func(v *View) { v.Admin = false })},
		state{"stalled, and why", viewOf(status.Stalled).with(func(v *View) {
			v.Status.Notices = []event.Notice{notice(3, event.Code(event.FailedOver)), notice(4, event.Code(tunnel.ServerDown)), notice(5, event.Code(tunnel.Lossy))}
		})},
		state{"moved", protected.with(func(v *View) { v.Status.Notices = []event.Notice{notice(3, event.Code(event.FailedOver))} })},
		state{"moved, and stalled for a moment", viewOf(status.Stalled).with(func(v *View) {
			v.Status.Notices = []event.Notice{notice(3, event.Code(event.FailedOver))}
		})},
		state{"a notice that was seen", viewOf(status.Stalled).with(func(v *View) {
			v.Status.Notices = []event.Notice{notice(4, event.Code(tunnel.ServerDown))}
			v.Status.Notices[0].Acknowledged = true
		})},
		state{"blocked without a wish", viewOf(status.Blocked).with(func(v *View) { v.Status.Wish.On, v.Status.Active = false, nil })},
		state{"kill switch not in force", protected.with(func(v *View) { v.Status.Guard.Verified = false })},
		state{"kill switch released", protected.with(func(v *View) { v.Status.Guard.Released = true })},
		state{"kill switch always, without a wish", viewOf(status.Blocked).with(func(v *View) {
			v.Status.Guard.Mode, v.Status.Wish.On, v.Status.Active = failover.GuardAlways, false, nil
		})},
		state{"paused to sign in", viewOf(status.SignInNeeded).with(func(v *View) {
			until := now.Add(5 * time.Minute)
			v.Status.Guard.PausedUntil, v.Status.Active = &until, nil
		})},
		state{"paused to sign in, an operator in German", viewOf(status.SignInNeeded).with(func(v *View) {
			until := now.Add(5 * time.Minute)
			v.Status.Guard.PausedUntil, v.Admin, v.Language = &until, false, event.German
		})},
		state{"kill switch off", protected.with(func(v *View) { v.Status.Guard.Mode = failover.GuardOff })},
		state{"no auto-switch", protected.with(func(v *View) { v.OnUnhealthy = "notify" })},
		state{"nothing configured", viewOf(status.Off).with(func(v *View) { v.Groups, v.Tunnels, v.Status.Wish.Target = nil, nil, "" })},
		state{"never asked for one", viewOf(status.Off).with(func(v *View) { v.Status.Wish.Target = "" })},
		state{"what was asked for is gone", viewOf(status.Off).with(func(v *View) { v.Status.Wish.Target = "gone" })},
		state{"a single tunnel", protected.with(func(v *View) {
			v.Groups, v.Status.Wish.Target, v.Status.Active = nil, "oslo", &status.Active{Tunnel: "oslo", Group: "oslo"}
		})},
		state{"fifty tunnels", protected.with(func(v *View) {
			v.Tunnels = nil
			for i := range 50 {
				v.Tunnels = append(v.Tunnels, tunnel.Name(fmt.Sprintf("t%02d", i)))
			}
		})},
		state{"paused", protected.with(func(v *View) { v.PausedUntil = now.Add(time.Hour) })},
		state{"paused until tomorrow", protected.with(func(v *View) { v.PausedUntil = tomorrowMorning(now) })},
		state{"a pause that is over", protected.with(func(v *View) { v.PausedUntil = now })},
		state{"copied", protected.with(func(v *View) { v.Copied = true })},
		state{"nobody shows notifications", protected.with(func(v *View) { v.Notify = false })},
		state{"a state of a newer service", viewOf("resting")},
		state{"German", viewOf(status.Stalled).with(func(v *View) { v.Language = event.German })},
	)
}

// TestMenu holds the menu of every state against testdata/menu.txt, which is
// there to be read.
func TestMenu(t *testing.T) {
	var b strings.Builder
	for _, s := range states() {
		fmt.Fprintf(&b, "== %s\n%s\n", s.name, text(MenuOf(s.view, now)))
	}
	path := filepath.Join("testdata", "menu.txt")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the menus are not those of %s (-want +got):\n%s", path, diff)
	}
}

// text writes a menu as it looks.
func text(m Menu) string {
	return fmt.Sprintf("icon %s, %q\n%s", m.Icon, m.Tooltip, lines(m.Items, "  "))
}

func lines(items []Item, indent string) string {
	var b strings.Builder
	for _, i := range items {
		if i.Hidden {
			continue
		}
		if i.Key == Divider {
			b.WriteString(indent + "----\n")
			continue
		}
		mark := map[Tick]string{NoTick: "    ", Unticked: "[ ] ", Ticked: "[x] "}[i.Tick]
		does := strings.TrimSpace(fmt.Sprint(i.Do.Verb, " ", i.Do.Name, i.Do.Setting, "=", i.Do.Value))
		does = strings.TrimSpace(strings.TrimSuffix(does, "="))
		switch {
		case i.Off:
			does = "(grey)"
		case len(i.Below) > 0:
			does = ">"
		default:
			does = "-> " + does
		}
		fmt.Fprintf(&b, "%s%s%-44s %s\n", indent, mark, i.Title, does)
		b.WriteString(lines(i.Below, indent+"      "))
	}
	return b.String()
}

// The menu is changed in place, so every menu must have the same items in the
// same order, and the same of them a tick.
func TestMenusHaveTheSameItems(t *testing.T) {
	kind := func(i Item) string { return fmt.Sprint(i.Key, i.Tick != NoTick) }
	first := MenuOf(View{}, now)
	for _, s := range states() {
		m := MenuOf(s.view, now)
		if len(m.Items) != len(first.Items) {
			t.Fatalf("%s: %d items", s.name, len(m.Items))
		}
		for n, i := range m.Items {
			if kind(i) != kind(first.Items[n]) {
				t.Errorf("%s: item %d is %s, want %s", s.name, n, kind(i), kind(first.Items[n]))
			}
			for _, below := range i.Below {
				if i.Key == KeyTunnels && below.Tick == NoTick {
					t.Errorf("%s: %q has no place for a tick", s.name, below.Title)
				}
			}
		}
		if n := len([]rune(m.Tooltip)); n > 127 || n == 0 || strings.Contains(m.Tooltip, "\n") {
			t.Errorf("%s: a tooltip of %d characters", s.name, n)
		}
	}
}

// Nothing but a service that says so is protected.
func TestProtectedIsSaidOfNothingElse(t *testing.T) {
	for _, s := range states() {
		m := MenuOf(s.view, now)
		says := s.view.Status != nil && !s.view.Lost && !s.view.Stranger &&
			(s.view.Status.Overall == status.Protected || s.view.Status.Overall == status.Idle) &&
			(s.view.Status.Limited || s.view.guard() != status.GuardUnverified)
		if (m.Icon == "protected") != says {
			t.Errorf("%s: the icon is %s", s.name, m.Icon)
		}
	}
}

// Both languages have all words, and what stands in braces is filled in.
func TestWords(t *testing.T) {
	for _, l := range []event.Language{event.English, event.German} {
		w := wordsIn(l)
		for o := range shapes {
			if o == "" {
				continue
			}
			for _, s := range w.stands[o] {
				if s == "" {
					t.Errorf("%s: no words for %s", l, o)
				}
			}
		}
		for _, s := range states() {
			v := s.view
			v.Language = l
			if got := text(MenuOf(v, now)); strings.Contains(got, "{") {
				t.Errorf("%s: %s: not filled in:\n%s", l, s.name, got)
			}
		}
	}
	for _, tt := range []struct {
		chosen  string
		desktop []string
		want    event.Language
	}{
		{"auto", nil, "en"}, {"auto", []string{"de_AT"}, "de"}, {"auto", []string{"fr_FR", "DE"}, "de"}, {"auto", []string{"den"}, "en"},
		{"de", []string{"en"}, "de"}, {"en", []string{"de"}, "en"},
	} {
		if got := languageOf(tt.chosen, tt.desktop); got != tt.want {
			t.Errorf("%s of %q: got %s, want %s", tt.chosen, tt.desktop, got, tt.want)
		}
	}
}
