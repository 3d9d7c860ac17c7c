package main

const clipboardHint = "save a bundle on the page, under Help."

// clipboards are the commands that take a text for the clipboard.
func clipboards() [][]string { return [][]string{{"pbcopy"}} }
