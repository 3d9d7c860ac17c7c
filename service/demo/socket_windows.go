package demo

import "path/filepath"

// socketIn is the pipe of the demo in a folder, whose name nobody else has.
func socketIn(dir string) string { return `\\.\pipe\` + filepath.Base(dir) }
