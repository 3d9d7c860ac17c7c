package prefs

import "testing"

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
