package main

import (
	"errors"
	"time"
)

// errThereAlready says that the person has a tray for this service on this
// desktop.
var errThereAlready = errors.New("there is a tray already")

// watcherWait is how long a panel may take to come up beside us at login; after
// it the desktop counts as one without a tray.
const watcherWait = 10 * time.Second

// A desktop is where one tray of a person's is. Each system has its own way to
// make sure that there is one only; entering fails with errThereAlready.
type desktop interface {
	// hasTray says that there is somebody who shows icons, as far as is known.
	hasTray() bool
	// gone is closed when the desktop has ended. Nil: it ends its programs itself.
	gone() <-chan struct{}
	leave()
}
