package main

import "testing"

func TestOurRaces(t *testing.T) {
	const systray = `
WARNING: DATA RACE
Write at 0x000001 by goroutine 54:
  fyne.io/systray.refresh()
      systray_menu_unix.go:400 +0x1
  main.(*slot).change()

Previous read at 0x000001 by goroutine 7:
  fyne.io/systray.(*tray).GetLayout()
      systray_menu_unix.go:90 +0x1
`
	const ours = `
WARNING: DATA RACE
Read at 0x000002 by goroutine 54:
  main.(*tray).keep()
      tray.go:400 +0x1

Previous write at 0x000002 by goroutine 7:
  main.(*tray).follow()
`
	if got := ourRaces("said" + systray + ours + "end"); len(got) != 1 {
		t.Errorf("%d reports, want that of ours: %q", len(got), got)
	}
	if got := ourRaces("nothing"); got != nil {
		t.Errorf("%q", got)
	}
}
