//go:build !darwin || cgo

package main

import (
	"sync/atomic"

	"fyne.io/systray"

	"holdfast/app/tray/icon"
)

// tappable is a face in the notification area, by fyne.io/systray. Items are
// made once and changed in place: some hosts lose their submenus when a menu is
// made anew.
type tappable struct {
	opt     faceOptions
	slots   []*slot
	icon    icon.Shape
	tooltip string
}

func newFace(o faceOptions) face { return &tappable{opt: o} }

func (f *tappable) run(first Menu, ready func()) {
	nameFace()
	systray.SetOnTapped(func() { go f.opt.choose(Command{Verb: Open}) })
	systray.Run(func() {
		f.build(first)
		ready()
	}, nil)
}

func (f *tappable) quit() { systray.Quit() }

func (f *tappable) build(m Menu) {
	f.look(m)
	for _, i := range m.Items {
		if i.Key == Divider {
			systray.AddSeparator()
			f.slots = append(f.slots, nil)
			continue
		}
		add := systray.AddMenuItem
		if i.Tick != NoTick {
			add = func(title, tip string) *systray.MenuItem {
				return systray.AddMenuItemCheckbox(title, tip, i.Tick == Ticked)
			}
		}
		f.slots = append(f.slots, f.fit(add(i.Title, i.Tooltip), i))
	}
}

func (f *tappable) show(m Menu) {
	f.look(m)
	for n, i := range m.Items {
		if s := f.slots[n]; s != nil {
			s.change(i)
		}
	}
}

// look changes icon and tooltip.
func (f *tappable) look(m Menu) {
	if m.Icon != f.icon {
		f.icon = m.Icon
		setIcon(m.Icon, f.opt.style)
	}
	if m.Tooltip != f.tooltip {
		f.tooltip = m.Tooltip
		systray.SetTooltip(m.Tooltip)
	}
}

// slot is one item on the screen.
type slot struct {
	face  *tappable
	item  *systray.MenuItem
	now   Item
	do    atomic.Pointer[Command]
	below []*slot
}

// fit makes a slot of an item that is on the screen, shown, as i says.
func (f *tappable) fit(on *systray.MenuItem, i Item) *slot {
	s := &slot{face: f, item: on, now: i}
	s.now.Hidden, s.now.Off = false, false
	s.do.Store(&Command{})
	go func() { // ends when the item is removed, or with the program
		for range on.ClickedCh {
			f.opt.choose(*s.do.Load())
		}
	}()
	s.change(i)
	return s
}

// change makes the slot the same as an item. One that is hidden is not touched:
// on Windows that would show it.
func (s *slot) change(to Item) {
	do := to.Do
	s.do.Store(&do)
	if to.Hidden {
		if !s.now.Hidden {
			s.item.Hide()
		}
		s.now.Hidden = true
		return
	}
	appears := s.now.Hidden
	if s.now.Title != to.Title {
		s.item.SetTitle(to.Title)
	}
	if s.now.Off != to.Off {
		if to.Off {
			s.item.Disable()
		} else {
			s.item.Enable()
		}
	}
	if s.now.Tick != to.Tick {
		if to.Tick == Ticked {
			s.item.Check()
		} else {
			s.item.Uncheck()
		}
	}
	if appears {
		s.item.Show()
	}
	// Windows takes lines only below an item that is shown.
	s.changeBelow(to.Below)
	s.now = to
}

// changeBelow makes the submenu the same. Lines that are too many are hidden,
// and used again later.
func (s *slot) changeBelow(items []Item) {
	for n, i := range items {
		if n == len(s.below) {
			var on *systray.MenuItem
			if i.Tick != NoTick {
				on = s.item.AddSubMenuItemCheckbox(i.Title, i.Tooltip, i.Tick == Ticked)
			} else {
				on = s.item.AddSubMenuItem(i.Title, i.Tooltip)
			}
			s.below = append(s.below, s.face.fit(on, i))
			continue
		}
		s.below[n].change(i)
	}
	for _, spare := range s.below[min(len(items), len(s.below)):] {
		spare.change(Item{Hidden: true})
	}
}
