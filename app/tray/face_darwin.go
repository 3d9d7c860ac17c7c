//go:build cgo

package main

import (
	"fyne.io/systray"

	"holdfast/app/tray/icon"
)

// iconSize is that of the menu bar, 18 points, on a screen of 2 pixels a point.
const iconSize = 36

func nameFace() {} // a title would be shown beside the icon

// setIcon shows the shape alone: the menu bar gives it its colour.
func setIcon(s icon.Shape, style icon.Style) {
	systray.SetTemplateIcon(icon.PNG(s, icon.Template, iconSize), icon.PNG(s, style, iconSize))
}
