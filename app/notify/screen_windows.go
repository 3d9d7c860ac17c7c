package notify

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// areaScreen shows notes by the notification area, which Windows 10 and later
// shows as toasts of the program that its ID names. Each matter has an icon there
// for as long as its note is shown: changing it replaces the note, and taking it
// away takes the note back. A note has no buttons; pressing it is Open.
//
// A window of its own hears of presses, on a thread of its own.
type areaScreen struct {
	opt    ScreenOptions
	window windows.Handle
	work   chan func() // carried out on the thread
	ended  chan struct{}

	// Used on the thread alone.
	slots map[Matter]*areaSlot
	last  uint32
}

// areaSlot is an icon in the notification area.
type areaSlot struct {
	id      uint32
	note    Note
	picture windows.Handle
}

// errEnded says that the thread of the window has ended.
var errEnded = errors.New("the notification area is not used any more")

// OpenScreen names this process for the desktop and makes the window.
func OpenScreen(o ScreenOptions) (Screen, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if err := registerApp(o); err != nil {
		// The notes are shown all the same, under the name of the file.
		o.Log.Warn("notifications are shown without name and icon", "err", err)
	}
	s := &areaScreen{opt: o, work: make(chan func(), 1), ended: make(chan struct{}), slots: map[Matter]*areaSlot{}}
	made := make(chan error, 1)
	go s.run(made)
	if err := <-made; err != nil {
		return nil, fmt.Errorf("make a window for notifications: %w", err)
	}
	return s, nil
}

// run is the thread: it makes the window, for messages come to the thread that
// made it, and reads them until Close.
func (s *areaScreen) run(made chan<- error) {
	runtime.LockOSThread() // and never unlocked: the thread ends with its window
	defer close(s.ended)
	h, err := makeWindow()
	if err == nil {
		s.window = h
		screens.Store(h, s)
	}
	made <- err
	if err != nil {
		return
	}
	var m message
	for {
		got, _, _ := procGetMessage.Call(uintptr(unsafe.Pointer(&m)), 0, 0, 0)
		if int32(got) <= 0 { // WM_QUIT, or an error
			return
		}
		_, _, _ = procDispatchMessage.Call(uintptr(unsafe.Pointer(&m)))
	}
}

// on carries something out on the thread and waits for it.
func (s *areaScreen) on(do func() error) error {
	result := make(chan error, 1)
	select {
	case s.work <- func() { result <- do() }:
	case <-s.ended:
		return errEnded
	}
	if r, _, err := procPostMessage.Call(uintptr(s.window), messageWork, 0, 0); r == 0 {
		return fmt.Errorf("wake the window: %w", err)
	}
	select {
	case err := <-result:
		return err
	case <-s.ended:
		return errEnded
	}
}

// Do shows or closes.
func (s *areaScreen) Do(a Action) error {
	return s.on(func() error {
		if a.Show == nil {
			s.remove(a.Matter)
			return nil
		}
		return s.show(*a.Show)
	})
}

func (s *areaScreen) show(n Note) error {
	slot, there := s.slots[n.Matter]
	verb := uintptr(iconModify)
	if !there {
		s.last++
		slot, verb = &areaSlot{id: s.last}, iconAdd
	}
	old := slot.picture
	slot.note, slot.picture = n, pictureOf(s.opt, n)
	d := s.data(slot)
	d.Flags = flagMessage | flagIcon | flagTip | flagInfo
	d.InfoFlags = infoUser | infoLarge | infoQuiet
	if n.Urgency == Low {
		d.InfoFlags |= infoNoSound
	}
	put(d.Tip[:], "Holdfast: "+n.Title)
	put(d.InfoTitle[:], n.Title)
	put(d.Info[:], n.Body)
	r, _, err := procNotifyIcon.Call(verb, uintptr(unsafe.Pointer(&d)))
	freeIcon(old)
	if r == 0 {
		freeIcon(slot.picture)
		slot.picture = 0
		return fmt.Errorf("show in the notification area: %w", err)
	}
	s.slots[n.Matter] = slot
	return nil
}

func (s *areaScreen) data(slot *areaSlot) iconData {
	d := iconData{Window: s.window, ID: slot.id, CallbackMessage: messageIcon, Icon: slot.picture, BalloonIcon: slot.picture}
	d.Size = uint32(unsafe.Sizeof(d))
	return d
}

func (s *areaScreen) remove(m Matter) {
	slot, there := s.slots[m]
	if !there {
		return
	}
	delete(s.slots, m)
	d := s.data(slot)
	_, _, _ = procNotifyIcon.Call(iconDelete, uintptr(unsafe.Pointer(&d)))
	freeIcon(slot.picture)
}

// heard is a message about an icon. It comes on the thread.
func (s *areaScreen) heard(id uint32, what uintptr) {
	for m, slot := range s.slots {
		if slot.id != id {
			continue
		}
		switch what {
		case balloonPressed, buttonUp:
			n := slot.note
			s.remove(m)
			if s.opt.Pressed != nil {
				s.opt.Pressed(Press{Button: Open, Note: n})
			}
		case balloonOver:
			// It has been seen, or was closed by the person.
			s.remove(m)
		}
		return
	}
}

// Close takes everything away and ends the thread.
func (s *areaScreen) Close() error {
	err := s.on(func() error {
		for m := range s.slots {
			s.remove(m)
		}
		screens.Delete(s.window)
		_, _, _ = procDestroyWindow.Call(uintptr(s.window))
		_, _, _ = procPostQuitMessage.Call(0)
		return nil
	})
	<-s.ended
	return err
}

// screens are those whose windows exist, by window.
var screens sync.Map

// windowProc is told of every message to a window of ours.
func windowProc(h windows.Handle, msg uint32, w, l uintptr) uintptr {
	found, ours := screens.Load(h)
	s, _ := found.(*areaScreen)
	switch {
	case ours && msg == messageWork:
		select {
		case do := <-s.work:
			do()
		default:
		}
		return 0
	case ours && msg == messageIcon:
		s.heard(uint32(w), l)
		return 0
	}
	r, _, _ := procDefWindowProc.Call(uintptr(h), uintptr(msg), w, l)
	return r
}
