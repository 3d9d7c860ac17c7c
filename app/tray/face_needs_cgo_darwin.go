//go:build !cgo && !typecheck

package main

// The menu bar is reached through Cocoa, and so through cgo. This line fails a
// build without it, which would fail later and less plainly.
var _ = holdfast_tray_needs_cgo_on_macOS
