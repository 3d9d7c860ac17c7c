package main

import (
	"fyne.io/systray"

	"holdfast/app/tray/icon"
)

// iconSize is that of a panel at 200 per cent; others scale it.
const iconSize = 44

// nameFace names the icon for the desktop and for screen readers.
func nameFace() { systray.SetTitle("Holdfast") }

func setIcon(s icon.Shape, style icon.Style) { systray.SetIcon(icon.PNG(s, style, iconSize)) }
