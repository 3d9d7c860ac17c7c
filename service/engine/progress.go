package engine

import (
	"slices"
	"sync"

	"holdfast/service/diagnose"
)

// progress tells each check of an examination as it begins and as it ends. What
// is found is written under its lock as long as looks go on.
type progress struct {
	tell func(diagnose.Check) // nil: nobody is told

	mu   sync.Mutex
	open map[diagnose.Look]bool
	told map[string]diagnose.Check
}

// begin says that a look begins. All begin before the first ends.
func (p *progress) begin(looks ...diagnose.Look) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open, p.told = map[diagnose.Look]bool{}, map[string]diagnose.Check{}
	}
	for _, l := range looks {
		p.open[l] = true
	}
}

// ends writes down what a look has found, and tells the checks that rested on
// it alone by now.
func (x *examination) ends(l diagnose.Look, note func()) {
	x.progress.mu.Lock()
	defer x.progress.mu.Unlock()
	note()
	delete(x.progress.open, l)
	x.meetLocked()
	x.announceLocked()
}

// announce tells what has not been told yet.
func (x *examination) announce() {
	x.progress.mu.Lock()
	defer x.progress.mu.Unlock()
	x.announceLocked()
}

// announceLocked is announce. progress.mu is held.
func (x *examination) announceLocked() {
	p := &x.progress
	if p.tell == nil {
		return
	}
	seen := map[string]bool{} // the active member may stand among the others still
	for _, c := range diagnose.Checks(*x.found) {
		if seen[c.Name] {
			continue
		}
		seen[c.Name] = true
		if slices.ContainsFunc(diagnose.Needs(c.Name, x.Active), func(l diagnose.Look) bool { return p.open[l] }) {
			c = diagnose.Check{Name: c.Name, Result: diagnose.Running}
		}
		if was, told := p.told[c.Name]; !told || was != c {
			p.told[c.Name] = c
			p.tell(c)
		}
	}
}

// meetLocked keeps what the server's computer has said, once it and the router
// have been asked. progress.mu is held.
func (x *examination) meetLocked() {
	if x.met || x.progress.open[diagnose.LookRouter] || x.progress.open[diagnose.LookServer] {
		return
	}
	x.met = true
	x.meet()
}
