package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// verb is what is done with one thing.
type verb int

const (
	toAdd verb = iota
	toRemove
	toSet
)

// An op is one change of one thing; the field of that thing is not nil.
type op struct {
	verb  verb
	iface string // that the thing belongs to; "" for a way that refuses
	// link and names are only set; to remove them means to set their zero value.
	link    *link
	address netip.Prefix // zero: none
	way     *way         // set: it changes by what address it leaves
	names   *names
}

// String names the change in plain words.
func (o op) String() string {
	does := [...]string{toAdd: "add", toRemove: "remove", toSet: "set"}[o.verb]
	switch {
	case o.link != nil:
		return fmt.Sprintf("set up interface %s", o.iface)
	case o.address.IsValid():
		return fmt.Sprintf("%s address %v", does, o.address)
	case o.way != nil && o.way.refuse:
		return fmt.Sprintf("%s unreachable route %v", does, o.way.dst)
	case o.way != nil:
		return fmt.Sprintf("%s route %v", does, o.way.dst)
	default:
		return "set resolvers"
	}
}

// undoTimeout bounds taking a failed change back, also when the caller's
// context has ended.
const undoTimeout = 10 * time.Second

// A step is a change, and what takes it back.
type step struct{ do, undo op }

// steps are the changes that lead from one layout to another of the same
// interface, or of none, in their order. Those of come bring all that is new, and
// leave in force whatever both have; those of leave take away what is old. Ways
// that refuse come first and go last.
func steps(have, want *layout) (come, leave []step) {
	if want.link.iface != "" && have.link != want.link {
		before := have.link
		before.iface = want.link.iface
		come = append(come, step{setLink(want.link), setLink(before)})
	}
	for _, a := range want.addresses {
		if !slices.Contains(have.addresses, a) {
			come = append(come, added(op{iface: want.link.iface, address: a}))
		}
	}
	for _, refuse := range []bool{true, false} {
		come = append(come, comingWays(have, want, refuse)...)
	}
	if !sameNames(&have.names, &want.names) {
		back := have.names
		if back.left {
			back = names{} // of what is not known nothing can be put back
		}
		come = append(come, step{setNames(want.names), setNames(back)})
	}
	for _, refuse := range []bool{false, true} {
		leave = append(leave, leavingWays(have, want, refuse)...)
	}
	for _, a := range have.addresses {
		if !slices.Contains(want.addresses, a) {
			leave = append(leave, removed(op{iface: have.link.iface, address: a}))
		}
	}
	return come, leave
}

// comingWays are those that are new, and those that lead otherwise than before.
func comingWays(have, want *layout, refuse bool) (out []step) {
	for _, w := range want.ways {
		if w.refuse != refuse {
			continue
		}
		was := have.wayTo(w.dst)
		switch to := want.op(w); {
		case was == nil:
			out = append(out, added(to))
		case *was != w:
			from := have.op(*was)
			to.verb, from.verb = toSet, toSet
			out = append(out, step{to, from})
		}
	}
	return out
}

func leavingWays(have, want *layout, refuse bool) (out []step) {
	for _, w := range have.ways {
		if w.refuse == refuse && want.wayTo(w.dst) == nil {
			out = append(out, removed(have.op(w)))
		}
	}
	return out
}

// op is a change of one of the layout's ways.
func (l *layout) op(w way) op {
	o := op{way: &w}
	if !w.refuse {
		o.iface = l.link.iface
	}
	return o
}

func setLink(l link) op   { return op{verb: toSet, iface: l.iface, link: &l} }
func setNames(n names) op { return op{verb: toSet, iface: n.iface, names: &n} }

func added(o op) step {
	back := o
	o.verb, back.verb = toAdd, toRemove
	return step{o, back}
}

func removed(o op) step {
	s := added(o)
	return step{s.undo, s.do}
}

// apply is what a layout is after a change.
func (l *layout) apply(o op) {
	switch {
	case o.link != nil:
		l.link = *o.link
	case o.names != nil:
		l.names = *o.names
	case o.address.IsValid():
		l.addresses = slices.DeleteFunc(slices.Clone(l.addresses), func(a netip.Prefix) bool { return a == o.address })
		if o.verb == toAdd {
			l.addresses = append(l.addresses, o.address)
		}
	case o.way != nil:
		l.ways = slices.DeleteFunc(slices.Clone(l.ways), func(w way) bool { return w.dst == o.way.dst })
		if o.verb != toRemove {
			l.ways = append(l.ways, *o.way)
		}
	}
}

// missing are the changes that put back what of a layout is not in the tables any
// more, with the words for it.
func missing(want, found *layout) (back []op, what []string) {
	if want.link.iface != "" && want.link.mtu != 0 && want.link.mtu != found.link.mtu {
		back = append(back, setLink(want.link))
		what = append(what, fmt.Sprintf("its MTU of %d, which was set to %d", want.link.mtu, found.link.mtu))
	}
	note := func(n int, one, many string) {
		switch {
		case n == 1:
			what = append(what, one)
		case n > 1:
			what = append(what, fmt.Sprintf(many, n))
		}
	}
	before := len(back)
	for _, a := range want.addresses {
		if !slices.Contains(found.addresses, a) {
			back = append(back, op{verb: toAdd, iface: want.link.iface, address: a})
		}
	}
	note(len(back)-before, "an address", "%d addresses")
	before = len(back)
	for _, refuse := range []bool{true, false} {
		for _, w := range want.ways {
			if w.refuse == refuse && !found.hasWay(w) {
				back = append(back, want.op(w))
			}
		}
	}
	note(len(back)-before, "a route", "%d routes")
	return back, what
}

// hasWay says that a way is there, whatever address it leaves by.
func (l *layout) hasWay(w way) bool {
	is := l.wayTo(w.dst)
	return is != nil && is.refuse == w.refuse
}

// carryOut makes steps, in their order. When one fails, or ctx ends, those before
// are taken back, the last one first; have is what came of it all.
func carryOut(ctx context.Context, have *layout, list []step, change func(context.Context, op) error) error {
	for i, s := range list {
		err := ctx.Err()
		if err == nil {
			err = change(ctx, s.do)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%v: %w", s.do, err), takeBack(ctx, have, list[:i], change))
		}
		have.apply(s.do)
	}
	return nil
}

// takeBack undoes steps that were made, as far as it can, also where ctx has ended.
func takeBack(ctx context.Context, have *layout, made []step, change func(context.Context, op) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	var errs []error
	for _, s := range slices.Backward(made) {
		if err := change(ctx, s.undo); err != nil {
			errs = append(errs, fmt.Errorf("undo: %v: %w", s.undo, err))
			continue
		}
		have.apply(s.undo)
	}
	return errors.Join(errs...)
}

// insist makes steps, all that it can; have is what came of it.
func insist(ctx context.Context, have *layout, list []step, change func(context.Context, op) error) error {
	var errs []error
	for _, s := range list {
		if err := change(ctx, s.do); err != nil {
			errs = append(errs, fmt.Errorf("%v: %w", s.do, err))
			continue
		}
		have.apply(s.do)
	}
	return errors.Join(errs...)
}
