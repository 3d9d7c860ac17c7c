package main

import "holdfast/service/daemon"

// defaults are where the service keeps its things on macOS, which names the
// interface itself.
var defaults = daemon.Options{
	ConfigDir: "/Library/Application Support/Holdfast",
	StateDir:  "/Library/Application Support/Holdfast",
	Socket:    "/var/run/holdfast.sock",
	Interface: "utun",
}
