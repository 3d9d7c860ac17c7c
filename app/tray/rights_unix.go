//go:build unix

package main

import "os"

// unwise says why this account should not have a tray. "": it may.
func unwise() string {
	if os.Geteuid() != 0 {
		return ""
	}
	return "start it as yourself and not as root: whoever reaches the page or the menu could do all that root may, keys included"
}
