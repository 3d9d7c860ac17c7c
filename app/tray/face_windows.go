package main

import (
	"fyne.io/systray"

	"holdfast/app/tray/icon"
)

func nameFace() {} // the tooltip is all the name that an icon has here

func setIcon(s icon.Shape, style icon.Style) {
	systray.SetIcon(icon.ICO(s, style, icon.IcoSizes...))
}
