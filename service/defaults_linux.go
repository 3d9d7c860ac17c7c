package main

import "holdfast/service/daemon"

// defaults are where the service keeps its things on Linux.
var defaults = daemon.Options{
	ConfigDir: "/etc/holdfast",
	StateDir:  "/var/lib/holdfast",
	Socket:    "/run/holdfast/holdfast.sock",
	Interface: daemon.DefaultInterface,
}
