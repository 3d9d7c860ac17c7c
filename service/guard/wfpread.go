package guard

import (
	"slices"
	"strings"
)

// wfpFound is a filter as the engine shows it, in our sublayer or by our provider.
type wfpFound struct {
	key        [16]byte
	name       string
	life       wfpLife // wfpLive also for a pause: the engine does not tell them apart
	layer      wfpLayer
	permit     bool
	weight     wfpWeight
	conditions int
	misplaced  bool // it is ours, and not in our sublayer
	disabled   bool
}

// is says that this is that filter, in force.
func (f *wfpFound) is(want *wfpFilter) bool {
	life := want.life
	if life == wfpPause {
		life = wfpLive
	}
	return f.key == want.key() && f.life == life && f.layer == want.layer && f.permit == want.permit && f.weight == want.weight &&
		f.conditions == len(want.conditions) && !f.misplaced && !f.disabled
}

// wfpChanges finds what leads from the filters that are there to those that are
// meant: which go, and which come.
func wfpChanges(have []wfpFound, want []wfpFilter) (gone []wfpFound, come []wfpFilter) {
	there := map[[16]byte]*wfpFound{}
	for i := range have {
		there[have[i].key] = &have[i]
	}
	meant := map[[16]byte]bool{}
	for i := range want {
		w := &want[i]
		if h := there[w.key()]; h != nil && h.is(w) {
			meant[h.key] = true
		} else {
			come = append(come, *w)
		}
	}
	for _, h := range have {
		if !meant[h.key] {
			gone = append(gone, h)
		}
	}
	return gone, come
}

// wfpStep is a change that is made as a whole.
type wfpStep struct {
	live bool // in the session of what is live, else in that of what lasts
	gone [][16]byte
	come []wfpFilter
}

// wfpSteps puts a change in order: what is live and goes, then what lasts, then
// what is live and comes. After none of them anything passes that neither the
// filters before nor those behind let: what is live only permits, and what lasts
// does not depend on it. A pause comes apart.
func wfpSteps(gone []wfpFound, come []wfpFilter) [3]wfpStep {
	steps := [3]wfpStep{{live: true}, {}, {live: true}}
	for _, f := range gone {
		s := &steps[1]
		if f.life == wfpLive {
			s = &steps[0]
		}
		s.gone = append(s.gone, f.key)
	}
	for _, f := range come {
		switch f.life {
		case wfpLasting, wfpBoot:
			steps[1].come = append(steps[1].come, f)
		case wfpLive:
			steps[2].come = append(steps[2].come, f)
		case wfpPause:
		}
	}
	return steps
}

// wfpLost says in plain words how what is there differs from what was put in
// force. A pause may have ended since, by itself.
func wfpLost(have []wfpFound, inForce []wfpFilter) []string {
	gone, come := wfpChanges(have, inForce)
	come = slices.DeleteFunc(come, func(f wfpFilter) bool { return f.life == wfpPause })
	var out []string
	switch {
	case len(come) > 0 && len(have) == len(gone):
		return []string{"all filters were removed"}
	case len(come) > 0:
		out = append(out, "filters were removed: "+wfpNames(come, func(f wfpFilter) string { return f.name }))
	}
	if len(gone) > 0 {
		out = append(out, "filters were added: "+wfpNames(gone, func(f wfpFound) string { return f.name }))
	}
	return out
}

// wfpNames names each once.
func wfpNames[T any](list []T, name func(T) string) string {
	var names []string
	for _, x := range list {
		if n := name(x); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	const most = 5
	if len(names) > most {
		names = append(names[:most], "others")
	}
	return strings.Join(names, ", ")
}

// wfpBetween finds what leads from filters in force to others.
func wfpBetween(from, to []wfpFilter) (gone [][16]byte, come []wfpFilter) {
	have, meant := map[[16]byte]bool{}, map[[16]byte]bool{}
	for i := range from {
		have[from[i].key()] = true
	}
	for i := range to {
		if k := to[i].key(); !have[k] {
			come = append(come, to[i])
		} else {
			meant[k] = true
		}
	}
	for k := range have {
		if !meant[k] {
			gone = append(gone, k)
		}
	}
	return gone, come
}
