package main

import "holdfast/app/tray/icon"

// A face is the icon and its menu on the screen.
type face interface {
	// run shows the menu and calls ready once it is there, from another
	// goroutine. It returns after quit, and must be called from the first
	// goroutine.
	run(first Menu, ready func())
	// show makes what is on the screen the same as a menu. It is called after
	// ready, by one goroutine.
	show(m Menu)
	quit()
}

// faceOptions are what a face is told.
type faceOptions struct {
	style  icon.Style
	choose func(Command) // may be called from any goroutine; it does not block
}
