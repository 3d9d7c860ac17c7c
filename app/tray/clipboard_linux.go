package main

import "os"

const clipboardHint = "install wl-clipboard or xclip, or save a bundle on the page, under Help."

// clipboards are the commands that take a text for the clipboard, by preference.
func clipboards() [][]string {
	x := [][]string{{"xclip", "-selection", "clipboard"}, {"xsel", "--clipboard", "--input"}}
	if os.Getenv("WAYLAND_DISPLAY") != "" {
		return append([][]string{{"wl-copy"}}, x...)
	}
	return x
}
