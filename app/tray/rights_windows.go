package main

import "golang.org/x/sys/windows"

// unwise says why this account should not have a tray. "": it may.
func unwise() string {
	if !windows.GetCurrentProcessToken().IsElevated() {
		return ""
	}
	return "start it without administrator's rights: whoever reaches the page or the menu could do all that you may now, keys included"
}
