package agent

import "os"

// hasDesktop says that this session can show a browser. Without one, the
// system's way to open an address may start a browser in the terminal.
func hasDesktop() bool {
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}
