package guard

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// change leads from the table that was read to the one that is meant, in steps
// each of which the kernel takes as a whole. At no step does anything leave
// that neither of them lets.
type change struct {
	steps [][]message
	// lost names what differed, in plain words.
	lost []string
}

// changes compares. A nil have: there is no such table.
func changes(have, want *table) change {
	w := writer{family: want.family}
	if have == nil {
		w.table(want.flags)
		w.sets(want.sets)
		w.chains(want.chains)
		w.rules(want.chains)
		return change{steps: [][]message{w.batch}, lost: []string{"all rules were removed"}}
	}
	c := change{lost: differences(have, want)}
	if flags := have.flagsMeant(want.flags); flags != have.flags {
		w.table(flags)
	}
	if sameStructure(have, want) && !carryDiffers(have, want) {
		w.elements(have, want)
		c.add(w.batch)
		return c
	}
	w.shut(have)
	c.add(w.take())
	w.rebuild(have, want)
	c.add(w.take())
	w.tidy(have, want)
	if all := want.set(setShut); all != nil {
		w.move(shutSet(all, inetProtocols), all)
		w.move(shutSet(want.set(setLAN), nil), want.set(setLAN))
	}
	c.add(w.take())
	return c
}

func (c *change) add(batch []message) {
	if len(batch) > 0 {
		c.steps = append(c.steps, batch)
	}
}

// flagsMeant are the flags that a table which exists should have. One without
// an owner cannot be given one, except where it has outlived its owner.
func (t *table) flagsMeant(want uint32) uint32 {
	flags := t.flags &^ unix.NFT_TABLE_F_DORMANT
	if flags&flagPersist != 0 {
		flags |= want & flagOwner
	}
	return flags
}

// shutSet is a set of protocols as it is while a table is rebuilt.
func shutSet(s *set, protocols []byte) *set {
	out := *s
	out.elements = keys(protocols...)
	return &out
}

// sameStructure says that the tables differ in the elements of sets at most.
func sameStructure(have, want *table) bool {
	if len(have.sets) != len(want.sets) || len(have.chains) != len(want.chains) {
		return false
	}
	for i := range want.sets {
		if h := have.set(want.sets[i].name); h == nil || !h.sameKind(&want.sets[i]) {
			return false
		}
	}
	for i := range want.chains {
		if h := have.chain(want.chains[i].name); h == nil || !sameHook(h.hook, want.chains[i].hook) || !sameRules(h.rules, want.chains[i].rules) {
			return false
		}
	}
	return true
}

func sameHook(a, b *hook) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// carryDiffers says that ranges change. The kernel finds a range by a search
// among all, which does not find the old one while the new one is prepared.
func carryDiffers(have, want *table) bool {
	return slices.ContainsFunc(want.sets, func(s set) bool {
		h := have.set(s.name)
		return s.interval() && h != nil && !s.sameElements(h)
	})
}

// differences names what is not as it is meant.
func differences(have, want *table) []string {
	var out []string
	if have.flags&unix.NFT_TABLE_F_DORMANT != 0 {
		out = append(out, "the rules were switched off")
	}
	for i := range want.chains {
		w := &want.chains[i]
		switch h := have.chain(w.name); {
		case h == nil:
			out = append(out, "chain "+w.name+" was removed")
		case !sameHook(h.hook, w.hook):
			out = append(out, "chain "+w.name+" was replaced")
		case !sameRules(h.rules, w.rules):
			out = append(out, "the rules of chain "+w.name+" were changed")
		}
	}
	for i := range want.sets {
		w := &want.sets[i]
		switch h := have.set(w.name); {
		case h == nil:
			out = append(out, "set "+w.name+" was removed")
		case !h.sameKind(w):
			out = append(out, "set "+w.name+" was replaced")
		case !w.sameElements(h):
			out = append(out, "the contents of set "+w.name+" were changed")
		}
	}
	for i := range have.chains {
		if name := have.chains[i].name; want.chain(name) == nil {
			out = append(out, "chain "+name+" was added")
		}
	}
	for i := range have.sets {
		if name := have.sets[i].name; want.set(name) == nil {
			out = append(out, "set "+name+" was added")
		}
	}
	return out
}

// elements moves the contents of all sets that both tables have.
func (w *writer) elements(have, want *table) {
	for i := range want.sets {
		if h := have.set(want.sets[i].name); h != nil && h.sameKind(&want.sets[i]) {
			w.move(h, &want.sets[i])
		}
	}
}

// move makes the elements of a set those that are meant. What is in both stays
// untouched, but for ranges, which are all made anew.
func (w *writer) move(have, want *set) {
	if want.sameElements(have) {
		return
	}
	if want.interval() {
		w.flush(want)
		w.change(unix.NFT_MSG_NEWSETELEM, want, want.elements)
		return
	}
	gone, come := map[element]time.Duration{}, map[element]time.Duration{}
	for e, left := range have.elements {
		if meant, ok := want.elements[e]; !ok || (meant-left).Abs() > slack {
			gone[e] = 0
		}
	}
	for e, left := range want.elements {
		if got, ok := have.elements[e]; !ok || (got-left).Abs() > slack {
			come[e] = left
		}
	}
	w.change(unix.NFT_MSG_DELSETELEM, want, gone)
	w.change(unix.NFT_MSG_NEWSETELEM, want, come)
}

// shut keeps in everything, so that nothing depends on what is being rebuilt.
func (w *writer) shut(have *table) {
	all, lan := have.set(setShut), have.set(setLAN)
	if all == nil || lan == nil || all.size != 1 || lan.size != 1 {
		return
	}
	w.move(all, shutSet(all, inetProtocols))
	w.move(lan, shutSet(lan, nil))
}

// rebuild makes the sets, chains and rules those that are meant, and leaves
// everything kept in. Chains of a hook stay as they are with their policy.
func (w *writer) rebuild(have, want *table) {
	anew := !sameStructure(have, want)
	if anew {
		w.deleteRules()
	}
	for i := range want.sets {
		s := &want.sets[i]
		held := s
		switch s.name {
		case setShut:
			held = shutSet(s, inetProtocols)
		case setLAN:
			held = shutSet(s, nil)
		}
		h := have.set(s.name)
		switch {
		case h == nil:
			w.sets([]set{*held})
		case !h.sameKind(s):
			w.deleteSet(s.name)
			w.sets([]set{*held})
		case s.name != setShut && s.name != setLAN: // which are shut
			w.move(h, s)
		}
	}
	if !anew {
		return
	}
	for i := range want.chains {
		c := &want.chains[i]
		h := have.chain(c.name)
		if h != nil && !sameHook(h.hook, c.hook) && !samePlace(h.hook, c.hook) {
			w.deleteChain(c.name) // it is at another hook: what it drops is not what it should
		}
		if h == nil || !sameHook(h.hook, c.hook) {
			w.chain(c)
		}
	}
	w.rules(want.chains)
}

// samePlace says that two hooks differ in their policy at most.
func samePlace(a, b *hook) bool {
	return a != nil && b != nil && a.number == b.number && a.priority == b.priority && a.kind == b.kind
}

// tidy deletes what is not meant. No rule leads to it any more.
func (w *writer) tidy(have, want *table) {
	for i := range have.chains {
		if want.chain(have.chains[i].name) == nil {
			w.deleteChain(have.chains[i].name)
		}
	}
	for i := range have.sets {
		if want.set(have.sets[i].name) == nil {
			w.deleteSet(have.sets[i].name)
		}
	}
}
