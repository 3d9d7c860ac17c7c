//go:build !linux

package agent

// hasDesktop says that this session can show a browser. Here every session has a
// way to open an address, or says that it has none.
func hasDesktop() bool { return true }
