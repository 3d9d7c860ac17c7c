package notify

import (
	"image"
	"log/slog"
)

// Button is what a person pressed on a notification.
type Button string

// The buttons. Open is also a press on the notification itself.
const (
	Open      Button = "open"
	Reconnect Button = "reconnect"
)

// Press is a button that was pressed.
type Press struct {
	Button Button
	// Note is the notification that it was on.
	Note Note
}

// ScreenOptions are what a screen is told.
type ScreenOptions struct {
	// Picture draws the icon of a note, square and of size pixels. Nil: none.
	Picture func(n Note, size int) *image.NRGBA
	// Labels are the words on the buttons.
	Labels map[Button]string
	// Pressed is called, from a goroutine of the screen, for each press. It must
	// not block for long.
	Pressed func(Press)
	// Log gets what goes wrong with single notifications. Nil: slog.Default.
	Log *slog.Logger
}

// Screen shows notes on the desktop of the person who runs this process. Open
// one with OpenScreen, which differs by system; end it with Close. It is not
// safe for concurrent use.
//
// Do carries out one action: a note takes the place of the one about the same
// matter. It waits for the desktop, for a few seconds at most. An error says
// that this note could not be shown or closed; later ones may be.
type Screen interface {
	Do(a Action) error
	Close() error
}
