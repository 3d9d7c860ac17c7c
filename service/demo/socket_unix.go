//go:build unix

package demo

import "path/filepath"

// socketIn is where the demo in a folder listens.
func socketIn(dir string) string { return filepath.Join(dir, "run", "holdfast.sock") }
