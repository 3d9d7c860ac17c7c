package prefs

import (
	"testing"
	"time"
)

func TestQuiet(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("this computer knows no zones")
	}
	at := func(clock string) time.Time {
		moment, err := time.ParseInLocation("2006-01-02 15:04:05", clock, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	night := Notify{QuietFrom: "22:00", QuietUntil: "07:00"}
	noon := Notify{QuietFrom: "12:00", QuietUntil: "13:30"}
	for _, c := range []struct {
		hours Notify
		now   time.Time
		want  bool
	}{
		{night, at("2026-01-10 21:59:59"), false},
		{night, at("2026-01-10 22:00:00"), true},
		{night, at("2026-01-11 00:00:00"), true},
		{night, at("2026-01-11 06:59:59"), true},
		{night, at("2026-01-11 07:00:00"), false},
		{noon, at("2026-01-11 11:59:59"), false},
		{noon, at("2026-01-11 12:00:00"), true},
		{noon, at("2026-01-11 13:29:59"), true},
		{noon, at("2026-01-11 13:30:00"), false},
		// The night in which the clocks go forward, and that in which they go back.
		{night, at("2026-03-29 03:30:00"), true},
		{night, at("2026-03-29 07:00:00"), false},
		{night, at("2026-10-25 02:30:00").Add(time.Hour), true},
		// The same moment on another wall.
		{night, at("2026-01-10 22:30:00").UTC(), false},
		{Notify{}, at("2026-01-10 23:00:00"), false},
		{Notify{QuietFrom: "22:00", QuietUntil: "22:00"}, at("2026-01-10 22:00:00"), false},
		{Notify{QuietFrom: "22:00", QuietUntil: "nonsense"}, at("2026-01-10 23:00:00"), false},
	} {
		if got := c.hours.Quiet(c.now); got != c.want {
			t.Errorf("%s to %s at %s: got %v", c.hours.QuietFrom, c.hours.QuietUntil, c.now, got)
		}
	}
}

func TestWants(t *testing.T) {
	now := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change func(*Notify)
		want   bool
	}{
		"as it comes":       {func(*Notify) {}, true},
		"turned off":        {func(n *Notify) { n.Enabled = false }, false},
		"not this kind":     {func(n *Notify) { n.Kinds[Stall] = false }, false},
		"not another kind":  {func(n *Notify) { n.Kinds[Recovery] = false }, true},
		"in a pause":        {func(n *Notify) { n.PausedUntil = now.Add(time.Second) }, false},
		"after a pause":     {func(n *Notify) { n.PausedUntil = now }, true},
		"in quiet hours":    {func(n *Notify) { n.QuietFrom, n.QuietUntil = "11:00", "13:00" }, false},
		"before the quiet":  {func(n *Notify) { n.QuietFrom, n.QuietUntil = "12:01", "13:00" }, true},
		"no kinds are kept": {func(n *Notify) { n.Kinds = nil }, false},
	} {
		n := Default().Notify
		c.change(&n)
		if got := n.Wants(Stall, now); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestCheck(t *testing.T) {
	if err := Default().Check(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for name, change := range map[string]func(*Prefs){
		"a language of nobody's": func(p *Prefs) { p.Language = "tlh" },
		"a theme of nobody's":    func(p *Prefs) { p.Theme = "pink" },
		"a kind of nobody's":     func(p *Prefs) { p.Notify.Kinds["x"] = true },
		"half of quiet hours":    func(p *Prefs) { p.Notify.QuietFrom = "22:00" },
		"an hour too many":       func(p *Prefs) { p.Notify.QuietFrom, p.Notify.QuietUntil = "24:00", "07:00" },
		"a short clock":          func(p *Prefs) { p.Notify.QuietFrom, p.Notify.QuietUntil = "22:00", "7:00" },
	} {
		p := Default()
		change(&p)
		if err := p.Check(); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
