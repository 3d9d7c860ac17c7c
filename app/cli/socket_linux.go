package main

// Where the service listens on this system, and where it keeps its things.
const (
	defaultSocket    = "/run/holdfast/holdfast.sock"
	defaultConfigDir = "/etc/holdfast"
	defaultStateDir  = "/var/lib/holdfast"
)
