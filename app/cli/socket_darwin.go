package main

// Where the service listens on this system, and where it keeps its things.
const (
	defaultSocket    = "/var/run/holdfast.sock"
	defaultConfigDir = "/Library/Application Support/Holdfast"
	defaultStateDir  = defaultConfigDir
)
