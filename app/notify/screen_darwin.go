//go:build cgo

package notify

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework Foundation -framework UserNotifications
#include <stdlib.h>
#include "center_darwin.h"
*/
import "C"

import (
	"log/slog"
	"sync"
	"unsafe"
)

// centerScreen shows notes by UserNotifications, which a program in a bundle
// with an identifier may use. A note is named by its matter, so that the system
// itself puts one in the place of another and closes it by its name.
type centerScreen struct {
	opt ScreenOptions

	mu    sync.Mutex
	notes map[Matter]Note
}

// There is one centre for a process, and its answers come to a function.
var (
	centerMu sync.Mutex
	center   *centerScreen
)

// OpenScreen asks the person to allow notifications, once, as the system wants
// it. Without a bundle it falls back to osascript.
func OpenScreen(o ScreenOptions) (Screen, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	openLabel, reconnectLabel := C.CString(o.Labels[Open]), C.CString(o.Labels[Reconnect])
	defer C.free(unsafe.Pointer(openLabel))
	defer C.free(unsafe.Pointer(reconnectLabel))
	if C.holdfast_center_open(openLabel, reconnectLabel) == 0 {
		return scriptScreen{}, nil
	}
	s := &centerScreen{opt: o, notes: map[Matter]Note{}}
	centerMu.Lock()
	defer centerMu.Unlock()
	center = s
	return s, nil
}

// Do shows or closes.
func (s *centerScreen) Do(a Action) error {
	name := C.CString(string(a.Matter))
	defer C.free(unsafe.Pointer(name))
	s.mu.Lock()
	if a.Show == nil {
		delete(s.notes, a.Matter)
	} else {
		s.notes[a.Matter] = *a.Show
	}
	s.mu.Unlock()
	if a.Show == nil {
		C.holdfast_center_close(name)
		return nil
	}
	title, body := C.CString(a.Show.Title), C.CString(a.Show.Body)
	defer C.free(unsafe.Pointer(title))
	defer C.free(unsafe.Pointer(body))
	reconnect := C.int(0)
	if a.Show.Reconnect {
		reconnect = 1
	}
	C.holdfast_center_show(name, title, body, C.int(a.Show.Urgency), reconnect)
	return nil
}

// Close stops listening to presses. What is on the screen stays.
func (s *centerScreen) Close() error {
	centerMu.Lock()
	defer centerMu.Unlock()
	center = nil
	return nil
}

//export holdfast_center_pressed
func holdfast_center_pressed(name, button *C.char) {
	matter, pressed := Matter(C.GoString(name)), Button(C.GoString(button))
	centerMu.Lock()
	s := center
	centerMu.Unlock()
	if s == nil || s.opt.Pressed == nil {
		return
	}
	s.mu.Lock()
	n, there := s.notes[matter]
	s.mu.Unlock()
	if there {
		s.opt.Pressed(Press{Button: pressed, Note: n})
	}
}
