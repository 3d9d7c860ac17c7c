package netcfg

import (
	"context"
	"errors"
	"fmt"
)

// fakeTables are tables in memory, of a system with these layouts.
type fakeTables struct {
	plan func(s *Spec, id uint64) layout
	ids  map[string]uint64 // of the interfaces that there are
	// now is what is set; ways that refuse and names outlive the interface.
	now layout
	// failAt is after how many changes one fails. Negative: none does.
	failAt int
	made   []op
	others []foreign
}

var errFake = errors.New("it fails")

func onFakeWindows(s *Spec, id uint64) layout { return onWindows(s, id, true) }

func newFake(plan func(*Spec, uint64) layout) *fakeTables {
	return &fakeTables{plan: plan, ids: map[string]uint64{"hf0": 7, "hf1": 8}, failAt: -1}
}

func (f *fakeTables) layout(_ context.Context, s *Spec) (layout, error) {
	if s.isSeal() {
		return f.plan(s, 0), nil
	}
	id, ok := f.ids[s.Interface]
	if !ok {
		return layout{}, errFake
	}
	return f.plan(s, id), nil
}

func (f *fakeTables) change(_ context.Context, o op) error {
	if f.failAt >= 0 {
		if f.failAt--; f.failAt < 0 {
			return errFake
		}
	}
	f.made = append(f.made, o)
	tied := o.names == nil && (o.way == nil || !o.way.refuse)
	if _, there := f.ids[o.iface]; tied && !there {
		if o.verb == toRemove || o.link != nil && o.link.mtu == 0 {
			return nil
		}
		return fmt.Errorf("interface %q: %w", o.iface, errFake)
	}
	if o.verb == toAdd && o.way != nil && f.now.wayTo(o.way.dst) != nil {
		return fmt.Errorf("a route to %v is there: %w", o.way.dst, errFake)
	}
	f.now.apply(o)
	return nil
}

func (f *fakeTables) read(l *layout) (layout, error) {
	found := layout{ways: f.now.ways}
	if id, there := f.ids[l.link.iface]; there {
		found.link = f.now.link
		found.link.id = id
		found.addresses = f.now.addresses
	}
	return found, nil
}

func (f *fakeTables) left() (layout, error) {
	out := f.now.without()
	out.names.left = !f.now.names.none()
	return out, nil
}

func (f *fakeTables) around(string) (surroundings, error) { return surroundings{routes: f.others}, nil }
func (f *fakeTables) resolver() string                    { return "fake" }

// removeInterface takes an interface away, with all that goes with it.
func (f *fakeTables) removeInterface(name string) {
	delete(f.ids, name)
	if f.now.link.iface == name {
		names := f.now.names
		f.now = f.now.without()
		f.now.names = names
	}
}
